//! What is for sale.

use engine::{Db, Result, args};
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;

/// A product as customers see it.
#[derive(Debug, Clone, FromRow)]
pub struct Product {
    pub id: Uuid,
    pub vendor_profile_id: Uuid,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub category_id: String,
    pub image_url: String,
    pub active: bool,
    /// Cents.
    pub price_cents: i64,
    pub stock: i64,
    /// 0.0 to 5.0
    pub rating_avg: f64,
    pub rating_count: i64,
    pub store_name: String,
    pub store_slug: String,
}

/// A vendor's shop window.
#[derive(Debug, Clone, FromRow)]
pub struct Store {
    pub id: Uuid,
    pub store_name: String,
    pub slug: String,
    pub bio: Option<String>,
    pub city: String,
    pub state: String,
    pub rating_avg: f64,
    pub rating_count: i64,
}

/// How a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    #[default]
    Popular,
    PriceUp,
    PriceDown,
}

impl Sort {
    /// The word in URLs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Popular => "popular",
            Self::PriceUp => "price-up",
            Self::PriceDown => "price-down",
        }
    }
}

/// Most lines of a cart.
pub const MAX_LINES: usize = 20;

macro_rules! product {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.vendor_profile_id, p.name, p.slug, p.description, p.category_id, p.image_url, p.active, ",
            "p.price_cents, p.stock, p.rating_avg, p.rating_count, v.store_name, v.slug AS store_slug ",
            "FROM products p JOIN vendor_profiles v ON v.id = p.vendor_profile_id ",
            $rest
        )
    };
}

sql! {
    BY_SLUG = product!("WHERE p.slug = $1");
    BY_ID = product!("WHERE p.id = $1");
    BY_IDS = product!("WHERE p.id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)");
    POPULAR = product!("WHERE p.active AND p.stock > 0 ORDER BY p.rating_count DESC, p.id LIMIT $1 OFFSET $2");
    OF_VENDOR = product!("WHERE p.vendor_profile_id = $1 AND p.active ORDER BY p.name, p.id LIMIT $2");
    RELATED = product!("WHERE p.category_id = $1 AND p.active AND p.stock > 0 AND p.id <> $2 ORDER BY p.rating_count DESC, p.id LIMIT $3");
    LIST = product!("WHERE p.active AND ($1 = '' OR p.category_id = $1)
        AND p.search_vec LIKE $2 ESCAPE '!' AND p.search_vec LIKE $3 ESCAPE '!' AND p.search_vec LIKE $4 ESCAPE '!'
        ORDER BY CASE WHEN $5 = 'price-up' THEN p.price_cents END, CASE WHEN $5 = 'price-down' THEN -p.price_cents END,
        p.rating_count DESC, p.id LIMIT $6 OFFSET $7");
    COUNT = "SELECT count(*) FROM products p WHERE p.active AND ($1 = '' OR p.category_id = $1)
        AND p.search_vec LIKE $2 ESCAPE '!' AND p.search_vec LIKE $3 ESCAPE '!' AND p.search_vec LIKE $4 ESCAPE '!'";
    TAGS = "SELECT tags FROM products WHERE id = $1";
    STORE = "SELECT id, store_name, slug, bio, city, state, rating_avg, rating_count FROM vendor_profiles WHERE slug = $1";
    STORES = "SELECT id, store_name, slug, bio, city, state, rating_avg, rating_count FROM vendor_profiles
        ORDER BY rating_avg DESC, rating_count DESC, id LIMIT $1";
}

/// A product by its name in URLs, sold or not.
pub async fn by_slug(db: &Db, slug: &str) -> Result<Option<Product>> {
    db.maybe(BY_SLUG, args![slug]).await
}

/// A product by its id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Product>> {
    db.maybe(BY_ID, args![id]).await
}

/// A product's tags, if it has any.
pub async fn tags(db: &Db, id: Uuid) -> Result<Option<serde_json::Value>> {
    let row: Option<(Option<sqlx::types::Json<serde_json::Value>>,)> = db.maybe(TAGS, args![id]).await?;
    Ok(row.and_then(|(tags,)| tags).map(|tags| tags.0))
}

/// Up to [`MAX_LINES`] products at once.
pub async fn by_ids(db: &Db, ids: &[Uuid]) -> Result<Vec<Product>> {
    let mut args = engine::Args::none();
    let padded = ids.iter().copied().map(Some).chain(std::iter::repeat(None));
    padded.take(MAX_LINES).for_each(|id| args.push(id));
    db.all(BY_IDS, args).await
}

/// The most popular products in stock.
pub async fn popular(db: &Db, limit: i64, offset: i64) -> Result<Vec<Product>> {
    db.all(POPULAR, args![limit, offset]).await
}

/// A vendor's products for sale.
pub async fn of_vendor(db: &Db, vendor: Uuid, limit: i64) -> Result<Vec<Product>> {
    db.all(OF_VENDOR, args![vendor, limit]).await
}

/// Others of the same department.
pub async fn related(db: &Db, product: &Product, limit: i64) -> Result<Vec<Product>> {
    db.all(RELATED, args![&product.category_id, product.id, limit]).await
}

/// One page of a department (`""`: all) and of what matches `words`, and how many there are.
pub async fn list(db: &Db, category: &str, words: &str, sort: Sort, limit: i64, offset: i64) -> Result<(Vec<Product>, i64)> {
    let [a, b, c] = patterns(words);
    let (count,): (i64,) = db.one(COUNT, args![category, &a, &b, &c]).await?;
    let rows = db.all(LIST, args![category, a, b, c, sort.word(), limit, offset]).await?;
    Ok((rows, count))
}

/// A shop by its name in URLs.
pub async fn store(db: &Db, slug: &str) -> Result<Option<Store>> {
    db.maybe(STORE, args![slug]).await
}

/// The best rated shops.
pub async fn stores(db: &Db, limit: i64) -> Result<Vec<Store>> {
    db.all(STORES, args![limit]).await
}

/// The first three words as patterns that match them anywhere.
fn patterns(words: &str) -> [String; 3] {
    let words = words.to_lowercase();
    let mut words = words.split_whitespace().map(|word| {
        let word = word.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        format!("%{word}%")
    });
    std::array::from_fn(|_| words.next().unwrap_or_else(|| "%".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_literally() {
        assert_eq!(patterns("50% Off_now!"), ["%50!%%", "%off!_now!!%", "%"].map(str::to_owned));
    }
}
