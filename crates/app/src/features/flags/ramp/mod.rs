//! Rollouts that move by themselves: ramps (steps with hold times) and changes at a time.
//!
//! Each step is a durable job that is enqueued with the change before it. A job looks at the row when it runs and does nothing when that has moved
//! on, so a second run is harmless; a sweep finds what is overdue, whatever became of its job. Steps that were missed while nothing ran are folded
//! into one change. While a ramp runs, its flag's percentage can't be raised by hand; turning off and lowering always work, and pause it.

mod action;
mod job;
mod lifecycle;
mod schedule;
pub(super) mod store;
mod verb;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::definition::{Percent, Person, words};
use crate::web::Feature;

pub use action::{CancelRamp, CancelSchedule, PauseRamp, ResumeRamp, ScheduleChange, StartRamp};
pub use lifecycle::{HOLD_SECONDS, STEPS_MAX};
pub(super) use lifecycle::{heed, quiet};
pub use schedule::{SCHEDULES_MAX, cancel_schedule, run_schedule, schedule, schedules, upcoming};
pub use verb::{advance, cancel, current, history, pause, resume, start};

/// The jobs, for the list of features.
pub const FEATURE: Feature = Feature { jobs: job::jobs, start: job::start, statements: store::STATEMENTS, ..Feature::new("flags", |routes| routes) };

/// Where a ramp stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RampState {
    /// Its next step comes by itself.
    Running,
    /// It waits for somebody.
    Paused,
    /// All steps are done.
    Completed,
    /// Somebody ended it.
    Cancelled,
}

words!(RampState { Running = "RUNNING", Paused = "PAUSED", Completed = "COMPLETED", Cancelled = "CANCELLED" });

/// A step of a ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RampStep {
    /// Who is in from then on.
    pub percentage: Percent,
    /// Seconds until the next step, 1 to 2,592,000 (30 days); that of the last step does not count.
    #[serde(default = "hour")]
    pub hold_seconds: i64,
}

fn hour() -> i64 {
    3_600
}

/// A rollout that rises in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ramp {
    /// Id.
    pub id: Uuid,
    /// Key of the flag.
    pub flag: String,
    /// Where it stands.
    pub state: RampState,
    /// Its steps.
    pub steps: Vec<RampStep>,
    /// Place of the step that comes next, from 0; as many as there are steps when all are done.
    pub next_step: usize,
    /// When it comes; `null` unless the ramp runs.
    pub next_at: Option<Timestamp>,
    /// Seconds that it still has to wait when the ramp is resumed; `null` unless it is paused.
    pub wait_seconds: Option<i64>,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: Person,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// When it was over; `null` while it is not.
    pub ended_at: Option<Timestamp>,
}

/// Where a scheduled change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ScheduleState {
    /// It waits for its time.
    Pending,
    /// Done.
    Done,
    /// It could not be done; `fault` says why.
    Failed,
    /// Somebody took it back; `fault` says why when it was not asked for by name.
    Cancelled,
}

words!(ScheduleState { Pending = "PENDING", Done = "DONE", Failed = "FAILED", Cancelled = "CANCELLED" });

/// A change at a time, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSchedule {
    /// When, at most a year ahead.
    pub at: Timestamp,
    /// Turn it on or off then.
    pub enabled: Option<bool>,
    /// Set the percentage then.
    pub rollout_percentage: Option<Percent>,
}

/// A change at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    /// Id.
    pub id: Uuid,
    /// Key of the flag.
    pub flag: String,
    /// When.
    pub at: Timestamp,
    /// Turns it on or off.
    pub enabled: Option<bool>,
    /// Sets the percentage.
    pub rollout_percentage: Option<Percent>,
    /// Where it stands.
    pub state: ScheduleState,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub created_by: Person,
    /// When it was done, failed or taken back.
    pub ended_at: Option<Timestamp>,
    /// What went wrong, or why it was taken back.
    pub fault: Option<String>,
}
