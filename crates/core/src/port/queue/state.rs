//! A job system and its queues as they stand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// What a driver can do beyond listing, pausing and resuming queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "a list of abilities")]
pub struct Can {
    /// List, show, retry, promote and remove jobs, archive and restore them.
    pub jobs: bool,
    /// List live workers.
    pub workers: bool,
    /// Limit concurrency and rate of a queue.
    pub limits: bool,
    /// List, run, pause and remove schedules.
    pub schedules: bool,
    /// Tell what happened since a moment.
    pub events: bool,
    /// Delete a whole queue.
    pub obliterate: bool,
}

/// A job system as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// What it runs on, for people: "Redis 7.0.15", "SQLite".
    pub server: String,
    /// Where, without user and password: "redis-prod:6379/2", a file's name.
    pub place: String,
    /// Prefix of its keys; empty for none.
    pub prefix: String,
    /// What its queues are written by: "5.81.5 and 6.7.0"; `None` when they don't say.
    pub version: Option<String>,
    /// Milliseconds of one answer.
    pub answers_in: f64,
    /// What an operator should know, each in a sentence: an eviction policy that loses jobs, a mixed fleet.
    pub warnings: Vec<String>,
}

/// Jobs that may start within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// How many.
    pub jobs: u64,
    /// Within so many milliseconds.
    pub per_ms: u64,
}

/// State of one queue, counted by the driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct QueueState {
    /// Name of the queue.
    pub name: String,
    /// Jobs that could run now, or could if the queue were not paused: with and without a priority, wherever the driver keeps them.
    pub waiting: u64,
    /// Those of them that have a priority.
    pub prioritized: u64,
    /// Jobs that run.
    pub active: u64,
    /// Jobs that wait for their time.
    pub delayed: u64,
    /// Jobs that wait for jobs of theirs.
    pub waiting_children: u64,
    /// Jobs that failed for good and are kept.
    pub failed: u64,
    /// Jobs that are done and kept.
    pub completed: u64,
    /// Where the driver stops counting a state: a count of this size means "at least". `None`: all counts are exact.
    pub count_limit: Option<u64>,
    /// Whether somebody paused it.
    pub paused: bool,
    /// When the oldest waiting job became ready.
    pub oldest_waiting: Option<Timestamp>,
    /// Seconds that the recent figures cover, where the driver counts in whole minutes; `None`: exactly five minutes.
    pub recent_seconds: Option<f64>,
    /// Jobs that failed for good within the last five minutes.
    pub failed_recently: u64,
    /// Attempts that failed within the last five minutes and are tried again.
    pub retried_recently: u64,
    /// Jobs that were done within the last five minutes.
    pub completed_recently: u64,
    /// Mean seconds between ready and started over the last five minutes; `None` when nothing started.
    pub average_wait: Option<f64>,
    /// Live workers; `None` when the driver can't know.
    pub workers: Option<u64>,
    /// Jobs that may run at once over all workers; `None`: no limit but the workers' own.
    pub concurrency: Option<u64>,
    /// Jobs that may start within a time; `None`: no limit.
    pub rate: Option<Rate>,
    /// What the queue was written by: "6.7.0"; `None` when it does not say.
    pub version: Option<String>,
    /// Why changing its jobs or its pause could lose some, in a sentence.
    pub hazard: Option<String>,
}

impl QueueState {
    /// Whether a count of a state means "at least".
    pub fn at_least(&self, count: u64) -> bool {
        self.count_limit.is_some_and(|limit| count >= limit)
    }

    /// Minutes that the recent figures cover.
    pub fn recent_minutes(&self) -> f64 {
        self.recent_seconds.unwrap_or(300.0) / 60.0
    }
}

/// A live worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerState {
    /// Its name, or its id.
    pub name: String,
    /// The queue that it works on.
    pub queue: String,
    /// Where it runs, as far as the driver knows.
    pub address: Option<String>,
    /// Jobs that it runs now; `None` when the driver can't know.
    pub active: Option<u64>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What ended in one minute, as the driver itself counted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct QueueMinute {
    /// Minutes since 1970.
    pub minute: i64,
    /// Jobs that were done.
    pub completed: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Attempts that failed and are tried again.
    pub retried: u64,
    /// Milliseconds from ready to started with how many attempts took about so long (±9 %), shortest first.
    pub waits: Vec<(f64, u64)>,
    /// Milliseconds of running with how many attempts took about so long (±9 %), shortest first.
    pub runs: Vec<(f64, u64)>,
}
