//! The durable jobs behind ramps and changes at a time, and the sweep that finds what is overdue.

use std::time::Duration;

use engine::Tx;
use engine::job::{Enqueue, Job, JobError, RunInfo, Worker, enqueue};
use qd_core::{App, Result, Runner, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::error;
use uuid::Uuid;

use super::{Ramp, Scheduled, advance, run_schedule, store};
use crate::web::Starter;

/// How often the sweep looks.
const SWEEP: Duration = Duration::from_secs(5);

/// Does the step of a ramp that was planned for `due`.
#[derive(Debug, Serialize, Deserialize)]
pub struct StepDue {
    ramp: Uuid,
    due: Timestamp,
}

impl Job for StepDue {
    const NAME: &'static str = "flags.ramp";
    const QUEUE: &'static str = "housekeeping";
    const ATTEMPTS: u32 = 10;
    type Context = Runner;

    async fn run(self, runner: Runner, _: RunInfo) -> Result<(), JobError> {
        advance(&runner.app, &runner.actor, self.ramp, self.due).await?;
        Ok(())
    }
}

/// Carries out a change at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduleDue {
    schedule: Uuid,
}

impl Job for ScheduleDue {
    const NAME: &'static str = "flags.schedule";
    const QUEUE: &'static str = "housekeeping";
    const ATTEMPTS: u32 = 10;
    type Context = Runner;

    async fn run(self, runner: Runner, _: RunInfo) -> Result<(), JobError> {
        run_schedule(&runner.app, &runner.actor, self.schedule).await?;
        Ok(())
    }
}

/// Registers both.
pub fn jobs(worker: Worker<Runner>) -> Worker<Runner> {
    worker.register::<StepDue>().register::<ScheduleDue>()
}

fn delay(at: Timestamp, now: Timestamp) -> Enqueue {
    Enqueue::delayed(Duration::from_micros(u64::try_from(at.0 - now.0).unwrap_or(0)))
}

/// Enqueues a ramp's next step with the change that leads to it; nothing when none is planned.
pub async fn enqueue_step(tx: &mut Tx, ramp: &Ramp, now: Timestamp) -> Result<()> {
    if let Some(due) = ramp.next_at {
        enqueue(tx, &StepDue { ramp: ramp.id, due }, delay(due, now)).await?;
    }
    Ok(())
}

/// Enqueues a change at a time with the change that asks for it.
pub async fn enqueue_schedule(tx: &mut Tx, scheduled: &Scheduled, now: Timestamp) -> Result<()> {
    enqueue(tx, &ScheduleDue { schedule: scheduled.id }, delay(scheduled.at, now)).await?;
    Ok(())
}

/// A step came too early: the clocks of the engine and of the application differ.
pub async fn again(app: &App, ramp: &Ramp, now: Timestamp) -> Result<()> {
    let ramp = ramp.clone();
    app.db.write_with(move |tx| Box::pin(async move { enqueue_step(tx, &ramp, now).await })).await
}

/// A change came too early.
pub async fn again_at(app: &App, scheduled: &Scheduled, now: Timestamp) -> Result<()> {
    let scheduled = scheduled.clone();
    app.db.write_with(move |tx| Box::pin(async move { enqueue_schedule(tx, &scheduled, now).await })).await
}

/// Starts the sweep: what is overdue gets a job, whatever became of the first one.
pub fn start(starter: &mut Starter) {
    starter.keep("ramps and scheduled changes", |app| async move {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(fault) = sweep(&app).await {
                error!(%fault, "ramps and scheduled changes not swept");
            }
        }
    });
}

async fn sweep(app: &App) -> Result<()> {
    let now = app.now();
    let (ramps, changes) = (store::overdue(&app.db, now).await?, store::schedules_due(&app.db, now).await?);
    if ramps.is_empty() && changes.is_empty() {
        return Ok(());
    }
    let work = app.db.write_with(move |tx| {
        Box::pin(async move {
            for (ramp, due) in ramps {
                enqueue(tx, &StepDue { ramp, due: Timestamp(due) }, Enqueue::unique(format!("flags.ramp:{ramp}:{due}"))).await?;
            }
            for schedule in changes {
                enqueue(tx, &ScheduleDue { schedule }, Enqueue::unique(format!("flags.schedule:{schedule}"))).await?;
            }
            Ok(())
        })
    });
    work.await
}
