//! The marketplace's tables: twin migrations for SQLite and Postgres.

use engine::{Db, Migrator};

/// The version table, beside the engine's own in the same database.
pub const VERSIONS: &str = "_marketplace_migrations";

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The migrations of both databases, for tests that compare them.
pub fn migrators() -> [&'static Migrator; 2] {
    [&SQLITE, &POSTGRES]
}

/// Brings the tables of the engine and of the marketplace up to this program.
///
/// # Errors
/// [`engine::Error::Newer`] when the database belongs to a newer program, else what the database says.
pub async fn migrate(db: &Db) -> engine::Result<()> {
    engine::migrate(db).await?;
    db.migrate(&SQLITE, &POSTGRES, VERSIONS).await
}
