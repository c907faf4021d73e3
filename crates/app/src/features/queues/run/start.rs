//! Asking for runs, looking at them, and ending them.

use engine::job::{Enqueue, enqueue};
use qd_core::gate::{Action, Actor, Change, Confirmation, Done, GateTx, Undo};
use qd_core::port::queue::JobState;
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::execute::Execute;
use super::going::tell;
use super::{Filter, RESTORING, Run, RunStatus, Work, store, walk};
use crate::features::queues::action::{CancelRun, Drain, Obliterate, PromoteAll, Purge, RestoreRun, RetryAll, RetryCohort};
use crate::features::queues::source;

/// Most jobs a second that a run may be held to.
const RATE_MAX: u32 = 100_000;
/// Most jobs that a cohort sends ahead.
const FIRST_MAX: u32 = 50;

/// A run that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRun {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// What is done; not [`Work::Restore`], which is [`restore`].
    pub work: Work,
    /// To which jobs; a drain and an obliteration take all.
    pub filter: Filter,
    /// At most so many jobs a second.
    pub rate: Option<u32>,
}

/// Runs, the latest first, before `after`.
///
/// # Errors
/// Those of our database.
pub async fn runs(app: &App, after: Option<Uuid>, limit: usize) -> Result<Vec<Run>> {
    Ok(store::list(&app.db, after, limited(limit)).await?.into_iter().map(told).collect())
}

/// A run as everybody may read it: what somebody looked for may be a secret.
fn told(run: Run) -> Run {
    Run { filter: run.filter.masked(), ..run }
}

/// The latest runs of a queue.
///
/// # Errors
/// Those of our database.
pub async fn of_queue(app: &App, source: &str, queue: &str, limit: usize) -> Result<Vec<Run>> {
    Ok(store::of_queue(&app.db, source, queue, limited(limit)).await?.into_iter().map(told).collect())
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, 500)).unwrap_or(500)
}

/// Runs that are not over, at most 100.
///
/// # Errors
/// Those of our database.
pub async fn open(app: &App) -> Result<Vec<Run>> {
    store::open(&app.db, Timestamp(0)).await
}

/// One run.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, id: Uuid) -> Result<Run> {
    store::find(&app.db, id).await?.map(told).ok_or_else(|| Error::NotFound(format!("The run {id}")))
}

/// Starts a run: its row, its lock and its job are written together, and the audit row with them.
///
/// # Errors
/// [`Error::Invalid`] for what makes no sense; [`Error::Conflict`], with its id, when a run over the same state of the queue goes on, or when the
/// queue is not in a state for it; [`Error::Unsupported`] where the driver can't.
pub async fn start(app: &App, actor: &Actor, asked: StartRun, given: Confirmation) -> Result<Done<Run>> {
    let asked = checked(asked)?;
    let StartRun { source, queue, work, filter, rate } = asked.clone();
    match work {
        Work::Retry { reset } => begin(app, actor, RetryAll { source, queue, filter, reset, rate }, asked, given).await,
        Work::Promote => begin(app, actor, PromoteAll { source, queue, filter, rate }, asked, given).await,
        Work::Remove => begin(app, actor, Purge { source, queue, filter, rate }, asked, given).await,
        Work::Drain { delayed } => begin(app, actor, Drain { source, queue, delayed, rate }, asked, given).await,
        Work::Obliterate => begin(app, actor, Obliterate { source, queue }, asked, given).await,
        Work::Cohort { first, concurrency, reset } => {
            begin(app, actor, RetryCohort { source, queue, filter, reset, first, concurrency }, asked, given).await
        }
        Work::Restore { run } => restore(app, actor, run, given).await,
    }
}

/// What makes sense, whoever asks.
fn checked(asked: StartRun) -> Result<StartRun> {
    use JobState::{Active, Completed, Delayed, Failed, WaitingChildren};
    source::named(&asked.queue)?;
    let state = asked.filter.state;
    let (fits, detail) = match asked.work {
        Work::Retry { .. } => (matches!(state, Failed | Completed), "Failed and completed jobs can run again, no others."),
        Work::Promote => (state == Delayed, "Delayed jobs can be promoted, no others."),
        Work::Cohort { .. } => (state == Failed, "Failed jobs are retried in cohorts, no others."),
        Work::Remove => (!matches!(state, Active | WaitingChildren), "Jobs that run, or wait for jobs of their own, are not deleted."),
        Work::Drain { .. } | Work::Obliterate | Work::Restore { .. } => (true, ""),
    };
    if !fits {
        return Err(Error::invalid("state", detail));
    }
    if asked.filter.ids.is_some() {
        return Err(Error::invalid("ids", "A run takes what its filter matches. Chosen jobs are acted on at once."));
    }
    if asked.rate.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
        return Err(Error::invalid("rate", "Give 1 to 100,000 jobs a second, or none for as fast as it goes."));
    }
    if let Work::Cohort { first, concurrency, .. } = asked.work {
        if !(1..=FIRST_MAX).contains(&first) {
            return Err(Error::invalid("first", "Send 1 to 50 jobs ahead."));
        }
        if concurrency.is_some_and(|most| !(1..=10_000).contains(&most)) {
            return Err(Error::invalid("concurrency", "Give 1 to 10,000 jobs at once, or none."));
        }
    }
    let filter = if matches!(asked.work, Work::Drain { .. } | Work::Obliterate) { Filter::all(JobState::Waiting) } else { asked.filter };
    Ok(StartRun { filter, ..asked })
}

async fn begin<A: Action + Sync>(app: &App, actor: &Actor, action: A, asked: StartRun, given: Confirmation) -> Result<Done<Run>> {
    // Who may not is not told what there is.
    app.gate.check(actor, &action, &given).or_else(refused)?;
    let total = if A::WHO.admits(actor) { Some(possible(app, &asked).await?) } else { None };
    let now = app.now();
    let reason = given.reason.clone();
    let run = new(actor, asked, total, reason, now);
    let whats: Vec<String> = walk::states(run.work, &run.filter).into_iter().map(|state| state.word().to_owned()).collect();
    asked_for(app, actor, action, run, whats, given).await
}

/// The gate itself refuses, and records it: here only what it would not record ends the matter.
fn refused(fault: Error) -> Result<()> {
    if matches!(fault, Error::Forbidden(_) | Error::Unauthenticated(_)) { Ok(()) } else { Err(fault) }
}

/// Whether the queue allows it, and how many jobs there are to look at.
async fn possible(app: &App, asked: &StartRun) -> Result<i64> {
    let driver = &source::source(app, &asked.source)?.queue;
    let can = driver.can();
    let able = if asked.work == Work::Obliterate { can.obliterate && can.jobs } else { can.jobs };
    if !able {
        return Err(Error::Unsupported { driver: driver.driver(), what: asked.work.word().into() });
    }
    let state = source::state(app, &asked.source, &asked.queue).await?;
    if asked.work == Work::Obliterate && (!state.paused || state.active > 0) {
        let why = if state.paused { format!("{} of its jobs run.", state.active) } else { "It is not paused.".into() };
        return Err(Error::Conflict(format!("{} can't be obliterated now: {why} Pause it, and wait until nothing runs.", asked.queue)));
    }
    let states = walk::states(asked.work, &asked.filter);
    Ok(states.iter().map(|one| super::preview::counted(&state, *one)).sum())
}

pub(super) fn new(actor: &Actor, asked: StartRun, total: Option<i64>, reason: Option<String>, now: Timestamp) -> Run {
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    Run {
        id: Uuid::now_v7(),
        source: asked.source,
        queue: asked.queue,
        work: asked.work,
        filter: asked.filter,
        status: RunStatus::Waiting,
        background: true,
        phase: String::new(),
        total,
        seen: 0,
        done: 0,
        gone: 0,
        refused: 0,
        refusals: Vec::new(),
        rate: asked.rate,
        created_at: now,
        started_at: None,
        updated_at: now,
        ended_at: None,
        actor_id: actor.id().to_owned(),
        actor_name: actor.name().to_owned(),
        reason,
        note: None,
        fault: None,
        archived: 0,
        restorable_until: None,
    }
}

async fn asked_for<A: Action>(app: &App, actor: &Actor, action: A, run: Run, whats: Vec<String>, given: Confirmation) -> Result<Done<Run>> {
    let done = app.gate.transact(actor, action, given, move |mut tx, _permit| {
        Box::pin(async move {
            store::ask(&mut tx, &run).await?;
            lock(&mut tx, &run, &whats).await?;
            enqueue(&mut tx, &Execute { run: run.id }, Enqueue::unique(Execute::key(run.id))).await?;
            let undo = cancelling(&run);
            Ok(Change { after: Some(recorded(&run)), undo: Some(undo), ..Change::of(run) })
        })
    });
    let done = done.await?;
    tell(app, &done.value);
    Ok(done)
}

async fn lock(tx: &mut GateTx<'_>, run: &Run, whats: &[String]) -> Result<()> {
    for what in whats {
        if let Some(other) = store::lock(tx, run, what).await? {
            let which = if what.starts_with(RESTORING) {
                "What it deleted is restored already".to_owned()
            } else {
                format!("Another run is over the {what} jobs of {}", run.queue)
            };
            return Err(Error::Conflict(format!("{which}: {other}. Wait for it, or cancel it. Nothing was started.")));
        }
    }
    Ok(())
}

/// Ids and counts for the trail, which is kept for ever: what somebody looked for may be a secret.
fn recorded(run: &Run) -> Value {
    json!({ "run": run.id, "work": run.work, "filter": run.filter.masked().words(), "jobs": run.total, "rate": run.rate })
}

fn cancelling(run: &Run) -> Undo {
    Undo { label: "Cancel the run".into(), path: format!("/api/admin/ops/queues/runs/{}/cancel", run.id), body: json!({}) }
}

/// Brings back what a run deleted, as a run of its own.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] while it goes on, when nothing is left to restore, or when its 72 h are over.
pub async fn restore(app: &App, actor: &Actor, id: Uuid, given: Confirmation) -> Result<Done<Run>> {
    let origin = find(app, id).await?;
    if !origin.status.is_over() {
        return Err(Error::Conflict("The run still goes on. Cancel it first, or wait until it is over.".into()));
    }
    if !origin.is_restorable(app.now()) {
        let why = if origin.archived > 0 { "The 72 h for that are over." } else { "Its archive holds no job that is not back." };
        return Err(Error::Conflict(format!("Nothing can be restored. {why}")));
    }
    let filter = Filter::all(JobState::Waiting);
    let asked = StartRun { source: origin.source, queue: origin.queue, work: Work::Restore { run: id }, filter, rate: None };
    let run = new(actor, asked, Some(origin.archived), given.reason.clone(), app.now());
    asked_for(app, actor, RestoreRun { run: id }, run, vec![format!("{RESTORING}{id}")], given).await
}

/// Ends a run after the jobs that it is at. What it did stays done.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is over.
pub async fn cancel(app: &App, actor: &Actor, id: Uuid, given: Confirmation) -> Result<Done<Run>> {
    let now = app.now();
    let before = find(app, id).await?.status;
    let done = app.gate.transact(actor, CancelRun { run: id }, given, move |mut tx, _permit| {
        Box::pin(async move {
            let run = store::cancel(&mut tx, id, now).await?;
            let run = run.ok_or_else(|| Error::Conflict("The run is over already.".into()))?;
            let (was, is) = (json!({ "status": before }), json!({ "status": run.status }));
            Ok(Change::between(run, was, is))
        })
    });
    let done = done.await?;
    tell(app, &done.value);
    Ok(done)
}
