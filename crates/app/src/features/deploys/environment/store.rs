//! All SQL about configurations.

use engine::{Db, Tx, args};
use qd_core::{Result, Timestamp};
use uuid::Uuid;

use super::{Entries, Snapshot, digest};
use crate::features::deploys::record::pattern;

const UPSERT: &str = "INSERT INTO config_snapshot (id, environment, service, sha, digest, entries, first_at, last_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
     ON CONFLICT (environment, service, sha, digest) DO UPDATE SET last_at = excluded.last_at RETURNING id";
const SEEN: &str = "UPDATE config_snapshot SET last_at = $2 WHERE id = $1 AND last_at < $3";
const BY_ID: &str = "SELECT * FROM config_snapshot WHERE id = $1";
const LATEST: &str = "SELECT * FROM config_snapshot WHERE environment = $1 AND service = $2 ORDER BY last_at DESC, id DESC LIMIT 1";
const LATEST_ALL: &str = "SELECT * FROM (SELECT config_snapshot.*, row_number() OVER (PARTITION BY environment, service ORDER BY last_at DESC, id DESC) AS place \
     FROM config_snapshot) AS ranked WHERE place = 1 ORDER BY environment, service LIMIT 100";
/// Of a build of a service, seen between two moments: $4 from, $5 before. A commit ($7) finds its shorter and longer forms, $6 is its pattern.
const BETWEEN: &str = "SELECT * FROM config_snapshot WHERE environment = $1 AND service = $2 AND (sha = $3 OR sha LIKE $6 OR ($7 AND length(sha) >= 7 AND $3 LIKE sha || '%')) AND last_at >= $4 \
     AND first_at < $5 ORDER BY first_at DESC, id DESC LIMIT 1";
const TRIM: &str =
    "DELETE FROM config_snapshot WHERE last_at < $1 AND id NOT IN (SELECT snapshot_id FROM app_instance WHERE snapshot_id IS NOT NULL)";
/// Of each service so many are kept, those that were seen last.
const TRIM_MANY: &str = "DELETE FROM config_snapshot WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY environment, service \
     ORDER BY last_at DESC, id DESC) AS place FROM config_snapshot) AS ranked WHERE place > $1) \
     AND id NOT IN (SELECT snapshot_id FROM app_instance WHERE snapshot_id IS NOT NULL)";
/// Every static statement about configurations.
pub const STATEMENTS: &[&str] = &[UPSERT, SEEN, BY_ID, LATEST, LATEST_ALL, BETWEEN, TRIM, TRIM_MANY];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    environment: String,
    service: String,
    sha: String,
    entries: String,
    first_at: i64,
    last_at: i64,
}

impl Row {
    fn snapshot(self) -> Result<Snapshot> {
        let entries: Entries = serde_json::from_str(&self.entries)?;
        let (first_at, last_at) = (Timestamp(self.first_at), Timestamp(self.last_at));
        Ok(Snapshot { id: self.id, environment: self.environment, service: self.service, sha: self.sha, first_at, last_at, entries })
    }
}

/// Keeps a configuration, or says that it was seen again; gives its id.
pub async fn keep(tx: &mut Tx, environment: &str, service: &str, sha: &str, entries: &Entries, now: Timestamp) -> Result<Uuid> {
    let text = serde_json::to_string(entries)?;
    let row = args![Uuid::now_v7(), environment, service, sha, digest(entries)?, text, now.0];
    Ok(tx.one::<(Uuid,)>(UPSERT, row).await?.0)
}

/// Says that a configuration still holds; written at most once a minute.
pub async fn seen(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<()> {
    tx.exec(SEEN, args![id, now.0, now.plus_seconds(-60).0]).await?;
    Ok(())
}

/// By id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Snapshot>> {
    db.maybe::<Row>(BY_ID, args![id]).await?.map(Row::snapshot).transpose()
}

/// The one of a service that was seen last.
pub async fn latest(db: &Db, environment: &str, service: &str) -> Result<Option<Snapshot>> {
    db.maybe::<Row>(LATEST, args![environment, service]).await?.map(Row::snapshot).transpose()
}

/// The one of every service of every environment that was seen last, at most 100.
pub async fn latest_all(db: &Db) -> Result<Vec<Snapshot>> {
    db.all::<Row>(LATEST_ALL, args![]).await?.into_iter().map(Row::snapshot).collect()
}

/// The last one of a build that was seen within a time.
pub async fn between(db: &Db, (environment, service, sha): (&str, &str, &str), from: Timestamp, to: Timestamp) -> Result<Option<Snapshot>> {
    let (pattern, commit) = pattern(sha);
    db.maybe::<Row>(BETWEEN, args![environment, service, sha, from.0, to.0, pattern, commit]).await?.map(Row::snapshot).transpose()
}

/// Forgets those that nobody has had since a moment, and of each service all but the last `most`. What an instance has now stays.
pub async fn trim(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64> {
    Ok(tx.exec(TRIM, args![before.0]).await? + tx.exec(TRIM_MANY, args![most]).await?)
}
