//! SQL about bypass tokens and about the queues that a drain holds.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::bypass::Bypass;
use super::drain::{Hold, QueueProgress};

const BYPASSES: &str = "SELECT * FROM maintenance_bypass ORDER BY created_at DESC LIMIT $1";
const BYPASS: &str = "SELECT * FROM maintenance_bypass WHERE id = $1";
const ISSUE: &str = "INSERT INTO maintenance_bypass (id, note, created_at, created_by, created_by_name, expires_at, revoked_at) \
     VALUES ($1, $2, $3, $4, $5, $6, NULL)";
const REVOKE: &str = "UPDATE maintenance_bypass SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const REVOKED: &str = "SELECT id FROM maintenance_bypass WHERE expires_at > $1 AND revoked_at IS NOT NULL ORDER BY id";
const HELD_BY: &str = "SELECT * FROM maintenance_drain WHERE window_id = $1 ORDER BY source, queue LIMIT 500";
const HELD: &str = "SELECT * FROM maintenance_drain WHERE state IN ('PAUSING', 'PAUSED') ORDER BY window_id, source, queue LIMIT 500";
const PUT: &str = "INSERT INTO maintenance_drain (window_id, source, queue, state, active_left, waiting, counted_at, attempts, next_at, fault) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (window_id, source, queue) DO UPDATE SET state = $4, attempts = $8, next_at = $9, \
     fault = $10";
const COUNTED: &str =
    "UPDATE maintenance_drain SET active_left = $4, waiting = $5, counted_at = $6 WHERE window_id = $1 AND source = $2 AND queue = $3";
const FORGET: &str = "DELETE FROM maintenance_drain WHERE window_id = $1 AND source = $2 AND queue = $3";
const TRIM_BYPASSES: &str = "DELETE FROM maintenance_bypass WHERE expires_at < $1";
/// What a drain still holds stays, however long ago its window ended.
const TRIM_DRAINS: &str = "DELETE FROM maintenance_drain WHERE state NOT IN ('PAUSING', 'PAUSED') AND window_id IN \
     (SELECT id FROM maintenance_window WHERE actual_end < $1)";
/// Every static statement about bypass tokens and drains.
pub const STATEMENTS: &[&str] = &[BYPASSES, BYPASS, ISSUE, REVOKE, REVOKED, HELD_BY, HELD, PUT, COUNTED, FORGET, TRIM_BYPASSES, TRIM_DRAINS];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    note: String,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl Row {
    fn bypass(self) -> Bypass {
        Bypass {
            id: self.id,
            note: self.note,
            created_at: Timestamp(self.created_at),
            created_by_id: self.created_by,
            created_by_name: self.created_by_name,
            expires_at: Timestamp(self.expires_at),
            revoked_at: self.revoked_at.map(Timestamp),
        }
    }
}

/// The newest tokens.
pub async fn bypasses(db: &Db, most: i64) -> Result<Vec<Bypass>> {
    let rows: Vec<Row> = db.all(BYPASSES, args![most]).await?;
    Ok(rows.into_iter().map(Row::bypass).collect())
}

/// One token, within a change.
pub async fn bypass(tx: &mut GateTx<'_>, id: Uuid) -> Result<Bypass> {
    let row = tx.maybe::<Row>(BYPASS, args![id]).await?;
    row.map(Row::bypass).ok_or_else(|| Error::NotFound("The bypass token".into()))
}

/// Adds a token.
pub async fn issue(tx: &mut GateTx<'_>, new: &Bypass) -> Result<()> {
    let row = args![new.id, new.note.as_str(), new.created_at.0, new.created_by_id.as_str(), new.created_by_name.as_str(), new.expires_at.0];
    tx.exec(ISSUE, row).await?;
    Ok(())
}

/// Takes a token back; false when it was taken back before.
pub async fn revoke(tx: &mut GateTx<'_>, id: Uuid, at: Timestamp) -> Result<bool> {
    Ok(tx.exec(REVOKE, args![id, at.0]).await? == 1)
}

/// Tokens that were taken back and have not expired.
pub async fn revoked(db: &Db, now: Timestamp) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(REVOKED, args![now.0]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct HoldRow {
    window_id: Uuid,
    source: String,
    queue: String,
    state: String,
    active_left: Option<i64>,
    waiting: Option<i64>,
    counted_at: Option<i64>,
    attempts: i64,
    next_at: i64,
    fault: Option<String>,
}

fn held_rows(rows: Vec<HoldRow>) -> Result<Vec<QueueProgress>> {
    let read = |row: HoldRow| {
        Ok(QueueProgress {
            window_id: row.window_id,
            source: row.source,
            queue: row.queue,
            state: Hold::parse(&row.state).ok_or_else(|| Error::Broken(format!("unknown state {} of a drained queue", row.state)))?,
            active_left: row.active_left,
            waiting: row.waiting,
            counted_at: row.counted_at.map(Timestamp),
            attempts: row.attempts,
            next_at: Timestamp(row.next_at),
            fault: row.fault,
        })
    };
    rows.into_iter().map(read).collect()
}

/// What the drain of a window knows of its queues.
pub async fn held_by(db: &Db, window: Uuid) -> Result<Vec<QueueProgress>> {
    held_rows(db.all(HELD_BY, args![window]).await?)
}

/// The queues that any drain holds.
pub async fn held(db: &Db) -> Result<Vec<QueueProgress>> {
    held_rows(db.all(HELD, args![]).await?)
}

/// Writes what is known of a queue; its counts stay.
pub async fn put(tx: &mut Tx, row: &QueueProgress) -> Result<()> {
    let values = args![
        row.window_id,
        row.source.as_str(),
        row.queue.as_str(),
        row.state.word(),
        row.active_left,
        row.waiting,
        row.counted_at.map(|at| at.0),
        row.attempts,
        row.next_at.0,
        row.fault.clone()
    ];
    tx.exec(PUT, values).await?;
    Ok(())
}

/// Writes what was counted of a queue.
pub async fn counted(tx: &mut Tx, row: &QueueProgress) -> Result<()> {
    let values = args![row.window_id, row.source.as_str(), row.queue.as_str(), row.active_left, row.waiting, row.counted_at.map(|at| at.0)];
    tx.exec(COUNTED, values).await?;
    Ok(())
}

/// Drops a row.
pub async fn forget(tx: &mut Tx, window: Uuid, source: &str, queue: &str) -> Result<()> {
    tx.exec(FORGET, args![window, source, queue]).await?;
    Ok(())
}

/// Forgets tokens that expired and what drains knew of their queues when their window ended before a moment. Returns how many rows.
pub async fn trim(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    Ok(tx.exec(TRIM_BYPASSES, args![before.0]).await? + tx.exec(TRIM_DRAINS, args![before.0]).await?)
}
