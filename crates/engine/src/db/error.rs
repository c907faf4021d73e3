//! What can go wrong with a database, with the same words for SQLite and Postgres.

use sqlx::error::{DatabaseError, ErrorKind};

/// The result of a database call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed database call. Both drivers' errors are translated here and nowhere else: callers match on variants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row that had to exist does not.
    #[error("no such row")]
    NotFound,
    /// A unique constraint refused the change.
    ///
    /// `constraint` has the same text on both databases: `table_column_key` (`table_column1_column2_key` for
    /// several) and `table_pkey` for a primary key. These are the names that Postgres gives to unnamed constraints;
    /// on SQLite they are made from the columns. A unique index must therefore be *named* that way on Postgres.
    /// A unique index on an expression carries its own name on both.
    #[error("a row with the same values exists already ({constraint})")]
    Unique {
        /// The constraint's name, see above.
        constraint: String,
    },
    /// A foreign key refused the change: the row it points to is missing, or is still pointed to.
    #[error("a related row is missing or still in use")]
    ForeignKey,
    /// A check or not-null constraint refused the change.
    #[error("a value is not allowed here ({constraint})")]
    Check {
        /// The constraint's name, or its expression on SQLite when it has no name.
        constraint: String,
    },
    /// The database was locked, gave up on a deadlock or could not serialise: nothing was written, try again.
    #[error("the database is busy, try again")]
    Busy,
    /// The database was migrated by a newer program than this one.
    #[error("the database has migration {found}, this program knows {known}: install the newer program")]
    Newer {
        /// The version that the database holds.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The call took longer than it may and was rolled back.
    #[error("the database took too long")]
    Timeout,
    /// The closure given to `write` panicked; it was rolled back.
    #[error("a database write panicked and was rolled back")]
    Panicked,
    /// The database has been closed.
    #[error("the database is closed")]
    Closed,
    /// The call itself is wrong: a bad URL, a write to a read-only database, a write inside a write.
    #[error("{0}")]
    Invalid(String),
    /// A file could not be made or read.
    #[error("database file: {0}")]
    Io(#[from] std::io::Error),
    /// A JSON value could not be written or read.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A migration failed.
    #[error("migration: {0}")]
    Migrate(#[source] Box<sqlx::migrate::MigrateError>),
    /// Anything else from the driver.
    #[error("database: {0}")]
    Sqlx(#[source] sqlx::Error),
}

impl Error {
    /// True when the unique constraint `name` (written as [`Error::Unique`] describes) refused the change.
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint == name)
    }

    /// True when nothing was written and the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Timeout)
    }

    /// A wrong call, with a sentence that says what to do.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Io(error) => Self::Io(error),
            sqlx::Error::Database(database) => classify(&*database).unwrap_or(Self::Sqlx(sqlx::Error::Database(database))),
            other => Self::Sqlx(other),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            other => Self::Migrate(Box::new(other)),
        }
    }
}

fn classify(error: &dyn DatabaseError) -> Option<Error> {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return sqlite(code.parse().unwrap_or(0), error.message());
    }
    let constraint = || error.constraint().unwrap_or_default().to_owned();
    match error.kind() {
        ErrorKind::UniqueViolation => Some(Error::Unique { constraint: constraint() }),
        ErrorKind::ForeignKeyViolation => Some(Error::ForeignKey),
        ErrorKind::CheckViolation => Some(Error::Check { constraint: constraint() }),
        ErrorKind::NotNullViolation => Some(Error::Check { constraint: "not null".to_owned() }),
        _ => match code.as_ref() {
            // serialization_failure, deadlock_detected, lock_not_available
            "40001" | "40P01" | "55P03" => Some(Error::Busy),
            // query_canceled (statement_timeout), idle_in_transaction_session_timeout
            "57014" | "25P03" => Some(Error::Timeout),
            _ => None,
        },
    }
}

/// SQLite's extended result codes, <https://www.sqlite.org/rescode.html>.
fn sqlite(code: i32, message: &str) -> Option<Error> {
    match (code & 0xff, code) {
        (5 | 6, _) => Some(Error::Busy),
        (9, _) => Some(Error::Timeout),
        (_, 787 | 1811) => Some(Error::ForeignKey),
        (_, 2067) => Some(Error::Unique { constraint: key_name(tail(message), false) }),
        (_, 1555 | 2579) => Some(Error::Unique { constraint: key_name(tail(message), true) }),
        (_, 275 | 1299) => Some(Error::Check { constraint: tail(message).to_owned() }),
        _ => None,
    }
}

/// `UNIQUE constraint failed: a.b` → `a.b`
fn tail(message: &str) -> &str {
    message.split_once("failed: ").map_or(message, |(_, tail)| tail)
}

/// `a.b, a.c` → `a_b_c_key`, or `a_pkey` for a primary key; `index 'name'` → `name`.
fn key_name(columns: &str, primary: bool) -> String {
    if let Some(index) = columns.strip_prefix("index '") {
        return index.trim_end_matches('\'').to_owned();
    }
    let mut pairs = columns.split(", ").filter_map(|pair| pair.split_once('.'));
    let Some((table, first)) = pairs.next() else {
        return columns.to_owned();
    };
    if primary {
        return format!("{table}_pkey");
    }
    let rest: String = pairs.map(|(_, column)| format!("{column}_")).collect();
    format!("{table}_{first}_{rest}key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_names_are_those_of_postgres() {
        assert_eq!(key_name("flag.key", false), "flag_key_key");
        assert_eq!(key_name("flag.project, flag.key", false), "flag_project_key_key");
        assert_eq!(key_name("flag.id", true), "flag_pkey");
        assert_eq!(key_name("index 'flag_lower_key'", false), "flag_lower_key");
    }
}
