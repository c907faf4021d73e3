//! Recurring jobs: cron expressions in a time zone, each occurrence claimed once however many replicas run.

mod cron;
mod fire;
mod sql;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::sql as core;
use super::{Job, now};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

pub use cron::next_after;
pub use fire::run_now;
pub(super) use fire::{ended, fire};
pub(super) use sql::STATEMENTS;

/// What becomes of an occurrence while the run before goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It begins when the run before has ended; while one waits so, further ones are left out.
    Queue,
    /// It begins, too.
    Allow,
}

/// What becomes of occurrences that passed more than a minute ago while nobody worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are made up by one run.
    #[default]
    Once,
    /// They are left out.
    Skip,
}

impl Overlap {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Allow => "allow",
        }
    }
}

impl Missed {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Skip => "skip",
        }
    }
}

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
    /// While the run before goes on.
    pub overlap: Overlap,
    /// After a time without workers.
    pub missed: Missed,
}

impl Schedule {
    /// Runs `job` whenever `cron` says so in `zone`; one at a time, and once for all that were missed.
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
            overlap: Overlap::default(),
            missed: Missed::default(),
        })
    }

    /// With this rule for a run that goes on.
    #[must_use]
    pub fn overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// With this rule for what was missed.
    #[must_use]
    pub fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }
}

/// A schedule with what became of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, sqlx::FromRow)]
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
    /// Attempts of each job.
    pub max_attempts: i64,
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
    /// Why the last run failed, or that an occurrence was left out and why.
    pub last_error: Option<String>,
    /// When the last run ended, microseconds UTC.
    pub last_finished_at: Option<i64>,
    /// `skip`, `queue` or `allow`: see [`Overlap`].
    pub overlap: String,
    /// `once` or `skip`: see [`Missed`].
    pub missed: String,
    /// How often it fired.
    pub fired: i64,
    /// The occurrence that waits until the run before has ended, microseconds UTC.
    pub queued_for: Option<i64>,
}

/// What became of one occurrence.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunRow {
    /// Its id.
    pub id: Uuid,
    /// The schedule.
    pub schedule: String,
    /// The occurrence, microseconds UTC.
    pub scheduled_for: i64,
    /// When it was looked at, microseconds UTC.
    pub at: i64,
    /// Somebody asked for it.
    pub by_hand: bool,
    /// Its job.
    pub job: Option<Uuid>,
    /// `running` (from enqueued to ended), `completed`, `failed`; `queued`, `skipped`, `missed` when it did not begin.
    pub outcome: String,
    /// Why it failed or was left out.
    pub note: Option<String>,
    /// When it ended, microseconds UTC.
    pub ended_at: Option<i64>,
}

/// Runs of each schedule that are kept, the last ones.
pub(super) const RUNS_KEPT: i64 = 200;

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
            for (schedule, next_at) in planned {
                upsert(tx, schedule, false, next_at, at).await?;
            }
            Ok(())
        })
    })
    .await
}

async fn upsert(tx: &mut Tx, s: Schedule, paused: bool, next_at: i64, at: i64) -> Result<()> {
    let attempts = i64::from(s.attempts.max(1));
    tx.exec(core::QUEUE_KNOWN, args![s.queue.as_str(), false, at]).await?;
    let (overlap, missed) = (s.overlap.as_str(), s.missed.as_str());
    let values = args![s.name, s.queue, s.job, s.payload, s.cron, s.zone, attempts, paused, next_at, at, overlap, missed];
    tx.exec(sql::SCHEDULE_UPSERT, values).await?;
    Ok(())
}

/// Forgets a schedule and its runs; jobs that it made stay.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this name.
pub async fn remove_schedule(tx: &mut Tx, name: &str) -> Result<()> {
    tx.exec(sql::RUNS_REMOVE, args![name]).await?;
    match tx.exec(sql::SCHEDULE_REMOVE, args![name]).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Forgets a schedule with its runs and its pending jobs; one that runs goes on.
///
/// # Errors
/// As [`remove_schedule`].
pub async fn drop_schedule(tx: &mut Tx, name: &str, queue: &str) -> Result<()> {
    remove_schedule(tx, name).await?;
    tx.exec(sql::SCHEDULE_JOBS_REMOVE, args![name, queue]).await?;
    Ok(())
}

/// Brings a schedule back that was removed; it fires from its next occurrence on. One of its name that was made since is replaced.
///
/// # Errors
/// [`Error::Invalid`] as [`next_after`].
pub async fn put_back_schedule(tx: &mut Tx, row: &ScheduleRow) -> Result<()> {
    let at = now();
    let schedule = Schedule {
        name: row.name.clone(),
        queue: row.queue.clone(),
        job: row.job.clone(),
        payload: row.payload.0.clone(),
        cron: row.cron.clone(),
        zone: row.zone.clone(),
        attempts: u32::try_from(row.max_attempts).unwrap_or(1),
        overlap: [Overlap::Queue, Overlap::Allow].into_iter().find(|rule| rule.as_str() == row.overlap).unwrap_or_default(),
        missed: if row.missed == Missed::Skip.as_str() { Missed::Skip } else { Missed::Once },
    };
    let next_at = next_after(&row.cron, &row.zone, at)?;
    upsert(tx, schedule, row.paused, next_at, at).await
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

/// Runs of a schedule, latest first, at most `limit` (1–500), after `after` (a run's `at` and `id`); the last 200 are kept.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn runs(db: &Db, schedule: &str, after: Option<(i64, Uuid)>, limit: u32) -> Result<Vec<RunRow>> {
    let (at, id) = after.unwrap_or((i64::MAX, Uuid::max()));
    db.all(sql::RUNS, args![schedule, at, id, limit.clamp(1, 500)]).await
}
