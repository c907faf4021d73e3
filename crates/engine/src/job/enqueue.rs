//! Putting a job into its queue.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::{CHANNEL, Job, micros, now, sql};
use crate::args;
use crate::db::{Error, Result, Tx};

/// How to enqueue a job.
#[derive(Debug, Clone, Default)]
pub struct Enqueue {
    /// Not before this long from now.
    pub delay: Option<Duration>,
    /// Higher runs first; 0 is usual.
    pub priority: i32,
    /// While a job with this key waits or runs, no second one is made. Unique over all queues.
    pub unique: Option<String>,
    /// The occurrence it stands for, in microseconds UTC.
    pub scheduled_for: Option<i64>,
    /// Instead of the job's own number of attempts.
    pub attempts: Option<u32>,
    /// Instead of the job's own queue.
    pub queue: Option<String>,
}

impl Enqueue {
    /// Not before `delay` from now.
    pub fn delayed(delay: Duration) -> Self {
        Self { delay: Some(delay), ..Self::default() }
    }

    /// Only one pending job with `key`.
    pub fn unique(key: impl Into<String>) -> Self {
        Self { unique: Some(key.into()), ..Self::default() }
    }
}

/// Enqueues `job` on the caller's transaction; workers start it once that is committed. Returns the job's id, or the id
/// of the pending job that has the same unique key.
///
/// # Errors
/// [`Error::Json`] when the job cannot be serialised, else any [`Error`] of the driver.
pub async fn enqueue<J: Job>(tx: &mut Tx, job: &J, options: Enqueue) -> Result<Uuid> {
    let new = New {
        queue: options.queue.as_deref().unwrap_or(J::QUEUE),
        name: J::NAME,
        payload: serde_json::to_value(job)?,
        attempts: options.attempts.unwrap_or(J::ATTEMPTS).max(1),
        schedule: None,
    };
    Ok(insert(tx, new, &options).await?.id())
}

/// A job to be written.
pub(super) struct New<'a> {
    pub queue: &'a str,
    pub name: &'a str,
    pub payload: Value,
    pub attempts: u32,
    pub schedule: Option<&'a str>,
}

/// What became of it.
pub(super) enum Inserted {
    New(Uuid),
    Pending(Uuid),
}

impl Inserted {
    fn id(&self) -> Uuid {
        match self {
            Self::New(id) | Self::Pending(id) => *id,
        }
    }
}

pub(super) async fn insert(tx: &mut Tx, new: New<'_>, options: &Enqueue) -> Result<Inserted> {
    let at = now();
    let due = at.saturating_add(options.delay.map_or(0, micros));
    let state = if due > at { "delayed" } else { "waiting" };
    tx.exec(sql::QUEUE_KNOWN, args![new.queue, false, at]).await?;
    // Between the refused insert and the look-up the pending job may end: then there is room for ours.
    for _ in 0..5 {
        let id = Uuid::now_v7();
        let values = args![
            id,
            new.queue,
            new.name,
            new.payload.clone(),
            state,
            i64::from(options.priority),
            i64::from(new.attempts),
            options.unique.clone(),
            new.schedule,
            options.scheduled_for,
            at,
            due,
            due - at
        ];
        if tx.exec(sql::ENQUEUE, values).await? == 1 {
            announce(tx, new.queue, (due > at).then_some(due)).await?;
            return Ok(Inserted::New(id));
        }
        let key = options.unique.clone();
        if let Some((id,)) = tx.maybe::<(Uuid,)>(sql::PENDING_BY_KEY, args![key]).await? {
            return Ok(Inserted::Pending(id));
        }
    }
    Err(Error::Busy)
}

/// Wakes workers when the transaction is durable. The payload is `queue`, or `queue\tdue` for a delayed job.
pub(super) async fn announce(tx: &mut Tx, queue: &str, due: Option<i64>) -> Result<()> {
    let payload = due.map_or_else(|| queue.to_owned(), |due| format!("{queue}\t{due}"));
    tx.notify(CHANNEL, &payload).await
}
