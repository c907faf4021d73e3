//! All SQL about incidents.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use sea_query::{Asterisk, Expr, ExprTrait, Func, Iden, Order, Query, SelectStatement};
use uuid::Uuid;

use super::{EventKind, Filter, Incident, Severity, Status, TimelineEvent, reference};

const BY_ID: &str = "SELECT * FROM incident WHERE id = $1";
const BY_NUMBER: &str = "SELECT * FROM incident WHERE number = $1";
const WITH_STATUS: &str = "SELECT * FROM incident WHERE status = $1 ORDER BY severity, number DESC LIMIT $2";
const CLOSED_SINCE: &str = "SELECT * FROM incident WHERE closed_at >= $1 ORDER BY closed_at DESC LIMIT $2";
const NEXT_NUMBER: &str = "UPDATE incident_number SET last = last + 1 WHERE id = 1 RETURNING last";
const INSERT: &str = "INSERT INTO incident (id, number, title, severity, status, summary, owner_id, owner_name, started_at, created_at, created_by, \
     created_by_name, sla_mitigate_minutes, sla_close_minutes, sla_overridden, version) \
     VALUES ($1, $2, $3, $4, 'OPEN', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)";
const UPDATE: &str = "UPDATE incident SET title = $3, severity = $4, status = $5, summary = $6, owner_id = $7, owner_name = $8, mitigated_at = $9, \
     closed_at = $10, sla_mitigate_minutes = $11, sla_close_minutes = $12, sla_overridden = $13, version = version + 1 \
     WHERE id = $1 AND version = $2";
const DROP_LABELS: &str = "DELETE FROM incident_label WHERE incident_id = $1";
const ADD_LABEL: &str = "INSERT INTO incident_label (incident_id, kind, position, name) VALUES ($1, $2, $3, $4)";
const ADD_EVENT: &str = "INSERT INTO incident_event (id, incident_id, at, kind, automatic, author_id, author_name, text, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const EVENTS: &str = "SELECT id, at, kind, automatic, author_id, author_name, text FROM incident_event \
     WHERE incident_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const CHANGES_AFTER: &str = "SELECT id, at, kind, automatic, author_id, author_name, text FROM incident_event \
     WHERE incident_id = $1 AND version > $2 ORDER BY id LIMIT 5";
const ACTIVE_COUNTS: &str = "SELECT severity, status, count(*) FROM incident WHERE status <> 'CLOSED' GROUP BY severity, status";
const CLOSED_COUNT: &str = "SELECT count(*) FROM incident WHERE closed_at >= $1";
// `sum` of bigints is numeric on Postgres.
const MITIGATED_IN: &str = "SELECT count(*), CAST(coalesce(sum(mitigated_at - started_at), 0) AS BIGINT) FROM incident WHERE mitigated_at >= $1";
const CLOSED_IN: &str = "SELECT count(*), CAST(coalesce(sum(closed_at - started_at), 0) AS BIGINT) FROM incident WHERE closed_at >= $1";
/// $1 now, $2 begin of the day: past a limit now, or done too late with a limit that lay within the day.
const BREACHES: &str = "SELECT count(*) FROM (SELECT status, closed_at, coalesce(mitigated_at, closed_at) AS eased_at, \
     started_at + sla_mitigate_minutes * 60000000 AS ease_by, started_at + sla_close_minutes * 60000000 AS close_by \
     FROM incident WHERE status <> 'CLOSED' OR closed_at >= $2) AS recent \
     WHERE (eased_at IS NULL AND ease_by < $1) OR (closed_at IS NULL AND close_by < $1) \
     OR (eased_at > ease_by AND ease_by >= $2) OR (closed_at > close_by AND close_by >= $2)";
/// Every static statement about incidents.
pub const STATEMENTS: &[&str] = &[
    BY_ID, BY_NUMBER, WITH_STATUS, CLOSED_SINCE, NEXT_NUMBER, INSERT, UPDATE, DROP_LABELS, ADD_LABEL, ADD_EVENT, EVENTS, CHANGES_AFTER,
    ACTIVE_COUNTS, CLOSED_COUNT, MITIGATED_IN, CLOSED_IN, BREACHES,
];

#[derive(Iden)]
enum Incidents {
    #[iden = "incident"]
    Table,
    Title,
    Id,
    Number,
    Severity,
    Status,
    OwnerId,
    StartedAt,
}

#[derive(Iden)]
enum IncidentLabel {
    Table,
    IncidentId,
    Kind,
    Position,
    Name,
}

/// An incident as it is stored, without its labels.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    number: i64,
    title: String,
    severity: String,
    status: String,
    summary: String,
    owner_id: Option<Uuid>,
    owner_name: Option<String>,
    started_at: i64,
    mitigated_at: Option<i64>,
    closed_at: Option<i64>,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    sla_mitigate_minutes: i64,
    sla_close_minutes: i64,
    sla_overridden: bool,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct LabelRow {
    incident_id: Uuid,
    kind: String,
    name: String,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    id: Uuid,
    at: i64,
    kind: String,
    automatic: bool,
    author_id: String,
    author_name: String,
    text: String,
}

impl Row {
    fn incident(self, labels: &[LabelRow]) -> Result<Incident> {
        let unknown = |what: &str, word: &str| Error::Broken(format!("unknown {what} {word} in incident"));
        let of =
            |kind: &str| labels.iter().filter(|label| label.incident_id == self.id && label.kind == kind).map(|label| label.name.clone()).collect();
        Ok(Incident {
            id: self.id,
            number: self.number,
            reference: reference(self.number),
            severity: Severity::parse(&self.severity).ok_or_else(|| unknown("severity", &self.severity))?,
            status: Status::parse(&self.status).ok_or_else(|| unknown("status", &self.status))?,
            affected: of("service"),
            tags: of("tag"),
            title: self.title,
            summary: self.summary,
            owner_id: self.owner_id,
            owner_name: self.owner_name,
            started_at: Timestamp(self.started_at),
            mitigated_at: self.mitigated_at.map(Timestamp),
            closed_at: self.closed_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            created_by_name: self.created_by_name,
            sla_mitigate_minutes: self.sla_mitigate_minutes,
            sla_close_minutes: self.sla_close_minutes,
            sla_overridden: self.sla_overridden,
            version: self.version,
        })
    }
}

impl EventRow {
    fn event(self) -> Result<TimelineEvent> {
        let kind = EventKind::parse(&self.kind).ok_or_else(|| Error::Broken(format!("unknown kind {} in incident_event", self.kind)))?;
        let Self { id, at, automatic, author_id, author_name, text, .. } = self;
        Ok(TimelineEvent { id, at: Timestamp(at), kind, automatic, author_id, author_name, text })
    }
}

fn labels_of(ids: impl IntoIterator<Item = Uuid>) -> SelectStatement {
    let mut query = Query::select();
    query.columns([IncidentLabel::IncidentId, IncidentLabel::Kind, IncidentLabel::Name]).from(IncidentLabel::Table);
    query.and_where(Expr::col(IncidentLabel::IncidentId).is_in(ids)).order_by(IncidentLabel::Position, Order::Asc);
    query
}

async fn labelled(db: &Db, rows: Vec<Row>) -> Result<Vec<Incident>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let labels: Vec<LabelRow> = db.select(&labels_of(rows.iter().map(|row| row.id))).await?;
    rows.into_iter().map(|row| row.incident(&labels)).collect()
}

/// By number.
pub async fn by_number(db: &Db, number: i64) -> Result<Option<Incident>> {
    Ok(labelled(db, db.all(BY_NUMBER, args![number]).await?).await?.pop())
}

/// By id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Incident>> {
    Ok(labelled(db, db.all(BY_ID, args![id]).await?).await?.pop())
}

/// By id, within a change.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Incident> {
    let row: Row = tx.maybe(BY_ID, args![id]).await?.ok_or_else(|| Error::NotFound("The incident".into()))?;
    let labels: Vec<LabelRow> = tx.select(&labels_of([id])).await?;
    row.incident(&labels)
}

/// With a status, the worst first.
pub async fn with_status(db: &Db, status: Status, limit: i64) -> Result<Vec<Incident>> {
    labelled(db, db.all(WITH_STATUS, args![status.word(), limit]).await?).await
}

/// Closed since a moment, the latest first.
pub async fn closed_since(db: &Db, from: Timestamp, limit: i64) -> Result<Vec<Incident>> {
    labelled(db, db.all(CLOSED_SINCE, args![from.0, limit]).await?).await
}

/// One page of what the filter wants and one more, newest first.
pub async fn list(db: &Db, filter: &Filter) -> Result<Vec<Incident>> {
    let mut query = Query::select();
    query.column(Asterisk).from(Incidents::Table).order_by(Incidents::Number, Order::Desc).limit(filter.limit + 1);
    if let Some(text) = &filter.text {
        query.and_where(called(text));
    }
    if !filter.status.is_empty() {
        query.and_where(Expr::col(Incidents::Status).is_in(filter.status.iter().map(|status| status.word())));
    }
    if !filter.severity.is_empty() {
        query.and_where(Expr::col(Incidents::Severity).is_in(filter.severity.iter().map(|severity| severity.word())));
    }
    for (kind, names) in [("service", &filter.services), ("tag", &filter.tags)] {
        if !names.is_empty() {
            query.and_where(Expr::col(Incidents::Id).in_subquery(having_label(kind, names)));
        }
    }
    if let Some(owner) = filter.owner {
        query.and_where(Expr::col(Incidents::OwnerId).eq(owner));
    }
    if let Some(from) = filter.from {
        query.and_where(Expr::col(Incidents::StartedAt).gte(from.0));
    }
    if let Some(to) = filter.to {
        query.and_where(Expr::col(Incidents::StartedAt).lt(to.0));
    }
    if let Some(after) = filter.after {
        query.and_where(Expr::col(Incidents::Number).lt(after));
    }
    labelled(db, db.select(&query).await?).await
}

/// With these letters in the title, in any case, or with this number.
fn called(text: &str) -> Expr {
    let part = format!("%{}%", text.to_lowercase().replace(['%', '_', '\\'], ""));
    let title = Expr::expr(Func::lower(Expr::col(Incidents::Title))).like(part);
    let number = text.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("INC-")).map_or(text, |prefix| text.trim_start_matches(prefix));
    match number.parse::<i64>() {
        Ok(number) => title.or(Expr::col(Incidents::Number).eq(number)),
        Err(_) => title,
    }
}

fn having_label(kind: &'static str, names: &[String]) -> SelectStatement {
    let mut query = Query::select();
    query.column(IncidentLabel::IncidentId).from(IncidentLabel::Table).and_where(Expr::col(IncidentLabel::Kind).eq(kind));
    let name = Expr::expr(Func::lower(Expr::col(IncidentLabel::Name)));
    query.and_where(name.is_in(names.iter().map(|name| name.to_lowercase())));
    query
}

/// The next number; given back when the change is rolled back.
pub async fn next_number(tx: &mut GateTx<'_>) -> Result<i64> {
    let (number,): (i64,) = tx.one(NEXT_NUMBER, args![]).await?;
    Ok(number)
}

/// Adds an incident with its labels.
pub async fn insert(tx: &mut GateTx<'_>, new: &Incident) -> Result<()> {
    let row = args![
        new.id,
        new.number,
        new.title.as_str(),
        new.severity.word(),
        new.summary.as_str(),
        new.owner_id,
        new.owner_name.clone(),
        new.started_at.0,
        new.created_at.0,
        new.created_by.as_str(),
        new.created_by_name.as_str(),
        new.sla_mitigate_minutes,
        new.sla_close_minutes,
        new.sla_overridden
    ];
    tx.exec(INSERT, row).await?;
    add_labels(tx, new).await
}

/// Writes an incident over its version `seen`; false when it has another one by now.
pub async fn replace(tx: &mut GateTx<'_>, after: &Incident, seen: i64) -> Result<bool> {
    let row = args![
        after.id,
        seen,
        after.title.as_str(),
        after.severity.word(),
        after.status.word(),
        after.summary.as_str(),
        after.owner_id,
        after.owner_name.clone(),
        after.mitigated_at.map(|at| at.0),
        after.closed_at.map(|at| at.0),
        after.sla_mitigate_minutes,
        after.sla_close_minutes,
        after.sla_overridden
    ];
    Ok(tx.exec(UPDATE, row).await? == 1)
}

/// Replaces the labels.
pub async fn set_labels(tx: &mut GateTx<'_>, incident: &Incident) -> Result<()> {
    tx.exec(DROP_LABELS, args![incident.id]).await?;
    add_labels(tx, incident).await
}

async fn add_labels(tx: &mut GateTx<'_>, incident: &Incident) -> Result<()> {
    for (kind, names) in [("service", &incident.affected), ("tag", &incident.tags)] {
        for (position, name) in (0_i64..).zip(names) {
            tx.exec(ADD_LABEL, args![incident.id, kind, position, name.as_str()]).await?;
        }
    }
    Ok(())
}

/// Adds to the timeline; `version` is the incident's after a change.
pub async fn add_event(tx: &mut GateTx<'_>, incident: Uuid, event: &TimelineEvent, version: Option<i64>) -> Result<()> {
    let row = args![
        event.id,
        incident,
        event.at.0,
        event.kind.word(),
        event.automatic,
        event.author_id.as_str(),
        event.author_name.as_str(),
        event.text.as_str(),
        version
    ];
    tx.exec(ADD_EVENT, row).await?;
    Ok(())
}

/// Entries before `before`, newest first.
pub async fn events(db: &Db, incident: Uuid, before: Uuid, limit: i64) -> Result<Vec<TimelineEvent>> {
    let rows: Vec<EventRow> = db.all(EVENTS, args![incident, before, limit]).await?;
    rows.into_iter().map(EventRow::event).collect()
}

/// What changed after a version, oldest first, at most five.
pub async fn changes_after(tx: &mut Tx, incident: Uuid, version: i64) -> Result<Vec<TimelineEvent>> {
    let rows: Vec<EventRow> = tx.all(CHANGES_AFTER, args![incident, version]).await?;
    rows.into_iter().map(EventRow::event).collect()
}

/// How many are not closed, by severity and status.
pub async fn active_counts(db: &Db) -> Result<Vec<(String, String, i64)>> {
    Ok(db.all(ACTIVE_COUNTS, args![]).await?)
}

/// How many were closed since a moment.
pub async fn closed_count(db: &Db, from: Timestamp) -> Result<i64> {
    Ok(db.one::<(i64,)>(CLOSED_COUNT, args![from.0]).await?.0)
}

/// Incidents mitigated since a moment, and the sum of their microseconds from start to mitigated.
pub async fn mitigated_in(db: &Db, from: Timestamp) -> Result<(i64, i64)> {
    Ok(db.one(MITIGATED_IN, args![from.0]).await?)
}

/// Incidents closed since a moment, and the sum of their microseconds from start to closed.
pub async fn closed_in(db: &Db, from: Timestamp) -> Result<(i64, i64)> {
    Ok(db.one(CLOSED_IN, args![from.0]).await?)
}

/// Incidents past a limit now, or late today.
pub async fn breaches(db: &Db, now: Timestamp, day: Timestamp) -> Result<i64> {
    Ok(db.one::<(i64,)>(BREACHES, args![now.0, day.0]).await?.0)
}
