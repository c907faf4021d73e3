//! One write transaction.

use sqlx::{Postgres, SqliteConnection};

use super::args::Args;
use super::error::{Error, Result};
use super::{Dialect, Record};

type Hook = Box<dyn FnOnce() + Send>;

pub(crate) enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// One write transaction, given to the closure of [`Db::write`](super::Db::write).
///
/// It commits when the closure returns `Ok` and rolls back when it returns `Err`, exceeds ten seconds or panics.
/// After a failed statement it can only roll back, on both databases: use `ON CONFLICT` where a conflict is expected.
pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) notices: Vec<super::bus::Notice>,
    /// A statement failed: Postgres would turn COMMIT into a silent ROLLBACK, so neither database may commit.
    pub(crate) failed: bool,
}

impl Tx {
    pub(crate) fn new(conn: Conn) -> Self {
        Self { conn, hooks: Vec::new(), notices: Vec::new(), failed: false }
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self.conn {
            Conn::Sqlite(_) => Dialect::Sqlite,
            Conn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The text for this database. Every call has a comment that begins "differs because".
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        self.dialect().pick(sqlite, postgres)
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn all<T: Record>(&mut self, sql: &'static str, args: Args) -> Result<Vec<T>> {
        let rows = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query_as_with(sql, args.sqlite()?).fetch_all(&mut **conn).await,
            Conn::Postgres(conn) => sqlx::query_as_with(sql, args.postgres()?).fetch_all(&mut **conn).await,
        };
        self.note(rows)
    }

    /// The first row of a query, if any.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn maybe<T: Record>(&mut self, sql: &'static str, args: Args) -> Result<Option<T>> {
        let row = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query_as_with(sql, args.sqlite()?).fetch_optional(&mut **conn).await,
            Conn::Postgres(conn) => sqlx::query_as_with(sql, args.postgres()?).fetch_optional(&mut **conn).await,
        };
        self.note(row)
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, else any [`Error`] of the driver.
    pub async fn one<T: Record>(&mut self, sql: &'static str, args: Args) -> Result<T> {
        self.maybe(sql, args).await?.ok_or(Error::NotFound)
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// Any [`Error`] of the driver; constraint violations have variants of their own.
    pub async fn exec(&mut self, sql: &'static str, args: Args) -> Result<u64> {
        let rows = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query_with(sql, args.sqlite()?).execute(&mut **conn).await.map(|done| done.rows_affected()),
            Conn::Postgres(conn) => sqlx::query_with(sql, args.postgres()?).execute(&mut **conn).await.map(|done| done.rows_affected()),
        };
        self.note(rows)
    }

    /// A dynamic query, see [`Db::select`](super::Db::select).
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be bound, else any [`Error`] of the driver.
    pub async fn select<T: Record>(&mut self, query: &sea_query::SelectStatement) -> Result<Vec<T>> {
        let (sql, args) = super::build(self.dialect(), query)?;
        let sql = sqlx::AssertSqlSafe(sql);
        let rows = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query_as_with(sql, args.sqlite()?).fetch_all(&mut **conn).await,
            Conn::Postgres(conn) => sqlx::query_as_with(sql, args.postgres()?).fetch_all(&mut **conn).await,
        };
        self.note(rows)
    }

    fn note<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T> {
        self.failed |= matches!(outcome, Err(sqlx::Error::Database(_)));
        Ok(outcome?)
    }

    /// A closure's `Ok` counts only when no statement failed under it.
    pub(crate) fn verdict<T, E: From<Error>>(&self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(_) if self.failed => Err(Error::invalid("a statement failed in this transaction: it cannot commit").into()),
            other => other,
        }
    }

    /// Runs `hook` once this transaction is durable, before the caller of `write` is answered. It must be quick and
    /// must not block: on SQLite it runs on the writer. Never runs when the transaction is rolled back.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Tells every [`Listener`](super::Listener) of `channel` once this transaction is durable: in this process on
    /// SQLite, in every process connected to the database on Postgres.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the channel holds a line break or the payload exceeds 7,000 bytes.
    pub async fn notify(&mut self, channel: &'static str, payload: &str) -> Result<()> {
        let notice = super::bus::Notice::new(channel, payload)?;
        match self.dialect() {
            Dialect::Sqlite => self.notices.push(notice),
            Dialect::Postgres => {
                self.exec(super::bus::NOTIFY, crate::args![notice.encode()]).await?;
            }
        }
        Ok(())
    }
}
