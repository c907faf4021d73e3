//! Leases and retention: renewing ours, ending those of the dead, trimming what is old.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::enqueue::announce;
use super::finish::{Sums, add_minutes};
use super::worker::{Keep, QueueOptions, Shared};
use super::{MINUTE_US, micros, now, sql};
use crate::args;
use crate::db::{Result, Tx};

/// Minute sums stay for two days.
const MINUTES_KEPT: i64 = 2 * 24 * 60;
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// Batches of 1,000 rows in one round of trimming.
const TRIM_BATCHES: u32 = 20;

/// Renews the leases of all running jobs, every third of a lease.
pub(super) async fn heartbeat(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.lease / 3).await;
        if !shared.running().is_empty()
            && let Err(error) = renew(&shared).await
        {
            tracing::warn!(%error, "renewing leases failed, trying again");
        }
    }
}

async fn renew(shared: &Shared) -> Result<()> {
    let lease_end = Instant::now() + shared.lease;
    let (worker, until) = (shared.id, now().saturating_add(micros(shared.lease)));
    let asked: Vec<(Uuid, i64)> = shared.running().iter().map(|(id, job)| (*id, job.attempt)).collect();
    let rows: Vec<(Uuid, i64)> = shared.db.write(move |tx| Box::pin(async move { tx.all(sql::RENEW, args![until, worker]).await })).await?;
    let renewed: HashMap<Uuid, i64> = rows.into_iter().collect();
    let mut running = shared.running();
    for (id, attempt) in asked {
        let Some(job) = running.get_mut(&id).filter(|job| job.attempt == attempt) else {
            continue;
        };
        if renewed.get(&id) == Some(&attempt) {
            job.lease_end = lease_end;
        } else {
            tracing::warn!(job = %id, "the lease was taken away: the attempt is cut off");
            job.abort.abort();
        }
    }
    Ok(())
}

/// Cuts off a job whose lease could not be renewed, shortly before another worker may take it.
pub(super) async fn watch_leases(shared: Arc<Shared>) {
    let margin = shared.lease / 10;
    loop {
        tokio::time::sleep(margin).await;
        let limit = Instant::now() + margin;
        for (id, job) in shared.running().iter().filter(|(_, job)| job.lease_end <= limit) {
            tracing::error!(job = %id, "the lease ended without renewal: the attempt is cut off");
            job.abort.abort();
        }
    }
}

/// Returns jobs of vanished workers to their queues and trims finished jobs, until the worker stops.
pub(super) async fn tidy(shared: Arc<Shared>, queues: Vec<(String, QueueOptions)>) {
    let pause = (shared.lease / 3).clamp(Duration::from_millis(500), TRIM_EVERY);
    let mut trimmed: Option<Instant> = None;
    loop {
        if let Err(error) = reap(&shared).await {
            tracing::warn!(%error, "returning jobs of vanished workers failed, trying again");
        }
        if trimmed.is_none_or(|at| at.elapsed() >= TRIM_EVERY) {
            trimmed = Some(Instant::now());
            if let Err(error) = trim(&shared, &queues).await {
                tracing::warn!(%error, "trimming finished jobs failed, trying again");
            }
        }
        if !shared.sleep(pause).await {
            return;
        }
    }
}

async fn reap(shared: &Shared) -> Result<()> {
    if shared.db.maybe::<(Uuid,)>(sql::HAS_LAPSED, args![now()]).await?.is_none() {
        return Ok(());
    }
    let worker = shared.id;
    let reaped = shared.db.write(move |tx| Box::pin(take_back(tx, worker))).await?;
    tracing::warn!(jobs = reaped, "returned jobs of vanished workers");
    Ok(())
}

async fn take_back(tx: &mut Tx, worker: Uuid) -> Result<usize> {
    let at = now();
    // differs because only Postgres has several writers, whose locked rows are to be skipped
    let reap = tx.pick(sql::REAP_SQLITE, sql::REAP_POSTGRES);
    let rows: Vec<(Uuid, String, String, Option<String>, i64)> = tx.all(reap, args![at]).await?;
    let mut sums: BTreeMap<(String, i64), Sums> = BTreeMap::new();
    for (id, queue, state, schedule, _attempts) in &rows {
        let sum = sums.entry((queue.clone(), at / MINUTE_US)).or_default();
        if state == "waiting" {
            sum.retried += 1;
            announce(tx, queue, None).await?;
            continue;
        }
        sum.failed += 1;
        if let Some(schedule) = schedule {
            let values = args!["failed", "the worker vanished", at, schedule.as_str(), *id];
            tx.exec(sql::SCHEDULE_ENDED, values).await?;
        }
    }
    add_minutes(tx, worker, sums).await?;
    Ok(rows.len())
}

async fn trim(shared: &Shared, queues: &[(String, QueueOptions)]) -> Result<()> {
    for (queue, options) in queues {
        trim_queue(shared, queue, "completed", options.keep_completed).await?;
        trim_queue(shared, queue, "failed", options.keep_failed).await?;
    }
    let before = now() / MINUTE_US - MINUTES_KEPT;
    shared.db.write(move |tx| Box::pin(async move { tx.exec(sql::TRIM_MINUTES, args![before]).await })).await?;
    Ok(())
}

async fn trim_queue(shared: &Shared, queue: &str, state: &'static str, keep: Keep) -> Result<()> {
    let by_count = if keep.count == 0 {
        // Nothing is kept: everything that ended before now goes.
        Some((now(),))
    } else {
        let offset = i64::from(keep.count) - 1;
        shared.db.maybe::<(i64,)>(sql::KEEP_FROM, args![queue, state, offset]).await?
    };
    let by_age = now().saturating_sub(micros(keep.age));
    let before = by_count.map_or(by_age, |(at,)| at.max(by_age));
    for _ in 0..TRIM_BATCHES {
        let queue = queue.to_owned();
        let gone = shared.db.write(move |tx| Box::pin(async move { tx.exec(sql::TRIM, args![queue, state, before]).await })).await?;
        if gone < 1_000 {
            break;
        }
    }
    Ok(())
}
