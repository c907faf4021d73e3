//! SQL about runs. Asking for one and ending one by hand is an act of an operator; how far it is, is written by the job that does it.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::place::{Place, Stored};
use super::{Run, RunStatus};

const INSERT: &str = "INSERT INTO queue_run (id, source, queue, work, filter, status, background, phase, place, step, total, seen, done, gone, refused, \
     refusals, rate, created_at, started_at, updated_at, ended_at, actor_id, actor_name, reason, note, fault, archived, archived_bytes, restorable_until) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, '', '{}', 0, $8, 0, 0, 0, 0, '[]', $9, $10, $11, $10, NULL, $12, $13, $14, NULL, NULL, 0, 0, NULL)";
const FIND: &str = "SELECT * FROM queue_run WHERE id = $1";
const LIST: &str = "SELECT * FROM queue_run WHERE id < $1 ORDER BY id DESC LIMIT $2";
const OF_QUEUE: &str = "SELECT * FROM queue_run WHERE source = $1 AND queue = $2 ORDER BY id DESC LIMIT $3";
const BEGIN: &str = "UPDATE queue_run SET status = CASE status WHEN 'WAITING' THEN 'RUNNING' ELSE status END, started_at = coalesce(started_at, $2), \
     updated_at = $2, step = step + 1 WHERE id = $1 AND ended_at IS NULL RETURNING *";
const PROGRESS: &str = "UPDATE queue_run SET phase = $3, place = $4, seen = $5, done = $6, gone = $7, refused = $8, refusals = $9, note = $10, \
     fault = $11, archived = $12, archived_bytes = $13, restorable_until = $14, updated_at = $15, step = step + 1 \
     WHERE id = $1 AND step = $2 AND ended_at IS NULL RETURNING status";
const END: &str =
    "UPDATE queue_run SET status = $3, ended_at = $4, updated_at = $4, fault = $5, phase = '' WHERE id = $1 AND step = $2 AND ended_at IS NULL";
const CANCEL: &str = "UPDATE queue_run SET status = CASE status WHEN 'WAITING' THEN 'CANCELLED' ELSE 'CANCELLING' END, \
     ended_at = CASE status WHEN 'WAITING' THEN $2 ELSE ended_at END, updated_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING *";
const STATUS: &str = "SELECT status FROM queue_run WHERE id = $1";
const LOCK: &str = "INSERT INTO queue_run_lock (source, queue, what, run_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const HOLDER: &str = "SELECT run_id FROM queue_run_lock WHERE source = $1 AND queue = $2 AND what = $3";
const UNLOCK: &str = "DELETE FROM queue_run_lock WHERE run_id = $1";
const OPEN: &str = "SELECT * FROM queue_run WHERE ended_at IS NULL AND (background = $1 OR updated_at < $2) ORDER BY id LIMIT 100";
const ARCHIVED: &str = "UPDATE queue_run SET archived = CAST($2 AS BIGINT), restorable_until = CASE WHEN CAST($2 AS BIGINT) > 0 THEN restorable_until END \
     WHERE id = $1";
const EXPIRED: &str = "SELECT id FROM queue_run WHERE restorable_until < $1 AND ended_at IS NOT NULL \
     AND NOT EXISTS (SELECT 1 FROM queue_run_lock held WHERE held.what LIKE 'restore:%') ORDER BY id LIMIT 100";
const FORGET: &str = "DELETE FROM queue_run WHERE ended_at < $1 AND restorable_until IS NULL \
     AND NOT EXISTS (SELECT 1 FROM queue_schedule held WHERE held.run_id = queue_run.id) \
     AND NOT EXISTS (SELECT 1 FROM queue_archive kept WHERE kept.run_id = queue_run.id)";
/// Every static statement about runs.
pub const STATEMENTS: &[&str] =
    &[INSERT, FIND, LIST, OF_QUEUE, BEGIN, PROGRESS, END, CANCEL, STATUS, LOCK, HOLDER, UNLOCK, OPEN, ARCHIVED, EXPIRED, FORGET];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    source: String,
    queue: String,
    work: String,
    filter: String,
    status: String,
    background: bool,
    phase: String,
    place: String,
    step: i64,
    total: Option<i64>,
    seen: i64,
    done: i64,
    gone: i64,
    refused: i64,
    refusals: String,
    rate: Option<i64>,
    created_at: i64,
    started_at: Option<i64>,
    updated_at: i64,
    ended_at: Option<i64>,
    actor_id: String,
    actor_name: String,
    reason: Option<String>,
    note: Option<String>,
    fault: Option<String>,
    archived: i64,
    archived_bytes: i64,
    restorable_until: Option<i64>,
}

impl Row {
    fn stored(self) -> Result<Stored> {
        let (place, step, archived_bytes) = (serde_json::from_str::<Place>(&self.place)?, self.step, self.archived_bytes);
        Ok(Stored { run: self.run()?, place, step, archived_bytes })
    }

    fn run(self) -> Result<Run> {
        Ok(Run {
            id: self.id,
            source: self.source,
            queue: self.queue,
            work: serde_json::from_str(&self.work)?,
            filter: serde_json::from_str(&self.filter)?,
            status: status(&self.status)?,
            background: self.background,
            phase: self.phase,
            total: self.total,
            seen: self.seen,
            done: self.done,
            gone: self.gone,
            refused: self.refused,
            refusals: serde_json::from_str(&self.refusals)?,
            rate: self.rate.and_then(|rate| u32::try_from(rate).ok()),
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            updated_at: Timestamp(self.updated_at),
            ended_at: self.ended_at.map(Timestamp),
            actor_id: self.actor_id,
            actor_name: self.actor_name,
            reason: self.reason,
            note: self.note,
            fault: self.fault,
            archived: self.archived,
            restorable_until: self.restorable_until.map(Timestamp),
        })
    }
}

fn status(word: &str) -> Result<RunStatus> {
    RunStatus::parse(word).ok_or_else(|| Error::Broken(format!("unknown status {word} of a run")))
}

/// One run.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Run>> {
    db.maybe::<Row>(FIND, args![id]).await?.map(Row::run).transpose()
}

/// One run, and where it is.
pub async fn stored(db: &Db, id: Uuid) -> Result<Option<Stored>> {
    db.maybe::<Row>(FIND, args![id]).await?.map(Row::stored).transpose()
}

/// Runs before `after`, the latest first.
pub async fn list(db: &Db, after: Option<Uuid>, limit: i64) -> Result<Vec<Run>> {
    db.all::<Row>(LIST, args![after.unwrap_or(Uuid::max()), limit]).await?.into_iter().map(Row::run).collect()
}

/// The latest runs of a queue.
pub async fn of_queue(db: &Db, source: &str, queue: &str, limit: i64) -> Result<Vec<Run>> {
    db.all::<Row>(OF_QUEUE, args![source, queue, limit]).await?.into_iter().map(Row::run).collect()
}

/// Adds a run that somebody asked for.
pub async fn ask(tx: &mut GateTx<'_>, run: &Run) -> Result<()> {
    insert(tx, run).await
}

/// Adds the record of chosen jobs that are deleted at once, under an intent.
pub async fn note(tx: &mut Tx, run: &Run) -> Result<()> {
    insert(tx, run).await
}

async fn insert(tx: &mut Tx, run: &Run) -> Result<()> {
    let row = args![
        run.id,
        run.source.as_str(),
        run.queue.as_str(),
        serde_json::to_string(&run.work)?,
        serde_json::to_string(&run.filter)?,
        run.status.word(),
        run.background,
        run.total,
        run.rate.map(i64::from),
        run.created_at.0,
        run.started_at.map(|at| at.0),
        run.actor_id.as_str(),
        run.actor_name.as_str(),
        run.reason.clone()
    ];
    tx.exec(INSERT, row).await?;
    Ok(())
}

/// Takes a state of a queue for a run, or gives the run that has it.
pub async fn lock(tx: &mut GateTx<'_>, run: &Run, what: &str) -> Result<Option<Uuid>> {
    let (source, queue) = (run.source.as_str(), run.queue.as_str());
    if tx.exec(LOCK, args![source, queue, what, run.id]).await? == 1 {
        return Ok(None);
    }
    let holder: Option<(Uuid,)> = tx.maybe(HOLDER, args![source, queue, what]).await?;
    // It ended in this very moment: whoever asks again gets it.
    Ok(Some(holder.map_or(run.id, |(id,)| id)))
}

/// Begins a run, or goes on with it; `None` when it is over. An execution before this one can't write any more.
pub async fn begin(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<Option<Stored>> {
    tx.maybe::<Row>(BEGIN, args![id, now.0]).await?.map(Row::stored).transpose()
}

/// Writes how far a run is, and gives its status; `None` when another execution has taken it over, or it is over.
pub async fn progress(tx: &mut Tx, stored: &Stored, now: Timestamp) -> Result<Option<RunStatus>> {
    let run = &stored.run;
    let row = args![
        run.id,
        stored.step,
        run.phase.as_str(),
        serde_json::to_string(&stored.place)?,
        run.seen,
        run.done,
        run.gone,
        run.refused,
        serde_json::to_string(&run.refusals)?,
        run.note.clone(),
        run.fault.clone(),
        run.archived,
        stored.archived_bytes,
        run.restorable_until.map(|at| at.0),
        now.0
    ];
    let found: Option<(String,)> = tx.maybe(PROGRESS, row).await?;
    found.map(|(word,)| status(&word)).transpose()
}

/// Ends a run and lets its states go; false when it was over, or another execution has it.
pub async fn end(tx: &mut Tx, stored: &Stored, to: RunStatus, fault: Option<&str>, now: Timestamp) -> Result<bool> {
    let ended = tx.exec(END, args![stored.run.id, stored.step, to.word(), now.0, fault.map(str::to_owned)]).await? == 1;
    if ended {
        tx.exec(UNLOCK, args![stored.run.id]).await?;
    }
    Ok(ended)
}

/// Ends a run that has not begun, or asks one to end; `None` when it is over.
pub async fn cancel(tx: &mut GateTx<'_>, id: Uuid, now: Timestamp) -> Result<Option<Run>> {
    let run = tx.maybe::<Row>(CANCEL, args![id, now.0]).await?.map(Row::run).transpose()?;
    if run.as_ref().is_some_and(|run| run.status.is_over()) {
        tx.exec(UNLOCK, args![id]).await?;
    }
    Ok(run)
}

/// The status of a run.
pub async fn current(db: &Db, id: Uuid) -> Result<Option<RunStatus>> {
    let found: Option<(String,)> = db.maybe(STATUS, args![id]).await?;
    found.map(|(word,)| status(&word)).transpose()
}

/// Runs that are not over, at most 100; of those that are done at once only what was cut off before a moment.
pub async fn open(db: &Db, cut_off: Timestamp) -> Result<Vec<Run>> {
    db.all::<Row>(OPEN, args![true, cut_off.0]).await?.into_iter().map(Row::run).collect()
}

/// Writes how many jobs of a run's archive are not back.
pub async fn archived(tx: &mut Tx, id: Uuid, left: i64) -> Result<()> {
    tx.exec(ARCHIVED, args![id, left]).await?;
    Ok(())
}

/// Runs whose archive has had its time, at most 100; none while anything is restored.
pub async fn expired(db: &Db, now: Timestamp) -> Result<Vec<Uuid>> {
    Ok(db.all::<(Uuid,)>(EXPIRED, args![now.0]).await?.into_iter().map(|(id,)| id).collect())
}

/// Forgets runs that ended before a moment and keep nothing.
pub async fn trim(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    Ok(tx.exec(FORGET, args![before.0]).await?)
}
