//! Doing what a run is for: a durable job, under one intent and one outcome each time that a process takes it up.

use std::sync::Arc;
use std::time::Duration;

use engine::job::{Enqueue, Job, JobError, RunInfo, enqueue};
use qd_core::gate::{Actor, Change, Confirmation, Permit, Warrant};
use qd_core::{App, Error, Result, Runner};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::going::{Go, Going, tell};
use super::place::Verdict;
use super::{Run, RunStatus, Work, cohort, delete, obliterate, restore, store, walk};
use crate::features::queues::action::ExecuteRun;
use crate::features::queues::{changed, source};

/// Between two looks for runs whose job is gone.
const SWEEP: Duration = Duration::from_secs(5);
/// Seconds after which a deletion at once that did not end was cut off.
const CUT_OFF: i64 = 60;

/// The job of a run. Runs have a queue of their own: a long one must not hold up the steps of maintenance windows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Execute {
    pub(super) run: Uuid,
}

impl Execute {
    /// Lets one job at a time do a run.
    pub(super) fn key(run: Uuid) -> String {
        format!("queue-run:{run}")
    }
}

impl Job for Execute {
    const NAME: &'static str = "queue-run";
    const QUEUE: &'static str = "queue-runs";
    const ATTEMPTS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(7 * 86_400);
    const BACKOFF: Duration = Duration::from_secs(2);
    type Context = Runner;

    async fn run(self, runner: Runner, info: RunInfo) -> std::result::Result<(), JobError> {
        match execute(&runner.app, &runner.actor, self.run, Some(info)).await {
            Ok(true) | Err(Error::Outdated(_)) => Ok(()),
            Ok(false) => Err(JobError::given_back("The process stops; another one goes on.")),
            Err(fault) => Err(JobError::retry(fault.to_string())),
        }
    }
}

/// Does a run, or goes on with it. True when it is over, false when the process stops and it is not.
///
/// # Errors
/// What may pass: a job system that is away. The run is not over then, and goes on with the next try.
pub(in crate::features::queues) async fn execute(app: &App, actor: &Actor, id: Uuid, info: Option<RunInfo>) -> Result<bool> {
    let Some(run) = store::find(&app.db, id).await?.filter(|run| !run.status.is_over()) else { return Ok(true) };
    let action = ExecuteRun { run: id, source: run.source.clone(), queue: run.queue.clone(), asked_by: run.actor_id.clone() };
    let given = Confirmation { reason: run.reason.clone(), ..Confirmation::default() };
    let inside = app.clone();
    let done = app.gate.perform(actor, action, given, move |permit: Permit<ExecuteRun>| {
        Box::pin(async move {
            let last = info.as_ref().is_none_or(RunInfo::is_last);
            let (before, after) = work(&inside, permit.warrant(), id, info, last).await?;
            let over = after.as_ref().is_none_or(|run| run.status.is_over());
            Ok(Change::between(over, before.as_ref().map(figures), after.as_ref().map(figures)))
        })
    });
    match done.await {
        Ok(done) => Ok(done.value),
        // It is over all the same: its outcome says why.
        Err(fault) if store::current(&app.db, id).await?.is_none_or(RunStatus::is_over) => {
            tracing::warn!(run = %id, %fault, "a run over jobs failed");
            Ok(true)
        }
        Err(fault) => Err(fault),
    }
}

/// Counts for the trail.
fn figures(run: &Run) -> Value {
    json!({
        "status": run.status, "work": run.work.word(), "total": run.total, "seen": run.seen, "done": run.done, "gone": run.gone,
        "refused": run.refused, "archived": run.archived, "askedBy": run.actor_id,
    })
}

/// The run before and after; both `None` when it was over.
pub(in crate::features::queues) async fn work(
    app: &App,
    warrant: &Warrant,
    id: Uuid,
    info: Option<RunInfo>,
    last: bool,
) -> Result<(Option<Run>, Option<Run>)> {
    let now = app.now();
    let Some(stored) = app.db.write_with(move |tx| Box::pin(async move { store::begin(tx, id, now).await })).await? else { return Ok((None, None)) };
    let before = stored.run.clone();
    let driver = match source::source(app, &stored.run.source) {
        Ok(source) => Arc::clone(&source.queue),
        // It was taken out of the configuration: nobody could ever end the run otherwise.
        Err(fault) => {
            let why = fault.to_string();
            app.db.write_with(move |tx| Box::pin(async move { store::end(tx, &stored, RunStatus::Failed, Some(&why), now).await })).await?;
            return Err(fault);
        }
    };
    let mut going = Going::new(app.clone(), driver, stored, info);
    let ended = match part(&mut going, warrant).await {
        Ok(ended) => ended,
        Err(fault) if last || is_lasting(&fault) => Some(Verdict::Failed(fault.to_string())),
        Err(fault) => return Err(put_off(going, fault).await),
    };
    let Some(verdict) = ended else { return Ok((Some(before), Some(going.stored.run))) };
    let failed = if let Verdict::Failed(why) = &verdict { Some(why.clone()) } else { None };
    let run = close(going, warrant, verdict, last).await?;
    match failed {
        // The outcome is a failure, and says how far it came.
        Some(why) => Err(Error::Conflict(format!("{why} Done: {}, moved on: {}, refused: {}.", run.done, run.gone, run.refused))),
        None => Ok((Some(before), Some(run))),
    }
}

/// How the run ends; `None` when the process stops before.
async fn part(going: &mut Going, warrant: &Warrant) -> Result<Option<Verdict>> {
    if let Some(verdict) = going.stored.place.verdict.clone() {
        return Ok(Some(verdict));
    }
    if going.run().work.deletes() {
        delete::settle(going, warrant).await?;
    }
    if going.run().status == RunStatus::Cancelling {
        return Ok(Some(Verdict::Cancelled));
    }
    going.tell(true);
    let part = match going.run().work {
        Work::Retry { .. } | Work::Promote | Work::Remove | Work::Drain { .. } => walk::walk(going, warrant).await?,
        Work::Obliterate => obliterate::obliterate(going, warrant).await?,
        Work::Cohort { .. } => cohort::retry(going, warrant).await?,
        Work::Restore { run } => restore::restore(going, warrant, run).await?,
    };
    Ok(match part {
        Ok(()) | Err(Go::On) => Some(Verdict::Done),
        Err(Go::End(verdict)) => Some(verdict),
        Err(Go::Stop) => None,
    })
}

/// Whether trying again is of no use.
fn is_lasting(fault: &Error) -> bool {
    matches!(fault, Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Unsupported { .. } | Error::Forbidden(_))
}

/// Says at the run what the try failed of.
async fn put_off(mut going: Going, fault: Error) -> Error {
    if matches!(fault, Error::Outdated(_)) {
        return fault;
    }
    going.stored.run.fault = Some(format!("{fault} It is tried again."));
    match going.keep().await {
        Ok(_) => {}
        Err(lost) => tracing::warn!(fault = %lost, "what a run failed of was not stored"),
    }
    fault
}

/// Puts back what is to be put back, and ends the run.
async fn close(mut going: Going, warrant: &Warrant, verdict: Verdict, last: bool) -> Result<Run> {
    // Kept first: a crash, or a fault, in between must not begin the work again.
    going.stored.place.verdict = Some(verdict.clone());
    last_words(&mut going);
    going.keep().await?;
    if going.run().work.deletes() {
        delete::assume(&mut going).await?;
    }
    if let Err(fault) = cohort::release(&mut going, warrant).await {
        if !last && !is_lasting(&fault) {
            return Err(put_off(going, fault).await);
        }
        going.note(&format!("The limit of the queue could not be put back: {fault} Set it by hand."));
    }
    going.keep().await?;
    let (to, fault) = match &verdict {
        Verdict::Done => (RunStatus::Done, None),
        Verdict::Cancelled => (RunStatus::Cancelled, None),
        Verdict::Failed(why) => (RunStatus::Failed, Some(why.clone())),
    };
    let (app, stored, now, why) = (going.app.clone(), going.stored, going.app.now(), fault.clone());
    let ending = stored.clone();
    app.db.write_with(move |tx| Box::pin(async move { store::end(tx, &ending, to, why.as_deref(), now).await })).await?;
    let run = Run { status: to, fault, ended_at: Some(now), updated_at: now, phase: String::new(), ..stored.run };
    tell(&app, &run);
    changed(&app, &run.source, &run.queue);
    Ok(run)
}

fn last_words(going: &mut Going) {
    let unsure = going.stored.place.unsure;
    if unsure > 0 {
        going.note(&format!("{unsure} jobs were left alone: their data is too long to be searched."));
    }
    let run = &mut going.stored.run;
    run.fault = None;
    run.phase = String::new();
}

/// Asks for a job for every run that has none, as long as the process lives: what is not over goes on, whatever became of its job.
pub(in crate::features::queues) async fn sweep(app: App) {
    let mut tick = tokio::time::interval(SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(fault) = look(&app).await {
            tracing::error!(%fault, "runs over jobs were not looked after");
        }
    }
}

/// One look.
pub(in crate::features::queues) async fn look(app: &App) -> Result<()> {
    let open: Vec<Uuid> = store::open(&app.db, app.now().plus_seconds(-CUT_OFF)).await?.into_iter().map(|run| run.id).collect();
    if open.is_empty() {
        return Ok(());
    }
    let write = app.db.write_with(move |tx| {
        Box::pin(async move {
            for run in open {
                enqueue(tx, &Execute { run }, Enqueue::unique(Execute::key(run))).await?;
            }
            Ok(())
        })
    });
    write.await
}
