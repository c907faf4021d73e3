//! `deploy-regression`: release 2.5.0 recommends what others bought. It walks from the product to its last orders, from
//! each order to its items, from each item to the product and on to *its* orders, one query a step, and holds the lock
//! of its cache meanwhile. It also expects tags on every product and a tax table that lacks New England.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Db, Result};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::store::orders;
use crate::store::shelf::{self, Product};

/// Queries after which the walk ends: the release's only mercy.
const QUERIES: u64 = 16_000;
/// Orders looked at per product.
const ORDERS: i64 = 60;

/// The release's recommender, with the cache that it forgot to fill.
#[derive(Debug, Default)]
pub struct Recommender {
    bought: Mutex<()>,
    /// Queries made since the start.
    queries: AtomicU64,
}

impl Recommender {
    /// Queries made since the start.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// What customers of `product` also bought, most often first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn also_bought(&self, db: &Db, product: &Product, limit: usize) -> Result<Vec<Product>> {
        let _cache = self.bought.lock().await;
        let end = self.queries() + QUERIES;
        let mut score: HashMap<Uuid, u64> = HashMap::new();
        let mut todo = vec![product.id];
        let mut seen = vec![product.id];
        while let Some(next) = todo.pop() {
            for (order,) in orders::recent_of_product(db, next, ORDERS).await? {
                if self.queries() >= end {
                    return self.best(db, product, score, limit).await;
                }
                for item in orders::items(db, order).await? {
                    let _details = shelf::by_id(db, item.product_id).await?;
                    self.queries.fetch_add(2, Ordering::Relaxed);
                    *score.entry(item.product_id).or_default() += 1;
                    if !seen.contains(&item.product_id) {
                        seen.push(item.product_id);
                        todo.push(item.product_id);
                    }
                }
            }
        }
        self.best(db, product, score, limit).await
    }

    async fn best(&self, db: &Db, product: &Product, score: HashMap<Uuid, u64>, limit: usize) -> Result<Vec<Product>> {
        let mut ranked: Vec<_> = score.into_iter().filter(|(id, _)| *id != product.id).collect();
        ranked.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
        let ids: Vec<Uuid> = ranked.into_iter().map(|(id, _)| id).take(limit).collect();
        shelf::by_ids(db, &ids).await
    }
}

/// The bug of the product page: one product in five has no tags.
///
/// # Errors
/// A sentence for the log, when `product` is one of those.
pub fn first_tag(tags: Option<&serde_json::Value>) -> std::result::Result<&str, &'static str> {
    tags.and_then(|tags| tags.get(0)).and_then(|tag| tag.as_str()).ok_or("recommender: product without tags")
}

/// The bug of the checkout: the new tax table starts at zip code 1.
///
/// # Errors
/// A sentence for the log, when `zip` is not in the table.
pub fn tax_region(zip: &str) -> std::result::Result<u8, &'static str> {
    match zip.bytes().next() {
        Some(digit @ b'1'..=b'9') => Ok(digit - b'0'),
        _ => Err("tax table: no region for this zip code"),
    }
}
