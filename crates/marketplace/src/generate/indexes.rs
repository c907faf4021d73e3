//! The secondary indexes step aside while the tables are filled.

use std::time::Duration;

use engine::Result;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};

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

/// A connection of its own for what takes longer than the engine lets a write take; it sorts with more memory.
pub enum Own {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Own {
    /// Connects to the database at `url`, which must exist.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres") {
            let options = url.parse::<PgConnectOptions>()?.options([("maintenance_work_mem", "128MB")]);
            return Ok(Self::Postgres(options.connect().await?));
        }
        let options = SqliteConnectOptions::new().filename(file(url)).busy_timeout(Duration::from_secs(60));
        let options = options.synchronous(SqliteSynchronous::Off).pragma("cache_size", "-131072");
        Ok(Self::Sqlite(options.connect().await?))
    }

    /// Runs one statement, however long it takes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(conn) => conn.execute(sql).await.map(|_| ())?,
            Self::Postgres(conn) => conn.execute(sql).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Drops every secondary index. On this connection, because SQLite looks for an index of the same name in what the
    /// connection remembers of the schema.
    ///
    /// # Errors
    /// What the database says.
    pub async fn drop_indexes(&mut self) -> Result<()> {
        for sql in DROP {
            self.run(sql).await?;
        }
        Ok(())
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(conn) => conn.close().await?,
            Self::Postgres(conn) => conn.close().await?,
        }
        Ok(())
    }
}

/// The path in a SQLite URL.
pub fn file(url: &str) -> &str {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    path.strip_prefix("//").unwrap_or(path)
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
