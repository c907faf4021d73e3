//! Looking at queues and acting on their jobs.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::enqueue::announce;
use super::limit::Rate;
use super::manage::sql;
use super::spread::Spread;
use super::{MINUTE_US, now};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

/// Counting a state stops here: a count of this size means "at least".
pub const COUNT_MAX: i64 = 200_000;

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Due, not claimed.
    Waiting,
    /// Not due yet; a job between two attempts is here too.
    Delayed,
    /// Claimed by a worker.
    Active,
    /// Ended well.
    Completed,
    /// Ended badly, no attempt left.
    Failed,
}

impl State {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// One queue's figures. Windows are whole minutes: `5m` is the running minute and the five before it, `1h` the running
/// one and the sixty before it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct QueueCounts {
    /// The queue.
    pub queue: String,
    /// Workers claim nothing from it.
    pub paused: bool,
    /// Due jobs, at most [`COUNT_MAX`], as all counts of states.
    pub waiting: i64,
    /// Claimed jobs.
    pub active: i64,
    /// Completed jobs that retention has kept: not a lifetime total.
    pub completed: i64,
    /// Failed jobs that retention has kept: not a lifetime total.
    pub failed: i64,
    /// Jobs that are not due yet.
    pub delayed: i64,
    /// When the oldest waiting job became due, microseconds UTC.
    pub oldest_waiting_at: Option<i64>,
    /// What `5m` covers, microseconds: five minutes, and what has passed of the running one.
    pub window_us_5m: i64,
    /// Completed in the last five minutes.
    pub completed_last_5m: i64,
    /// Failed for good in the last five minutes.
    pub failed_last_5m: i64,
    /// Failed attempts in the last five minutes that are tried again.
    pub retried_last_5m: i64,
    /// Completed in the last hour.
    pub completed_last_hour: i64,
    /// Failed for good in the last hour.
    pub failed_last_hour: i64,
    /// Mean time from due to started of what ended in the last five minutes, microseconds; `None` when nothing did.
    pub avg_wait_us_5m: Option<i64>,
    /// Mean run time of what ended in the last five minutes, microseconds; `None` when nothing did.
    pub avg_run_us_5m: Option<i64>,
    /// Live workers.
    pub workers: i64,
    /// Jobs that may run at once over all workers, if limited.
    pub concurrency: Option<i64>,
    /// Jobs that may start within a time over all workers, if limited.
    pub rate: Option<Rate>,
}

#[derive(sqlx::FromRow)]
struct Standing {
    queue: String,
    paused: bool,
    concurrency: Option<i64>,
    rate_jobs: Option<i64>,
    rate_us: Option<i64>,
    waiting: i64,
    active: i64,
    completed: i64,
    failed: i64,
    delayed: i64,
    oldest_waiting_at: Option<i64>,
    workers: i64,
}

impl Standing {
    fn rate(&self) -> Option<Rate> {
        let (jobs, per) = (u32::try_from(self.rate_jobs?).ok()?, u64::try_from(self.rate_us?).ok()?);
        Some(Rate { jobs, per: Duration::from_micros(per) })
    }
}

#[derive(Default, sqlx::FromRow)]
struct Window {
    queue: String,
    completed_5m: i64,
    failed_5m: i64,
    retried_5m: i64,
    wait_us_5m: i64,
    run_us_5m: i64,
    completed_1h: i64,
    failed_1h: i64,
}

/// The figures of every queue, by name, at most 500 queues. Reads only: works on another process's database too.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn counts(db: &Db) -> Result<Vec<QueueCounts>> {
    let now = now();
    let minute = now / MINUTE_US;
    let standings: Vec<Standing> = db.all(sql::COUNTS, args![COUNT_MAX, now]).await?;
    let windows: Vec<Window> = db.all(sql::WINDOWS, args![minute - 60, minute - 5]).await?;
    let mut windows: HashMap<String, Window> = windows.into_iter().map(|w| (w.queue.clone(), w)).collect();
    Ok(standings.into_iter().map(|s| join(windows.remove(&s.queue).unwrap_or_default(), s, 5 * MINUTE_US + now % MINUTE_US)).collect())
}

fn join(window: Window, standing: Standing, window_us_5m: i64) -> QueueCounts {
    let runs = window.completed_5m + window.failed_5m + window.retried_5m;
    let mean = |sum: i64| (runs > 0).then(|| sum / runs);
    QueueCounts {
        workers: standing.workers,
        concurrency: standing.concurrency,
        rate: standing.rate(),
        queue: standing.queue,
        paused: standing.paused,
        waiting: standing.waiting,
        active: standing.active,
        completed: standing.completed,
        failed: standing.failed,
        delayed: standing.delayed,
        oldest_waiting_at: standing.oldest_waiting_at,
        window_us_5m,
        completed_last_5m: window.completed_5m,
        failed_last_5m: window.failed_5m,
        retried_last_5m: window.retried_5m,
        completed_last_hour: window.completed_1h,
        failed_last_hour: window.failed_1h,
        avg_wait_us_5m: mean(window.wait_us_5m),
        avg_run_us_5m: mean(window.run_us_5m),
    }
}

/// What ended in one minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinuteRow {
    /// Minutes since 1970.
    pub minute: i64,
    /// Completed.
    pub completed: i64,
    /// Failed for good.
    pub failed: i64,
    /// Failed attempts that are tried again.
    pub retried: i64,
    /// Sum of times from due to started, microseconds.
    pub wait_us: i64,
    /// Sum of run times, microseconds.
    pub run_us: i64,
    /// How the times from due to started were spread.
    pub waits: Spread,
    /// How the run times were spread.
    pub runs: Spread,
}

#[derive(sqlx::FromRow)]
struct Share {
    minute: i64,
    completed: i64,
    failed: i64,
    retried: i64,
    wait_us: i64,
    run_us: i64,
    waits: Option<Json<Value>>,
    runs: Option<Json<Value>>,
}

/// What ended in `queue`, by minute, since `since` (microseconds UTC); kept for two days. Minutes without any are left out.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn minutes(db: &Db, queue: &str, since: i64) -> Result<Vec<MinuteRow>> {
    let mut minutes: BTreeMap<i64, MinuteRow> = BTreeMap::new();
    for share in db.all::<Share>(sql::MINUTES, args![queue, since / MINUTE_US]).await? {
        let row = minutes.entry(share.minute).or_insert_with(|| MinuteRow { minute: share.minute, ..MinuteRow::default() });
        row.completed += share.completed;
        row.failed += share.failed;
        row.retried += share.retried;
        row.wait_us += share.wait_us;
        row.run_us += share.run_us;
        share.waits.iter().for_each(|waits| row.waits.merge(&Spread::of_json(&waits.0)));
        share.runs.iter().for_each(|runs| row.runs.merge(&Spread::of_json(&runs.0)));
    }
    Ok(minutes.into_values().collect())
}

/// One job as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub name: String,
    /// Its data.
    pub payload: Json<Value>,
    /// `waiting`, `delayed`, `active`, `completed` or `failed`.
    pub state: String,
    /// When it is due (waiting, delayed), was started (active) or ended (completed, failed), microseconds UTC.
    pub state_at: i64,
    /// Higher runs first.
    pub priority: i64,
    /// Attempts begun.
    pub attempts: i64,
    /// Attempts allowed.
    pub max_attempts: i64,
    /// Its unique key.
    pub unique_key: Option<String>,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// The occurrence it stands for, microseconds UTC.
    pub scheduled_for: Option<i64>,
    /// When it was enqueued, microseconds UTC.
    pub created_at: i64,
    /// When it was last due, microseconds UTC.
    pub run_at: i64,
    /// When its last attempt began, microseconds UTC.
    pub started_at: Option<i64>,
    /// When it ended, microseconds UTC.
    pub finished_at: Option<i64>,
    /// Why its last failed attempt failed.
    pub error: Option<String>,
}

/// Where a page begins: after this row.
pub type Cursor = (i64, Uuid);

impl JobRow {
    /// The cursor of the page that follows this row.
    pub fn cursor(&self) -> Cursor {
        (self.state_at, self.id)
    }
}

/// One job.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<JobRow>> {
    db.maybe(sql::FIND, args![id]).await
}

/// Jobs of one queue and state, latest first, at most `limit` (1–500), after `after`.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn list(db: &Db, queue: &str, state: State, after: Option<Cursor>, limit: u32) -> Result<Vec<JobRow>> {
    let (at, id) = after.unwrap_or((i64::MAX, Uuid::max()));
    db.all(sql::LIST, args![queue, state.as_str(), at, id, i64::from(limit.clamp(1, 500))]).await
}

/// Workers claim nothing more from `queue`; running jobs go on. An unknown queue becomes known.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn pause(tx: &mut Tx, queue: &str) -> Result<()> {
    tx.exec(sql::SET_PAUSED, args![queue, true, now()]).await?;
    Ok(())
}

/// Workers claim from `queue` again.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn resume(tx: &mut Tx, queue: &str) -> Result<()> {
    tx.exec(sql::SET_PAUSED, args![queue, false, now()]).await?;
    announce(tx, queue, None).await
}

/// Lets a failed job run again with all its attempts.
///
/// # Errors
/// [`Error::NotFound`] when it has not failed, [`Error::Unique`] when a job with its unique key is pending.
pub async fn retry(tx: &mut Tx, id: Uuid) -> Result<()> {
    let (queue,): (String,) = tx.one(sql::RETRY, args![now(), id]).await?;
    announce(tx, &queue, None).await
}

/// Lets the latest `limit` failed jobs of `queue` run again; of several with one unique key the newest. Returns how many.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn retry_all(tx: &mut Tx, queue: &str, limit: u32) -> Result<u64> {
    let retried = tx.exec(sql::RETRY_ALL, args![now(), queue, i64::from(limit)]).await?;
    announce(tx, queue, None).await?;
    Ok(retried)
}

/// Makes a delayed job due now.
///
/// # Errors
/// [`Error::NotFound`] when it is not delayed.
pub async fn promote(tx: &mut Tx, id: Uuid) -> Result<()> {
    let (queue,): (String,) = tx.one(sql::PROMOTE, args![now(), id]).await?;
    announce(tx, &queue, None).await
}

/// Deletes a job that does not run.
///
/// # Errors
/// [`Error::NotFound`] when there is none, or it runs.
pub async fn remove(tx: &mut Tx, id: Uuid) -> Result<()> {
    match tx.exec(sql::REMOVE, args![id]).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Deletes up to `limit` jobs of one queue and state, oldest first; never running ones. Returns how many.
///
/// # Errors
/// Any [`Error`] of the driver.
pub async fn purge(tx: &mut Tx, queue: &str, state: State, limit: u32) -> Result<u64> {
    tx.exec(sql::PURGE, args![queue, state.as_str(), i64::from(limit)]).await
}
