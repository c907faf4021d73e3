//! Runs: one act on every job that a filter matches, in the background.
//!
//! [`start`] writes a row and a durable job in one transaction; the job acts in chunks of at most 500, under one intent and one outcome, and keeps
//! its place with each chunk, so that a process that is killed goes on where it was. What a run deletes is archived first ([`super::archive`]).
//! A run looks at what was there when it began: what fails again, or comes later, is not its business. Its state is told on the bus as `queue.run`.

mod cohort;
mod delete;
mod execute;
mod filter;
mod going;
mod obliterate;
mod once;
mod place;
mod preview;
mod restore;
mod start;
pub(super) mod store;
mod walk;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use execute::Execute;
#[cfg(test)]
pub(super) use execute::execute;
pub(super) use execute::sweep;
pub use filter::{Filter, FilterQuery, Match};
pub use once::remove;
pub use preview::preview;
pub use start::{StartRun, cancel, find, of_queue, open, restore, runs, start};

/// Our own queue in which runs wait for their turn.
pub const QUEUE: &str = <Execute as engine::job::Job>::QUEUE;
/// Begins the name of the lock over what a run deleted.
const RESTORING: &str = "restore:";

/// What a run does to the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Work {
    /// They run again.
    Retry {
        /// With all their attempts.
        reset: bool,
    },
    /// They become due.
    Promote,
    /// They are archived and deleted.
    Remove,
    /// All that wait are archived and deleted; jobs of schedules stay.
    Drain {
        /// Those too that wait for their time.
        delayed: bool,
    },
    /// The whole queue is archived and deleted.
    Obliterate,
    /// A few run again; if they succeed, the rest.
    Cohort {
        /// How many go first.
        first: u32,
        /// Jobs that may run at once while the rest follows.
        concurrency: Option<u32>,
        /// With all their attempts.
        reset: bool,
    },
    /// What a run deleted comes back.
    Restore {
        /// That run.
        run: Uuid,
    },
}

impl Work {
    /// The word in the database and for people: `retry`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Promote => "promote",
            Self::Remove => "remove",
            Self::Drain { .. } => "drain",
            Self::Obliterate => "obliterate",
            Self::Cohort { .. } => "cohort retry",
            Self::Restore { .. } => "restore",
        }
    }

    /// Whether it deletes jobs, which are archived first.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Remove | Self::Drain { .. } | Self::Obliterate)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// It has not begun.
    Waiting,
    /// It goes on.
    Running,
    /// Somebody ended it; it finishes what it is at.
    Cancelling,
    /// It did what it could.
    Done,
    /// Somebody ended it.
    Cancelled,
    /// It stopped by itself; its fault says why.
    Failed,
}

impl RunStatus {
    const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Cancelling, Self::Done, Self::Cancelled, Self::Failed];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Done => "DONE",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }

    /// The status of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Id, ordered by time.
    pub id: Uuid,
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// What it does.
    pub work: Work,
    /// To which jobs.
    pub filter: Filter,
    /// Where it stands.
    pub status: RunStatus,
    /// False for a handful of chosen jobs that were deleted at once.
    pub background: bool,
    /// What it is at, in words: "waiting for the first 5"; empty when that is plain.
    pub phase: String,
    /// Jobs that there were to look at when it began; `None` when nobody knows.
    pub total: Option<i64>,
    /// Jobs that it looked at.
    pub seen: i64,
    /// Jobs that it acted on.
    pub done: i64,
    /// Jobs that matched and had moved on by themselves.
    pub gone: i64,
    /// Jobs that the driver or our limits refused.
    pub refused: i64,
    /// Why, for the first few: id and sentence.
    pub refusals: Vec<Refusal>,
    /// At most so many jobs a second.
    pub rate: Option<u32>,
    /// When somebody asked for it.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When its figures last moved.
    pub updated_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Id of who asked for it.
    pub actor_id: String,
    /// Name of who asked for it.
    pub actor_name: String,
    /// Why.
    pub reason: Option<String>,
    /// What people should know of its end: what stays, what was not looked at.
    pub note: Option<String>,
    /// Why it failed, or what the last try failed of.
    pub fault: Option<String>,
    /// Jobs in its archive that are not back.
    pub archived: i64,
    /// Until when they can be restored; `None` when it keeps none.
    pub restorable_until: Option<Timestamp>,
}

/// A job that was not acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// Its id.
    pub id: String,
    /// Why, in a sentence.
    pub why: String,
}

impl Run {
    /// Whether its deleted jobs can be brought back at `now`.
    pub fn is_restorable(&self, now: Timestamp) -> bool {
        self.status.is_over() && self.archived > 0 && self.restorable_until.is_some_and(|until| now < until)
    }
}
