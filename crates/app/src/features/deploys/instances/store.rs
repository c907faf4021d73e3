//! All SQL about instances.

use engine::{Db, Tx, args};
use qd_core::{Result, Timestamp};
use uuid::Uuid;

use super::{ALIVE, Instance};

const FIND: &str = "SELECT * FROM app_instance WHERE environment = $1 AND service = $2 AND instance = $3";
const UPSERT: &str = "INSERT INTO app_instance (environment, service, instance, sha, version, branch, started_at, first_beat_at, beat_at, revision, snapshot_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10) ON CONFLICT (environment, service, instance) DO UPDATE SET sha = excluded.sha, \
     version = excluded.version, branch = excluded.branch, started_at = excluded.started_at, beat_at = excluded.beat_at, \
     revision = excluded.revision, snapshot_id = excluded.snapshot_id";
const COUNT: &str = "SELECT count(*) FROM app_instance WHERE environment = $1";
const FORGET: &str = "DELETE FROM app_instance WHERE beat_at < $1";
const ENVIRONMENTS: &str = "SELECT count(DISTINCT environment) FROM app_instance";
/// Of each environment those that beat last: none hides another one.
const ALL: &str = "SELECT * FROM (SELECT app_instance.*, row_number() OVER (PARTITION BY environment ORDER BY beat_at DESC, service, instance) AS place \
     FROM app_instance) AS ranked WHERE place <= 500 ORDER BY environment, service, beat_at DESC, instance";
const OF: &str = "SELECT * FROM (SELECT * FROM app_instance WHERE environment = $1 ORDER BY beat_at DESC, service, instance LIMIT 500) AS newest \
     ORDER BY service, beat_at DESC, instance";
const NAMES: &str = "SELECT DISTINCT environment, service FROM app_instance ORDER BY environment, service LIMIT 200";
/// $1 begin of the time that counts as alive, $2 the revision.
const ACKNOWLEDGED: &str =
    "SELECT CAST(coalesce(sum(CASE WHEN revision >= $2 THEN 1 ELSE 0 END), 0) AS BIGINT), count(*) FROM app_instance WHERE beat_at >= $1";
/// Every static statement about instances.
pub const STATEMENTS: &[&str] = &[FIND, UPSERT, COUNT, FORGET, ENVIRONMENTS, ALL, OF, NAMES, ACKNOWLEDGED];

/// A process as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    /// Environment.
    pub environment: String,
    /// Service.
    pub service: String,
    /// Process.
    pub instance: String,
    /// Build.
    pub sha: String,
    /// Version.
    pub version: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// When it began, in microseconds.
    pub started_at: i64,
    /// Its last beat.
    pub beat_at: i64,
    /// What it obeys.
    pub revision: i64,
    /// Its configuration.
    pub snapshot_id: Option<Uuid>,
}

impl Row {
    /// As it stands at a moment.
    pub fn at(self, now: Timestamp) -> Instance {
        let beat_at = Timestamp(self.beat_at);
        Instance {
            alive: now.since(beat_at) <= ALIVE,
            environment: self.environment,
            service: self.service,
            instance: self.instance,
            sha: self.sha,
            version: self.version,
            branch: self.branch,
            started_at: Timestamp(self.started_at),
            beat_at,
            revision: self.revision,
            snapshot_id: self.snapshot_id,
        }
    }
}

/// One process.
pub async fn find(db: &Db, environment: &str, service: &str, instance: &str) -> Result<Option<Row>> {
    Ok(db.maybe(FIND, args![environment, service, instance]).await?)
}

/// One process, within a write.
pub async fn find_in(tx: &mut Tx, environment: &str, service: &str, instance: &str) -> Result<Option<Row>> {
    Ok(tx.maybe(FIND, args![environment, service, instance]).await?)
}

/// Writes a beat.
pub async fn beat(tx: &mut Tx, row: &Row) -> Result<()> {
    let values = args![
        row.environment.as_str(),
        row.service.as_str(),
        row.instance.as_str(),
        row.sha.as_str(),
        row.version.clone(),
        row.branch.clone(),
        row.started_at,
        row.beat_at,
        row.revision,
        row.snapshot_id
    ];
    tx.exec(UPSERT, values).await?;
    Ok(())
}

/// How many an environment has, dead ones too.
pub async fn count(tx: &mut Tx, environment: &str) -> Result<i64> {
    Ok(tx.one::<(i64,)>(COUNT, args![environment]).await?.0)
}

/// How many environments there are.
pub async fn environments(tx: &mut Tx) -> Result<i64> {
    Ok(tx.one::<(i64,)>(ENVIRONMENTS, args![]).await?.0)
}

/// Forgets those that were silent since a moment.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    Ok(tx.exec(FORGET, args![before.0]).await?)
}

/// All, or those of an environment; of each at most 500, those that beat last.
pub async fn all(db: &Db, environment: Option<&str>) -> Result<Vec<Row>> {
    Ok(match environment {
        Some(environment) => db.all(OF, args![environment]).await?,
        None => db.all(ALL, args![]).await?,
    })
}

/// Environments and their services, for filters; at most 200.
pub async fn names(db: &Db) -> Result<Vec<(String, String)>> {
    Ok(db.all(NAMES, args![]).await?)
}

/// How many that live obey a revision, and how many live.
pub async fn acknowledged(db: &Db, revision: i64, now: Timestamp) -> Result<(i64, i64)> {
    Ok(db.one(ACKNOWLEDGED, args![now.plus_seconds(-ALIVE).0, revision]).await?)
}
