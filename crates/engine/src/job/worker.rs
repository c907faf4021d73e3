//! Building, starting and stopping a worker.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use uuid::Uuid;

use super::finish::{Done, Finisher};
use super::handler::{Handler, Kind};
use super::run::Notes;
use super::{Job, dispatch, keeper, member, now, schedule, sql};
use crate::args;
use crate::db::{Db, Result, Tx};

/// How long a cut-off job and the last record of outcomes may take.
const ABORT_LIMIT: Duration = Duration::from_secs(10);

/// How many finished jobs a queue keeps: at most `count`, none older than `age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// At most so many.
    pub count: u32,
    /// None older than this.
    pub age: Duration,
}

/// How a worker serves one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// How many jobs run at once in this worker.
    pub concurrency: usize,
    /// How many completed jobs stay to be looked at.
    pub keep_completed: Keep,
    /// How many failed jobs stay to be looked at and retried.
    pub keep_failed: Keep,
}

impl QueueOptions {
    /// The usual retention: 1,000 completed for a day, 50,000 failed for 14 days.
    pub fn new(concurrency: usize) -> Self {
        let day = Duration::from_secs(86_400);
        Self { concurrency: concurrency.max(1), keep_completed: Keep { count: 1_000, age: day }, keep_failed: Keep { count: 50_000, age: day * 14 } }
    }
}

/// Runs jobs whose context is `C`.
pub struct Worker<C> {
    db: Db,
    ctx: C,
    handlers: HashMap<&'static str, Arc<dyn Handler<C>>>,
    queues: Vec<(String, QueueOptions)>,
    lease: Duration,
    poll: Duration,
    drain: Duration,
}

impl<C: Clone + Send + Sync + 'static> Worker<C> {
    /// A worker that serves no queue yet.
    pub fn new(db: Db, ctx: C) -> Self {
        Self {
            db,
            ctx,
            handlers: HashMap::new(),
            queues: Vec::new(),
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(20),
        }
    }

    /// Knows how to run `J`.
    #[must_use]
    pub fn register<J: Job<Context = C>>(mut self) -> Self {
        self.handlers.insert(J::NAME, Arc::new(Kind::<J>::new()));
        self
    }

    /// Serves `queue`, running up to `concurrency` jobs at once.
    #[must_use]
    pub fn queue(self, queue: impl Into<String>, concurrency: usize) -> Self {
        self.queue_with(queue, QueueOptions::new(concurrency))
    }

    /// Serves `queue` with a retention of its own.
    #[must_use]
    pub fn queue_with(mut self, queue: impl Into<String>, options: QueueOptions) -> Self {
        self.queues.push((queue.into(), options));
        self
    }

    /// How long a claimed job stays ours without a sign of life; renewed every third of it. Usually 30 s, at least 1 s.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// How often to look when nobody says that there is work. Usually 1 s, at least 500 ms.
    #[must_use]
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll.max(Duration::from_millis(500));
        self
    }

    /// How long [`WorkerHandle::stop`] lets running jobs go on. Usually 20 s.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Starts serving; also fires due schedules, whatever queue they feed.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error) of the driver while the queues are made known.
    pub async fn start(self) -> Result<WorkerHandle> {
        let (finished, done) = mpsc::channel(1024);
        let shared = Arc::new(Shared {
            db: self.db,
            id: Uuid::now_v7(),
            place: member::place(),
            since: now(),
            queues: self.queues.iter().map(|(name, options)| (name.clone(), options.concurrency)).collect(),
            lease: self.lease,
            poll: self.poll,
            stop: watch::channel(false).0,
            freed: Notify::new(),
            running: Mutex::default(),
            limited: Mutex::default(),
        });
        known(&shared).await?;
        let finisher = tokio::spawn(Finisher::new(Arc::clone(&shared), done).run());
        let lanes = self.queues.iter().map(|(name, options)| dispatch::Lane::new(name, options.concurrency)).collect();
        let dispatcher = dispatch::Dispatcher::new(Arc::clone(&shared), self.ctx, self.handlers, lanes, finished);
        let tasks = vec![
            tokio::spawn(dispatcher.run()),
            tokio::spawn(keeper::heartbeat(Arc::clone(&shared))),
            tokio::spawn(keeper::write_notes(Arc::clone(&shared))),
            tokio::spawn(keeper::watch_leases(Arc::clone(&shared))),
            tokio::spawn(keeper::tidy(Arc::clone(&shared), self.queues)),
            tokio::spawn(schedule::fire(Arc::clone(&shared))),
        ];
        Ok(WorkerHandle { shared, tasks, finisher, drain: self.drain })
    }
}

/// Makes the queues and the worker known.
async fn known(shared: &Arc<Shared>) -> Result<()> {
    let new = Arc::clone(shared);
    let work = async move |tx: &mut Tx| {
        for (queue, _) in &new.queues {
            tx.exec(sql::QUEUE_KNOWN, args![queue.as_str(), false, now()]).await?;
        }
        member::alive(tx, &new).await
    };
    shared.db.write(move |tx| Box::pin(async move { work(tx).await })).await
}

/// A job that runs here.
pub(super) struct Running {
    pub attempt: i64,
    pub lease_end: Instant,
    pub abort: AbortHandle,
    pub notes: Arc<Notes>,
}

/// What a worker's tasks share.
pub(super) struct Shared {
    pub db: Db,
    pub id: Uuid,
    pub place: String,
    pub since: i64,
    /// Its queues and how many jobs of each it runs at once.
    pub queues: Vec<(String, usize)>,
    pub lease: Duration,
    pub poll: Duration,
    pub stop: watch::Sender<bool>,
    /// A place became free, or the last job ended.
    pub freed: Notify,
    running: Mutex<HashMap<Uuid, Running>>,
    limited: Mutex<HashSet<String>>,
}

impl Shared {
    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<Uuid, Running>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Remembers whether `queue` has limits: then the end of one of its jobs may let another worker go on.
    pub(super) fn set_limited(&self, queue: &str, limited: bool) {
        let mut known = self.limited.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !limited {
            known.remove(queue);
        } else if !known.contains(queue) {
            known.insert(queue.to_owned());
        }
    }

    pub(super) fn is_limited(&self, queue: &str) -> bool {
        self.limited.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).contains(queue)
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    pub(super) fn tell_freed(&self) {
        self.freed.notify_waiters();
        self.freed.notify_one();
    }

    /// Sleeps, but not into a stop. False when the worker stops.
    pub(super) async fn sleep(&self, time: Duration) -> bool {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => !self.is_stopping(),
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }
}

/// Gives a job's place back, however it ends.
pub(super) struct Place {
    pub shared: Arc<Shared>,
    pub id: Uuid,
    pub active: Arc<AtomicUsize>,
    /// Whoever drops many of these tells of them at once: the next claim is for all of them.
    pub quiet: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.running().remove(&self.id);
        self.active.fetch_sub(1, Ordering::AcqRel);
        if !self.quiet {
            self.shared.tell_freed();
        }
    }
}

/// A running worker. Dropping it leaves the worker running until the process ends; call [`WorkerHandle::stop`].
pub struct WorkerHandle {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    finisher: JoinHandle<()>,
    drain: Duration,
}

impl WorkerHandle {
    /// This worker's id, as active jobs and minute rows carry it.
    pub fn id(&self) -> Uuid {
        self.shared.id
    }

    /// How many jobs run here at the moment.
    pub fn running(&self) -> usize {
        self.shared.running().len()
    }

    /// Claims nothing more, waits for running jobs within the drain time, cuts the rest off and gives them back to
    /// their queues, and returns when every outcome is recorded.
    pub async fn stop(self) {
        self.shared.stop.send_replace(true);
        let until = tokio::time::Instant::now() + self.drain;
        let mut tasks = self.tasks.into_iter();
        if let Some(dispatcher) = tasks.next() {
            ended("dispatcher", dispatcher.await);
        }
        while !self.shared.running().is_empty() {
            let freed = self.shared.freed.notified();
            if self.shared.running().is_empty() || tokio::time::timeout_at(until, freed).await.is_err() {
                break;
            }
        }
        for running in self.shared.running().values() {
            running.abort.abort();
        }
        // The finisher ends when the last job has dropped its end of the channel.
        let finisher = self.finisher.abort_handle();
        match tokio::time::timeout(ABORT_LIMIT, self.finisher).await {
            Ok(outcome) => ended("finisher", outcome),
            Err(_) => {
                tracing::error!("a job does not let itself be cut off: it is given back all the same");
                finisher.abort();
            }
        }
        for task in tasks {
            task.abort();
            let _aborted = task.await;
        }
        release(&self.shared).await;
    }
}

fn ended(task: &'static str, outcome: Result<(), tokio::task::JoinError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, task, "a worker task ended badly");
    }
}

async fn release(shared: &Shared) {
    let id = shared.id;
    let work = async move |tx: &mut Tx| {
        tx.exec(sql::GONE, args![id]).await?;
        tx.exec(sql::RELEASE, args![id]).await
    };
    let outcome = shared.db.write(move |tx| Box::pin(async move { work(tx).await })).await;
    match outcome {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "gave unfinished jobs back"),
        Err(error) => tracing::warn!(%error, "could not give unfinished jobs back: their leases end by themselves"),
    }
}

/// The finisher's end of a job's outcome.
pub(super) type Finished = mpsc::Sender<Done>;
