//! Durable jobs and schedules in the application's own database.
//!
//! A job is a serialisable value that knows how to run. [`enqueue`] writes it on the caller's transaction, so that it
//! exists exactly when the change does that needs it. A [`Worker`] claims due jobs in small batches under a lease that
//! it renews; when its process dies, the lease ends and another worker takes the job. A job runs **at least once**: it
//! must bear a second run after a crash between its work and its record. Two workers never run one job at the same
//! time as long as their clocks agree to within a few seconds and the job awaits now and then.
//!
//! An operator looks and acts through the same tables, also from another process: [`counts`], [`page`], [`act`], [`limit`], [`schedules`].

mod admin;
mod dispatch;
mod enqueue;
mod finish;
mod handler;
mod keeper;
mod limit;
mod manage;
mod member;
mod run;
mod schedule;
mod spread;
mod sql;
mod worker;

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use admin::{
    COUNT_MAX, Cursor, JobRow, MinuteRow, QueueCounts, State, counts, find, list, minutes, pause, promote, purge, remove, resume, retry, retry_all,
};
pub use enqueue::{Enqueue, enqueue};
pub use limit::{Limits, Rate, limit};
pub use manage::{
    ACT_MAX, Act, Acted, Archived, Brief, Failure, IDS_MAX, LogLine, Mark, Obliterated, Page, Settings, Whole, act, brief, ids, is_known, log,
    obliterate, page, records, remove_recorded, restore, revive, settings, sizes, whole,
};
pub use member::{WorkerRow, workers};
pub use run::{LOG_LINE_MAX, LOG_LINES, RunInfo, SAID_MAX};
pub use schedule::{
    Missed, Overlap, RunRow, Schedule, ScheduleRow, drop_schedule, next_after, pause_schedule, put_back_schedule, remove_schedule, resume_schedule,
    run_now, runs, schedules, upsert_schedules,
};
pub use spread::Spread;
pub use sql::{Statement, statements};
pub use worker::{Keep, QueueOptions, Worker, WorkerHandle};

/// The channel on which workers hear of new jobs.
pub(crate) const CHANNEL: &str = "job";
/// Says in place of a time that limits of a queue changed.
const LIMITS_CHANGED: &str = "!";

/// A unit of durable work.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The name under which it is stored: never change it while jobs of it wait.
    const NAME: &'static str;
    /// The queue it waits in.
    const QUEUE: &'static str;
    /// How often it is tried before it counts as failed.
    const ATTEMPTS: u32 = 3;
    /// How long one attempt may take; afterwards it is dropped at its next await and counts as failed.
    const TIMEOUT: Duration = Duration::from_secs(600);
    /// The wait before the second attempt, ± 25 %; doubles with every further one, up to an hour.
    const BACKOFF: Duration = Duration::from_secs(2);
    /// What it works with.
    type Context: Clone + Send + Sync + 'static;

    /// Does the work. An error schedules the next attempt, unless it says otherwise or none is left.
    fn run(self, ctx: Self::Context, run: RunInfo) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// Why an attempt failed. Any error converts with `?` and is tried again.
#[derive(Debug, Clone)]
pub struct JobError {
    /// What went wrong, shown to operators: no secrets.
    pub message: String,
    /// False: do not try again.
    pub retry: bool,
    /// Wait this long instead of the usual back-off.
    pub after: Option<Duration>,
    /// The attempt does not count: it was given back before it came to its end.
    pub given_back: bool,
}

impl JobError {
    /// Try again after the usual back-off.
    pub fn retry(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: true, after: None, given_back: false }
    }

    /// Failed for good.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: false, after: None, given_back: false }
    }

    /// Try again after `wait`.
    pub fn after(message: impl Into<String>, wait: Duration) -> Self {
        Self { message: message.into(), retry: true, after: Some(wait), given_back: false }
    }

    /// The worker stops ([`RunInfo::is_stopping`]) and another one is to go on: this attempt does not count.
    pub fn given_back(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: true, after: Some(Duration::ZERO), given_back: true }
    }
}

impl std::fmt::Display for JobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self::retry(message)
    }
}

/// Now, in microseconds UTC.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A duration in microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

const MINUTE_US: i64 = 60_000_000;
