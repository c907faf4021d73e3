//! SQL of log records.

use engine::{Db, Result, Tx, args};
use uuid::Uuid;

/// A stored record.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Row {
    /// Time and digest.
    pub id: Uuid,
    /// When, microseconds.
    pub at: i64,
    /// Service.
    pub service: String,
    /// SeverityNumber.
    pub severity: i64,
    /// The client's own word.
    pub severity_text: String,
    /// Text, or JSON as text.
    pub body: String,
    /// Whether something was cut off.
    pub truncated: bool,
    /// Hex.
    pub trace_id: Option<String>,
    /// Hex.
    pub span_id: Option<String>,
    /// An object.
    #[sqlx(json)]
    pub attributes: serde_json::Value,
}

const PUT: &str = "INSERT INTO log_record (id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
const SCAN: &str = "SELECT id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes FROM \
     (SELECT id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes FROM log_record \
     WHERE id < $1 ORDER BY id DESC LIMIT $2) AS recent \
     WHERE ($3 = '' OR service = $3) AND severity >= $4 AND ($5 = '' OR lower(body) LIKE $5 ESCAPE '!') ORDER BY id DESC LIMIT $6";
const SCANNED_TO: &str = "SELECT id FROM log_record WHERE id < $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
const WARNINGS: &str = "SELECT id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes FROM log_record \
     WHERE service = $1 AND severity >= 13 ORDER BY id DESC LIMIT $2";
const NTH: &str = "SELECT id FROM log_record ORDER BY id DESC LIMIT 1 OFFSET $1";
const TRIM: &str = "DELETE FROM log_record WHERE id IN (SELECT id FROM log_record WHERE id < $1 ORDER BY id LIMIT $2)";
/// See `Feature::statements`.
pub const STATEMENTS: &[&str] = &[PUT, SCAN, SCANNED_TO, WARNINGS, NTH, TRIM];

/// Stores a record; the same one again changes nothing.
pub async fn put(tx: &mut Tx, row: Row) -> Result<()> {
    let Row { id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes } = row;
    tx.exec(PUT, args![id, at, service, severity, severity_text, body, truncated, trace_id, span_id, attributes]).await.map(drop)
}

/// Which records to look for.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// Records older than this one.
    pub before: Uuid,
    /// Records that are looked at.
    pub scan: i64,
    /// Service; empty for all.
    pub service: &'a str,
    /// Lowest SeverityNumber.
    pub severity: i64,
    /// LIKE pattern in lower case, escaped by `!`; empty for all.
    pub pattern: &'a str,
    /// Records that are wanted.
    pub limit: i64,
}

/// Matching records among the newest ones before a place.
pub async fn search(db: &Db, search: &Search<'_>) -> Result<Vec<Row>> {
    db.all(SCAN, args![search.before, search.scan, search.service, search.severity, search.pattern, search.limit]).await
}

/// Where a scan of so many records ends, if there are as many.
pub async fn scanned_to(db: &Db, before: Uuid, scan: i64) -> Result<Option<Uuid>> {
    Ok(db.maybe::<(Uuid,)>(SCANNED_TO, args![before, scan - 1]).await?.map(|(id,)| id))
}

/// The newest warnings and errors of a service.
pub async fn warnings(db: &Db, service: &str, limit: i64) -> Result<Vec<Row>> {
    db.all(WARNINGS, args![service, limit]).await
}

/// The record that stands `offset` records behind the newest.
pub async fn nth(db: &Db, offset: i64) -> Result<Option<Uuid>> {
    Ok(db.maybe::<(Uuid,)>(NTH, args![offset]).await?.map(|(id,)| id))
}

/// Deletes the oldest records before a place, at most `limit`.
pub async fn trim(tx: &mut Tx, before: Uuid, limit: i64) -> Result<u64> {
    tx.exec(TRIM, args![before, limit]).await
}
