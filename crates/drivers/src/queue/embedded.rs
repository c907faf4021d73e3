//! Jobs that live in a database by the `engine` library: our own, or another process's.
//!
//! Another process's database is read through a read-only connection. Only a pause and a resume write into it, through
//! a writer that is opened for that one change and closed after it.

use std::path::Path;
use std::time::Duration;

use engine::{Db, DbOptions, job};
use futures::future::BoxFuture;
use qd_core::gate::Warrant;
use qd_core::port::{Queue, QueueState};
use qd_core::secret::Secret;
use qd_core::{Error, Result, Timestamp};
use tokio::sync::Mutex;

use crate::{FileId, away, upstream};

const DRIVER: &str = "embedded queue";
/// One look at all queues, opening included.
const LIMIT: Duration = Duration::from_secs(5);
/// One pause or resume: the writer itself waits ten seconds for another process's lock.
const WRITE_LIMIT: Duration = Duration::from_secs(15);

/// Jobs in a database of the `engine` library.
#[derive(Debug)]
pub struct Embedded(Place);

#[derive(Debug)]
enum Place {
    Own(Db),
    Other { url: Secret, open: Mutex<Option<Reader>> },
}

/// A database that is open for reading, and which file it was.
#[derive(Clone, Debug)]
struct Reader {
    db: Db,
    file: Option<FileId>,
}

impl Embedded {
    /// The jobs in our own database.
    pub fn own(db: Db) -> Self {
        Self(Place::Own(db))
    }

    /// The jobs in the database that `url` names (`postgres://…`, `sqlite:PATH` or a bare path). It may be away: it is
    /// opened when it is asked.
    pub fn of(url: Secret) -> Self {
        Self(Place::Other { url, open: Mutex::default() })
    }

    async fn counts(&self) -> Result<Vec<QueueState>> {
        let counted = match &self.0 {
            Place::Own(db) => job::counts(db).await,
            Place::Other { url, open } => {
                let mut open = open.lock().await;
                let reader = reader(url.expose(), open.take()).await?;
                let counted = job::counts(&reader.db).await;
                match &counted {
                    Ok(_) => *open = Some(reader),
                    // The next call opens it anew.
                    Err(_) => reader.db.close().await,
                }
                counted
            }
        };
        Ok(counted.map_err(|fault| upstream(DRIVER, fault))?.into_iter().map(state).collect())
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<()> {
        if !self.counts().await?.iter().any(|state| state.name == queue) {
            return Err(Error::NotFound(format!("Queue {queue}")));
        }
        match &self.0 {
            Place::Own(db) => write(db, queue, paused).await,
            Place::Other { url, .. } => {
                let db = Db::open(url.expose(), DbOptions { pool: 2, ..DbOptions::default() }).await;
                let db = db.map_err(|fault| upstream(DRIVER, fault))?;
                let done = write(&db, queue, paused).await;
                db.close().await;
                done
            }
        }
    }
}

impl Queue for Embedded {
    fn driver(&self) -> &'static str {
        "embedded"
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        Box::pin(within(LIMIT, self.counts()))
    }

    fn pause<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(within(WRITE_LIMIT, self.set_paused(queue, true)))
    }

    fn resume<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(within(WRITE_LIMIT, self.set_paused(queue, false)))
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| upstream(DRIVER, format!("No answer within {} s.", limit.as_secs()));
    tokio::time::timeout(limit, work).await.map_err(late)?
}

/// The open reader, unless its file was replaced or removed.
async fn reader(url: &str, open: Option<Reader>) -> Result<Reader> {
    let file = identity(url)?;
    match open {
        Some(reader) if reader.file == file => return Ok(reader),
        Some(old) => old.db.close().await,
        None => {}
    }
    let options = DbOptions { read_only: true, pool: 2, ..DbOptions::default() };
    let db = Db::open(url, options).await.map_err(|fault| upstream(DRIVER, fault))?;
    Ok(Reader { db, file })
}

/// Which file it is; `None` for a server.
fn identity(url: &str) -> Result<Option<FileId>> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(None);
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = Path::new(path);
    FileId::of(path).map(Some).map_err(|fault| away(DRIVER, path, &fault))
}

async fn write(db: &Db, queue: &str, paused: bool) -> Result<()> {
    let queue = queue.to_owned();
    let done = db.write(move |tx| Box::pin(async move { if paused { job::pause(tx, &queue).await } else { job::resume(tx, &queue).await } })).await;
    done.map_err(|fault| upstream(DRIVER, fault))
}

fn state(counts: job::QueueCounts) -> QueueState {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "waits of less than 285 years are exact")]
    let seconds = |us: i64| us as f64 / 1_000_000.0;
    QueueState {
        name: counts.queue,
        waiting: count(counts.waiting),
        active: count(counts.active),
        delayed: count(counts.delayed),
        failed: count(counts.failed),
        completed: count(counts.completed),
        paused: counts.paused,
        oldest_waiting: counts.oldest_waiting_at.map(Timestamp),
        failed_recently: count(counts.failed_last_5m),
        retried_recently: count(counts.retried_last_5m),
        completed_recently: count(counts.completed_last_5m),
        average_wait: counts.avg_wait_us_5m.map(seconds),
        ..QueueState::default()
    }
}
