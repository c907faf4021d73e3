//! All SQL about windows and the rules that make them.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Filter, Kind, Series, Status, Terms, Window};

const BY_ID: &str = "SELECT * FROM maintenance_window WHERE id = $1";
const ACTIVE_OF: &str = "SELECT * FROM maintenance_window WHERE kind = $1 AND status = 'ACTIVE'";
const WITH_STATUS: &str = "SELECT * FROM maintenance_window WHERE status = $1 ORDER BY scheduled_start, id LIMIT $2";
const ENDED_SINCE: &str = "SELECT * FROM maintenance_window WHERE actual_end >= $1 AND status = 'COMPLETED' ORDER BY actual_end DESC LIMIT 20";
/// $1 statuses as one text, $2 kind or empty, $3 and $4 where the page before ended, $5 most rows.
const LIST: &str = "SELECT * FROM maintenance_window WHERE ($1 = '' OR $1 LIKE '%' || status || '%') AND ($2 = '' OR kind = $2) \
     AND (created_at < $3 OR (created_at = $3 AND id < $4)) ORDER BY created_at DESC, id DESC LIMIT $5";
const INSERT: &str = "INSERT INTO maintenance_window (id, kind, status, reason, terms, scheduled_start, scheduled_end, actual_start, actual_end, \
     announced_at, overrun_at, drained_at, note, series_id, series_start, created_at, created_by, created_by_name, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1)";
const UPDATE: &str = "UPDATE maintenance_window SET status = $3, terms = $4, scheduled_start = $5, scheduled_end = $6, actual_start = $7, \
     actual_end = $8, announced_at = $9, overrun_at = $10, drained_at = $11, note = $12, version = version + 1 WHERE id = $1 AND version = $2";
/// $1: a week from now, the longest announcement. Windows that may have a step to take whose job is gone.
const OPEN: &str =
    "SELECT * FROM maintenance_window WHERE status IN ('SCHEDULED', 'ACTIVE') AND scheduled_start <= $1 ORDER BY scheduled_start LIMIT 200";
const SERIES: &str = "SELECT * FROM maintenance_series ORDER BY created_at DESC LIMIT $1";
const SERIES_BY_ID: &str = "SELECT * FROM maintenance_series WHERE id = $1";
const SERIES_INSERT: &str = "INSERT INTO maintenance_series (id, kind, reason, cron, zone, duration_minutes, terms, created_at, created_by, \
     created_by_name, cancelled_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const SERIES_CANCEL: &str = "UPDATE maintenance_series SET cancelled_at = $2 WHERE id = $1 AND cancelled_at IS NULL";
/// Every static statement about windows.
pub const STATEMENTS: &[&str] =
    &[BY_ID, ACTIVE_OF, WITH_STATUS, ENDED_SINCE, LIST, INSERT, UPDATE, OPEN, SERIES, SERIES_BY_ID, SERIES_INSERT, SERIES_CANCEL];

/// Most windows to come that are published.
const UPCOMING: i64 = 100;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    status: String,
    reason: String,
    terms: Json<Terms>,
    scheduled_start: i64,
    scheduled_end: i64,
    actual_start: Option<i64>,
    actual_end: Option<i64>,
    announced_at: Option<i64>,
    overrun_at: Option<i64>,
    drained_at: Option<i64>,
    note: Option<String>,
    series_id: Option<Uuid>,
    series_start: Option<i64>,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct SeriesRow {
    id: Uuid,
    kind: String,
    reason: String,
    cron: String,
    zone: String,
    duration_minutes: i64,
    terms: Json<Terms>,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    cancelled_at: Option<i64>,
}

fn kind_of(word: &str) -> Result<Kind> {
    Kind::parse(word).ok_or_else(|| Error::Broken(format!("unknown type {word} of a maintenance")))
}

impl Row {
    fn window(self) -> Result<Window> {
        Ok(Window {
            id: self.id,
            kind: kind_of(&self.kind)?,
            status: Status::parse(&self.status).ok_or_else(|| Error::Broken(format!("unknown status {} of a maintenance", self.status)))?,
            reason: self.reason,
            terms: self.terms.0,
            scheduled_start: Timestamp(self.scheduled_start),
            scheduled_end: Timestamp(self.scheduled_end),
            actual_start: self.actual_start.map(Timestamp),
            actual_end: self.actual_end.map(Timestamp),
            announced_at: self.announced_at.map(Timestamp),
            overrun_at: self.overrun_at.map(Timestamp),
            drained_at: self.drained_at.map(Timestamp),
            note: self.note,
            series_id: self.series_id,
            series_start: self.series_start.map(Timestamp),
            created_at: Timestamp(self.created_at),
            created_by_id: self.created_by,
            created_by_name: self.created_by_name,
            version: self.version,
        })
    }
}

impl SeriesRow {
    fn series(self) -> Result<Series> {
        Ok(Series {
            id: self.id,
            kind: kind_of(&self.kind)?,
            reason: self.reason,
            cron: self.cron,
            zone: self.zone,
            duration_minutes: self.duration_minutes,
            terms: self.terms.0,
            created_at: Timestamp(self.created_at),
            created_by_id: self.created_by,
            created_by_name: self.created_by_name,
            cancelled_at: self.cancelled_at.map(Timestamp),
        })
    }
}

fn windows(rows: Vec<Row>) -> Result<Vec<Window>> {
    rows.into_iter().map(Row::window).collect()
}

fn missing() -> Error {
    Error::NotFound("The maintenance window".into())
}

/// By id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Window> {
    db.maybe::<Row>(BY_ID, args![id]).await?.ok_or_else(missing)?.window()
}

/// By id, within a change.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Window> {
    tx.maybe::<Row>(BY_ID, args![id]).await?.ok_or_else(missing)?.window()
}

/// The active one of a type, within a change.
pub async fn active_of(tx: &mut Tx, kind: Kind) -> Result<Option<Window>> {
    tx.maybe::<Row>(ACTIVE_OF, args![kind.word()]).await?.map(Row::window).transpose()
}

/// The active ones.
pub async fn active(db: &Db) -> Result<Vec<Window>> {
    windows(db.all(WITH_STATUS, args![Status::Active.word(), 20_i64]).await?)
}

/// The next ones to come.
pub async fn upcoming(db: &Db) -> Result<Vec<Window>> {
    windows(db.all(WITH_STATUS, args![Status::Scheduled.word(), UPCOMING]).await?)
}

/// What applications are told of: active, to come, and ended since.
pub async fn published(db: &Db, ended_since: Timestamp) -> Result<Vec<Window>> {
    let mut found = active(db).await?;
    found.extend(upcoming(db).await?);
    found.extend(windows(db.all(ENDED_SINCE, args![ended_since.0]).await?)?);
    Ok(found)
}

/// A page of all, the newest first.
pub async fn list(db: &Db, filter: &Filter, most: i64) -> Result<Vec<Window>> {
    let statuses: Vec<&str> = filter.status.iter().map(|status| status.word()).collect();
    let (at, id) = filter.after.unwrap_or((Timestamp(i64::MAX), Uuid::max()));
    windows(db.all(LIST, args![statuses.join(" "), filter.kind.map_or("", Kind::word), at.0, id, most]).await?)
}

/// Those that start until `until` and whose end has not been recorded.
pub async fn open(db: &Db, until: Timestamp) -> Result<Vec<Window>> {
    windows(db.all(OPEN, args![until.0]).await?)
}

/// Adds a window.
pub async fn insert(tx: &mut GateTx<'_>, new: &Window) -> Result<()> {
    let time = |at: Option<Timestamp>| at.map(|at| at.0);
    let row = args![
        new.id,
        new.kind.word(),
        new.status.word(),
        new.reason.as_str(),
        serde_json::to_value(&new.terms)?,
        new.scheduled_start.0,
        new.scheduled_end.0,
        time(new.actual_start),
        time(new.actual_end),
        time(new.announced_at),
        time(new.overrun_at),
        time(new.drained_at),
        new.note.clone(),
        new.series_id,
        time(new.series_start),
        new.created_at.0,
        new.created_by_id.as_str(),
        new.created_by_name.as_str()
    ];
    tx.exec(INSERT, row).await?;
    Ok(())
}

/// Saves a window over the version that `before` had; false when somebody was quicker.
pub async fn replace(tx: &mut GateTx<'_>, after: &Window, before: i64) -> Result<bool> {
    let time = |at: Option<Timestamp>| at.map(|at| at.0);
    let row = args![
        after.id,
        before,
        after.status.word(),
        serde_json::to_value(&after.terms)?,
        after.scheduled_start.0,
        after.scheduled_end.0,
        time(after.actual_start),
        time(after.actual_end),
        time(after.announced_at),
        time(after.overrun_at),
        time(after.drained_at),
        after.note.clone()
    ];
    Ok(tx.exec(UPDATE, row).await? == 1)
}

/// All rules, the newest first.
pub async fn series(db: &Db) -> Result<Vec<Series>> {
    let rows: Vec<SeriesRow> = db.all(SERIES, args![UPCOMING]).await?;
    rows.into_iter().map(SeriesRow::series).collect()
}

/// A rule, within a change.
pub async fn series_of(tx: &mut Tx, id: Uuid) -> Result<Series> {
    tx.maybe::<SeriesRow>(SERIES_BY_ID, args![id]).await?.ok_or_else(missing)?.series()
}

/// Adds a rule.
pub async fn insert_series(tx: &mut GateTx<'_>, new: &Series) -> Result<()> {
    let row = args![
        new.id,
        new.kind.word(),
        new.reason.as_str(),
        new.cron.as_str(),
        new.zone.as_str(),
        new.duration_minutes,
        serde_json::to_value(&new.terms)?,
        new.created_at.0,
        new.created_by_id.as_str(),
        new.created_by_name.as_str(),
        new.cancelled_at.map(|at| at.0)
    ];
    tx.exec(SERIES_INSERT, row).await?;
    Ok(())
}

/// Ends a rule; false when it has ended.
pub async fn cancel_series(tx: &mut GateTx<'_>, id: Uuid, at: Timestamp) -> Result<bool> {
    Ok(tx.exec(SERIES_CANCEL, args![id, at.0]).await? == 1)
}
