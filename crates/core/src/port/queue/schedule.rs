//! Recurring jobs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cadence {
    /// A cron expression in an IANA zone; an empty zone is the server's own.
    Cron {
        /// The expression.
        pattern: String,
        /// The zone.
        zone: String,
    },
    /// Every so many milliseconds.
    Every(u64),
}

/// One recurring job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleState {
    /// The queue that it feeds.
    pub queue: String,
    /// Its id, unique within the queue.
    pub id: String,
    /// Name of its jobs.
    pub job: String,
    /// When it fires.
    pub cadence: Cadence,
    /// Next occurrence; `None` when there is none.
    pub next_at: Option<Timestamp>,
    /// When it last fired, as far as the driver knows.
    pub last_at: Option<Timestamp>,
    /// `running`, `completed` or `failed`: the last run, as far as the driver knows.
    pub last_outcome: Option<String>,
    /// Why the last run failed or was skipped.
    pub last_error: Option<String>,
    /// When the last run ended.
    pub last_finished_at: Option<Timestamp>,
    /// Somebody stopped it.
    pub paused: bool,
    /// How often it fired; `None` when the driver does not count.
    pub runs: Option<u64>,
    /// What is to become of a run while the one before goes on, in words; empty when the driver has no rule.
    pub overlap: String,
    /// What becomes of runs missed while nobody worked, in words; empty when the driver has no rule.
    pub missed: String,
    /// It will not fire again by itself, and why: its pending job is gone, its time passed long ago. The dead man's alarm.
    pub stopped: Option<String>,
}

/// What became of one occurrence of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRun {
    /// The occurrence.
    pub scheduled_for: Timestamp,
    /// When it fired or was left out.
    pub at: Timestamp,
    /// Somebody asked for it.
    pub by_hand: bool,
    /// Its job, which may be gone.
    pub job: Option<String>,
    /// `running`, `completed`, `failed`; `queued`, `skipped` or `missed` when it did not begin.
    pub outcome: String,
    /// Why it failed or was left out.
    pub note: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}
