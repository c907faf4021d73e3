//! SQL about schedules that somebody stopped: bookkeeping of acts that happen in the job systems.

use engine::{Db, Tx, args};
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::schedules::{Held, Hold};

const PUT: &str = "INSERT INTO queue_schedule (source, queue, schedule, state, known, kept, run_id, at, actor_id, actor_name) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (source, queue, schedule) \
     DO UPDATE SET state = $4, known = $5, kept = $6, run_id = $7, at = $8, actor_id = $9, actor_name = $10";
const FIND: &str = "SELECT * FROM queue_schedule WHERE source = $1 AND queue = $2 AND schedule = $3";
const OF_SOURCE: &str = "SELECT * FROM queue_schedule WHERE source = $1 ORDER BY queue, schedule LIMIT 5000";
const OF_RUN: &str = "SELECT * FROM queue_schedule WHERE run_id = $1 ORDER BY queue, schedule LIMIT 100";
const FORGET: &str = "DELETE FROM queue_schedule WHERE source = $1 AND queue = $2 AND schedule = $3";
/// What is paused, or may be, stays, however long.
const TRIM: &str = "DELETE FROM queue_schedule WHERE state = 'REMOVED' AND at < $1";
/// Every static statement about stopped schedules.
pub const STATEMENTS: &[&str] = &[PUT, FIND, OF_SOURCE, OF_RUN, FORGET, TRIM];

#[derive(sqlx::FromRow)]
struct Row {
    source: String,
    queue: String,
    schedule: String,
    state: String,
    known: String,
    kept: Option<String>,
    run_id: Option<Uuid>,
    at: i64,
    actor_id: String,
    actor_name: String,
}

impl Row {
    fn hold(self) -> Result<Hold> {
        Ok(Hold {
            state: Held::parse(&self.state).ok_or_else(|| Error::Broken(format!("unknown state {} of a schedule", self.state)))?,
            known: serde_json::from_str(&self.known)?,
            kept: self.kept.as_deref().map(serde_json::from_str).transpose()?,
            source: self.source,
            queue: self.queue,
            schedule: self.schedule,
            run: self.run_id,
            at: Timestamp(self.at),
            actor_id: self.actor_id,
            actor_name: self.actor_name,
        })
    }
}

/// Writes what is known of a stopped schedule.
pub async fn put(tx: &mut Tx, hold: &Hold) -> Result<()> {
    let row = args![
        hold.source.as_str(),
        hold.queue.as_str(),
        hold.schedule.as_str(),
        hold.state.word(),
        serde_json::to_string(&hold.known)?,
        hold.kept.as_ref().map(serde_json::to_string).transpose()?,
        hold.run,
        hold.at.0,
        hold.actor_id.as_str(),
        hold.actor_name.as_str()
    ];
    tx.exec(PUT, row).await?;
    Ok(())
}

/// One stopped schedule.
pub async fn find(db: &Db, source: &str, queue: &str, schedule: &str) -> Result<Option<Hold>> {
    db.maybe::<Row>(FIND, args![source, queue, schedule]).await?.map(Row::hold).transpose()
}

/// The stopped schedules of a job system.
pub async fn of_source(db: &Db, source: &str) -> Result<Vec<Hold>> {
    db.all::<Row>(OF_SOURCE, args![source]).await?.into_iter().map(Row::hold).collect()
}

/// The first schedules that a run removed with their queue, and that are not back.
pub async fn of_run(db: &Db, run: Uuid) -> Result<Vec<Hold>> {
    db.all::<Row>(OF_RUN, args![run]).await?.into_iter().map(Row::hold).collect()
}

/// Forgets a schedule: it fires again, or its driver remembers.
pub async fn forget(tx: &mut Tx, source: &str, queue: &str, schedule: &str) -> Result<()> {
    tx.exec(FORGET, args![source, queue, schedule]).await?;
    Ok(())
}

/// Forgets schedules that were removed before a moment. Returns how many.
pub async fn trim(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    Ok(tx.exec(TRIM, args![before.0]).await?)
}
