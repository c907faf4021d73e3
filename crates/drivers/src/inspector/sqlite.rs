//! SQLite: what the file and its pages tell. Other processes' connections, deadlocks and statements are not in it.
//!
//! Every inspection opens a connection of its own and closes it: a file that was replaced is seen at once, and no
//! snapshot is held that would keep the owner's log from being folded back. The file itself is never opened outside
//! SQLite: closing it would drop the locks that this process holds on it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use qd_core::Result;
use qd_core::port::{Figure, Inspector};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tracing::warn;

use crate::{FileId, away, upstream};

const DRIVER: &str = "SQLite";
/// One inspection, waiting for locks included.
const LIMIT: Duration = Duration::from_secs(3);
/// The integrity check holds a snapshot while it runs, so it is bounded.
const CHECK_LIMIT: Duration = Duration::from_secs(20);
const CHECK_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// Busy waits are counted over this time.
const BUSY_WINDOW: Duration = Duration::from_secs(300);

const PAGES: &str = "SELECT p.page_count, s.page_size, f.freelist_count \
     FROM pragma_page_count p, pragma_page_size s, pragma_freelist_count f";

/// Looks into one SQLite file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    path: PathBuf,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    busy: Mutex<VecDeque<Instant>>,
    checking: AtomicBool,
    check: Mutex<Option<Check>>,
}

/// The last integrity check.
#[derive(Clone, Debug)]
struct Check {
    at: Instant,
    file: Option<FileId>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Sound,
    Fault(String),
    Stopped,
    Failed(String),
}

#[derive(Debug)]
struct Measured {
    file: u64,
    log: Option<u64>,
    pages: i64,
    page_size: i64,
    free: i64,
    mode: String,
}

impl Inspector for Sqlite {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn inspect(&self) -> BoxFuture<'_, Result<Vec<Figure>>> {
        Box::pin(async move {
            let measured = tokio::time::timeout(LIMIT, self.measure()).await;
            let measured = measured.map_err(|_| upstream(DRIVER, format!("No answer within {} s.", LIMIT.as_secs())))??;
            self.check_if_due();
            Ok(self.figures(&measured))
        })
    }
}

impl Sqlite {
    /// The inspector of the file at `path`, which may not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), state: Arc::default() }
    }

    async fn measure(&self) -> Result<Measured> {
        let file = tokio::fs::metadata(&self.path).await.map_err(|fault| away(DRIVER, &self.path, &fault))?;
        let mut wait = Duration::from_millis(5);
        let (pages, page_size, free, mode) = loop {
            match read(&self.path).await.map_err(engine::Error::from) {
                Ok(read) => break read,
                Err(engine::Error::Busy) => {
                    self.note_busy();
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_millis(500));
                }
                Err(fault) => return Err(upstream(DRIVER, fault)),
            }
        };
        let log = tokio::fs::metadata(beside(&self.path, "-wal")).await.map_or(0, |log| log.len());
        let log = (mode == "wal").then_some(log);
        Ok(Measured { file: file.len(), log, pages, page_size, free, mode })
    }

    fn note_busy(&self) {
        let mut busy = self.state.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.push_back(Instant::now());
        // Far more than any window needs: the count stops being useful long before.
        if busy.len() > 10_000 {
            busy.pop_front();
        }
    }

    fn busy_count(&self) -> usize {
        let mut busy = self.state.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while busy.front().is_some_and(|at| at.elapsed() > BUSY_WINDOW) {
            busy.pop_front();
        }
        busy.len()
    }

    fn last_check(&self) -> Option<Check> {
        self.state.check.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts the integrity check in the background when it is due: it may take longer than an inspection.
    fn check_if_due(&self) {
        let file = FileId::of(&self.path).ok();
        let fresh = self.last_check().is_some_and(|check| check.at.elapsed() < CHECK_EVERY && check.file == file);
        if fresh || self.state.checking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (path, state) = (self.path.clone(), Arc::clone(&self.state));
        tokio::spawn(async move {
            let outcome = quick_check(&path, CHECK_LIMIT).await;
            if let Outcome::Fault(fault) = &outcome {
                warn!(path = %path.display(), fault, "the database is damaged");
            }
            let check = Check { at: Instant::now(), file, outcome };
            *state.check.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
            state.checking.store(false, Ordering::Release);
        });
    }

    fn figures(&self, measured: &Measured) -> Vec<Figure> {
        let mut figures = vec![
            Figure::of("database_size", "Size of the file", "bytes", real(measured.file)),
            Figure::of("page_count", "Pages", "", measured.pages as f64),
            Figure::of("page_size", "Page size", "bytes", measured.page_size as f64),
        ];
        figures.push(match measured.pages {
            1.. => Figure::of("free_pages", "Free pages", "%", measured.free as f64 * 100.0 / measured.pages as f64),
            _ => Figure::missing("free_pages", "Free pages", "%", "The file has no page yet."),
        });
        let no_log = || format!("The journal mode is {}: there is no write-ahead log.", measured.mode);
        figures.push(match measured.log {
            Some(bytes) => Figure::of("wal_size", "Write-ahead log", "bytes", real(bytes)),
            None => Figure::missing("wal_size", "Write-ahead log", "bytes", no_log()),
        });
        figures.push(Figure::of("wal_mode", "Write-ahead log in use", "", f64::from(u8::from(measured.mode == "wal"))));
        let busy = u32::try_from(self.busy_count()).unwrap_or(u32::MAX);
        figures.push(Figure::of("busy_waits", "Our waits for a lock in 5 min", "", f64::from(busy)));
        figures.extend(check_figures(self.last_check().as_ref()));
        figures.extend(absent());
        figures
    }
}

/// Faults found by the last integrity check, and its age.
fn check_figures(check: Option<&Check>) -> [Figure; 2] {
    let (key, name) = ("quick_check_faults", "Integrity faults");
    let faults = match check.map(|check| &check.outcome) {
        None => Figure::missing(key, name, "", "The first check is still running."),
        Some(Outcome::Sound) => Figure::of(key, name, "", 0.0),
        Some(Outcome::Fault(_)) => Figure::of(key, name, "", 1.0),
        Some(Outcome::Stopped) => {
            let why = format!("The check was stopped after {} s: the file is too large for it.", CHECK_LIMIT.as_secs());
            Figure::missing(key, name, "", why)
        }
        Some(Outcome::Failed(why)) => Figure::missing(key, name, "", why.clone()),
    };
    let (key, name) = ("quick_check_age", "Since the last integrity check");
    let age = match check {
        Some(check) => Figure::of(key, name, "s", check.at.elapsed().as_secs_f64().floor()),
        None => Figure::missing(key, name, "s", "The first check is still running."),
    };
    [faults, age]
}

/// What the other database systems have and this one does not.
fn absent() -> [Figure; 6] {
    const NONE: &str = "SQLite has no such figure.";
    [
        Figure::missing(
            "cache_hit_ratio",
            "Cache hit ratio",
            "%",
            "SQLite counts page-cache hits inside each connection and tells them only to the program that holds it.",
        ),
        Figure::missing("connections_active", "Active connections", "", NONE),
        Figure::missing("index_hit_ratio", "Index hit ratio", "%", NONE),
        Figure::missing("deadlocks", "Deadlocks", "", NONE),
        Figure::missing("slow_queries", "Slow queries", "", NONE),
        Figure::missing("longest_query", "Longest running query", "s", NONE),
    ]
}

fn options(path: &Path) -> SqliteConnectOptions {
    // No busy timeout: a wait for a lock is counted, so it is ours to make.
    let connect = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
    connect.busy_timeout(Duration::ZERO).pragma("query_only", "ON").pragma("trusted_schema", "OFF")
}

async fn read(path: &Path) -> sqlx::Result<(i64, i64, i64, String)> {
    let mut conn = options(path).connect().await?;
    let pages: sqlx::Result<(i64, i64, i64)> = sqlx::query_as(PAGES).fetch_one(&mut conn).await;
    let mode: sqlx::Result<(String,)> = sqlx::query_as("PRAGMA journal_mode").fetch_one(&mut conn).await;
    close(conn).await;
    let ((count, size, free), (mode,)) = (pages?, mode?);
    Ok((count, size, free, mode))
}

/// `PRAGMA quick_check(1)`, ended by SQLite's progress handler when its time is over.
async fn quick_check(path: &Path, limit: Duration) -> Outcome {
    match checked(path, limit).await.map_err(engine::Error::from) {
        Ok(answer) if answer == "ok" => Outcome::Sound,
        Ok(answer) => Outcome::Fault(answer),
        Err(engine::Error::Timeout) => Outcome::Stopped,
        Err(fault) => Outcome::Failed(fault.to_string()),
    }
}

async fn checked(path: &Path, limit: Duration) -> sqlx::Result<String> {
    let mut conn = options(path).busy_timeout(Duration::from_secs(2)).connect().await?;
    let end = Instant::now() + limit;
    conn.lock_handle().await?.set_progress_handler(1_000, move || Instant::now() < end);
    let answer: sqlx::Result<(String,)> = sqlx::query_as("PRAGMA quick_check(1)").fetch_one(&mut conn).await;
    close(conn).await;
    answer.map(|(answer,)| answer)
}

async fn close(conn: SqliteConnection) {
    if let Err(fault) = conn.close().await {
        warn!(%fault, "closing a reader failed");
    }
}

fn beside(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    PathBuf::from(name)
}

#[expect(clippy::cast_precision_loss, reason = "sizes below 9 PB are exact")]
fn real(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_takes_too_long_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.db");
        let mut conn = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
        let fill = "CREATE TABLE t AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i, hex(randomblob(40)) AS x FROM n";
        sqlx::query(fill).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        assert_eq!(quick_check(&path, Duration::ZERO).await, Outcome::Stopped);
        assert_eq!(quick_check(&path, CHECK_LIMIT).await, Outcome::Sound);
    }
}
