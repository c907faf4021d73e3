//! Leases and retention: renewing ours, ending those of the dead, trimming what is old.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::enqueue::announce;
use super::finish::{Sums, add_minutes, failure};
use super::manage::Failure;
use super::run::{Said, store_lines};
use super::worker::{Keep, QueueOptions, Shared};
use super::{MINUTE_US, member, micros, now, schedule, sql};
use crate::args;
use crate::db::{Result, Tx};

/// Minute sums stay for two days.
const MINUTES_KEPT: i64 = 2 * 24 * 60;
const NOTES_EVERY: Duration = Duration::from_millis(500);
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// Batches of 1,000 rows in one round of trimming.
const TRIM_BATCHES: u32 = 20;

/// Renews the leases of all running jobs, every third of a lease.
pub(super) async fn heartbeat(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.lease / 3).await;
        if let Err(error) = renew(&shared).await {
            tracing::warn!(%error, "renewing leases failed, trying again");
        }
    }
}

async fn renew(shared: &Arc<Shared>) -> Result<()> {
    let lease_end = Instant::now() + shared.lease;
    let (worker, until) = (shared.id, now().saturating_add(micros(shared.lease)));
    let asked: Vec<(Uuid, i64)> = shared.running().iter().map(|(id, job)| (*id, job.attempt)).collect();
    let (member, idle) = (Arc::clone(shared), asked.is_empty());
    let work = async move |tx: &mut Tx| {
        member::alive(tx, &member).await?;
        if idle { Ok(Vec::new()) } else { tx.all(sql::RENEW, args![until, worker]).await }
    };
    let rows: Vec<(Uuid, i64)> = shared.db.write(move |tx| Box::pin(async move { work(tx).await })).await?;
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

/// Stores what running jobs say, twice a second.
pub(super) async fn write_notes(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(NOTES_EVERY).await;
        let news: Vec<News> = shared.running().iter().filter_map(|(id, job)| Some((*id, job.attempt, job.notes.news()?))).collect();
        if news.is_empty() {
            continue;
        }
        let (worker, stored) = (shared.id, news.clone());
        if let Err(error) = shared.db.write(move |tx| Box::pin(store_news(tx, worker, stored))).await {
            tracing::warn!(%error, "storing what jobs say failed, trying again");
            let running = shared.running();
            news.into_iter().filter_map(|(id, _, said)| Some((running.get(&id)?, said))).for_each(|(job, said)| job.notes.put_back(said));
        }
    }
}

type News = (Uuid, i64, Said);

async fn store_news(tx: &mut Tx, worker: Uuid, news: Vec<News>) -> Result<()> {
    for (id, attempt, said) in news {
        if let Some(progress) = said.progress {
            tx.exec(sql::PROGRESS, args![progress, id, worker, attempt]).await?;
        }
        store_lines(tx, id, said.lines).await?;
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

#[derive(sqlx::FromRow)]
struct Reaped {
    id: Uuid,
    queue: String,
    state: String,
    schedule: Option<String>,
    attempts: i64,
    worker: Option<Uuid>,
}

async fn take_back(tx: &mut Tx, worker: Uuid) -> Result<usize> {
    let at = now();
    // differs because only Postgres has several writers, whose locked rows are to be skipped
    let reap = tx.pick(sql::REAP_SQLITE, sql::REAP_POSTGRES);
    let rows: Vec<Reaped> = tx.all(reap, args![at]).await?;
    let mut sums: BTreeMap<(String, i64), Sums> = BTreeMap::new();
    for Reaped { id, queue, state, schedule, attempts, worker } in &rows {
        let why = "the worker vanished: its lease ended";
        failure(tx, *id, Failure { attempt: *attempts, at, worker: *worker, error: why.to_owned() }).await?;
        let sum = sums.entry((queue.clone(), at / MINUTE_US)).or_default();
        if state == "waiting" {
            sum.retried += 1;
            announce(tx, queue, None).await?;
            continue;
        }
        sum.failed += 1;
        if let Some(schedule) = schedule {
            schedule::ended(tx, schedule, *id, "failed", Some(why), at).await?;
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
    let (before, dead) = (now() / MINUTE_US - MINUTES_KEPT, now() - MINUTE_US);
    let work = async move |tx: &mut Tx| {
        tx.exec(sql::TRIM_WORKERS, args![dead]).await?;
        tx.exec(sql::TRIM_MINUTES, args![before]).await
    };
    shared.db.write(move |tx| Box::pin(async move { work(tx).await })).await?;
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
