//! What operators do to jobs, many in one transaction with an answer for each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::super::enqueue::announce;
use super::super::sql::on;
use super::super::{micros, now};
use super::{listed, sql};
use crate::args;
use crate::db::{Error, Result, Tx};

/// Most jobs of one act.
pub const ACT_MAX: usize = 500;

/// What is done to jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A failed or completed job runs again, with its priority.
    Retry {
        /// With all its attempts; else with those that are left, at least one.
        reset: bool,
    },
    /// The same, of failed jobs alone: one that has succeeded meanwhile does not run a second time.
    RetryFailed {
        /// With all its attempts; else with those that are left, at least one.
        reset: bool,
    },
    /// A delayed job becomes due now.
    Promote,
    /// A job that does not run is deleted; not the pending one of a schedule.
    Remove,
    /// A job that waits or is delayed gets this priority; higher runs first.
    Priority(i32),
    /// A delayed job becomes due this long from now.
    Delay(Duration),
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// Done.
    Done,
    /// It is not, or no longer, in a state in which this can be done.
    Gone,
    /// It was to come back, and is there.
    There,
    /// It may not be done, and why.
    Refused(String),
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Standing {
    pub id: Uuid,
    pub state: String,
    pub state_at: i64,
    pub priority: i64,
    pub attempts: i64,
    pub max_attempts: i64,
    pub schedule: Option<String>,
    pub unique_key: Option<String>,
}

impl Standing {
    fn is_pending(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "delayed")
    }

    fn fits(&self, act: Act) -> Acted {
        let fits = match act {
            Act::Retry { .. } => !self.is_pending(),
            Act::RetryFailed { .. } => self.state == "failed",
            Act::Promote | Act::Delay(_) => self.state == "delayed",
            Act::Priority(_) => self.is_pending(),
            Act::Remove => return self.removable(),
        };
        if fits { Acted::Done } else { Acted::Gone }
    }

    /// A schedule's pending job stands for its occurrence: it goes with the schedule.
    pub(super) fn removable(&self) -> Acted {
        match &self.schedule {
            Some(schedule) if self.is_pending() => Acted::Refused(format!("It is the pending job of the schedule {schedule}.")),
            _ => Acted::Done,
        }
    }
}

/// Does `act` to each of `ids` in `queue`, at most [`ACT_MAX`]; the answers are in their order.
///
/// # Errors
/// [`Error::Invalid`] for more ids, [`Error::Unique`] when a job with the key of a retried one came in between: nothing was done, try again.
pub async fn act(tx: &mut Tx, queue: &str, act: Act, ids: &[Uuid]) -> Result<Vec<Acted>> {
    let standing = standing(tx, queue, ids).await?;
    let mut answers: HashMap<Uuid, Acted> = standing.iter().map(|job| (job.id, job.fits(act))).collect();
    if let Act::Retry { .. } | Act::RetryFailed { .. } = act {
        refuse_held(tx, &standing, &mut answers).await?;
    }
    if act == Act::Remove {
        let running: Vec<(Uuid,)> = tx.all(on(tx.dialect(), sql::RUNNING_SQLITE, sql::RUNNING_POSTGRES), args![listed(ids), queue]).await?;
        running.into_iter().for_each(|(id,)| drop(answers.insert(id, Acted::Refused("It runs.".to_owned()))));
    }
    let chosen: Vec<Uuid> = answers.iter().filter(|(_, answer)| **answer == Acted::Done).map(|(id, _)| *id).collect();
    if !chosen.is_empty() {
        perform(tx, queue, act, &chosen).await?;
    }
    Ok(ids.iter().map(|id| answers.get(id).cloned().unwrap_or(Acted::Gone)).collect())
}

/// Locks those of `ids` that do not run and tells how they stand.
pub(super) async fn standing(tx: &mut Tx, queue: &str, ids: &[Uuid]) -> Result<Vec<Standing>> {
    if ids.len() > ACT_MAX {
        return Err(Error::invalid(format!("at most {ACT_MAX} jobs at once")));
    }
    tx.all(on(tx.dialect(), sql::STANDING_SQLITE, sql::STANDING_POSTGRES), args![listed(ids), queue]).await
}

/// Of several jobs with one unique key only the newest may run again, and none while one is pending.
async fn refuse_held(tx: &mut Tx, standing: &[Standing], answers: &mut HashMap<Uuid, Acted>) -> Result<()> {
    let keys: HashSet<&String> = standing.iter().filter_map(|job| job.unique_key.as_ref()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Value = keys.into_iter().map(|key| Value::from(key.as_str())).collect();
    let held: Vec<(String,)> = tx.all(on(tx.dialect(), sql::HELD_SQLITE, sql::HELD_POSTGRES), args![keys]).await?;
    let mut held: HashSet<String> = held.into_iter().map(|(key,)| key).collect();
    // Ids grow with time: the last is the newest.
    for job in standing.iter().rev() {
        let Some(key) = job.unique_key.as_ref().filter(|_| answers.get(&job.id) == Some(&Acted::Done)) else {
            continue;
        };
        if !held.insert(key.clone()) {
            answers.insert(job.id, Acted::Refused("A job with its unique key waits or runs.".into()));
        }
    }
    Ok(())
}

async fn perform(tx: &mut Tx, queue: &str, act: Act, ids: &[Uuid]) -> Result<()> {
    let (dialect, ids, at) = (tx.dialect(), listed(ids), now());
    match act {
        Act::Retry { reset } | Act::RetryFailed { reset } => {
            tx.exec(on(dialect, sql::ACT_RETRY_SQLITE, sql::ACT_RETRY_POSTGRES), args![ids, at, reset]).await?
        }
        Act::Promote => tx.exec(on(dialect, sql::ACT_PROMOTE_SQLITE, sql::ACT_PROMOTE_POSTGRES), args![ids, at]).await?,
        Act::Remove => tx.exec(on(dialect, sql::ACT_REMOVE_SQLITE, sql::ACT_REMOVE_POSTGRES), args![ids]).await?,
        Act::Priority(priority) => {
            tx.exec(on(dialect, sql::ACT_PRIORITY_SQLITE, sql::ACT_PRIORITY_POSTGRES), args![ids, i64::from(priority)]).await?
        }
        Act::Delay(delay) => {
            let due = at.saturating_add(micros(delay));
            announce(tx, queue, Some(due)).await?;
            tx.exec(on(dialect, sql::ACT_DELAY_SQLITE, sql::ACT_DELAY_POSTGRES), args![ids, due]).await?
        }
    };
    match act {
        Act::Retry { .. } | Act::RetryFailed { .. } | Act::Promote => announce(tx, queue, None).await,
        Act::Remove | Act::Priority(_) | Act::Delay(_) => Ok(()),
    }
}

/// How far the deletion of a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obliterated {
    /// There is nothing left.
    Done,
    /// More is left: call again.
    More,
    /// It is not paused: nothing was done.
    NotPaused,
    /// Jobs of it run: nothing was done.
    Running,
}

/// Deletes what is left of a paused queue, `chunk` jobs at a time: its jobs, schedules, minutes, limits.
///
/// # Errors
/// [`Error::NotFound`] for an unknown queue.
pub async fn obliterate(tx: &mut Tx, queue: &str, chunk: u32) -> Result<Obliterated> {
    let (paused,): (bool,) = tx.one(sql::QUEUE, args![queue]).await?;
    if !paused {
        return Ok(Obliterated::NotPaused);
    }
    if tx.maybe::<(Uuid,)>(sql::QUEUE_ACTIVE, args![queue]).await?.is_some() {
        return Ok(Obliterated::Running);
    }
    // First the schedules: they would make new jobs.
    tx.exec(sql::OBLITERATE_RUNS, args![queue]).await?;
    tx.exec(sql::OBLITERATE_SCHEDULES, args![queue]).await?;
    if tx.exec(sql::OBLITERATE_JOBS, args![queue, chunk]).await? >= u64::from(chunk) {
        return Ok(Obliterated::More);
    }
    tx.exec(sql::OBLITERATE_MINUTES, args![queue]).await?;
    tx.exec(sql::OBLITERATE_QUEUE, args![queue]).await?;
    Ok(Obliterated::Done)
}
