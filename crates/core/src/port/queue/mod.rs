//! A job system with named queues: what it tells, and what may be done to it.
//!
//! Every method is bounded: it reads pages, acts on at most [`ACT_MAX`] jobs, and ends within a time limit of the driver. Work on more jobs is a
//! background run that calls it again and again. What a driver lacks is [`Error::Unsupported`], and [`Queue::can`] says so before anybody asks.

mod job;
mod schedule;
mod state;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::gate::Warrant;
use crate::time::Timestamp;

pub use job::{Child, EventKind, EventPage, JobDetail, JobEvent, JobPage, JobRecord, JobRef, JobRow, JobState, LogPage, TextCut};
pub use schedule::{Cadence, ScheduleRun, ScheduleState};
pub use state::{About, Can, QueueMinute, QueueState, Rate, WorkerState};

/// Most jobs of one call that acts.
pub const ACT_MAX: usize = 500;
/// Most jobs of one page.
pub const PAGE_MAX: usize = 500;

/// What is done to jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAct {
    /// A failed or completed job runs again, with its priority.
    Retry {
        /// With all its attempts, not only those that are left.
        reset: bool,
    },
    /// The same, of failed jobs alone: one that has succeeded meanwhile is [`Acted::Gone`], and is not run a second time.
    RetryFailed {
        /// With all its attempts, not only those that are left.
        reset: bool,
    },
    /// A delayed job becomes due now.
    Promote,
    /// A job that does not run is deleted. Never the pending job of a schedule: that would end the schedule.
    Remove,
    /// Another priority; the number is the driver's own (BullMQ: 0 to 2,097,152, 0 first; embedded: higher first).
    Priority(i64),
    /// A delayed job becomes due so many milliseconds from now.
    Delay(u64),
}

/// What became of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// Done.
    Done,
    /// It is not, or no longer, in a state in which this can be done.
    Gone,
    /// A job that is to come back is there already: the same one, not another with its id.
    There,
    /// The driver refused, and why, in a sentence: it runs; it belongs to a schedule.
    Refused(String),
}

/// Names a call over recorded jobs, so that one that was cut off, or whose answer was lost, is made again and does nothing twice: a job that came
/// back, was worked off and is gone since must not come back a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once<'a> {
    /// The name: letters, digits, `-` and `:`. What was done under it is known for three days.
    pub name: &'a str,
    /// A call of this name may have been made before.
    pub again: bool,
}

/// The dials of a queue. The outer `None` leaves one as it is, the inner takes the limit away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that may run at once over all workers.
    pub concurrency: Option<Option<u64>>,
    /// Jobs that may start within a time.
    pub rate: Option<Option<Rate>>,
}

fn lacks<T>(driver: &'static str, what: &'static str) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move { Err(Error::Unsupported { driver, what: what.into() }) })
}

/// A job system with named queues. Names of queues and jobs are foreign text. An unknown queue is [`Error::NotFound`], and looking never makes one.
pub trait Queue: Send + Sync {
    /// Name of the driver for people: "embedded", "BullMQ".
    fn driver(&self) -> &'static str;

    /// What it can do, so that nobody is offered what would be refused.
    fn can(&self) -> Can {
        Can::default()
    }

    /// Where it is, its version, how fast it answers.
    fn about(&self) -> BoxFuture<'_, Result<About>> {
        lacks(self.driver(), "tell about itself")
    }

    /// State of every queue, bounded work.
    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>>;

    /// Live workers, at most 1,000. [`Error::Unsupported`] when the driver can't know them, which is not "none".
    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerState>>> {
        lacks(self.driver(), "list workers")
    }

    /// One page of jobs in `state`, at most [`PAGE_MAX`]: the next to run first for those that wait, the newest first for those that ended.
    /// `after` is [`JobPage::next`] of the page before. Acting on the jobs of a page does not make the next page skip any, except for
    /// [`JobState::Waiting`] and [`JobState::Paused`] of drivers that keep them in a list: collect those with [`Queue::ids`] first.
    fn jobs<'a>(&'a self, _queue: &'a str, _state: JobState, _after: Option<&'a str>, _limit: usize) -> BoxFuture<'a, Result<JobPage>> {
        lacks(self.driver(), "list jobs")
    }

    /// Ids of jobs in `state`, at most 10,000 a page, oldest or next to run first; `after` as for [`Queue::jobs`]. Jobs that enter or leave the
    /// state meanwhile may be missed or told twice, no others.
    fn ids<'a>(&'a self, _queue: &'a str, _state: JobState, _after: Option<&'a str>) -> BoxFuture<'a, Result<(Vec<String>, Option<String>)>> {
        lacks(self.driver(), "list jobs")
    }

    /// The jobs of these ids that exist, in any order, at most [`PAGE_MAX`].
    fn find<'a>(&'a self, _queue: &'a str, _ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRow>>> {
        lacks(self.driver(), "find jobs")
    }

    /// Everything about one job; `None` when there is none.
    fn job<'a>(&'a self, _queue: &'a str, _id: &'a str) -> BoxFuture<'a, Result<Option<JobDetail>>> {
        lacks(self.driver(), "show a job")
    }

    /// Log lines of a job from line `from` (0 is the oldest), at most 200.
    fn log<'a>(&'a self, _queue: &'a str, _id: &'a str, _from: u64) -> BoxFuture<'a, Result<LogPage>> {
        lacks(self.driver(), "show logs of jobs")
    }

    /// What happened after `after` ([`EventPage::last`] of the page before; `None`: from now on), at most 5,000 events; waits for none.
    fn events<'a>(&'a self, _queue: &'a str, _after: Option<&'a str>) -> BoxFuture<'a, Result<EventPage>> {
        lacks(self.driver(), "tell what happened")
    }

    /// What ended by minute since `since`, at most two days back, minutes without any left out: the history of drivers that count it themselves
    /// and tell no events.
    fn minutes<'a>(&'a self, _queue: &'a str, _since: Timestamp) -> BoxFuture<'a, Result<Vec<QueueMinute>>> {
        lacks(self.driver(), "tell what ended by minute")
    }

    /// Recurring jobs of all queues, at most 1,000 a queue.
    fn schedules(&self) -> BoxFuture<'_, Result<Vec<ScheduleState>>> {
        lacks(self.driver(), "list schedules")
    }

    /// What became of the last occurrences of a schedule, latest first, at most 200.
    fn schedule_runs<'a>(&'a self, _queue: &'a str, _id: &'a str) -> BoxFuture<'a, Result<Vec<ScheduleRun>>> {
        lacks(self.driver(), "tell the runs of a schedule")
    }

    /// Stops workers from taking jobs of `queue`.
    fn pause<'a>(&'a self, warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Lets workers take jobs of `queue` again; returns when nothing remains to be moved back.
    fn resume<'a>(&'a self, warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Does `act` to each of `ids`, at most [`ACT_MAX`], each atomically; the answers are in the order of `ids`.
    fn act<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _act: JobAct, _ids: &'a [String]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        lacks(self.driver(), "change jobs")
    }

    /// Bytes that the records of these jobs take, about, in their order, at most [`ACT_MAX`]; 0 for one that does not exist. Cheap however large
    /// the jobs are: it is asked before [`Queue::records`] reads them.
    fn sizes<'a>(&'a self, _queue: &'a str, _ids: &'a [String]) -> BoxFuture<'a, Result<Vec<u64>>> {
        lacks(self.driver(), "archive jobs")
    }

    /// Everything that [`Queue::restore`] needs to bring these jobs back as they are, at most [`ACT_MAX`]; those that don't exist, run, or
    /// belong to a schedule are left out.
    fn records<'a>(&'a self, _queue: &'a str, _ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRecord>>> {
        lacks(self.driver(), "archive jobs")
    }

    /// Deletes the jobs of `records`, if each still is as it was recorded; else it is [`Acted::Gone`] and stays. What a call of the same name
    /// deleted before is [`Acted::Done`], and no other job that is gone.
    fn remove_recorded<'a>(
        &'a self,
        _warrant: &'a Warrant,
        _queue: &'a str,
        _records: &'a [JobRecord],
        _once: Once<'a>,
    ) -> BoxFuture<'a, Result<Vec<Acted>>> {
        lacks(self.driver(), "archive jobs")
    }

    /// Brings deleted jobs back in their state and order. One that is there is [`Acted::There`]; where another one has its id it is
    /// [`Acted::Refused`]. What a call of the same name brought back before is [`Acted::Done`], whatever became of it since.
    fn restore<'a>(
        &'a self,
        _warrant: &'a Warrant,
        _queue: &'a str,
        _records: &'a [JobRecord],
        _once: Once<'a>,
    ) -> BoxFuture<'a, Result<Vec<Acted>>> {
        lacks(self.driver(), "restore jobs")
    }

    /// What holds for a queue as a whole, its pause and its limits, in the driver's own form: for [`Queue::revive`].
    fn settings<'a>(&'a self, _queue: &'a str) -> BoxFuture<'a, Result<Value>> {
        lacks(self.driver(), "archive a queue")
    }

    /// Gives a queue that was deleted its settings back, before its jobs come back: what was paused begins paused. `false`: it has jobs again,
    /// and stays as it is.
    fn revive<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _settings: &'a Value) -> BoxFuture<'a, Result<bool>> {
        lacks(self.driver(), "restore a queue")
    }

    /// Sets concurrency and rate of a queue for all its workers.
    fn limit<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _limits: Limits) -> BoxFuture<'a, Result<()>> {
        lacks(self.driver(), "limit a queue")
    }

    /// Deletes what is left of a paused queue: its jobs in every state, schedules, counters, history. Run [`Queue::records`] over its jobs first.
    /// [`Error::Conflict`] while jobs run. `false`: more is left, call again.
    fn obliterate<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str) -> BoxFuture<'a, Result<bool>> {
        lacks(self.driver(), "delete a queue")
    }

    /// Enqueues one job of a schedule now, beside its cadence; returns the job's id.
    fn run_schedule<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _id: &'a str) -> BoxFuture<'a, Result<String>> {
        lacks(self.driver(), "run a schedule")
    }

    /// Stops a schedule. A driver that can't remember a stopped one returns what [`Queue::resume_schedule`] will need.
    fn pause_schedule<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        lacks(self.driver(), "pause a schedule")
    }

    /// Lets a schedule go on; what it missed is not made up. `kept` is what [`Queue::pause_schedule`] or [`Queue::remove_schedule`] gave.
    fn resume_schedule<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _id: &'a str, _kept: Option<&'a Value>) -> BoxFuture<'a, Result<()>> {
        lacks(self.driver(), "resume a schedule")
    }

    /// Deletes a schedule with its pending job; returns what [`Queue::resume_schedule`] needs to bring it back, if it can.
    fn remove_schedule<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str, _id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        lacks(self.driver(), "remove a schedule")
    }
}
