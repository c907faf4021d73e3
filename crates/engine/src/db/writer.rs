//! SQLite's one writer: a task that owns the connection and commits waiting transactions together (group commit).
//!
//! A batch is one `BEGIN IMMEDIATE … COMMIT`. The first job of a batch needs no savepoint: when it fails, the whole
//! transaction is only its own. Every later one runs in a savepoint, so that its failure rolls back to it alone. The
//! batch ends when nobody waits any more, so that a lone writer pays no delay; the time limit only bounds how long
//! the first job of a busy batch waits for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::WRITE_LIMIT;
use super::bus::{self, Bus};
use super::error::{Error, Result};
use super::ticket::{Ticket, Write};
use super::tx::{Conn, Tx};

const BATCH_MAX: usize = 256;
const BATCH_TIME: Duration = Duration::from_millis(2);
const WAITING_MAX: usize = 1024;

tokio::task_local! {
    /// The writer whose transaction this code runs in: a write inside a write would wait for itself.
    static INSIDE: usize;
}

enum Message {
    Write(Box<dyn Write>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer task.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    id: usize,
}

impl Writer {
    pub(crate) async fn start(connect: SqliteConnectOptions, bus: Bus) -> Result<Self> {
        let (queue, inbox) = mpsc::channel(WAITING_MAX);
        let deadline = Arc::new(Deadline::default());
        let mut conn = open(&connect).await?;
        watch(&mut conn, &deadline).await?;
        let id = Arc::as_ptr(&deadline) as usize;
        let tx = Tx::new(Conn::Sqlite(Box::new(conn)));
        let task = Task { tx, inbox, bus, deadline };
        tokio::spawn(INSIDE.scope(id, task.run()));
        Ok(Self { queue, id })
    }

    /// Queues one transaction and waits for its commit. Once queued it runs to its end whether or not the caller waits.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        if INSIDE.try_with(|inside| *inside == self.id).unwrap_or(false) {
            return Err(Error::invalid("a write inside a write of the same database: use the transaction at hand").into());
        }
        let (reply, answer) = oneshot::channel();
        let ticket = Box::new(Ticket::new(work, reply));
        self.queue.send(Message::Write(ticket)).await.map_err(|_| E::from(Error::Closed))?;
        answer.await.map_err(|_| E::from(Error::Closed))?
    }

    /// Ends the writer after what is queued.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the task has ended already.
            let _ended = closed.await;
        }
    }
}

/// Opening sets pragmas that need the database's lock for a moment, which another process may hold.
async fn open(connect: &SqliteConnectOptions) -> Result<SqliteConnection> {
    let started = Instant::now();
    loop {
        match connect.connect().await.map_err(Error::from) {
            Err(Error::Busy) if started.elapsed() < WRITE_LIMIT => tokio::time::sleep(pause(0)).await,
            other => return other,
        }
    }
}

/// When the running job's time is over, in microseconds since `start`; 0 = nothing runs.
struct Deadline {
    start: Instant,
    at: AtomicI64,
}

impl Default for Deadline {
    fn default() -> Self {
        Self { start: Instant::now(), at: AtomicI64::new(0) }
    }
}

impl Deadline {
    fn now(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn set(&self, limit: Option<Duration>) {
        let limit = limit.map(|limit| i64::try_from(limit.as_micros()).unwrap_or(i64::MAX));
        self.at.store(limit.map_or(0, |limit| self.now().saturating_add(limit)), Ordering::Relaxed);
    }

    fn passed(&self) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        at != 0 && self.now() > at
    }
}

/// A statement that never ends cannot be dropped from outside: SQLite asks this handler whether to go on.
async fn watch(conn: &mut SqliteConnection, deadline: &Arc<Deadline>) -> Result<()> {
    let deadline = Arc::clone(deadline);
    conn.lock_handle().await?.set_progress_handler(20_000, move || !deadline.passed());
    Ok(())
}

struct Task {
    tx: Tx,
    inbox: mpsc::Receiver<Message>,
    bus: Bus,
    deadline: Arc<Deadline>,
}

/// A job whose work is done and whose answer waits for the commit.
type Done = (Box<dyn Write>, Effects);

/// What becomes visible with the commit.
struct Effects {
    hooks: Vec<Box<dyn FnOnce() + Send>>,
    notices: Vec<bus::Notice>,
}

impl Task {
    async fn run(mut self) {
        while let Some(message) = self.inbox.recv().await {
            match message {
                Message::Write(first) => {
                    if let Some(done) = self.batch(first).await {
                        return self.end(Some(done)).await;
                    }
                }
                Message::Close(done) => return self.end(Some(done)).await,
            }
        }
        self.end(None).await;
    }

    async fn end(mut self, done: Option<oneshot::Sender<()>>) {
        self.inbox.close();
        if let Conn::Sqlite(conn) = self.tx.conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "closing the database failed; its log is replayed at the next start");
        }
        if let Some(done) = done {
            // The one who asked may have gone.
            let _gone = done.send(());
        }
    }

    /// Runs `first` and whoever waits behind it, commits, answers. Returns a close request found on the way.
    async fn batch(&mut self, first: Box<dyn Write>) -> Option<oneshot::Sender<()>> {
        let started = Instant::now();
        let mut done: Vec<Done> = Vec::new();
        let mut close = None;
        let mut next = Some(first);
        while let Some(mut job) = next.take() {
            if let Err(error) = self.before(done.len()).await {
                self.abandon(&mut done).await;
                job.refuse(error);
            } else if self.one(&mut *job).await {
                let effects = self.effects();
                done.push((job, effects));
            } else {
                self.undo(&mut done).await;
                job.answer();
            }
            if done.len() < BATCH_MAX && started.elapsed() < BATCH_TIME {
                match self.waiting().await {
                    Some(Message::Write(job)) => next = Some(job),
                    Some(Message::Close(done)) => close = Some(done),
                    None => {}
                }
            }
        }
        self.commit(done).await;
        close
    }

    /// Whoever waits already; one turn of the scheduler lets those come in who were just woken.
    async fn waiting(&mut self) -> Option<Message> {
        match self.inbox.try_recv() {
            Ok(message) => Some(message),
            Err(_) => {
                tokio::task::yield_now().await;
                self.inbox.try_recv().ok()
            }
        }
    }

    fn effects(&mut self) -> Effects {
        Effects { hooks: std::mem::take(&mut self.tx.hooks), notices: std::mem::take(&mut self.tx.notices) }
    }

    /// Opens the transaction for the first job, a savepoint for each later one.
    async fn before(&mut self, done: usize) -> Result<()> {
        self.effects();
        self.tx.failed = false;
        match done {
            0 => self.begin().await,
            1 => self.sql("SAVEPOINT job").await,
            _ => self.sql("RELEASE job; SAVEPOINT job").await,
        }
    }

    async fn begin(&mut self) -> Result<()> {
        let started = Instant::now();
        for attempt in 0.. {
            match self.sql("BEGIN IMMEDIATE").await {
                Err(Error::Busy) if started.elapsed() < WRITE_LIMIT => tokio::time::sleep(pause(attempt)).await,
                other => return other,
            }
        }
        Err(Error::Busy)
    }

    /// Runs one job's work within its time.
    async fn one(&mut self, job: &mut dyn Write) -> bool {
        self.deadline.set(Some(WRITE_LIMIT));
        let run = tokio::time::timeout(WRITE_LIMIT, job.run(&mut self.tx)).await;
        let good = run.unwrap_or_else(|_| {
            job.expire();
            false
        });
        if let (false, Conn::Sqlite(conn)) = (good, &mut self.tx.conn) {
            // A dropped statement may still run on the connection's thread: wait until it has ended.
            if let Err(error) = conn.ping().await {
                tracing::error!(%error, "the writer's connection does not answer");
            }
        }
        self.deadline.set(None);
        good
    }

    /// Takes back the failed job alone.
    async fn undo(&mut self, done: &mut Vec<Done>) {
        if done.is_empty() {
            self.rollback().await;
        } else if let Err(error) = self.sql("ROLLBACK TO job").await {
            // SQLite itself rolled the whole transaction back (disk full, I/O error, an interrupted statement).
            tracing::error!(%error, jobs = done.len(), "a failed write took its neighbours with it");
            self.abandon(done).await;
        }
    }

    /// Nothing of the batch was written; everybody may try again.
    async fn abandon(&mut self, done: &mut Vec<Done>) {
        self.rollback().await;
        for (job, _) in done.drain(..) {
            job.refuse(Error::Busy);
        }
    }

    async fn rollback(&mut self) {
        match self.sql("ROLLBACK").await {
            Ok(()) => {}
            // BEGIN may have failed, or SQLite may have rolled back: then there is no transaction.
            Err(error) => tracing::debug!(%error, "no transaction to roll back"),
        }
    }

    async fn commit(&mut self, mut done: Vec<Done>) {
        if done.is_empty() {
            return;
        }
        if let Err(error) = self.sql("COMMIT").await {
            tracing::error!(%error, jobs = done.len(), "commit failed");
            self.abandon(&mut done).await;
            return;
        }
        for (job, effects) in done {
            for hook in effects.hooks {
                // A hook that panics must not stop the writer.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(hook)).is_err() {
                    tracing::error!("an after-commit hook panicked");
                }
            }
            effects.notices.into_iter().for_each(|notice| bus::send(&self.bus, notice));
            job.answer();
        }
    }

    async fn sql(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.tx.conn {
            Conn::Sqlite(conn) => {
                sqlx::query(sql).execute(&mut **conn).await?;
                Ok(())
            }
            Conn::Postgres(_) => Err(Error::invalid("not a SQLite connection")),
        }
    }
}

/// 1 ms doubling to 128 ms, ± half.
fn pause(attempt: u32) -> Duration {
    let micros = 1_000_u64 << attempt.min(7);
    Duration::from_micros(rand::random_range(micros / 2..=micros + micros / 2))
}
