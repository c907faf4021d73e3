//! SQL of failures by cause.

use engine::{Db, Result, Tx, args};

const FIND: &str = "SELECT source, queue, fingerprint, reason, jobs, first_at, last_at, sample, names FROM queue_failure \
     WHERE source = $1 AND queue = $2 AND fingerprint = $3";
const PUT: &str = "INSERT INTO queue_failure (source, queue, fingerprint, reason, jobs, first_at, last_at, sample, names) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source, queue, fingerprint) DO UPDATE SET reason = excluded.reason, \
     jobs = excluded.jobs, first_at = excluded.first_at, last_at = excluded.last_at, sample = excluded.sample, names = excluded.names";
const LIST: &str = "SELECT source, queue, fingerprint, reason, jobs, first_at, last_at, sample, names FROM queue_failure \
     WHERE jobs > 0 AND ($1 = '' OR source = $1) AND ($2 = '' OR queue = $2) ORDER BY last_at DESC LIMIT $3";
const OF_QUEUE: &str = "SELECT fingerprint FROM queue_failure WHERE source = $1 AND queue = $2 AND fingerprint > $3 ORDER BY fingerprint LIMIT $4";
const COUNTED: &str = "SELECT fingerprint, count(*) AS jobs, min(at) AS first_at, max(at) AS last_at FROM queue_job \
     WHERE source = $1 AND queue = $2 AND state = 'failed' AND fingerprint > $3 AND fingerprint <= $4 GROUP BY fingerprint";
const TRIM: &str = "DELETE FROM queue_failure WHERE jobs <= 0 AND last_at < $1";
const FORGET: &str = "DELETE FROM queue_failure WHERE source = $1 AND queue = $2";
/// See `Feature::statements`.
pub const STATEMENTS: &[&str] = &[FIND, PUT, LIST, OF_QUEUE, COUNTED, TRIM, FORGET];

/// One cause of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Row {
    /// Its job system.
    pub source: String,
    /// Its queue.
    pub queue: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// A reason of it, scrubbed.
    pub reason: String,
    /// Jobs that failed so and are still there.
    pub jobs: i64,
    /// When one first failed so.
    pub first_at: i64,
    /// When one last failed so.
    pub last_at: i64,
    /// Id of one.
    pub sample: String,
    /// Names of them, one a line.
    pub names: String,
}

/// What counting found of a cause.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Counted {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Jobs.
    pub jobs: i64,
    /// The first failure.
    pub first_at: i64,
    /// The last failure.
    pub last_at: i64,
}

/// One cause.
pub async fn find(tx: &mut Tx, source: &str, queue: &str, fingerprint: &str) -> Result<Option<Row>> {
    tx.maybe(FIND, args![source, queue, fingerprint]).await
}

/// Writes one cause.
pub async fn put(tx: &mut Tx, row: Row) -> Result<()> {
    let Row { source, queue, fingerprint, reason, jobs, first_at, last_at, sample, names } = row;
    tx.exec(PUT, args![source, queue, fingerprint, reason, jobs, first_at, last_at, sample, names]).await.map(drop)
}

/// Causes with jobs, the last first; empty names are all.
pub async fn list(db: &Db, source: &str, queue: &str, limit: i64) -> Result<Vec<Row>> {
    db.all(LIST, args![source, queue, limit]).await
}

/// The next fingerprints of a queue's causes, of those without jobs, too.
pub async fn of_queue(db: &Db, source: &str, queue: &str, after: &str, limit: i64) -> Result<Vec<(String,)>> {
    db.all(OF_QUEUE, args![source, queue, after, limit]).await
}

/// Causes of a queue behind one up to another, counted anew from the index.
pub async fn counted(db: &Db, source: &str, queue: &str, (after, to): (&str, &str)) -> Result<Vec<Counted>> {
    db.all(COUNTED, args![source, queue, after, to]).await
}

/// Deletes causes that have no jobs any more since a moment.
pub async fn trim(tx: &mut Tx, before: i64) -> Result<u64> {
    tx.exec(TRIM, args![before]).await
}

/// Forgets a queue.
pub async fn forget(tx: &mut Tx, source: &str, queue: &str) -> Result<u64> {
    tx.exec(FORGET, args![source, queue]).await
}
