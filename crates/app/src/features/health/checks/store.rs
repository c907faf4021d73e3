//! The SQL of checks: results by minute, and whether a check was told to be down.

use engine::{Db, Result, Tx, args};
use qd_core::Timestamp;

use super::track::Minute;

const ADD: &str = "INSERT INTO check_result_minute (check_id, minute, ok, warn, crit, latency_us_sum, latency_us_max) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (check_id, minute) DO UPDATE SET \
     ok = check_result_minute.ok + excluded.ok, warn = check_result_minute.warn + excluded.warn, \
     crit = check_result_minute.crit + excluded.crit, latency_us_sum = check_result_minute.latency_us_sum + excluded.latency_us_sum, \
     latency_us_max = CASE WHEN excluded.latency_us_max > check_result_minute.latency_us_max THEN excluded.latency_us_max \
     ELSE check_result_minute.latency_us_max END";
const SINCE: &str = "SELECT check_id, minute, ok, warn, crit, latency_us_sum, latency_us_max FROM check_result_minute \
     WHERE minute >= $1 ORDER BY check_id, minute LIMIT 20000";
const SUM: &str = "SELECT CAST(coalesce(sum(ok), 0) AS BIGINT) AS ok, CAST(coalesce(sum(warn), 0) AS BIGINT) AS warn, \
     CAST(coalesce(sum(crit), 0) AS BIGINT) AS crit, CAST(coalesce(sum(latency_us_sum), 0) AS BIGINT) AS latency_us_sum, \
     coalesce(max(latency_us_max), 0) AS latency_us_max FROM check_result_minute WHERE check_id = $1 AND minute >= $2";
const STATES: &str = "SELECT check_id, down, since FROM check_state LIMIT 10000";
const TURN: &str = "INSERT INTO check_state (check_id, down, since, reason) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (check_id) DO UPDATE SET down = excluded.down, since = excluded.since, reason = excluded.reason";
const TRIM: &str = "DELETE FROM check_result_minute WHERE (check_id, minute) IN \
     (SELECT check_id, minute FROM check_result_minute WHERE minute < $1 LIMIT 5000)";

/// All of them.
pub const STATEMENTS: &[&str] = &[ADD, SINCE, SUM, STATES, TURN, TRIM];

/// A stored minute.
#[derive(Debug, sqlx::FromRow)]
pub struct MinuteRow {
    pub check_id: String,
    pub minute: i64,
    #[sqlx(flatten)]
    pub counted: Counted,
}

/// Its figures.
#[derive(Debug, sqlx::FromRow)]
pub struct Counted {
    ok: i64,
    warn: i64,
    crit: i64,
    latency_us_sum: i64,
    latency_us_max: i64,
}

impl From<Counted> for Minute {
    fn from(row: Counted) -> Self {
        Self { ok: row.ok, warn: row.warn, crit: row.crit, latency_us_sum: row.latency_us_sum, latency_us_max: row.latency_us_max }
    }
}

/// Whether a check was told to be down.
#[derive(Debug, sqlx::FromRow)]
pub struct StateRow {
    pub check_id: String,
    pub down: bool,
    pub since: i64,
}

pub async fn add(tx: &mut Tx, check: &str, minute: i64, m: Minute) -> Result<()> {
    tx.exec(ADD, args![check, minute, m.ok, m.warn, m.crit, m.latency_us_sum, m.latency_us_max]).await.map(|_| ())
}

pub async fn since(db: &Db, minute: i64) -> Result<Vec<MinuteRow>> {
    db.all(SINCE, args![minute]).await
}

pub async fn sum(db: &Db, check: &str, from_minute: i64) -> Result<Minute> {
    db.one::<Counted>(SUM, args![check, from_minute]).await.map(Minute::from)
}

pub async fn states(db: &Db) -> Result<Vec<StateRow>> {
    db.all(STATES, args![]).await
}

pub async fn turn(tx: &mut Tx, check: &str, down: bool, since: Timestamp, reason: Option<String>) -> Result<()> {
    tx.exec(TURN, args![check, down, since.0, reason]).await.map(|_| ())
}

pub async fn trim(tx: &mut Tx, before_minute: i64) -> Result<u64> {
    tx.exec(TRIM, args![before_minute]).await
}
