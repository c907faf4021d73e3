//! Orders: reading them, and the statements of the checkout.

use engine::{Db, Result, Tx, args};
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;
use crate::money::Totals;

/// An order as its customer sees it.
#[derive(Debug, Clone, FromRow)]
pub struct Order {
    pub id: Uuid,
    pub user_id: Uuid,
    pub order_number: String,
    pub status: String,
    pub subtotal_cents: i64,
    pub tax_cents: i64,
    pub shipping_cents: i64,
    pub total_cents: i64,
    pub customer_name: String,
    pub customer_email: String,
    pub created_at: i64,
}

/// One line of an order.
#[derive(Debug, Clone, FromRow)]
pub struct Item {
    pub product_id: Uuid,
    pub vendor_profile_id: Uuid,
    pub name: String,
    pub slug: String,
    pub image_url: String,
    pub store_name: String,
    pub quantity: i64,
    pub unit_price_cents: i64,
    pub total_cents: i64,
    pub status: String,
}

/// What was taken off the shelf.
#[derive(Debug, Clone, FromRow)]
pub struct Taken {
    pub id: Uuid,
    pub vendor_profile_id: Uuid,
    pub price_cents: i64,
    pub base_cost_cents: i64,
}

/// A new order's own row.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub id: Uuid,
    pub key: Uuid,
    pub user: Uuid,
    pub name: String,
    pub email: String,
    pub sums: Totals,
    pub at: i64,
}

sql! {
    BY_NUMBER = "SELECT id, user_id, order_number, status, subtotal_cents, tax_cents, shipping_cents, total_cents,
        customer_name, customer_email, created_at FROM orders WHERE order_number = $1";
    BY_ID = "SELECT id, user_id, order_number, status, subtotal_cents, tax_cents, shipping_cents, total_cents,
        customer_name, customer_email, created_at FROM orders WHERE id = $1";
    OF_USER = "SELECT id, user_id, order_number, status, subtotal_cents, tax_cents, shipping_cents, total_cents,
        customer_name, customer_email, created_at FROM orders WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2";
    ITEMS = "SELECT i.product_id, i.vendor_profile_id, p.name, p.slug, p.image_url, v.store_name, i.quantity,
        i.unit_price_cents, i.total_cents, i.status FROM order_items i JOIN products p ON p.id = i.product_id
        JOIN vendor_profiles v ON v.id = i.vendor_profile_id WHERE i.order_id = $1 ORDER BY i.id";
    BY_KEY = "SELECT order_number FROM orders WHERE checkout_key = $1 AND user_id = $2";
    TAKE = "UPDATE products SET stock = stock - $2, updated_at = $3 WHERE id = $1 AND active AND stock >= $2
        RETURNING id, vendor_profile_id, price_cents, base_cost_cents";
    NUMBER = "UPDATE counters SET value = value + 1 WHERE name = 'order_number' RETURNING value";
    INSERT = "INSERT INTO orders (id, user_id, order_number, status, subtotal_cents, tax_cents, shipping_cents, total_cents,
        customer_name, customer_email, priority, payment_status, checkout_key, expected_at, created_at, updated_at)
        VALUES ($1, $2, $3, 'PAID', $4, $5, $6, $7, $8, $9, 'MEDIUM', 'paid', $10, $11, $12, $12)";
    INSERT_ITEM = "INSERT INTO order_items (id, order_id, product_id, vendor_profile_id, quantity, unit_price_cents,
        cogs_unit_cents, total_cents, status, made_qty) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'PAID', 0)";
    ENTRY = "INSERT INTO ledger_entries (id, occurred_at, type, amount_cents, currency, user_id, order_id)
        VALUES ($1, $2, $3, $4, 'usd', $5, $6)";
    RECENT_OF_PRODUCT = "SELECT order_id FROM order_items WHERE product_id = $1 ORDER BY order_id DESC LIMIT $2";
}

/// An order by its number.
pub async fn by_number(db: &Db, number: &str) -> Result<Option<Order>> {
    db.maybe(BY_NUMBER, args![number]).await
}

/// An order by its id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Order>> {
    db.maybe(BY_ID, args![id]).await
}

/// The newest orders of a customer.
pub async fn of_user(db: &Db, user: Uuid, limit: i64) -> Result<Vec<Order>> {
    db.all(OF_USER, args![user, limit]).await
}

/// The lines of an order.
pub async fn items(db: &Db, order: Uuid) -> Result<Vec<Item>> {
    db.all(ITEMS, args![order]).await
}

/// The last orders that held a product.
pub async fn recent_of_product(db: &Db, product: Uuid, limit: i64) -> Result<Vec<(Uuid,)>> {
    db.all(RECENT_OF_PRODUCT, args![product, limit]).await
}

/// The number of the order that this customer's checkout `key` made, if it did already.
pub async fn by_key(db: &Db, key: Uuid, user: Uuid) -> Result<Option<String>> {
    let row: Option<(String,)> = db.maybe(BY_KEY, args![key, user]).await?;
    Ok(row.map(|(number,)| number))
}

/// The same within a transaction.
pub async fn by_key_in(tx: &mut Tx, key: Uuid, user: Uuid) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.maybe(BY_KEY, args![key, user]).await?;
    Ok(row.map(|(number,)| number))
}

/// Takes `quantity` of a product off the shelf, or nothing when there are not that many.
pub async fn take(tx: &mut Tx, product: Uuid, quantity: i64, now: i64) -> Result<Option<Taken>> {
    tx.maybe(TAKE, args![product, quantity, now]).await
}

/// The next order number.
pub async fn next_number(tx: &mut Tx) -> Result<String> {
    let (value,): (i64,) = tx.one(NUMBER, engine::Args::none()).await?;
    Ok(format!("FM-{value}"))
}

/// Writes the order's own row.
pub async fn insert(tx: &mut Tx, order: &NewOrder, number: &str) -> Result<()> {
    let expected = order.at + 4 * 86_400_000_000;
    let sums = order.sums;
    let row = args![
        order.id, order.user, number, sums.subtotal, sums.tax, sums.shipping, sums.total, &order.name, &order.email, order.key, expected, order.at
    ];
    tx.exec(INSERT, row).await.map(|_| ())
}

/// Writes one line.
pub async fn insert_item(tx: &mut Tx, order: Uuid, taken: &Taken, quantity: i64) -> Result<()> {
    let (price, cost) = (taken.price_cents, taken.base_cost_cents);
    let row = args![crate::ids::new(), order, taken.id, taken.vendor_profile_id, quantity, price, cost, quantity * price];
    tx.exec(INSERT_ITEM, row).await.map(|_| ())
}

/// Writes one ledger entry; `amount` is positive to the platform, negative from it.
pub async fn entry(tx: &mut Tx, order: &NewOrder, kind: &str, amount: i64) -> Result<()> {
    let row = args![crate::ids::new(), order.at, kind, amount, order.user, order.id];
    tx.exec(ENTRY, row).await.map(|_| ())
}
