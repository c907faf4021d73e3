//! The vendor portal: one shop's products and orders. Every statement names the vendor, so nobody reaches another's.

use engine::{Db, Result, args};
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;

/// A vendor's own product.
#[derive(Debug, FromRow)]
pub struct Ware {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub sku: String,
    pub image_url: String,
    pub active: bool,
    pub price_cents: i64,
    pub base_cost_cents: i64,
    pub stock: i64,
}

/// One line of an order that this vendor has to make.
#[derive(Debug, FromRow)]
pub struct Task {
    pub id: Uuid,
    pub order_number: String,
    pub created_at: i64,
    pub customer_name: String,
    pub name: String,
    pub quantity: i64,
    pub total_cents: i64,
    pub status: String,
}

/// The figures over the portal.
#[derive(Debug, FromRow)]
pub struct Figures {
    /// Items sold since the given moment, in cents.
    pub sold_cents: i64,
    /// Orders since the given moment.
    pub orders: i64,
    /// Lines that wait to be made.
    pub open: i64,
}

sql! {
    WARES = "SELECT id, name, slug, sku, image_url, active, price_cents, base_cost_cents, stock FROM products
        WHERE vendor_profile_id = $1 ORDER BY name, id LIMIT 200";
    EDIT = "UPDATE products SET price_cents = $3, stock = $4, active = $5, updated_at = $6
        WHERE id = $1 AND vendor_profile_id = $2";
    TASKS = "SELECT i.id, o.order_number, o.created_at, o.customer_name, p.name, i.quantity, i.total_cents, i.status
        FROM order_items i JOIN orders o ON o.id = i.order_id JOIN products p ON p.id = i.product_id
        WHERE i.vendor_profile_id = $1 ORDER BY i.order_id DESC, i.id LIMIT $2 OFFSET $3";
    FIGURES = "SELECT CAST(COALESCE(sum(i.total_cents), 0) AS BIGINT) AS sold_cents, count(DISTINCT i.order_id) AS orders,
        count(CASE WHEN i.status IN ('PAID', 'CONFIRMED', 'PREPARING', 'IN_PRODUCTION') THEN 1 END) AS open
        FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE i.vendor_profile_id = $1 AND i.order_id >= $2 AND o.status NOT IN ('PENDING', 'CANCELLED', 'FAILED')";
    DONE = "UPDATE order_items SET status = 'COMPLETED', made_qty = quantity
        WHERE id = $1 AND vendor_profile_id = $2 AND status IN ('PAID', 'CONFIRMED', 'PREPARING', 'IN_PRODUCTION')
        RETURNING order_id";
    FINISHED = "UPDATE orders SET status = 'COMPLETED', updated_at = $2 WHERE id = $1
        AND status IN ('PAID', 'CONFIRMED', 'PREPARING', 'IN_PRODUCTION')
        AND NOT EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = $1 AND i.status <> 'COMPLETED')";
    OWNER = "SELECT user_id FROM vendor_profiles WHERE id = $1";
}

/// The vendor's products.
pub async fn wares(db: &Db, vendor: Uuid) -> Result<Vec<Ware>> {
    db.all(WARES, args![vendor]).await
}

/// Changes price (cents), stock and whether it is for sale. False when the product is not this vendor's.
pub async fn edit(db: &Db, vendor: Uuid, product: Uuid, price: i64, stock: i64, active: bool, now: i64) -> Result<bool> {
    let row = args![product, vendor, price, stock, active, now];
    db.write(move |tx| Box::pin(async move { Ok(tx.exec(EDIT, row).await? == 1) })).await
}

/// The vendor's order lines, newest first.
pub async fn tasks(db: &Db, vendor: Uuid, limit: i64, offset: i64) -> Result<Vec<Task>> {
    db.all(TASKS, args![vendor, limit, offset]).await
}

/// The vendor's figures since `since` (µs): order ids sort by time, so the index finds them.
pub async fn figures(db: &Db, vendor: Uuid, since: i64) -> Result<Figures> {
    db.one(FIGURES, args![vendor, crate::ids::computed(since, 0, 0)]).await
}

/// Marks a line as made; the order is complete with its last line. False when there is nothing to mark.
pub async fn done(db: &Db, vendor: Uuid, item: Uuid, now: i64) -> Result<bool> {
    db.write(move |tx| {
        Box::pin(async move {
            let Some((order,)) = tx.maybe::<(Uuid,)>(DONE, args![item, vendor]).await? else { return Ok(false) };
            tx.exec(FINISHED, args![order, now]).await?;
            Ok(true)
        })
    })
    .await
}

/// The user who owns a shop.
pub async fn owner(db: &Db, vendor: Uuid) -> Result<Option<Uuid>> {
    let row: Option<(Uuid,)> = db.maybe(OWNER, args![vendor]).await?;
    Ok(row.map(|(user,)| user))
}
