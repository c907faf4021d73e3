//! Database access and durable jobs for SQLite and Postgres.
//!
//! [`db`] is one face over two databases: one SQL text, one row type, one way to write. [`job`] is a durable queue
//! with schedules that lives in the same database, so that a job can be enqueued in the transaction that needs it.

pub mod db;
pub mod job;

pub use db::{Args, Db, DbOptions, Dialect, Error, Record, Result, Tx};
pub use futures::future::BoxFuture;
pub use sqlx::migrate::Migrator;
pub use uuid::Uuid;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Brings the tables of this crate (`job…`) up to date. Its version table is `_engine_migrations`.
///
/// # Errors
/// As [`Db::migrate`].
pub async fn migrate(db: &Db) -> Result<()> {
    db.migrate(&SQLITE, &POSTGRES, "_engine_migrations").await
}
