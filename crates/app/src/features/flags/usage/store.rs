//! SQL of what was asked for. Counts are added up in the database, so that replicas share one figure.

use engine::{Db, Result, Tx, args};

/// Most flags whose figures are read.
const FLAGS: i64 = 10_000;

const ADD: &str = "INSERT INTO flag_usage (key, evaluations, last_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET \
     evaluations = flag_usage.evaluations + excluded.evaluations, \
     last_at = CASE WHEN excluded.last_at > flag_usage.last_at THEN excluded.last_at ELSE flag_usage.last_at END";
const ADD_MINUTE: &str = "INSERT INTO flag_usage_minute (minute, key, evaluations) VALUES ($1, $2, $3) \
     ON CONFLICT (minute, key) DO UPDATE SET evaluations = flag_usage_minute.evaluations + excluded.evaluations";
const ADD_UNKNOWN: &str = "INSERT INTO flag_unknown (key, requests, first_at, last_at, last_by, last_by_name) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (key) DO UPDATE SET requests = flag_unknown.requests + excluded.requests, last_at = excluded.last_at, \
     last_by = excluded.last_by, last_by_name = excluded.last_by_name";
const TOTALS: &str = "SELECT key, evaluations, last_at FROM flag_usage ORDER BY last_at DESC LIMIT $1";
const MINUTES: &str = "SELECT key, minute, evaluations FROM flag_usage_minute WHERE minute >= $1";
const UNKNOWN: &str = "SELECT key, requests, first_at, last_at, last_by, last_by_name FROM flag_unknown ORDER BY last_at DESC, key LIMIT $1";
const TRIM_MINUTES: &str = "DELETE FROM flag_usage_minute WHERE minute < $1";
const TRIM_UNKNOWN: &str = "DELETE FROM flag_unknown WHERE key NOT IN (SELECT key FROM flag_unknown ORDER BY last_at DESC, key LIMIT $1)";
/// Every static statement about usage.
pub const STATEMENTS: &[&str] = &[ADD, ADD_MINUTE, ADD_UNKNOWN, TOTALS, MINUTES, UNKNOWN, TRIM_MINUTES, TRIM_UNKNOWN];

/// What was asked for since the beginning.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Total {
    pub key: String,
    pub evaluations: i64,
    pub last_at: i64,
}

/// What was asked for within a minute.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Minute {
    pub key: String,
    pub minute: i64,
    pub evaluations: i64,
}

/// A key that no flag has.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stray {
    pub key: String,
    pub requests: i64,
    pub first_at: i64,
    pub last_at: i64,
    pub last_by: String,
    pub last_by_name: String,
}

/// Adds evaluations to a key and to its minute.
pub async fn add(tx: &mut Tx, key: &str, minute: i64, evaluations: i64, last_at: i64) -> Result<()> {
    tx.exec(ADD, args![key, evaluations, last_at]).await?;
    tx.exec(ADD_MINUTE, args![minute, key, evaluations]).await.map(drop)
}

/// Adds requests to a key that no flag has.
pub async fn add_unknown(tx: &mut Tx, stray: &Stray) -> Result<()> {
    let row = args![stray.key.as_str(), stray.requests, stray.first_at, stray.last_at, stray.last_by.as_str(), stray.last_by_name.as_str()];
    tx.exec(ADD_UNKNOWN, row).await.map(drop)
}

/// Forgets minutes before `minute`, and unknown keys beyond the `most` newest.
pub async fn trim(tx: &mut Tx, minute: i64, most: i64) -> Result<()> {
    tx.exec(TRIM_MINUTES, args![minute]).await?;
    tx.exec(TRIM_UNKNOWN, args![most]).await.map(drop)
}

/// Totals by key.
pub async fn totals(db: &Db) -> Result<Vec<Total>> {
    db.all(TOTALS, args![FLAGS]).await
}

/// Counts from `minute` on.
pub async fn minutes(db: &Db, minute: i64) -> Result<Vec<Minute>> {
    db.all(MINUTES, args![minute]).await
}

/// Unknown keys, the newest first.
pub async fn unknown(db: &Db, most: i64) -> Result<Vec<Stray>> {
    db.all(UNKNOWN, args![most]).await
}
