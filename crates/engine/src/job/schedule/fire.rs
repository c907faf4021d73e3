//! Firing schedules when they are due, and what becomes of their runs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::super::enqueue::{Enqueue, Inserted, New, insert};
use super::super::now;
use super::super::worker::Shared;
use super::{RUNS_KEPT, next_after, sql};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

/// An occurrence that is later than this was missed: nobody worked when it was due.
const LATE: i64 = 60_000_000;
const GOES_ON: &str = "skipped: the run before has not ended";

#[derive(Debug, Clone, sqlx::FromRow)]
struct Due {
    name: String,
    queue: String,
    job: String,
    payload: Json<Value>,
    cron: String,
    zone: String,
    max_attempts: i64,
    next_at: i64,
    overlap: String,
    missed: String,
    queued_for: Option<i64>,
}

/// Fires due schedules until the worker stops.
pub(in super::super) async fn fire(shared: Arc<Shared>) {
    loop {
        if let Err(error) = fire_due(&shared.db).await {
            tracing::warn!(%error, "firing schedules failed, trying again");
        }
        let wait = match shared.db.one::<(Option<i64>,)>(sql::SCHEDULE_NEXT, args![]).await {
            Ok((Some(next),)) => Duration::from_micros(u64::try_from(next - now()).unwrap_or(0)),
            Ok((None,)) => shared.poll,
            Err(error) => {
                tracing::warn!(%error, "reading schedules failed, trying again");
                shared.poll
            }
        };
        // Not shorter than a few milliseconds either: a schedule that cannot be fired must not spin.
        if !shared.sleep(wait.clamp(Duration::from_millis(5), shared.poll)).await {
            return;
        }
    }
}

async fn fire_due(db: &Db) -> Result<()> {
    let due: Vec<Due> = db.all(sql::SCHEDULE_DUE, args![now()]).await?;
    for schedule in due {
        let name = schedule.name.clone();
        match next_after(&schedule.cron, &schedule.zone, now()) {
            Ok(next) => db.write(move |tx| Box::pin(occur(tx, schedule, next))).await?,
            Err(error) => {
                tracing::error!(%error, schedule = name, "the schedule cannot go on and is paused");
                let reason = error.to_string();
                db.write(move |tx| Box::pin(async move { give_up(tx, &schedule, &reason).await })).await?;
            }
        }
    }
    Ok(())
}

async fn give_up(tx: &mut Tx, schedule: &Due, reason: &str) -> Result<()> {
    tx.exec(sql::SCHEDULE_PAUSE, args![true, schedule.next_at, now(), schedule.name.as_str()]).await?;
    tx.exec(sql::SCHEDULE_SKIPPED, args![reason, schedule.name.as_str()]).await?;
    Ok(())
}

/// Claims one occurrence and decides what becomes of it. Occurrences missed while nobody ran are made up by this one, or left out with it.
async fn occur(tx: &mut Tx, due: Due, next: i64) -> Result<()> {
    let at = now();
    let name = due.name.as_str();
    if tx.exec(sql::SCHEDULE_CLAIM, args![next, at, name, due.next_at]).await? == 0 {
        return Ok(());
    }
    if due.missed == "skip" && at.saturating_sub(due.next_at) > LATE {
        return left_out(tx, &due, "missed", "missed: nobody worked when it was due").await;
    }
    // One that still waits although nothing runs: the run before was deleted. It comes first.
    let waiting = due.queued_for.filter(|_| due.overlap == "queue");
    if let Inserted::New(job) = enqueue(tx, &due, waiting.unwrap_or(due.next_at)).await? {
        return match waiting {
            None => begun(tx, &due, due.next_at, Some(job), false).await,
            Some(_) => {
                starts(tx, name, job, Some(due.next_at)).await?;
                run(tx, &due, due.next_at, None, "queued", None, false).await
            }
        };
    }
    if due.overlap != "queue" {
        return left_out(tx, &due, "skipped", GOES_ON).await;
    }
    if waiting.is_some() {
        return left_out(tx, &due, "skipped", "skipped: another one waits for the run before").await;
    }
    tx.exec(sql::SCHEDULE_QUEUE, args![due.next_at, name]).await?;
    run(tx, &due, due.next_at, None, "queued", None, false).await
}

/// A job for one occurrence. Unless runs may overlap, all jobs of a schedule have one unique key.
async fn enqueue(tx: &mut Tx, due: &Due, occurrence: i64) -> Result<Inserted> {
    let unique = (due.overlap != "allow").then(|| format!("schedule:{}", due.name));
    let options = Enqueue { unique, scheduled_for: Some(occurrence), ..Enqueue::default() };
    let attempts = u32::try_from(due.max_attempts).unwrap_or(1);
    let new = New { queue: &due.queue, name: &due.job, payload: due.payload.0.clone(), attempts, schedule: Some(&due.name) };
    insert(tx, new, &options).await
}

async fn begun(tx: &mut Tx, due: &Due, occurrence: i64, job: Option<Uuid>, by_hand: bool) -> Result<()> {
    tx.exec(sql::SCHEDULE_ENQUEUED, args![job, due.name.as_str()]).await?;
    run(tx, due, occurrence, job, "running", None, by_hand).await
}

async fn left_out(tx: &mut Tx, due: &Due, outcome: &str, why: &str) -> Result<()> {
    tracing::warn!(schedule = due.name, why, "an occurrence was left out");
    tx.exec(sql::SCHEDULE_SKIPPED, args![why, due.name.as_str()]).await?;
    run(tx, due, due.next_at, None, outcome, Some(why), false).await
}

async fn run(tx: &mut Tx, due: &Due, occurrence: i64, job: Option<Uuid>, outcome: &str, note: Option<&str>, by_hand: bool) -> Result<()> {
    let at = now();
    let over = matches!(outcome, "skipped" | "missed").then_some(at);
    tx.exec(sql::RUN_NEW, args![Uuid::now_v7(), due.name.as_str(), occurrence, at, by_hand, job, outcome, note, over]).await?;
    tx.exec(sql::RUNS_TRIM, args![due.name.as_str(), RUNS_KEPT]).await?;
    Ok(())
}

/// The waiting occurrence begins with `job`; `next` waits now.
async fn starts(tx: &mut Tx, name: &str, job: Uuid, next: Option<i64>) -> Result<()> {
    tx.exec(sql::RUN_STARTS, args![job, name]).await?;
    tx.exec(sql::SCHEDULE_ENQUEUED, args![job, name]).await?;
    tx.exec(sql::SCHEDULE_QUEUE, args![next, name]).await?;
    Ok(())
}

/// A job of a schedule has ended: its outcome is kept, and the occurrence that waited for it begins.
pub(in super::super) async fn ended(tx: &mut Tx, schedule: &str, job: Uuid, outcome: &str, error: Option<&str>, at: i64) -> Result<()> {
    tx.exec(sql::RUN_ENDED, args![outcome, error, at, job]).await?;
    tx.exec(sql::SCHEDULE_ENDED, args![outcome, error, at, schedule, job]).await?;
    let due: Option<Due> = tx.maybe(sql::SCHEDULE_ONE, args![schedule]).await?;
    let Some((due, occurrence)) = due.and_then(|due| due.queued_for.map(|occurrence| (due, occurrence))) else {
        return Ok(());
    };
    match enqueue(tx, &due, occurrence).await? {
        Inserted::New(next) => starts(tx, schedule, next, None).await,
        // An operator runs one by hand: the next end looks again.
        Inserted::Pending(_) => Ok(()),
    }
}

/// Enqueues one job of a schedule now, beside its cadence; a paused one, too. Returns the job's id.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this name, [`Error::Unique`] while a run of it goes on and runs may not overlap.
pub async fn run_now(tx: &mut Tx, name: &str) -> Result<Uuid> {
    let due: Due = tx.one(sql::SCHEDULE_ONE, args![name]).await?;
    let at = now();
    let Inserted::New(job) = enqueue(tx, &due, at).await? else {
        return Err(Error::Unique { constraint: "job_unique_key_key".to_owned() });
    };
    tx.exec(sql::SCHEDULE_FIRED, args![at, name]).await?;
    begun(tx, &due, at, Some(job), true).await?;
    Ok(job)
}
