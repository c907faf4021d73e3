//! One face over SQLite and Postgres: one SQL text (`$1 … $n`), one row type, one way to write.
//!
//! Portable columns: ids [`Uuid`](uuid::Uuid) (BLOB / UUID), times `i64` microseconds UTC (INTEGER / BIGINT), `bool`
//! (INTEGER with a CHECK / BOOLEAN), JSON [`sqlx::types::Json`] (TEXT / JSONB). Where one text cannot serve both
//! databases, [`Db::pick`] chooses between two.

mod args;
mod bus;
mod error;
mod migrate;
mod postgres;
mod sqlite;
mod ticket;
mod tx;
mod writer;

use std::time::Duration;

use futures::future::BoxFuture;
use sea_query::{PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder};
use sqlx::FromRow;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub use args::{Args, Value};
pub use bus::{Heard, Listener};
pub use error::{Error, Result};
pub use postgres::Postgres;
pub use sqlite::Sqlite;
pub use tx::Tx;

/// How long one write may take, waiting for another process's lock included once.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A row that both databases can give: `#[derive(sqlx::FromRow)]` or a tuple is enough.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}
impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3, one file.
    Sqlite,
    /// Postgres 14 or newer.
    Postgres,
}

impl Dialect {
    /// The text for this database.
    pub fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }
}

/// How to open a database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Never write; a SQLite file must exist.
    pub read_only: bool,
    /// Connections for reading (SQLite), for everything (Postgres, at least 2).
    pub pool: u32,
    /// Do not wait for the disk. For generators of throw-away data only: an acknowledged write may be lost.
    pub synchronous_off: bool,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self { read_only: false, pool: 8, synchronous_off: false }
    }
}

/// A database. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub enum Db {
    /// SQLite.
    Sqlite(Sqlite),
    /// Postgres.
    Postgres(Postgres),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db::{:?}", self.dialect())
    }
}

/// The shape of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// How many values it takes.
    pub parameters: usize,
    /// The names of the columns it returns.
    pub columns: Vec<String>,
}

impl Described {
    fn of<S: sqlx::Statement>(statement: &S) -> Self {
        use sqlx::{Column, Either};
        let parameters = match statement.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(count)) => count,
            None => 0,
        };
        Self { parameters, columns: statement.columns().iter().map(|column| column.name().to_owned()).collect() }
    }
}

/// Runs `$body` with the pool for reading.
macro_rules! read {
    ($db:expr, $args:ident, $pool:ident => $body:expr) => {
        match $db {
            Db::Sqlite(db) => {
                let ($pool, $args) = (&db.read, $args.sqlite()?);
                $body
            }
            Db::Postgres(db) => {
                let ($pool, $args) = (&db.pool, $args.postgres()?);
                $body
            }
        }
    };
}

impl Db {
    /// Opens `postgres://…`, `postgresql://…`, `sqlite:PATH` or a bare path. A missing SQLite file is created, readable
    /// by its owner only, unless `read_only`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a URL that names no database, [`Error::Io`] or [`Error::Sqlx`] when it cannot be opened.
    pub async fn open(url: &str, options: DbOptions) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Postgres::open(url, &options).await?));
        }
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        Ok(Self::Sqlite(Sqlite::open(path, &options).await?))
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
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
    pub async fn all<T: Record>(&self, sql: &'static str, args: Args) -> Result<Vec<T>> {
        Ok(read!(self, args, pool => sqlx::query_as_with(sql, args).fetch_all(pool).await?))
    }

    /// The first row of a query, if any.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn maybe<T: Record>(&self, sql: &'static str, args: Args) -> Result<Option<T>> {
        Ok(read!(self, args, pool => sqlx::query_as_with(sql, args).fetch_optional(pool).await?))
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, else any [`Error`] of the driver.
    pub async fn one<T: Record>(&self, sql: &'static str, args: Args) -> Result<T> {
        self.maybe(sql, args).await?.ok_or(Error::NotFound)
    }

    /// All rows of a dynamic query (filters, sorting, paging). Values are bound, identifiers are quoted by sea-query.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be bound, else any [`Error`] of the driver.
    pub async fn select<T: Record>(&self, query: &SelectStatement) -> Result<Vec<T>> {
        let (sql, args) = build(self.dialect(), query)?;
        let sql = sqlx::AssertSqlSafe(sql);
        Ok(read!(self, args, pool => sqlx::query_as_with(sql, args).fetch_all(pool).await?))
    }

    /// Runs `work` in one write transaction and returns after COMMIT: what `Ok` says is on disk.
    ///
    /// On SQLite all waiting writes share one commit, each in a savepoint of its own. The work runs to its end even
    /// when the caller is dropped. It must not wait for anything but its own statements: others wait behind it.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Timeout`] after ten seconds, [`Error::Busy`] when the database stayed locked.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.write_with(work).await
    }

    /// [`Db::write`] with the caller's own error type.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_with<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match self {
            Self::Sqlite(db) => match &db.writer {
                Some(writer) => writer.write(work).await,
                None => Err(Error::invalid("the database was opened read-only").into()),
            },
            Self::Postgres(db) => db.write(work).await,
        }
    }

    /// Hears the notices that [`Tx::notify`] sends to `channel`. After [`Heard::Lost`] look at the tables.
    pub fn listen(&self, channel: &'static str) -> Listener {
        let bus = match self {
            Self::Sqlite(db) => &db.bus,
            Self::Postgres(db) => {
                db.forward();
                &db.bus
            }
        };
        Listener { channel, notices: bus.subscribe() }
    }

    /// Answers when the database does.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn ping(&self) -> Result<()> {
        self.one::<(i32,)>("SELECT 1", Args::none()).await.map(|_| ())
    }

    /// The server with its version and where it is, for people: `SQLite 3.51.0` and a file, `PostgreSQL 16.2` and `host:port/database`.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn server(&self) -> Result<(String, String)> {
        match self {
            Self::Sqlite(_) => self.one(sqlite::SERVER, Args::none()).await,
            Self::Postgres(db) => {
                let (version,): (String,) = self.one(postgres::SERVER, Args::none()).await?;
                Ok((version, db.place()))
            }
        }
    }

    /// Prepares a statement without running it: for tests that check every SQL text on both databases.
    ///
    /// # Errors
    /// Any [`Error`] of the driver.
    pub async fn describe(&self, sql: &'static str) -> Result<Described> {
        use sqlx::{Executor, SqlSafeStr};
        Ok(match self {
            Self::Sqlite(db) => Described::of(&db.read.acquire().await?.prepare(sql.into_sql_str()).await?),
            Self::Postgres(db) => Described::of(&db.pool.acquire().await?.prepare(sql.into_sql_str()).await?),
        })
    }

    /// Closes all connections after the queued writes. Calls made later fail with [`Error::Closed`].
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }

    /// Brings the schema up to date. `table` is the owner's version table, so that several owners (the program, this
    /// crate) share one database. Safe when several processes start at once.
    ///
    /// # Errors
    /// [`Error::Newer`] when the database holds a migration that the program does not know, [`Error::Migrate`] when
    /// one fails or an applied one was edited.
    pub async fn migrate(&self, sqlite: &'static Migrator, postgres: &'static Migrator, table: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(db) => migrate::sqlite(db, sqlite, table).await,
            Self::Postgres(db) => migrate::postgres(db.connect().await?, postgres, table).await,
        }
    }
}

pub(crate) fn build(dialect: Dialect, query: &SelectStatement) -> Result<(String, Args)> {
    let (sql, values) = match dialect {
        Dialect::Sqlite => query.build(SqliteQueryBuilder),
        Dialect::Postgres => query.build(PostgresQueryBuilder),
    };
    Ok((sql, values.try_into()?))
}
