//! Database access and durable jobs for SQLite and Postgres.
//!
//! [`db`] is one face over two databases: one SQL text, one row type, one way to write. [`job`] is a durable queue
//! with schedules that lives in the same database, so that a job can be enqueued in the transaction that needs it.

pub mod db;

pub use db::{Args, Db, DbOptions, Dialect, Error, Record, Result, Tx};
pub use futures::future::BoxFuture;
pub use sqlx::migrate::Migrator;
