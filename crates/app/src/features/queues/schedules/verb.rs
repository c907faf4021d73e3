//! What is done to schedules.

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

    /// After a stop: keeps what the driver gave, or nothing when it remembers by itself.
    async fn stopped(&self, hold: Hold, to: Held, kept: Option<Value>) -> Result<bool> {
        match kept {
            Some(kept) => self.put(Hold { state: to, kept: Some(kept), ..hold }).await.map(|()| true),
            None => self.forget().await.map(|()| false),
        }
    }
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
            let Some(state) = asked.known().await? else {
                let paused = asked.held().await?.is_some_and(|hold| hold.state == Held::Paused);
                return Err(if paused { Error::Conflict(format!("{} is paused already.", asked.schedule)) } else { asked.missing() });
            };
            if state.paused {
                return Err(Error::Conflict(format!("{} is paused already.", asked.schedule)));
            }
            let hold = asked.hold(&state, by(permit.actor()));
            asked.put(hold.clone()).await?;
            let stopped = asked.driver.pause_schedule(permit.warrant(), &asked.queue, &asked.schedule).await;
            let kept = settled(&asked, stopped).await?;
            asked.stopped(hold, Held::Paused, kept).await?;
            Ok(Change::between(asked.changed(None, true), json!({ "paused": false }), json!({ "paused": true })))
        })
    };
    perform(app, actor, action, given, work).await
}

/// When the driver refused, nothing was stopped and there is nothing to keep.
async fn settled(asked: &Asked, stopped: Result<Option<Value>>) -> Result<Option<Value>> {
    if matches!(stopped, Err(Error::NotFound(_) | Error::Conflict(_) | Error::Invalid(_) | Error::Unsupported { .. })) {
        asked.forget().await?;
    }
    stopped
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
                (None, Some(hold)) if hold.kept.is_some() => hold.kept,
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
                (Some(state), _) => take(&asked, permit.warrant(), asked.hold(&state, by(permit.actor()))).await?,
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

async fn take(asked: &Asked, warrant: &Warrant, hold: Hold) -> Result<bool> {
    asked.put(hold.clone()).await?;
    let removed = asked.driver.remove_schedule(warrant, &asked.queue, &asked.schedule).await;
    let kept = settled(asked, removed).await?;
    asked.stopped(hold, Held::Removed, kept).await
}

/// Removes every schedule of the queue that a run deletes.
pub(in crate::features::queues) async fn take_away(app: &App, driver: &Arc<dyn Queue>, warrant: &Warrant, run: &Run) -> Result<()> {
    for state in driver.schedules().await?.into_iter().filter(|state| state.queue == run.queue) {
        let (source, queue, schedule) = (run.source.clone(), run.queue.clone(), state.id.clone());
        let asked = Asked { app: app.clone(), driver: Arc::clone(driver), source, queue, schedule };
        let hold = asked.hold(&state, (&run.actor_id, &run.actor_name));
        take(&asked, warrant, Hold { run: Some(run.id), ..hold }).await?;
    }
    Ok(())
}

/// Brings the schedules back that a run deleted with their queue; one that was registered again meanwhile stays as it is.
pub(in crate::features::queues) async fn put_back(app: App, driver: &dyn Queue, warrant: &Warrant, run: Uuid) -> Result<()> {
    let held = store::of_run(&app.db, run).await?;
    if held.is_empty() {
        return Ok(());
    }
    let known = driver.schedules().await?;
    for hold in held {
        let there = known.iter().any(|state| state.queue == hold.queue && state.id == hold.schedule);
        if let (false, Some(kept)) = (there, &hold.kept) {
            driver.resume_schedule(warrant, &hold.queue, &hold.schedule, Some(kept)).await?;
        }
        app.db.write_with(move |tx| Box::pin(async move { store::forget(tx, &hold.source, &hold.queue, &hold.schedule).await })).await?;
    }
    Ok(())
}
