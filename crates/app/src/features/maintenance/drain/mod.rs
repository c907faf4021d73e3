//! Draining queues: paused by their driver's own pause, waited for until nothing runs, resumed one after another. No job is ever removed.
//!
//! A row is written before its queue is touched, so that a crash in between is found: the [`watch`] of every process looks at what is held,
//! counts what still runs, and asks for a job when there is something to do. Only what the drain itself paused is resumed.

mod converge;
mod watch;

use engine::job::{self, Enqueue, Job, JobError, RunInfo};
use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use qd_core::{App, Result, Runner, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use super::window::{self, Kind, action};

pub use converge::converge;
pub(super) use watch::watch;

/// What a drain knows of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Hold {
    /// It was paused before: it stays so.
    Kept,
    /// About to be paused.
    Pausing,
    /// Paused by the drain.
    Paused,
    /// Works again.
    Resumed,
    /// Somebody resumed it by hand while it was held.
    Released,
    /// Another drain holds it now.
    HandedOver,
}

impl Hold {
    const ALL: [Self; 6] = [Self::Kept, Self::Pausing, Self::Paused, Self::Resumed, Self::Released, Self::HandedOver];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "KEPT",
            Self::Pausing => "PAUSING",
            Self::Paused => "PAUSED",
            Self::Resumed => "RESUMED",
            Self::Released => "RELEASED",
            Self::HandedOver => "HANDED_OVER",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.word() == word)
    }

    fn is_held(self) -> bool {
        matches!(self, Self::Pausing | Self::Paused)
    }
}

/// One queue of a drain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueProgress {
    /// The window.
    pub window_id: Uuid,
    /// Job system.
    pub source: String,
    /// Queue; empty for a job system that can't be asked.
    pub queue: String,
    /// Where it stands.
    pub state: Hold,
    /// Jobs that still run; `null` when not counted.
    pub active_left: Option<i64>,
    /// Jobs that wait for the end; `null` when not counted.
    pub waiting: Option<i64>,
    /// When they were counted.
    pub counted_at: Option<Timestamp>,
    /// Failed tries of the last pause or resume.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// Why the last try failed.
    pub fault: Option<String>,
}

/// A queue stops taking jobs.
#[derive(Debug, Serialize)]
struct PauseQueue {
    window: Uuid,
    source: String,
    queue: String,
}

/// A queue takes jobs again.
#[derive(Debug, Serialize)]
struct ResumeQueue {
    window: Uuid,
    source: String,
    queue: String,
}

/// No job runs any more in the queues that are held.
#[derive(Debug, Serialize)]
struct Drained {
    window: Uuid,
}

action!(PauseQueue, "maintenance.pause_queue", "OPS_QUEUE_ACTION", RULE, Routine, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(ResumeQueue, "maintenance.resume_queue", "OPS_QUEUE_ACTION", RULE, Routine, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(Drained, "maintenance.drained", "CONFIG_MAINTENANCE_DRAINED", RULE, Routine, "maintenance", |a| a.window.to_string());

/// Pauses or resumes what is due of one window.
#[derive(Debug, Serialize, Deserialize)]
pub struct Drain {
    window: Uuid,
}

impl Job for Drain {
    const NAME: &'static str = "maintenance-drain";
    const QUEUE: &'static str = "housekeeping";
    type Context = Runner;

    async fn run(self, runner: Runner, _run: RunInfo) -> std::result::Result<(), JobError> {
        converge(&runner.app, &runner.actor, self.window).await.map_err(|fault| JobError::retry(fault.to_string()))
    }
}

/// Asks for a job, in the transaction of the change that makes it necessary.
pub async fn kick(tx: &mut engine::Tx, window: Uuid) -> Result<()> {
    job::enqueue(tx, &Drain { window }, Enqueue::unique(format!("maintenance-drain:{window}"))).await?;
    Ok(())
}

/// How far the drain of a window is, by source and queue; empty when it drains none.
pub async fn progress(app: &App, window: Uuid) -> Result<Vec<QueueProgress>> {
    store::held_by(&app.db, window).await
}

/// The net below the jobs: asks for one for every window that holds queues, or is to.
///
/// # Errors
/// Those of the database.
pub(super) async fn sweep(app: &App) -> Result<()> {
    for window in holding(app).await? {
        // By a job, not here: its key lets one at a time touch the queues of a window.
        app.db.write_with(move |tx| Box::pin(async move { kick(tx, window).await })).await?;
    }
    Ok(())
}

/// Windows that hold queues, or are to.
async fn holding(app: &App) -> Result<Vec<Uuid>> {
    let mut windows: Vec<Uuid> = store::held(&app.db).await?.into_iter().map(|row| row.window_id).collect();
    windows.extend(window::active(app).await?.into_iter().filter(|window| window.kind == Kind::QueueDrain).map(|window| window.id));
    windows.sort();
    windows.dedup();
    Ok(windows)
}
