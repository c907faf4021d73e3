//! Recurring jobs: cron expressions in a time zone, each occurrence claimed once however many replicas run.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::enqueue::{Enqueue, Inserted, New, insert};
use super::worker::Shared;
use super::{Job, now, sql};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

/// A recurring job.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name, unique.
    pub name: String,
    /// The queue that its jobs wait in.
    pub queue: String,
    /// The job's [`Job::NAME`].
    pub job: String,
    /// The job as JSON.
    pub payload: Value,
    /// `minute hour day month weekday`, optionally with seconds in front; `L`, `W` and `#` work.
    pub cron: String,
    /// An IANA name such as `Europe/Berlin`. A wall clock time that the clocks skip fires right after the gap, on the
    /// same day; a fixed time that happens twice fires once.
    pub zone: String,
    /// Attempts of each job.
    pub attempts: u32,
}

impl Schedule {
    /// Runs `job` whenever `cron` says so in `zone`.
    ///
    /// # Errors
    /// [`Error::Json`] when the job cannot be serialised.
    pub fn of<J: Job>(name: impl Into<String>, cron: &str, zone: &str, job: &J) -> Result<Self> {
        Ok(Self {
            name: name.into(),
            queue: J::QUEUE.to_owned(),
            job: J::NAME.to_owned(),
            payload: serde_json::to_value(job)?,
            cron: cron.to_owned(),
            zone: zone.to_owned(),
            attempts: J::ATTEMPTS,
        })
    }
}

/// A schedule with what became of it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// The queue it feeds.
    pub queue: String,
    /// The job's name.
    pub job: String,
    /// The job as JSON.
    pub payload: Json<Value>,
    /// The cron expression.
    pub cron: String,
    /// The IANA time zone.
    pub zone: String,
    /// It does not fire.
    pub paused: bool,
    /// Next occurrence, microseconds UTC.
    pub next_at: i64,
    /// When it last fired, microseconds UTC.
    pub last_at: Option<i64>,
    /// The job of its last run.
    pub last_job: Option<Uuid>,
    /// `running` (from enqueued to ended), `completed` or `failed`.
    pub last_outcome: Option<String>,
    /// Why the last run failed, or that an occurrence was skipped because the run before it had not ended.
    pub last_error: Option<String>,
    /// When the last run ended, microseconds UTC.
    pub last_finished_at: Option<i64>,
}

/// The first occurrence after `after` (microseconds UTC).
///
/// # Errors
/// [`Error::Invalid`] for an unknown zone, a wrong expression, or one that never occurs.
pub fn next_after(cron: &str, zone: &str, after: i64) -> Result<i64> {
    let zone_found = TimeZone::get(zone).map_err(|error| Error::invalid(format!("time zone {zone}: {error}")))?;
    let cron_read = Cron::from_str(cron).map_err(|error| Error::invalid(format!("cron expression {cron}: {error}")))?;
    let after = Timestamp::from_microsecond(after).map_err(|error| Error::invalid(format!("time: {error}")))?;
    let next = cron_read
        .find_next_occurrence(&after.to_zoned(zone_found), false)
        .map_err(|error| Error::invalid(format!("cron expression {cron}: {error}")))?;
    Ok(next.timestamp().as_microsecond())
}

/// Makes or updates schedules. The next occurrence changes when the expression or the zone does, and when it lies too far ahead: a clock that
/// was wrong for a while must not silence a schedule for years. A pause stays.
///
/// # Errors
/// [`Error::Invalid`] as [`next_after`], before anything is written.
pub async fn upsert_schedules(db: &Db, schedules: &[Schedule]) -> Result<()> {
    let at = now();
    let planned =
        schedules.iter().map(|schedule| Ok((schedule.clone(), next_after(&schedule.cron, &schedule.zone, at)?))).collect::<Result<Vec<_>>>()?;
    db.write(move |tx| {
        Box::pin(async move {
            for (s, next_at) in planned {
                let attempts = i64::from(s.attempts.max(1));
                tx.exec(sql::QUEUE_KNOWN, args![s.queue.as_str(), false, at]).await?;
                let values = args![s.name, s.queue, s.job, s.payload, s.cron, s.zone, attempts, false, next_at, at];
                tx.exec(sql::SCHEDULE_UPSERT, values).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Forgets a schedule; jobs that it made stay.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this name.
pub async fn remove_schedule(tx: &mut Tx, name: &str) -> Result<()> {
    match tx.exec(sql::SCHEDULE_REMOVE, args![name]).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Stops a schedule from firing.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this name.
pub async fn pause_schedule(tx: &mut Tx, name: &str) -> Result<()> {
    set_paused(tx, name, true).await
}

/// Lets a schedule fire again, from its next occurrence on: what it missed is not made up.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this name.
pub async fn resume_schedule(tx: &mut Tx, name: &str) -> Result<()> {
    set_paused(tx, name, false).await
}

async fn set_paused(tx: &mut Tx, name: &str, paused: bool) -> Result<()> {
    let at = now();
    let (cron, zone): (String, String) = tx.one(sql::SCHEDULE_OLD, args![name]).await?;
    tx.exec(sql::SCHEDULE_PAUSE, args![paused, next_after(&cron, &zone, at)?, at, name]).await?;
    Ok(())
}

/// All schedules by name, at most 1,000.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn schedules(db: &Db) -> Result<Vec<ScheduleRow>> {
    db.all(sql::SCHEDULES, args![]).await
}

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
}

/// Fires due schedules until the worker stops.
pub(super) async fn fire(shared: Arc<Shared>) {
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

/// Claims one occurrence and enqueues its job. Occurrences missed while nobody ran are made up by this one.
async fn occur(tx: &mut Tx, due: Due, next: i64) -> Result<()> {
    let at = now();
    let name = due.name.as_str();
    if tx.exec(sql::SCHEDULE_CLAIM, args![next, at, at, name, due.next_at]).await? == 0 {
        return Ok(());
    }
    let options = Enqueue { unique: Some(format!("schedule:{name}")), scheduled_for: Some(due.next_at), ..Enqueue::default() };
    let attempts = u32::try_from(due.max_attempts).unwrap_or(1);
    let new = New { queue: &due.queue, name: &due.job, payload: due.payload.0, attempts, schedule: Some(name) };
    match insert(tx, new, &options).await? {
        Inserted::New(id) => tx.exec(sql::SCHEDULE_ENQUEUED, args![id, name]).await?,
        Inserted::Pending(_) => {
            tracing::warn!(schedule = name, "skipped: the run before has not ended");
            tx.exec(sql::SCHEDULE_SKIPPED, args!["skipped: the run before has not ended", name]).await?
        }
    };
    Ok(())
}
