//! SQL of the index.

use std::collections::HashMap;

use engine::{Db, Result, Tx, args};
use sea_query::{Expr, ExprTrait, Iden, Query};

use super::entry::Entry;

const SEEN: &str = "INSERT INTO queue_index (source, queue, failed, total, seen_at) VALUES ($1, $2, 0, 0, $3) \
     ON CONFLICT (source, queue) DO UPDATE SET seen_at = excluded.seen_at";
const PUT: &str = "INSERT INTO queue_job (key, source, queue, job, state, name, fingerprint, reason, at, data) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO UPDATE SET state = excluded.state, name = excluded.name, \
     fingerprint = excluded.fingerprint, reason = excluded.reason, at = excluded.at, data = excluded.data";
const FIELDS: &str = "INSERT INTO queue_job_field (path, value, at, key) VALUES ($3, $4, $1, $2), ($5, $6, $1, $2), ($7, $8, $1, $2), \
     ($9, $10, $1, $2), ($11, $12, $1, $2), ($13, $14, $1, $2), ($15, $16, $1, $2), ($17, $18, $1, $2) \
     ON CONFLICT (path, value, at, key) DO NOTHING";
const FIELDS_GONE: &str = "DELETE FROM queue_job_field WHERE key = $1";
const GONE: &str = "DELETE FROM queue_job WHERE key = $1";
const PLACES: &str = "SELECT source, queue, cursor, passed_at, swept_at, failed, total, seen_at FROM queue_index LIMIT 5000";
const PASS: &str = "UPDATE queue_index SET cursor = $3, passed_at = $4, swept_at = $5, failed = $6, total = $7 WHERE source = $1 AND queue = $2";
const COUNT: &str = "SELECT count(*) FROM queue_job";
const FAILED: &str = "SELECT count(*) FROM queue_job WHERE source = $1 AND queue = $2 AND state = 'failed'";
const WALK: &str = "SELECT state, fingerprint, at, key, job FROM queue_job \
     WHERE source = $1 AND queue = $2 AND (state, fingerprint, at, key) > ($3, $4, $5, $6) ORDER BY state, fingerprint, at, key LIMIT $7";
const OF_PLACE: &str = "SELECT key FROM queue_job WHERE source = $1 AND queue = $2 LIMIT $3";
const PLACE_GONE: &str = "DELETE FROM queue_index WHERE source = $1 AND queue = $2";
const BY_FIELD: &str = "SELECT j.key, j.source, j.queue, j.job, j.state, j.name, j.fingerprint, j.reason, j.at, j.data \
     FROM queue_job_field f JOIN queue_job j ON j.key = f.key \
     WHERE f.path = $1 AND f.value = $2 AND (f.at, f.key) < ($3, $4) ORDER BY f.at DESC, f.key DESC LIMIT $5";
const BY_NAME: &str = "SELECT key, source, queue, job, state, name, fingerprint, reason, at, data FROM queue_job \
     WHERE name = $1 AND (at, key) < ($2, $3) ORDER BY at DESC, key DESC LIMIT $4";
const BY_CAUSE: &str = "SELECT key, source, queue, job, state, name, fingerprint, reason, at, data FROM queue_job \
     WHERE source = $1 AND queue = $2 AND state = 'failed' AND fingerprint = $3 AND (at, key) < ($4, $5) ORDER BY at DESC, key DESC LIMIT $6";
const BY_ID: &str = "SELECT key, source, queue, job, state, name, fingerprint, reason, at, data FROM queue_job WHERE job = $1 LIMIT 200";
const FIRST_NAME: &str = "SELECT min(name) FROM queue_job WHERE name >= $1";
const NEXT_NAME: &str = "SELECT min(name) FROM queue_job WHERE name > $1";
/// See `Feature::statements`.
pub const STATEMENTS: &[&str] = &[
    SEEN, PUT, FIELDS, FIELDS_GONE, GONE, PLACES, PASS, COUNT, FAILED, WALK, OF_PLACE, PLACE_GONE, BY_FIELD, BY_NAME, BY_CAUSE, BY_ID, FIRST_NAME,
    NEXT_NAME,
];

/// Statements of searches and walks with the kinds of their parameters, texts and numbers.
#[cfg(test)]
pub const SEARCHES: [(&str, &str); 6] =
    [(BY_FIELD, "ttnnn"), (BY_NAME, "tnnn"), (BY_CAUSE, "tttnnn"), (BY_ID, "t"), (FIRST_NAME, "t"), (WALK, "ttttnnn")];

/// A job as it stands in the index.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    /// Its number.
    pub key: i64,
    /// Its job system.
    pub source: String,
    /// Its queue.
    pub queue: String,
    /// Its id.
    pub job: String,
    /// Where it stood.
    pub state: String,
    /// Its name.
    pub name: String,
    /// Of its last error.
    pub fingerprint: String,
    /// Its last error.
    pub reason: String,
    /// When it ended, or was made.
    pub at: i64,
    /// Its data.
    pub data: String,
}

/// Jobs of one transaction: others get their turn in between.
pub const BATCH: usize = 100;
/// Fields of one statement.
const ROWS: usize = 8;

#[derive(Clone, Copy, Iden)]
enum QueueJob {
    #[iden = "queue_job"]
    Table,
    Key,
    State,
    Fingerprint,
    At,
}

/// What is known of a job already.
#[derive(Clone, Debug)]
pub struct Old {
    /// Where it stood.
    pub state: String,
    /// Of its error.
    pub fingerprint: String,
    /// When it ended, or was made.
    pub at: i64,
}

/// How far the index of a queue is.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct Place {
    /// Its job system.
    pub source: String,
    /// Its name.
    pub queue: String,
    /// Where the running pass goes on.
    pub cursor: Option<String>,
    /// When a pass last reached the end.
    pub passed_at: Option<i64>,
    /// When all that is indexed was last compared with what there is.
    pub swept_at: Option<i64>,
    /// Failed jobs in the index.
    pub failed: i64,
    /// Failed jobs that there are.
    pub total: i64,
    /// When it was last looked at.
    pub seen_at: i64,
}

/// Where a walk over a queue's rows is.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Step {
    /// State of the job.
    pub state: String,
    /// Fingerprint.
    pub fingerprint: String,
    /// Time.
    pub at: i64,
    /// Number.
    pub key: i64,
    /// Id.
    pub job: String,
}

/// A moment and a number: jobs are told in that order, the newest first.
pub type Cursor = (i64, i64);

/// Writes that a queue is there, and keeps other processes from its rows until the end of the transaction.
pub async fn seen(tx: &mut Tx, source: &str, queue: &str, now: i64) -> Result<()> {
    tx.exec(SEEN, args![source, queue, now]).await.map(drop)
}

/// What is known of these jobs, at most [`BATCH`], by number.
pub async fn olds(tx: &mut Tx, keys: &[i64]) -> Result<HashMap<i64, Old>> {
    let Some(last) = keys.last() else { return Ok(HashMap::new()) };
    // Always as many: one text for the database to prepare.
    let all = keys.iter().chain(std::iter::repeat(last)).take(BATCH.max(keys.len())).copied();
    let mut query = Query::select();
    query.columns([QueueJob::Key, QueueJob::State, QueueJob::Fingerprint, QueueJob::At]).from(QueueJob::Table);
    query.and_where(Expr::col(QueueJob::Key).is_in(all));
    let rows: Vec<(i64, String, String, i64)> = tx.select(&query).await?;
    Ok(rows.into_iter().map(|(key, state, fingerprint, at)| (key, Old { state, fingerprint, at })).collect())
}

/// Writes a job with its fields.
pub async fn put(tx: &mut Tx, source: &str, queue: &str, entry: Entry, known: bool) -> Result<()> {
    let Entry { key, job, state, name, fingerprint, reason, at, data, fields } = entry;
    tx.exec(PUT, args![key, source, queue, job, state.word(), name, fingerprint, reason, at, data]).await?;
    if known {
        tx.exec(FIELDS_GONE, args![key]).await?;
    }
    for some in fields.chunks(ROWS) {
        let mut given = args![at, key];
        // The last one stands for those that are missing: it is there already then.
        for (path, value) in some.iter().chain(std::iter::repeat_n(some.last(), ROWS - some.len()).flatten()) {
            given.push(path.as_str());
            given.push(value.as_str());
        }
        tx.exec(FIELDS, given).await?;
    }
    Ok(())
}

/// Deletes a job with its fields.
pub async fn gone(tx: &mut Tx, key: i64) -> Result<()> {
    tx.exec(FIELDS_GONE, args![key]).await?;
    tx.exec(GONE, args![key]).await.map(drop)
}

/// All queues that were ever indexed.
pub async fn places(db: &Db) -> Result<Vec<Place>> {
    db.all(PLACES, args![]).await
}

/// How far the index of a queue is.
pub async fn pass(tx: &mut Tx, place: Place) -> Result<()> {
    let Place { source, queue, cursor, passed_at, swept_at, failed, total, .. } = place;
    tx.exec(PASS, args![source, queue, cursor, passed_at, swept_at, failed, total]).await.map(drop)
}

/// Jobs in the index.
pub async fn count(db: &Db) -> Result<i64> {
    Ok(db.one::<(i64,)>(COUNT, args![]).await?.0)
}

/// Failed jobs of a queue in the index.
pub async fn failed(db: &Db, source: &str, queue: &str) -> Result<i64> {
    Ok(db.one::<(i64,)>(FAILED, args![source, queue]).await?.0)
}

/// The next rows of a walk over a queue.
pub async fn walk(db: &Db, source: &str, queue: &str, after: &Step, limit: i64) -> Result<Vec<Step>> {
    db.all(WALK, args![source, queue, after.state.as_str(), after.fingerprint.as_str(), after.at, after.key, limit]).await
}

/// Some jobs of a queue.
pub async fn of_place(tx: &mut Tx, source: &str, queue: &str, limit: i64) -> Result<Vec<(i64,)>> {
    tx.all(OF_PLACE, args![source, queue, limit]).await
}

/// Forgets a queue that has no jobs left.
pub async fn place_gone(tx: &mut Tx, source: &str, queue: &str) -> Result<()> {
    tx.exec(PLACE_GONE, args![source, queue]).await.map(drop)
}

/// Jobs whose data holds a value.
pub async fn by_field(db: &Db, path: &str, value: &str, (at, key): Cursor, limit: i64) -> Result<Vec<Row>> {
    db.all(BY_FIELD, args![path, value, at, key, limit]).await
}

/// Jobs of a name.
pub async fn by_name(db: &Db, name: &str, (at, key): Cursor, limit: i64) -> Result<Vec<Row>> {
    db.all(BY_NAME, args![name, at, key, limit]).await
}

/// Failed jobs of a cause.
pub async fn by_cause(db: &Db, (source, queue): (&str, &str), fingerprint: &str, (at, key): Cursor, limit: i64) -> Result<Vec<Row>> {
    db.all(BY_CAUSE, args![source, queue, fingerprint, at, key, limit]).await
}

/// Jobs of an id, in whatever queue.
pub async fn by_id(db: &Db, id: &str) -> Result<Vec<Row>> {
    db.all(BY_ID, args![id]).await
}

/// Names that begin so, at most `most`: each is one step through the index, however many jobs it has.
pub async fn names(db: &Db, begin: &str, most: usize) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    while names.len() < most {
        let (sql, from) = names.last().map_or((FIRST_NAME, begin), |last| (NEXT_NAME, last.as_str()));
        match db.one::<(Option<String>,)>(sql, args![from]).await?.0 {
            Some(name) if name.starts_with(begin) => names.push(name),
            _ => break,
        }
    }
    Ok(names)
}
