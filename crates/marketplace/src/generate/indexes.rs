//! The secondary indexes step aside while the tables are filled.

use engine::{Args, Db, Result};

/// Both databases have the same index statements, one a line.
const CREATE: &str = include_str!("../../migrations/sqlite/0002_indexes.sql");

/// How each index is dropped. A test compares the list with the migration.
pub const DROP: &[&str] = &[
    "DROP INDEX IF EXISTS orders_order_number_key",
    "DROP INDEX IF EXISTS orders_checkout_key_key",
    "DROP INDEX IF EXISTS orders_user",
    "DROP INDEX IF EXISTS orders_created",
    "DROP INDEX IF EXISTS order_items_order",
    "DROP INDEX IF EXISTS order_items_vendor",
    "DROP INDEX IF EXISTS order_items_product",
    "DROP INDEX IF EXISTS ledger_entries_order",
    "DROP INDEX IF EXISTS ledger_entries_occurred",
    "DROP INDEX IF EXISTS payouts_status",
    "DROP INDEX IF EXISTS products_vendor",
    "DROP INDEX IF EXISTS products_category",
    "DROP INDEX IF EXISTS products_popular",
    "DROP INDEX IF EXISTS analytics_events_created",
    "DROP INDEX IF EXISTS analytics_events_vendor",
    "DROP INDEX IF EXISTS user_roles_role",
    "DROP INDEX IF EXISTS notifications_user",
    "DROP INDEX IF EXISTS sessions_expiry",
];

/// The statements that make the indexes.
pub fn create() -> impl ExactSizeIterator<Item = &'static str> {
    let lines: Vec<_> = CREATE.lines().filter(|line| line.starts_with("CREATE ")).collect();
    lines.into_iter()
}

/// Drops every secondary index.
///
/// # Errors
/// What the database says.
pub async fn drop_all(db: &Db) -> Result<()> {
    db.write(|tx| {
        Box::pin(async move {
            for sql in DROP {
                tx.exec(sql, Args::none()).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Makes one secondary index.
///
/// # Errors
/// What the database says.
pub async fn make(db: &Db, sql: &'static str) -> Result<()> {
    db.write(move |tx| Box::pin(async move { tx.exec(sql, Args::none()).await.map(|_| ()) })).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_dropped_and_made() {
        let name = |sql: &str| sql.split(" ON ").next().unwrap().rsplit(' ').next().unwrap().to_owned();
        let made: Vec<_> = create().map(name).collect();
        let dropped: Vec<_> = DROP.iter().map(|sql| sql.rsplit(' ').next().unwrap().to_owned()).collect();
        assert_eq!(made, dropped);
        assert_eq!(CREATE, include_str!("../../migrations/postgres/0002_indexes.sql"));
    }
}
