//! Migrations: two folders with the same names, one version table for each owner.

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Connection, PgConnection};

use super::error::{Error, Result};
use super::sqlite::Sqlite;

/// The program's migrations with the owner's own version table.
fn with_table(source: &'static Migrator, table: &'static str) -> Migrator {
    let mut migrator = Migrator::with_migrations(source.iter().cloned().collect());
    migrator.dangerous_set_table_name(table);
    migrator
}

/// SQLite: all pending migrations in one `BEGIN IMMEDIATE`, so that two processes cannot interleave.
pub(crate) async fn sqlite(db: &Sqlite, source: &'static Migrator, table: &'static str) -> Result<()> {
    let mut conn = db.connect_writer().await?;
    let migrator = with_table(source, table);
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    let outcome = run(&migrator, &mut *tx, table).await;
    match outcome {
        Ok(()) => tx.commit().await?,
        Err(error) => {
            tx.rollback().await?;
            conn.close().await?;
            return Err(error);
        }
    }
    conn.close().await?;
    Ok(())
}

/// Postgres: sqlx takes an advisory lock; the connection is closed afterwards, which also frees it after a failure.
pub(crate) async fn postgres(conn: PgConnection, source: &'static Migrator, table: &'static str) -> Result<()> {
    let mut conn = conn;
    // A migration may build an index for longer than a request may take.
    sqlx::query("SET statement_timeout = 0").execute(&mut conn).await?;
    sqlx::query("SET lock_timeout = 0").execute(&mut conn).await?;
    let outcome = run(&with_table(source, table), &mut conn, table).await;
    conn.close().await?;
    outcome
}

async fn run<C: Migrate>(migrator: &Migrator, conn: &mut C, table: &str) -> Result<()> {
    match migrator.run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(missing)) => {
            let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
            let applied = conn.list_applied_migrations(table).await?;
            let found = applied.iter().map(|migration| migration.version).max().unwrap_or(missing);
            if found > known {
                return Err(Error::Newer { found, known });
            }
            Err(MigrateError::VersionMissing(missing).into())
        }
        Err(error) => Err(error.into()),
    }
}
