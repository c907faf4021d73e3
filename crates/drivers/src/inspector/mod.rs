//! Looks into the platform's database, read-only: what each system measures about itself.

mod postgres;
mod sqlite;

use std::sync::Arc;

use qd_core::port::Inspector;
use qd_core::{Error, Result};

pub use postgres::Postgres;
pub use sqlite::Sqlite;

/// The inspector of `postgres://…`, `postgresql://…`, `sqlite:PATH` or a bare path. The database may be away.
///
/// # Errors
/// [`Error::Invalid`] for a URL that names no database.
pub fn open(url: &str) -> Result<Arc<dyn Inspector>> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(Postgres::new(url)?));
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('?') {
        return Err(Error::invalid("platform.database_url", "Give a postgres:// URL or the path of a SQLite file, without parameters."));
    }
    Ok(Arc::new(Sqlite::new(path)))
}
