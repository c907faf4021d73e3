//! The shop's background work, on the queues `email`, `labels`, `analytics` and `notifications`.

pub mod analytics;
pub mod bullmq;
pub mod email;
pub mod labels;
pub mod notify;
pub mod tidy;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::Db;
use engine::job::{Keep, QueueOptions, Schedule, Worker, WorkerHandle, upsert_schedules};
use jiff::tz::TimeZone;
use tokio::sync::Mutex;

use crate::mail::Sink;
use crate::scenario::{Scenario, Switch};

pub use work::{Attempt, Work, direct};

/// What jobs work with.
#[derive(Clone)]
pub struct Works {
    pub db: Db,
    pub switch: Switch,
    pub mail: Sink,
    /// Holds `outbox/` and `labels/`.
    pub data_dir: Arc<PathBuf>,
    pub zone: TimeZone,
    /// The slow printer and gateway of `queue-backlog`: one job at a time each.
    slow: Arc<[Mutex<()>; 2]>,
}

/// What a throttled queue takes for one job.
const SLOW: Duration = Duration::from_secs(1);

impl Works {
    /// Everything that jobs need.
    pub fn new(db: Db, switch: Switch, mail: Sink, data_dir: PathBuf, zone: TimeZone) -> Self {
        Self { db, switch, mail, data_dir: Arc::new(data_dir), zone, slow: Arc::default() }
    }

    /// The local date of a moment, `2026-11-22`.
    pub fn date(&self, at: i64) -> String {
        crate::generate::calendar::at(at, &self.zone).date().to_string()
    }

    /// Waits for the slow printer (0) or gateway (1), if they are slow now.
    async fn turn(&self, which: usize) {
        if !self.switch.is(Scenario::QueueBacklog) {
            return;
        }
        let Some(lock) = self.slow.get(which) else { return };
        tokio::select! {
            () = async { let _turn = lock.lock().await; tokio::time::sleep(SLOW).await; } => {}
            () = self.switch.wait(Scenario::QueueBacklog, false) => {}
        }
    }
}

/// Starts the workers and upserts the schedules.
///
/// # Errors
/// What the database says.
pub async fn start(works: Works) -> engine::Result<WorkerHandle> {
    let zone = works.zone.iana_name().unwrap_or("UTC").to_owned();
    let schedules = [
        Schedule::of("revenue-snapshot", "*/10 * * * *", &zone, &analytics::Snapshot { days: 2 })?,
        Schedule::of("tidy", "17 * * * *", &zone, &tidy::Tidy {})?,
    ];
    upsert_schedules(&works.db, &schedules).await?;
    let worker = Worker::new(works.db.clone(), works)
        .register::<email::OrderMail>()
        .register::<labels::PrintLabel>()
        .register::<analytics::Record>()
        .register::<analytics::Snapshot>()
        .register::<tidy::Tidy>()
        .register::<notify::Tell>()
        .register::<notify::TellVendor>()
        .drain(Duration::from_secs(1));
    let concurrency = [("email", 4), ("labels", 2), ("analytics", 2), ("notifications", 4)];
    concurrency.into_iter().fold(worker, |worker, (queue, jobs)| worker.queue_with(queue, options(jobs))).start().await
}

/// What the demo keeps of what is done.
fn options(concurrency: usize) -> QueueOptions {
    let day = Duration::from_secs(86_400);
    QueueOptions { keep_completed: Keep { count: 500, age: day }, keep_failed: Keep { count: 5_000, age: day * 7 }, ..QueueOptions::new(concurrency) }
}
