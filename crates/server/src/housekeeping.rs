//! Our own recurring work, on the embedded queue, seen like any other queue.

use std::time::Duration;

use app::features::{deploys, flags, health, identity, maintenance, queues, telemetry};
use engine::Db;
use engine::job::{Enqueue, Job, JobError, Missed, Overlap, RunInfo, Schedule, Worker, WorkerHandle, enqueue, upsert_schedules};
use qd_core::gate::Actor;
use qd_core::{App, Error, Result, Runner, audit, gate};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{error, info};

/// Name of the queue.
pub const QUEUE: &str = "housekeeping";

/// Jobs at once: a long one, such as a verification of the whole trail, must not keep the short ones waiting.
const AT_ONCE: usize = 6;

/// What there is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Task {
    /// Signs a checkpoint of the audit trail when one is due.
    AuditCheckpoint,
    /// Verifies the whole audit trail.
    AuditVerification,
    /// Closes intents that were interrupted, forgets old keys, tickets and sessions.
    SystemCleanup,
    /// Trims telemetry, check results and what else is kept for a time only.
    Retention,
    /// Takes the steps of maintenance windows, and of the queues that they hold, that a job missed.
    MaintenanceAutoComplete,
}

#[derive(Debug, Serialize, Deserialize)]
struct Housekeeping {
    task: Task,
}

impl Job for Housekeeping {
    const NAME: &'static str = "housekeeping";
    const QUEUE: &'static str = QUEUE;
    type Context = Runner;

    async fn run(self, runner: Runner, run: RunInfo) -> std::result::Result<(), JobError> {
        do_task(&runner, self.task, &run).await.map_err(|fault| JobError::retry(fault.to_string()))
    }
}

async fn do_task(runner: &Runner, task: Task, run: &RunInfo) -> Result<()> {
    let app = &runner.app;
    match task {
        Task::AuditCheckpoint => {
            audit::checkpoint_if_due(&app.db, &app.signer, &app.anchor, app.now()).await?;
        }
        Task::AuditVerification => verify(app, run).await?,
        Task::SystemCleanup => cleanup(app).await?,
        Task::Retention => {
            // Each by itself: what fails must not keep personal data of the others beyond its time.
            let trimmed = [
                telemetry::trim(app).await.map(drop),
                health::trim(app).await.map(drop),
                deploys::trim(app).await.map(drop),
                flags::trim(app).await.map(drop),
                maintenance::trim(app).await.map(drop),
                queues::trim(app).await.map(drop),
            ];
            trimmed.into_iter().collect::<Result<()>>()?;
        }
        Task::MaintenanceAutoComplete => maintenance::sweep(app, &runner.actor).await?,
    }
    Ok(())
}

async fn verify(app: &App, run: &RunInfo) -> Result<()> {
    let trusted = audit::checkpoints(&app.db, &app.signer, &app.anchor).await?;
    let report = audit::verify(&app.db, trusted).await?;
    for finding in &report.warnings {
        error!(finding, "the audit trail has a finding");
        run.log(format!("Finding: {finding}"));
    }
    run.result(json!({ "checked": report.checked, "findings": report.warnings.len() }));
    match report.first_break {
        None => info!(checked = report.checked, "the audit trail is whole"),
        Some(found) => {
            error!(seq = found.seq, detail = found.detail, "THE AUDIT TRAIL IS BROKEN");
            return Err(Error::Broken(format!("The audit trail is broken at row {}: {}.", found.seq, found.detail)));
        }
    }
    Ok(())
}

async fn cleanup(app: &App) -> Result<()> {
    gate::sweep_interrupted(&app.db, &app.clock).await?;
    let now = app.now();
    app.db.write_with(move |tx| Box::pin(async move { gate::expire_idempotency_keys(tx, now).await })).await?;
    identity::expire(app).await?;
    Ok(())
}

/// Lets a worker write a checkpoint that is due; several replicas ask for one job.
pub async fn checkpoint_soon(db: &Db) -> Result<()> {
    let job = Housekeeping { task: Task::AuditCheckpoint };
    Ok(db.write(move |tx| Box::pin(async move { enqueue(tx, &job, Enqueue::unique("audit-checkpoint")).await.map(|_| ()) })).await?)
}

/// Makes the schedules known and starts the worker.
pub async fn start(app: &App) -> Result<WorkerHandle> {
    let zone = app.config.platform.time_zone.as_str();
    // Each one at a time. What a stop made them miss one run makes up; missed steps of maintenance are taken below, at once.
    let plan = [
        ("audit-checkpoint", "*/5 * * * *", Task::AuditCheckpoint, Missed::Once),
        ("audit-verification", "0 2 * * SUN", Task::AuditVerification, Missed::Once),
        ("system-cleanup", "*/10 * * * *", Task::SystemCleanup, Missed::Once),
        ("retention", "17 * * * *", Task::Retention, Missed::Once),
        ("maintenance-auto-complete", "*/5 * * * *", Task::MaintenanceAutoComplete, Missed::Skip),
    ];
    let schedule = |(name, cron, task, missed)| {
        let schedule = Schedule::of(name, cron, zone, &Housekeeping { task })?;
        Ok(schedule.overlap(Overlap::Skip).missed(missed))
    };
    let schedules: engine::Result<Vec<Schedule>> = plan.into_iter().map(schedule).collect();
    upsert_schedules(&app.db, &schedules?).await?;
    // What passed while nothing ran is looked at now, not at the next round.
    let first = Housekeeping { task: Task::MaintenanceAutoComplete };
    let once = Enqueue::unique("maintenance-auto-complete:start");
    app.db.write(move |tx| Box::pin(async move { enqueue(tx, &first, once).await })).await?;
    let runner = Runner { app: app.clone(), actor: Actor::system("housekeeping") };
    let worker = Worker::new(app.db.clone(), runner).register::<Housekeeping>().queue(QUEUE, AT_ONCE).drain(Duration::from_secs(2));
    let worker = app::features().iter().fold(worker, |worker, feature| (feature.jobs)(worker));
    Ok(worker.start().await?)
}
