//! The outbox: what waits in our own engine goes over to Redis, under its own id. A job that goes over twice is added once.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ::bullmq::Queue;
use ::bullmq::types::{BackoffStrategy, RemoveOnFinish};
use engine::Db;
use engine::job::{Job, JobError, RunInfo, Worker, WorkerHandle, remove_schedule};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Bull, QUEUES};
use crate::jobs::{Works, analytics, email, labels, notify, tidy};

/// Between two tries to reach a Redis that is away.
const AGAIN: Duration = Duration::from_secs(1);
/// Jobs of a queue that go over at once.
const AT_ONCE: usize = 8;
/// Done and failed jobs that BullMQ keeps, per queue.
const KEPT: (usize, usize) = (500, 5_000);

/// What forwarding works with: one connection a queue, made when it is needed first.
#[derive(Clone)]
pub(super) struct Over {
    bull: Arc<Bull>,
    queues: Arc<Mutex<HashMap<String, Queue>>>,
}

impl Over {
    async fn queue(&self, name: &str) -> Result<Queue, ::bullmq::Error> {
        let mut queues = self.queues.lock().await;
        if let Some(queue) = queues.get(name) {
            return Ok(queue.clone());
        }
        let queue = self.bull.queue(name).await?;
        queues.insert(name.to_owned(), queue.clone());
        Ok(queue)
    }

    async fn add(&self, name: &str, data: &Value, run: &RunInfo) -> Result<(), ::bullmq::Error> {
        let queue = self.queue(&run.queue).await?;
        let job = queue.add(name, data).job_id(run.id.to_string()).attempts(run.attempts).backoff(BackoffStrategy::Exponential(2_000));
        job.remove_on_complete(RemoveOnFinish::Count(KEPT.0)).remove_on_fail(RemoveOnFinish::Count(KEPT.1)).await.map(|_| ())
    }
}

/// A job `J` that is not done here but handed on.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Forward<J> {
    data: Value,
    #[serde(skip)]
    job: PhantomData<fn() -> J>,
}

impl<J: Job<Context = Works>> Job for Forward<J> {
    const NAME: &'static str = J::NAME;
    const QUEUE: &'static str = J::QUEUE;
    const ATTEMPTS: u32 = J::ATTEMPTS;
    type Context = Over;

    /// A Redis that is away costs no attempt: the job waits here for it.
    async fn run(self, over: Over, run: RunInfo) -> Result<(), JobError> {
        let mut told = false;
        while let Err(error) = over.add(J::NAME, &self.data, &run).await {
            if run.is_stopping() {
                return Err(JobError::after(format!("the job did not go over: {error}"), Duration::ZERO));
            }
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(%error, queue = run.queue, "Redis does not take jobs, trying again");
            }
            let mut run = run.clone();
            let _stopping = tokio::time::timeout(AGAIN, run.stopping()).await;
        }
        Ok(())
    }
}

/// Starts forwarding. Schedules are BullMQ's then: ours are forgotten.
pub(super) async fn start(bull: Bull, db: Db) -> engine::Result<WorkerHandle> {
    for name in ["revenue-snapshot", "tidy"] {
        match db.write(move |tx| Box::pin(async move { remove_schedule(tx, name).await })).await {
            Ok(()) | Err(engine::Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let over = Over { bull: Arc::new(bull), queues: Arc::default() };
    let worker = Worker::new(db, over)
        .register::<Forward<email::OrderMail>>()
        .register::<Forward<labels::PrintLabel>>()
        .register::<Forward<analytics::Record>>()
        .register::<Forward<analytics::Snapshot>>()
        .register::<Forward<tidy::Tidy>>()
        .register::<Forward<notify::Tell>>()
        .register::<Forward<notify::TellVendor>>()
        .drain(Duration::from_secs(1));
    QUEUES.into_iter().fold(worker, |worker, queue| worker.queue_with(queue, crate::jobs::options(AT_ONCE))).start().await
}
