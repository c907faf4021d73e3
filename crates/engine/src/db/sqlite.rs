//! SQLite: a pool of read-only connections and one writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use super::DbOptions;
use super::bus::{self, Bus};
use super::error::{Error, Result};
use super::writer::Writer;

pub(crate) const SERVER: &str = "SELECT 'SQLite ' || sqlite_version(), file FROM pragma_database_list WHERE name = 'main'";

/// A SQLite database file in WAL mode.
#[derive(Clone)]
pub struct Sqlite {
    pub(crate) read: SqlitePool,
    pub(crate) writer: Option<Writer>,
    pub(crate) bus: Bus,
    connect: SqliteConnectOptions,
}

/// Kibibytes of the writer's page cache: a batch touches the pages of every index.
const WRITER_CACHE: &str = "-16384";

impl Sqlite {
    pub(crate) async fn open(path: &str, options: &DbOptions) -> Result<Self> {
        let path = file(path)?;
        if !options.read_only {
            create(&path)?;
        }
        let connect = connect_options(&path, options);
        let bus = bus::bus();
        let writer =
            if options.read_only { None } else { Some(Writer::start(connect.clone().pragma("cache_size", WRITER_CACHE), bus.clone()).await?) };
        let read = SqlitePoolOptions::new()
            .max_connections(options.pool.max(1))
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .connect_with(connect.clone().read_only(true).pragma("query_only", "ON"))
            .await?;
        Ok(Self { read, writer, bus, connect })
    }

    /// A writing connection beside the writer's, for migrations.
    pub(crate) async fn connect_writer(&self) -> Result<SqliteConnection> {
        if self.writer.is_none() {
            return Err(Error::invalid("the database was opened read-only"));
        }
        Ok(self.connect.clone().busy_timeout(Duration::from_secs(10)).connect().await?)
    }

    pub(crate) async fn close(&self) {
        // Readers first: the last connection to close folds the write-ahead log back, and a read-only one can't.
        self.read.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

fn file(path: &str) -> Result<PathBuf> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(":memory:") || path.contains('?') {
        return Err(Error::invalid("a SQLite database is a file: give its path, without parameters"));
    }
    Ok(PathBuf::from(path))
}

/// Made here and not by SQLite, because only the owner may read it; `-wal` and `-shm` inherit the mode.
fn create(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(std::io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()),
    }
}

fn connect_options(path: &Path, options: &DbOptions) -> SqliteConnectOptions {
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        // Short: the writer tries again itself, with jitter.
        .busy_timeout(Duration::from_millis(500))
        .synchronous(if options.synchronous_off { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("temp_store", "MEMORY")
        // Kibibytes, of each reader. The system's page cache stands behind them all; a map of the file would count it once for each of them as
        // memory of this process.
        .pragma("cache_size", "-4096")
        .pragma("mmap_size", "0")
        .statement_cache_capacity(512);
    if options.read_only {
        // The mode is the writing process's business.
        return connect.read_only(true);
    }
    connect.journal_mode(SqliteJournalMode::Wal).pragma("journal_size_limit", "67108864")
}
