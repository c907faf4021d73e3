//! The database that jobs live in: our own, or another process's.

use std::path::Path;
use std::time::Duration;

use engine::{BoxFuture, Db, DbOptions, Tx};
use qd_core::secret::Secret;
use qd_core::{Error, Result};
use tokio::sync::Mutex;

use super::DRIVER;
use crate::{FileId, away, upstream};

/// One look, opening included.
const LIMIT: Duration = Duration::from_secs(5);
/// One change: the writer itself waits ten seconds for another process's lock.
const WRITE_LIMIT: Duration = Duration::from_secs(15);
/// A change that another one with the same unique key forestalled is tried so often.
const TRIES: u32 = 4;

#[derive(Debug)]
pub(super) enum Place {
    Own(Db),
    Other { url: Secret, open: Mutex<Option<Reader>> },
}

/// A database that is open for reading, and which file it was.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    db: Db,
    file: Option<FileId>,
}

impl Place {
    /// The database for reading; another process's is opened when it is asked, and anew when its file was replaced.
    pub(super) async fn open(&self) -> Result<Db> {
        match self {
            Self::Own(db) => Ok(db.clone()),
            Self::Other { url, open } => {
                let mut open = open.lock().await;
                let reader = reader(url.expose(), open.take()).await?;
                Ok(open.insert(reader).db.clone())
            }
        }
    }

    /// The answer of a look. After a failed one the next opens the database anew.
    pub(super) async fn told<T>(&self, answer: engine::Result<T>) -> Result<T> {
        if let (Err(_), Self::Other { open, .. }) = (&answer, self) {
            open.lock().await.take();
        }
        answer.map_err(|fault| upstream(DRIVER, fault))
    }

    /// Runs one short transaction, over a writer of its own when the database is another process's.
    pub(super) async fn write<T, F>(&self, what: &str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, engine::Result<T>> + Clone + Send + 'static,
    {
        let change = async {
            match self {
                Self::Own(db) => attempt(db, work).await,
                Self::Other { url, .. } => {
                    // Opening for writing would make a file that is away.
                    self.open().await?;
                    let db = Db::open(url.expose(), DbOptions { pool: 2, ..DbOptions::default() }).await;
                    let db = db.map_err(|fault| upstream(DRIVER, fault))?;
                    let done = attempt(&db, work).await;
                    db.close().await;
                    done
                }
            }
            .map_err(|fault| failed(fault, what))
        };
        limited(WRITE_LIMIT, change).await
    }
}

/// Within the time of a look.
pub(super) async fn within<T>(look: impl Future<Output = Result<T>>) -> Result<T> {
    limited(LIMIT, look).await
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| upstream(DRIVER, format!("No answer within {} s.", limit.as_secs()));
    tokio::time::timeout(limit, work).await.map_err(late)?
}

async fn attempt<T, F>(db: &Db, work: F) -> engine::Result<T>
where
    T: Send + 'static,
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, engine::Result<T>> + Clone + Send + 'static,
{
    for _ in 1..TRIES {
        let once = work.clone();
        match db.write(move |tx| once(tx)).await {
            Err(engine::Error::Unique { .. }) => {}
            other => return other,
        }
    }
    db.write(move |tx| work(tx)).await
}

fn failed(fault: engine::Error, what: &str) -> Error {
    match fault {
        engine::Error::NotFound => Error::NotFound(what.to_owned()),
        engine::Error::Unique { .. } => Error::Conflict(format!("{what}: a job with its unique key waits or runs.")),
        engine::Error::Invalid(detail) => Error::invalid("queue", format!("{detail}.")),
        other => upstream(DRIVER, other),
    }
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
