//! SQL of the roll-ups and of how far the past was read.

use engine::{Db, Result, Tx, args};

const FOLLOW: &str = "SELECT position, covered_at, version FROM queue_follow WHERE source = $1 AND queue = $2";
const BEGIN: &str = "INSERT INTO queue_follow (source, queue, position, covered_at, version) VALUES ($1, $2, $3, $4, 1) \
     ON CONFLICT (source, queue) DO NOTHING";
const ADVANCE: &str = "UPDATE queue_follow SET position = $3, covered_at = $4, version = version + 1 \
     WHERE source = $1 AND queue = $2 AND version = $5";
const FIND: &str = "SELECT start_at, waiting, waiting_max, added, completed, failed, retried, waits, runs, sampled, partial FROM queue_rollup \
     WHERE grain = $1 AND source = $2 AND queue = $3 AND start_at = $4";
const PUT: &str = "INSERT INTO queue_rollup \
     (grain, source, queue, start_at, waiting, waiting_max, added, completed, failed, retried, waits, runs, sampled, partial) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (grain, source, queue, start_at) \
     DO UPDATE SET waiting = excluded.waiting, waiting_max = excluded.waiting_max, added = excluded.added, completed = excluded.completed, \
     failed = excluded.failed, retried = excluded.retried, waits = excluded.waits, runs = excluded.runs, sampled = excluded.sampled, \
     partial = excluded.partial";
const SERIES: &str = "SELECT start_at, waiting, waiting_max, added, completed, failed, retried, waits, runs, sampled, partial FROM queue_rollup \
     WHERE grain = $1 AND source = $2 AND queue = $3 AND start_at >= $4 AND start_at < $5 ORDER BY start_at LIMIT 4000";
const FINISHED: &str = "SELECT queue, start_at, completed, failed FROM queue_rollup \
     WHERE grain = 1 AND start_at >= $1 AND source = $2 AND completed IS NOT NULL LIMIT 100000";
const OLDEST: &str = "SELECT start_at FROM queue_rollup WHERE grain = $1 ORDER BY start_at LIMIT 1";
const TRIM: &str = "DELETE FROM queue_rollup WHERE grain = $1 AND start_at < $2";
const FORGET: &str = "DELETE FROM queue_follow WHERE covered_at < $1";
/// See `Feature::statements`.
pub const STATEMENTS: &[&str] = &[FOLLOW, BEGIN, ADVANCE, FIND, PUT, SERIES, FINISHED, OLDEST, TRIM, FORGET];

/// How long a stretch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// Kept for 48 hours.
    Minute,
    /// Kept for 90 days.
    Hour,
    /// Kept for two years.
    Day,
}

impl Grain {
    /// All.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    fn code(self) -> i64 {
        match self {
            Self::Minute => 1,
            Self::Hour => 2,
            Self::Day => 3,
        }
    }

    /// Its length in microseconds.
    pub fn micros(self) -> i64 {
        match self {
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
        }
    }

    /// Seconds that it is kept.
    pub fn kept(self) -> i64 {
        match self {
            Self::Minute => 48 * 3_600,
            Self::Hour => 90 * 86_400,
            Self::Day => 730 * 86_400,
        }
    }

    /// Begin of the stretch that holds a moment.
    pub fn start(self, at: i64) -> i64 {
        at - at.rem_euclid(self.micros())
    }
}

/// How far a queue's past was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Follow {
    /// Where to go on.
    pub position: Option<String>,
    /// Everything until then is counted.
    pub covered_at: i64,
    /// Counts the writes; 0 before the first.
    pub version: i64,
}

/// One stretch as stored.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct Row {
    /// Its begin.
    pub start_at: i64,
    /// Jobs that waited last.
    pub waiting: Option<i64>,
    /// Most jobs that waited.
    pub waiting_max: Option<i64>,
    /// Made.
    pub added: Option<i64>,
    /// Done.
    pub completed: Option<i64>,
    /// Failed for good.
    pub failed: Option<i64>,
    /// Failed and tried again.
    pub retried: Option<i64>,
    /// Sketch of the times from ready to started.
    pub waits: Option<Vec<u8>>,
    /// Sketch of the run times.
    pub runs: Option<Vec<u8>>,
    /// The times are of some jobs only.
    pub sampled: bool,
    /// Some of it was not counted.
    pub partial: bool,
}

/// How far a queue was read.
pub async fn follow(db: &Db, source: &str, queue: &str) -> Result<Option<Follow>> {
    db.maybe(FOLLOW, args![source, queue]).await
}

/// Writes how far it was read, unless somebody else did so since `version`.
pub async fn advance(tx: &mut Tx, (source, queue): (&str, &str), to: &Follow) -> Result<bool> {
    let position = to.position.clone();
    let rows = if to.version == 0 {
        tx.exec(BEGIN, args![source, queue, position, to.covered_at]).await?
    } else {
        tx.exec(ADVANCE, args![source, queue, position, to.covered_at, to.version]).await?
    };
    Ok(rows == 1)
}

/// One stretch.
pub async fn find(tx: &mut Tx, grain: Grain, (source, queue): (&str, &str), start_at: i64) -> Result<Option<Row>> {
    tx.maybe(FIND, args![grain.code(), source, queue, start_at]).await
}

/// Writes one stretch.
pub async fn put(tx: &mut Tx, grain: Grain, (source, queue): (&str, &str), row: Row) -> Result<()> {
    let Row { start_at, waiting, waiting_max, added, completed, failed, retried, waits, runs, sampled, partial } = row;
    let key = (grain.code(), source, queue, start_at);
    let counts = args![key.0, key.1, key.2, key.3, waiting, waiting_max, added, completed, failed, retried, waits, runs, sampled, partial];
    tx.exec(PUT, counts).await.map(drop)
}

/// Stretches of a queue by time.
pub async fn series(db: &Db, grain: Grain, (source, queue): (&str, &str), (from, to): (i64, i64)) -> Result<Vec<Row>> {
    db.all(SERIES, args![grain.code(), source, queue, from, to]).await
}

/// What ended by queue and minute, in one job system.
pub async fn finished(db: &Db, source: &str, since: i64) -> Result<Vec<(String, i64, Option<i64>, Option<i64>)>> {
    db.all(FINISHED, args![since, source]).await
}

/// Begin of the oldest stretch.
pub async fn oldest(db: &Db, grain: Grain) -> Result<Option<i64>> {
    Ok(db.maybe::<(i64,)>(OLDEST, args![grain.code()]).await?.map(|(start_at,)| start_at))
}

/// Deletes stretches that began before a moment.
pub async fn trim(tx: &mut Tx, grain: Grain, before: i64) -> Result<u64> {
    tx.exec(TRIM, args![grain.code(), before]).await
}

/// Forgets how far queues were read that nobody has seen since.
pub async fn forget(tx: &mut Tx, before: i64) -> Result<u64> {
    tx.exec(FORGET, args![before]).await
}
