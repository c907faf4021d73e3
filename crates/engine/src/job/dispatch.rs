//! Claiming due jobs and running them.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::finish::Done;
use super::handler::Handler;
use super::limit::Room;
use super::run::Notes;
use super::worker::{Finished, Place, Running, Shared};
use super::{CHANNEL, JobError, LIMITS_CHANGED, RunInfo, limit, micros, now, sql};
use crate::args;
use crate::db::{Heard, Listener, Result, Tx};

/// Jobs claimed from one queue in one transaction.
const BATCH: usize = 256;

/// A claimed job.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Claimed {
    pub id: Uuid,
    pub queue: String,
    pub name: String,
    pub payload: Json<Value>,
    pub priority: i64,
    pub attempts: i64,
    pub max_attempts: i64,
    pub schedule: Option<String>,
    pub scheduled_for: Option<i64>,
    pub created_at: i64,
    pub run_at: i64,
    pub started_at: i64,
}

/// One queue of a worker.
pub(super) struct Lane {
    queue: String,
    concurrency: usize,
    active: Arc<AtomicUsize>,
    /// There may be something to claim.
    hungry: bool,
    /// When the rate of the queue lets more jobs start.
    again_at: Option<i64>,
}

impl Lane {
    pub(super) fn new(queue: &str, concurrency: usize) -> Self {
        Self { queue: queue.to_owned(), concurrency, active: Arc::default(), hungry: true, again_at: None }
    }

    /// Whatever was known of its limits may have changed.
    fn ask_anew(&mut self) {
        (self.hungry, self.again_at) = (true, None);
    }

    fn free(&self) -> usize {
        self.concurrency.saturating_sub(self.active.load(Ordering::Acquire))
    }
}

pub(super) struct Dispatcher<C> {
    shared: Arc<Shared>,
    ctx: C,
    handlers: HashMap<&'static str, Arc<dyn Handler<C>>>,
    lanes: Vec<Lane>,
    finished: Finished,
    /// When the next delayed job is due, as far as known.
    next_due: Option<i64>,
}

impl<C: Clone + Send + Sync + 'static> Dispatcher<C> {
    pub(super) fn new(
        shared: Arc<Shared>,
        ctx: C,
        handlers: HashMap<&'static str, Arc<dyn Handler<C>>>,
        lanes: Vec<Lane>,
        finished: Finished,
    ) -> Self {
        Self { shared, ctx, handlers, lanes, finished, next_due: Some(0) }
    }

    pub(super) async fn run(mut self) {
        let mut listener = self.shared.db.listen(CHANNEL);
        let mut failures = 0_u32;
        let mut looked = Instant::now();
        while !self.shared.is_stopping() {
            match self.claim().await {
                Ok(true) => failures = 0,
                Ok(false) => {
                    failures = 0;
                    if !self.wait(&mut listener, &mut looked).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "claiming jobs failed, trying again");
                    failures = (failures + 1).min(5);
                    self.shared.sleep(self.shared.poll * failures).await;
                }
            }
        }
    }

    /// One claim over all hungry lanes with free places. False when there was nothing to ask for.
    async fn claim(&mut self) -> Result<bool> {
        let at = now();
        let due = self.next_due.is_some_and(|due| due <= at);
        for lane in self.lanes.iter_mut().filter(|lane| lane.again_at.is_some_and(|again| again <= at)) {
            (lane.again_at, lane.hungry) = (None, true);
        }
        let ready = |lane: &&Lane| lane.hungry && lane.again_at.is_none() && lane.free() > 0;
        let mut asks: Vec<(String, usize)> = self.lanes.iter().filter(ready).map(|lane| (lane.queue.clone(), lane.free().min(BATCH))).collect();
        // One order in all workers: a limited queue is locked while it is claimed from.
        asks.sort();
        if !due && asks.is_empty() {
            return Ok(false);
        }
        let (worker, lease) = (self.shared.id, micros(self.shared.lease));
        // Counted from before the claim, so that our own clock ends the lease before the stored one does.
        let lease_end = Instant::now() + self.shared.lease;
        let wanted: HashMap<String, usize> = asks.iter().cloned().collect();
        let mut batch = self.shared.db.write(move |tx| Box::pin(claim(tx, worker, lease, due, asks))).await?;
        if due {
            self.next_due = batch.next_due;
        }
        for lane in &mut self.lanes {
            let got = batch.jobs.iter().filter(|job| job.queue == lane.queue).count();
            let Some(wanted) = wanted.get(&lane.queue) else {
                lane.hungry |= batch.promoted.contains(&lane.queue);
                continue;
            };
            lane.hungry = got >= *wanted;
            let room = batch.rooms.iter().find(|(queue, _)| *queue == lane.queue).map(|(_, room)| room);
            let used_up = room.filter(|room| i64::try_from(got).is_ok_and(|got| got >= room.jobs));
            lane.again_at = used_up.and_then(|room| room.again_at);
            self.shared.set_limited(&lane.queue, room.is_some_and(|room| room.limited));
        }
        batch.jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.run_at, job.id));
        batch.jobs.into_iter().for_each(|job| self.start(job, lease_end));
        Ok(true)
    }

    /// Waits for news, a free place, a due job or the next look. False when the worker stops.
    async fn wait(&mut self, listener: &mut Listener, looked: &mut Instant) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut stop = shared.stop.subscribe();
        let poll = shared.poll.saturating_sub(looked.elapsed());
        let next = self.lanes.iter().filter_map(|lane| lane.again_at).chain(self.next_due).min();
        let due = next.map_or(poll, |due| Duration::from_micros(u64::try_from(due - now()).unwrap_or(0)));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return false,
            heard = listener.next() => match heard {
                Some(Heard::Payload(news)) => self.hear(&news),
                Some(Heard::Lost) => self.lanes.iter_mut().for_each(Lane::ask_anew),
                None => return false,
            },
            () = shared.freed.notified() => {}
            () = tokio::time::sleep(poll.min(due)) => {}
        }
        if looked.elapsed() >= shared.poll {
            *looked = Instant::now();
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "looking for jobs failed, trying again");
            }
        }
        true
    }

    /// `queue`, `queue\tdue`, or `queue\t!` when its limits changed.
    fn hear(&mut self, news: &str) {
        match news.split_once('\t') {
            Some((queue, LIMITS_CHANGED)) => self.lanes.iter_mut().filter(|lane| lane.queue == queue).for_each(Lane::ask_anew),
            Some((_, due)) => {
                let due = due.parse().unwrap_or(0);
                self.next_due = Some(self.next_due.map_or(due, |known| known.min(due)));
            }
            None => {
                self.lanes.iter_mut().filter(|lane| lane.queue == news).for_each(|lane| lane.hungry = true);
            }
        }
    }

    /// The fallback: reads whether something waits, for news that did not reach us (another process on SQLite).
    async fn look(&mut self) -> Result<()> {
        let db = &self.shared.db;
        for lane in &mut self.lanes {
            // Limits may have been changed by another process that we do not hear.
            lane.again_at = None;
            if lane.hungry {
                continue;
            }
            lane.hungry = db.maybe::<(Uuid,)>(sql::HAS_WAITING, args![lane.queue.as_str()]).await?.is_some();
        }
        self.next_due = db.one::<(Option<i64>,)>(sql::NEXT_DELAYED, args![]).await?.0;
        Ok(())
    }

    fn start(&self, job: Claimed, lease_end: Instant) {
        let Some(lane) = self.lanes.iter().find(|lane| lane.queue == job.queue) else {
            return;
        };
        lane.active.fetch_add(1, Ordering::AcqRel);
        let place = Place { shared: Arc::clone(&self.shared), id: job.id, active: Arc::clone(&lane.active), quiet: false };
        let (handler, ctx) = (self.handlers.get(job.name.as_str()).cloned(), self.ctx.clone());
        let (id, attempt, finished) = (job.id, job.attempts, self.finished.clone());
        // Held until the job is in the map: it may end at once, and removes itself then.
        let mut running = self.shared.running();
        let notes = Arc::<Notes>::default();
        let task = tokio::spawn(attempt_job(job, handler, ctx, place, finished, Arc::clone(&notes)));
        running.insert(id, Running { attempt, lease_end, abort: task.abort_handle(), notes });
    }
}

/// What one claim brought.
#[derive(Default)]
struct Batch {
    promoted: Vec<String>,
    next_due: Option<i64>,
    jobs: Vec<Claimed>,
    rooms: Vec<(String, Room)>,
}

async fn claim(tx: &mut Tx, worker: Uuid, lease: i64, due: bool, asks: Vec<(String, usize)>) -> Result<Batch> {
    let mut batch = Batch::default();
    if due {
        // differs because only Postgres has several writers, whose locked rows are to be skipped
        let promote = tx.pick(sql::PROMOTE_DUE_SQLITE, sql::PROMOTE_DUE_POSTGRES);
        batch.promoted = tx.all::<(String,)>(promote, args![now()]).await?.into_iter().map(|(queue,)| queue).collect();
        batch.next_due = tx.one::<(Option<i64>,)>(sql::NEXT_DELAYED, args![]).await?.0;
    }
    // differs because only Postgres has several writers, whose locked rows are to be skipped
    let claim = tx.pick(sql::CLAIM_SQLITE, sql::CLAIM_POSTGRES);
    for (queue, count) in asks {
        let room = limit::room(tx, &queue, i64::try_from(count).unwrap_or(1)).await?;
        if room.jobs > 0 {
            let at = now();
            let jobs: Vec<Claimed> = tx.all(claim, args![worker, at.saturating_add(lease), at, queue.as_str(), room.jobs]).await?;
            limit::used(tx, &queue, room, i64::try_from(jobs.len()).unwrap_or(0)).await?;
            batch.jobs.extend(jobs);
        }
        batch.rooms.push((queue, room));
    }
    Ok(batch)
}

async fn attempt_job<C>(job: Claimed, handler: Option<Arc<dyn Handler<C>>>, ctx: C, place: Place, finished: Finished, notes: Arc<Notes>) {
    let info = RunInfo {
        id: job.id,
        queue: job.queue.clone(),
        attempt: u32::try_from(job.attempts).unwrap_or(u32::MAX),
        attempts: u32::try_from(job.max_attempts).unwrap_or(u32::MAX),
        enqueued_at: job.created_at,
        scheduled_for: job.scheduled_for,
        schedule: job.schedule.clone(),
        stop: place.shared.stop.subscribe(),
        notes: Arc::clone(&notes),
    };
    let started = Instant::now();
    let (outcome, backoff) = match handler {
        None => (Err(JobError::retry(format!("no handler for {} in this worker", job.name))), Duration::from_secs(10)),
        Some(handler) => {
            let run = AssertUnwindSafe(handler.run(ctx, job.payload.0.clone(), info)).catch_unwind();
            let outcome = match tokio::time::timeout(handler.timeout(), run).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(JobError::retry("the job panicked")),
                Err(_) => Err(JobError::retry(format!("timed out after {:?}", handler.timeout()))),
            };
            (outcome, handler.backoff())
        }
    };
    let run_us = micros(started.elapsed());
    // The place stays taken, and the lease renewed, until the outcome is handed over.
    if finished.send(Done { job, outcome, run_us, backoff, said: notes.take(), place }).await.is_err() {
        tracing::error!("an outcome was lost because the worker ended: the job runs again after its lease");
    }
}
