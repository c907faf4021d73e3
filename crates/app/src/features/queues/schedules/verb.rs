//! What is done to schedules.

use std::collections::BTreeSet;
use std::sync::Arc;

use qd_core::gate::{Action, Actor, Change, Confirmation, Done, Permit, Warrant};
use qd_core::port::Queue;
use qd_core::port::queue::ScheduleState;
use qd_core::{App, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Held, Hold, Known, store};
use crate::features::queues::action::{PauseSchedule, RemoveSchedule, ResumeSchedule, RunSchedule};
use crate::features::queues::run::Run;
use crate::features::queues::{changed, source};

/// How often a schedule is stopped that its application registers again and again meanwhile.
const ROUNDS: usize = 3;

/// A schedule after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleChange {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Schedule.
    pub schedule: String,
    /// The job that was enqueued, where one was.
    pub job: Option<String>,
    /// Whether resuming brings it back.
    pub restorable: bool,
}

/// Which schedule, and who asks.
#[derive(Clone)]
struct Asked {
    app: App,
    driver: Arc<dyn Queue>,
    source: String,
    queue: String,
    schedule: String,
}

impl Asked {
    fn of(app: &App, name: &str, queue: &str, schedule: &str) -> Result<Self> {
        source::named(queue)?;
        source::named(schedule)?;
        let driver = Arc::clone(&source::source(app, name)?.queue);
        let (source, queue, schedule) = (name.to_owned(), queue.to_owned(), schedule.to_owned());
        Ok(Self { app: app.clone(), driver, source, queue, schedule })
    }

    fn changed(&self, job: Option<String>, restorable: bool) -> ScheduleChange {
        ScheduleChange { source: self.source.clone(), queue: self.queue.clone(), schedule: self.schedule.clone(), job, restorable }
    }

    /// The schedule as its driver knows it.
    async fn known(&self) -> Result<Option<ScheduleState>> {
        let all = self.driver.schedules().await?;
        Ok(all.into_iter().find(|state| state.queue == self.queue && state.id == self.schedule))
    }

    fn missing(&self) -> Error {
        Error::NotFound(format!("The schedule {} of {}", self.schedule, self.queue))
    }

    async fn held(&self) -> Result<Option<Hold>> {
        store::find(&self.app.db, &self.source, &self.queue, &self.schedule).await
    }

    fn hold(&self, state: &ScheduleState, by: (&str, &str)) -> Hold {
        let known = Known { job: state.job.clone(), cadence: state.cadence.clone(), last_at: state.last_at.map(|at| at.0) };
        let (source, queue, schedule) = (self.source.clone(), self.queue.clone(), self.schedule.clone());
        let (actor_id, actor_name) = (by.0.to_owned(), by.1.to_owned());
        Hold { source, queue, schedule, state: Held::Stopping, known, kept: None, run: None, at: self.app.now(), actor_id, actor_name }
    }

    async fn put(&self, hold: Hold) -> Result<()> {
        self.app.db.write_with(move |tx| Box::pin(async move { store::put(tx, &hold).await })).await
    }

    async fn forget(&self) -> Result<()> {
        let one = self.clone();
        self.app.db.write_with(move |tx| Box::pin(async move { store::forget(tx, &one.source, &one.queue, &one.schedule).await })).await
    }

    /// After a stop: keeps what the driver gave, or nothing when it remembers by itself. Only what is stored is let go by the driver; what it gives
    /// then is of a schedule that its application registered meanwhile.
    async fn stopped(&self, warrant: &Warrant, hold: Hold, to: Held, mut kept: Option<Value>) -> Result<bool> {
        if kept.is_none() {
            return self.forget().await.map(|()| false);
        }
        for _ in 0..ROUNDS {
            let Some(left) = kept.take() else { break };
            self.put(Hold { state: to, kept: Some(left), ..hold.clone() }).await?;
            match self.driver.remove_schedule(warrant, &self.queue, &self.schedule).await {
                Ok(more) => kept = more,
                Err(Error::NotFound(_)) => {}
                // It does not fire, and what it needs is stored: what else its driver holds of it does no harm.
                Err(fault) => tracing::warn!(schedule = self.schedule, %fault, "what is left of a stopped schedule was not deleted"),
            }
        }
        Ok(true)
    }

    /// Stops it, and keeps what brings it back. The row is there before the driver is asked: an answer that is lost leaves it, and the driver gives
    /// what it needs again.
    async fn stop(&self, warrant: &Warrant, hold: Hold, to: Held, how: How) -> Result<bool> {
        self.put(hold.clone()).await?;
        let stopped = match how {
            How::Pause => self.driver.pause_schedule(warrant, &self.queue, &self.schedule).await,
            How::Remove => self.driver.remove_schedule(warrant, &self.queue, &self.schedule).await,
        };
        if matches!(stopped, Err(Error::NotFound(_) | Error::Conflict(_) | Error::Invalid(_) | Error::Unsupported { .. })) {
            // The driver refused: nothing was stopped, and there is nothing to keep.
            self.forget().await?;
        }
        self.stopped(warrant, hold, to, stopped?).await
    }
}

/// What the driver is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// To give what it needs, again if it is stopped already.
    Pause,
    Remove,
}

fn by(actor: &Actor) -> (&str, &str) {
    (actor.id(), actor.name())
}

async fn perform<A, F>(app: &App, actor: &Actor, action: A, given: Confirmation, work: F) -> Result<Done<ScheduleChange>>
where
    A: Action,
    F: FnOnce(Permit<A>) -> futures::future::BoxFuture<'static, Result<Change<ScheduleChange>>> + Send + 'static,
{
    let done = app.gate.perform(actor, action, given, work).await?;
    changed(app, &done.value.source, &done.value.queue);
    Ok(done)
}

/// Enqueues one job of a schedule now, beside its cadence.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one, and those of the driver.
pub async fn run_now(app: &App, actor: &Actor, action: RunSchedule, given: Confirmation) -> Result<Done<ScheduleChange>> {
    let asked = Asked::of(app, &action.source, &action.queue, &action.schedule)?;
    let work = move |permit: Permit<RunSchedule>| -> futures::future::BoxFuture<'static, Result<Change<ScheduleChange>>> {
        Box::pin(async move {
            let job = asked.driver.run_schedule(permit.warrant(), &asked.queue, &asked.schedule).await?;
            let after = json!({ "job": job });
            Ok(Change { after: Some(after), ..Change::of(asked.changed(Some(job), false)) })
        })
    };
    perform(app, actor, action, given, work).await
}

/// Stops a schedule until it is resumed.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one; [`Error::Conflict`] when it is paused already.
pub async fn pause(app: &App, actor: &Actor, action: PauseSchedule, given: Confirmation) -> Result<Done<ScheduleChange>> {
    let asked = Asked::of(app, &action.source, &action.queue, &action.schedule)?;
    let work = move |permit: Permit<PauseSchedule>| -> futures::future::BoxFuture<'static, Result<Change<ScheduleChange>>> {
        Box::pin(async move {
            let hold = match (asked.known().await?, asked.held().await?) {
                (Some(state), _) if !state.paused => asked.hold(&state, by(permit.actor())),
                // Its driver did not answer the last time.
                (None, Some(hold)) if hold.state == Held::Stopping => hold,
                (None, None) => return Err(asked.missing()),
                (None, Some(hold)) if hold.state == Held::Removed => return Err(asked.missing()),
                _ => return Err(Error::Conflict(format!("{} is paused already.", asked.schedule))),
            };
            asked.stop(permit.warrant(), hold, Held::Paused, How::Pause).await?;
            Ok(Change::between(asked.changed(None, true), json!({ "paused": false }), json!({ "paused": true })))
        })
    };
    perform(app, actor, action, given, work).await
}

/// Lets a paused schedule fire again, or one that was removed within 72 h.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one; [`Error::Conflict`] when it fires already.
pub async fn resume(app: &App, actor: &Actor, action: ResumeSchedule, given: Confirmation) -> Result<Done<ScheduleChange>> {
    let asked = Asked::of(app, &action.source, &action.queue, &action.schedule)?;
    let work = move |permit: Permit<ResumeSchedule>| -> futures::future::BoxFuture<'static, Result<Change<ScheduleChange>>> {
        Box::pin(async move {
            let (known, held) = (asked.known().await?, asked.held().await?);
            let kept = match (&known, held) {
                (Some(state), _) if !state.paused => {
                    asked.forget().await?;
                    return Err(Error::Conflict(format!("{} fires already.", asked.schedule)));
                }
                (Some(_), _) => None,
                // Of one whose driver did not answer, that one has it still.
                (None, Some(hold)) if hold.kept.is_some() || hold.state == Held::Stopping => hold.kept,
                (None, _) => return Err(asked.missing()),
            };
            asked.driver.resume_schedule(permit.warrant(), &asked.queue, &asked.schedule, kept.as_ref()).await?;
            asked.forget().await?;
            Ok(Change::between(asked.changed(None, false), json!({ "paused": true }), json!({ "paused": false })))
        })
    };
    perform(app, actor, action, given, work).await
}

/// Deletes a schedule with its pending job.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one, and those of the driver.
pub async fn remove(app: &App, actor: &Actor, action: RemoveSchedule, given: Confirmation) -> Result<Done<ScheduleChange>> {
    let asked = Asked::of(app, &action.source, &action.queue, &action.schedule)?;
    let work = move |permit: Permit<RemoveSchedule>| -> futures::future::BoxFuture<'static, Result<Change<ScheduleChange>>> {
        Box::pin(async move {
            let restorable = match (asked.known().await?, asked.held().await?) {
                (Some(state), _) => asked.stop(permit.warrant(), asked.hold(&state, by(permit.actor())), Held::Removed, How::Remove).await?,
                (None, Some(hold)) if hold.state == Held::Stopping => asked.stop(permit.warrant(), hold, Held::Removed, How::Pause).await?,
                // The driver has forgotten it already: what is kept of it stays for its time.
                (None, Some(hold)) if hold.state == Held::Paused => {
                    let restorable = hold.kept.is_some();
                    asked.put(Hold { state: Held::Removed, at: asked.app.now(), ..hold }).await?;
                    restorable
                }
                (None, _) => return Err(asked.missing()),
            };
            let after = json!({ "removed": true, "restorable": restorable });
            Ok(Change { after: Some(after), ..Change::of(asked.changed(None, restorable)) })
        })
    };
    perform(app, actor, action, given, work).await
}

/// Removes every schedule of the queue that a run deletes, page by page.
pub(in crate::features::queues) async fn take_away(app: &App, driver: &Arc<dyn Queue>, warrant: &Warrant, run: &Run) -> Result<()> {
    let mut seen = BTreeSet::new();
    loop {
        let page = driver.schedules().await?.into_iter().filter(|state| state.queue == run.queue && seen.insert(state.id.clone()));
        let page: Vec<ScheduleState> = page.collect();
        if page.is_empty() {
            return Ok(());
        }
        for state in page {
            let (source, queue, schedule) = (run.source.clone(), run.queue.clone(), state.id.clone());
            let asked = Asked { app: app.clone(), driver: Arc::clone(driver), source, queue, schedule };
            let hold = Hold { run: Some(run.id), ..asked.hold(&state, (&run.actor_id, &run.actor_name)) };
            asked.stop(warrant, hold, Held::Removed, How::Remove).await?;
        }
    }
}

/// Brings the schedules back that a run deleted with their queue, page by page; one that was registered again meanwhile stays as it is.
pub(in crate::features::queues) async fn put_back(app: App, driver: &dyn Queue, warrant: &Warrant, run: Uuid) -> Result<()> {
    loop {
        let held = store::of_run(&app.db, run).await?;
        if held.is_empty() {
            return Ok(());
        }
        let known = driver.schedules().await?;
        for hold in held {
            let there = known.iter().any(|state| state.queue == hold.queue && state.id == hold.schedule);
            if !there && (hold.kept.is_some() || hold.state == Held::Stopping) {
                go_on(driver, warrant, &hold).await?;
            }
            app.db.write_with(move |tx| Box::pin(async move { store::forget(tx, &hold.source, &hold.queue, &hold.schedule).await })).await?;
        }
    }
}

/// Lets it fire again. One whose stop was never answered may be gone with its queue.
async fn go_on(driver: &dyn Queue, warrant: &Warrant, hold: &Hold) -> Result<()> {
    match driver.resume_schedule(warrant, &hold.queue, &hold.schedule, hold.kept.as_ref()).await {
        Err(Error::NotFound(_)) if hold.kept.is_none() => Ok(()),
        other => other,
    }
}
