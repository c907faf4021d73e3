//! Which workers live, and where.

use uuid::Uuid;

use super::worker::Shared;
use super::{manage, micros, now, sql};
use crate::args;
use crate::db::{Db, Result, Tx};

/// One live worker and one of its queues.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WorkerRow {
    /// Its id, as active jobs carry it.
    pub worker: Uuid,
    /// The queue.
    pub queue: String,
    /// Where it runs: `host, process 4711`.
    pub place: String,
    /// How many jobs of the queue it runs at once.
    pub concurrency: i64,
    /// Since when, microseconds UTC.
    pub since: i64,
    /// How many of the queue it runs now.
    pub active: i64,
}

/// Workers that gave a sign of life within their lease, by queue, at most 1,000. Reads only: works on another process's database too.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn workers(db: &Db) -> Result<Vec<WorkerRow>> {
    db.all(manage::WORKERS, args![now()]).await
}

/// This process, for people.
pub(super) fn place() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    format!("{}, process {}", host.as_deref().unwrap_or("this host"), std::process::id())
}

/// Says that this worker lives.
pub(super) async fn alive(tx: &mut Tx, shared: &Shared) -> Result<()> {
    // Two leases: one sign of life may come late.
    let until = now().saturating_add(micros(shared.lease * 2));
    for (queue, concurrency) in &shared.queues {
        let concurrency = i64::try_from(*concurrency).unwrap_or(i64::MAX);
        tx.exec(sql::ALIVE, args![shared.id, queue.as_str(), shared.place.as_str(), concurrency, shared.since, until]).await?;
    }
    Ok(())
}
