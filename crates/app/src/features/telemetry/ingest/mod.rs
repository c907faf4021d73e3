//! From the wire to the disk: body → samples and rows → bounded queue → one writer → answer.
//!
//! A request is answered when its rows are committed, and not before. What is waiting is bounded twice: by requests (`telemetry.queue`) and by
//! bytes; whoever finds no room is told to come back.

pub mod http;

mod body;
mod labels;
mod load;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qd_core::{App, config};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

pub use load::{Load, Traced, read_logs, read_traces};

use super::endpoints::{Live, Rankings};
use super::otlp::Refusal;

/// Bodies that are decoded at the same time.
const DECODERS: usize = 4;
/// Bytes of all bodies that are read or waiting, unless four of the largest need more.
const MEMORY: usize = 64 << 20;

/// A request that waits for its commit.
struct Job {
    load: Load,
    /// Room for its bytes; free again when it is answered.
    _room: OwnedSemaphorePermit,
    answer: oneshot::Sender<Result<(), Refusal>>,
}

/// State of ingest: the queue, the limits, the live figures. One per process.
#[derive(Debug)]
pub struct Telemetry {
    queue: mpsc::Sender<Job>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    /// Room in KiB.
    room: Arc<Semaphore>,
    decoders: Semaphore,
    limit: usize,
    live: Mutex<Live>,
    /// What was ranked lately.
    pub(in crate::features::telemetry) rankings: Rankings,
    /// Names this process in the rows that it writes. A new one at each start: the rows of the last run stay as they are.
    instance: Uuid,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("load", &self.load).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// State from its configuration; [`run`] takes requests from it.
    pub fn new(config: &config::Telemetry) -> Self {
        let (queue, inbox) = mpsc::channel(config.queue.max(1));
        let limit = config.max_body_mib << 20;
        Self {
            queue,
            inbox: tokio::sync::Mutex::new(inbox),
            room: Arc::new(Semaphore::new(MEMORY.max(limit * 4) >> 10)),
            decoders: Semaphore::new(DECODERS),
            limit,
            live: Mutex::default(),
            rankings: Rankings::default(),
            instance: Uuid::now_v7(),
        }
    }

    /// Room for a body of so many KiB that is not read from a request.
    #[cfg(test)]
    pub(super) fn some_room(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.room).try_acquire_many_owned(1).unwrap()
    }

    /// The live figures.
    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how many requests wait.
    fn show_queue(&self) {
        #[expect(clippy::cast_precision_loss, reason = "some hundred requests")]
        metrics::gauge!("qd_ingest_queue").set((self.queue.max_capacity() - self.queue.capacity()) as f64);
    }

    /// Stores a load and returns once it is durable.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when the queue is full or the database does not take it: nothing of it was stored.
    pub(super) async fn submit(&self, load: Load, room: OwnedSemaphorePermit) -> Result<(), Refusal> {
        if load.is_empty() {
            return Ok(());
        }
        let (answer, done) = oneshot::channel();
        self.queue.try_send(Job { load, _room: room, answer }).map_err(|_| Refusal::Busy { detail: "The ingest queue is full.", retry_after: 1 })?;
        self.show_queue();
        let stopped = Refusal::Busy { detail: "The server is stopping.", retry_after: 5 };
        done.await.unwrap_or(Err(stopped))
    }
}

/// Takes requests from the queue for as long as the process lives. What a run that failed had taken is answered as not stored; the next run
/// goes on with the rest.
pub async fn run(app: App) {
    let telemetry = match app.state::<Telemetry>() {
        Ok(telemetry) => telemetry,
        Err(fault) => return tracing::error!(%fault, "telemetry does not start"),
    };
    let mut inbox = telemetry.inbox.lock().await;
    writer::run(app, Arc::clone(&telemetry), &mut inbox).await;
}
