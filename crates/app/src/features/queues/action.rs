//! What can be asked for about queues, jobs, runs and schedules. Each is one struct; who may, and what it takes, stands at the end.

use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use qd_core::port::queue::Rate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::run::Filter;

/// A queue by name: its job system and its own name. Foreign text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct QueueRef {
    /// Name of the job system in the configuration.
    pub source: String,
    /// Name of the queue.
    pub queue: String,
}

/// Workers take no more jobs of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
}

/// Workers take jobs of a queue again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
}

/// Workers take no more jobs of several queues: a group, or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PauseMany {
    /// Which, 1 to 500.
    pub queues: Vec<QueueRef>,
}

/// Workers take jobs of several queues again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResumeMany {
    /// Which, 1 to 500.
    pub queues: Vec<QueueRef>,
}

/// The dials of a queue, for all its workers together. `None` takes a limit away: what is not to change is given as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dials {
    /// Jobs that may run at once.
    pub concurrency: Option<u64>,
    /// Jobs that may start within a time.
    pub rate: Option<Rate>,
}

/// Other dials for a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetLimits {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// What is to hold.
    pub dials: Dials,
}

/// Chosen failed or completed jobs run again, with their priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs, 1 to 500.
    pub ids: Vec<String>,
    /// With all their attempts, not only those that are left.
    pub reset: bool,
}

/// Chosen delayed jobs become due now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Promote {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs, 1 to 500.
    pub ids: Vec<String>,
}

/// Chosen jobs are deleted; they can be restored for 72 h.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remove {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs, 1 to 500.
    pub ids: Vec<String>,
}

/// Another priority for chosen jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetPriority {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs, 1 to 500.
    pub ids: Vec<String>,
    /// In the driver's own numbers.
    pub priority: i64,
}

/// Another time for chosen delayed jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetDelay {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs, 1 to 500.
    pub ids: Vec<String>,
    /// Milliseconds from now, at most a year.
    pub delay_ms: u64,
}

/// Every failed or completed job that a filter matches runs again, in the background.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetryAll {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs.
    pub filter: Filter,
    /// With all their attempts.
    pub reset: bool,
    /// At most so many a second.
    pub rate: Option<u32>,
}

/// Every delayed job that a filter matches becomes due, in the background.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromoteAll {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs.
    pub filter: Filter,
    /// At most so many a second.
    pub rate: Option<u32>,
}

/// Every job that a filter matches is archived and deleted, in the background.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Purge {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs.
    pub filter: Filter,
    /// At most so many a second.
    pub rate: Option<u32>,
}

/// Every job that waits is archived and deleted; jobs of schedules stay, so that they go on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drain {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Those too that wait for their time.
    pub delayed: bool,
    /// At most so many a second.
    pub rate: Option<u32>,
}

/// A paused queue is archived and deleted with everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obliterate {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
}

/// A few of the failed jobs run again; if they succeed the rest follows under a temporary limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetryCohort {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which jobs.
    pub filter: Filter,
    /// With all their attempts.
    pub reset: bool,
    /// How many go first, 1 to 50.
    pub first: u32,
    /// Jobs that may run at once while the rest follows; `None` leaves the queue's limit as it is.
    pub concurrency: Option<u32>,
}

/// What a run deleted comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreRun {
    /// The run that deleted it.
    pub run: Uuid,
}

/// A run ends after the jobs that it is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CancelRun {
    /// Which.
    pub run: Uuid,
}

/// The program does what a run is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExecuteRun {
    /// Which.
    pub run: Uuid,
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Id of who asked for it.
    pub asked_by: String,
}

/// One job of a schedule is enqueued now, beside its cadence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSchedule {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which schedule.
    pub schedule: String,
}

/// A schedule fires no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PauseSchedule {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which schedule.
    pub schedule: String,
}

/// A paused schedule, or one that was removed within 72 h, fires again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResumeSchedule {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which schedule.
    pub schedule: String,
}

/// A schedule is deleted with its pending job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemoveSchedule {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Which schedule.
    pub schedule: String,
}

/// What stands before a route that takes several of these by a word. The verb that it leads to has a gate of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueAction {
    /// Queue.
    pub queue: String,
}

/// What is written in the trail about queues.
const EVENT: AuditEvent = AuditEvent("OPS_QUEUE_ACTION");

macro_rules! action {
    ($type:ty, $name:literal, $who:ident, $danger:ident, $kind:literal, $target:expr $(, $phrase:literal, $named:ident)?) => {
        impl Action for $type {
            const NAME: &'static str = $name;
            const EVENT: AuditEvent = EVENT;
            const WHO: Access = Access::$who;
            const DANGER: Danger = Danger::$danger;

            fn target(&self) -> Target {
                let id: fn(&Self) -> String = $target;
                Target::new($kind, id(self))
            }

            $(fn phrase(&self) -> Option<String> {
                Some(format!($phrase, self.$named))
            })?
        }
    };
}

/// `source/queue`, and the job when there is one only.
fn jobs(source: &str, queue: &str, ids: &[String]) -> String {
    if let [id] = ids { format!("{source}/{queue}/{id}") } else { format!("{source}/{queue}") }
}

fn queues(queues: &[QueueRef]) -> String {
    match queues {
        [only] => format!("{}/{}", only.source, only.queue),
        several => format!("{} queues", several.len()),
    }
}

action!(Pause, "queue.pause", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(Resume, "queue.resume", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(PauseMany, "queue.pause_many", OPERATE, Guarded, "queue", |a| queues(&a.queues));
action!(ResumeMany, "queue.resume_many", OPERATE, Guarded, "queue", |a| queues(&a.queues));
action!(SetLimits, "queue.limit", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(Retry, "queue.retry", OPERATE, Guarded, "job", |a| jobs(&a.source, &a.queue, &a.ids));
action!(Promote, "queue.promote", OPERATE, Guarded, "job", |a| jobs(&a.source, &a.queue, &a.ids));
action!(Remove, "queue.remove", OPERATE, Guarded, "job", |a| jobs(&a.source, &a.queue, &a.ids));
action!(SetPriority, "queue.priority", OPERATE, Guarded, "job", |a| jobs(&a.source, &a.queue, &a.ids));
action!(SetDelay, "queue.delay", OPERATE, Guarded, "job", |a| jobs(&a.source, &a.queue, &a.ids));
action!(RetryAll, "queue.retry_all", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(PromoteAll, "queue.promote_all", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(RetryCohort, "queue.retry_cohort", OPERATE, Guarded, "queue", |a| format!("{}/{}", a.source, a.queue));
action!(Purge, "queue.purge", RULE, Destructive, "queue", |a| format!("{}/{}", a.source, a.queue), "PURGE {}", queue);
action!(Drain, "queue.drain", RULE, Destructive, "queue", |a| format!("{}/{}", a.source, a.queue), "DRAIN {}", queue);
action!(Obliterate, "queue.obliterate", RULE, Destructive, "queue", |a| format!("{}/{}", a.source, a.queue), "OBLITERATE {}", queue);
action!(RestoreRun, "queue.restore", OPERATE, Guarded, "queue_run", |a| a.run.to_string());
action!(CancelRun, "queue.cancel", OPERATE, Routine, "queue_run", |a| a.run.to_string());
action!(ExecuteRun, "queue.execute", RULE, Routine, "queue_run", |a| a.run.to_string());
action!(RunSchedule, "queue.schedule_run", OPERATE, Guarded, "schedule", |a| format!("{}/{}/{}", a.source, a.queue, a.schedule));
action!(PauseSchedule, "queue.schedule_pause", OPERATE, Guarded, "schedule", |a| format!("{}/{}/{}", a.source, a.queue, a.schedule));
action!(ResumeSchedule, "queue.schedule_resume", OPERATE, Guarded, "schedule", |a| format!("{}/{}/{}", a.source, a.queue, a.schedule));
action!(
    RemoveSchedule,
    "queue.schedule_remove",
    RULE,
    Destructive,
    "schedule",
    |a| format!("{}/{}/{}", a.source, a.queue, a.schedule),
    "REMOVE {}",
    schedule
);
action!(QueueAction, "queue.action", OPERATE, Guarded, "queue", |a| a.queue.clone());
