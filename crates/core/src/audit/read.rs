//! Reading the trail: filtered pages, one row with its relatives, and pages for export.

use engine::{Db, Tx, args};
use sea_query::{Asterisk, Expr, ExprTrait, Iden, Order, Query, SelectStatement};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Row;
use crate::error::{Error, Result};
use crate::time::Timestamp;

const BY_SEQ: &str = "SELECT * FROM audit_event WHERE seq = $1";
const RELATED: &str = "SELECT * FROM audit_event WHERE request_id = $1 AND seq <> $2 ORDER BY seq LIMIT 20";
const AFTER: &str = "SELECT * FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2";
pub(crate) const STATEMENTS: &[&str] = &[BY_SEQ, RELATED, AFTER];

#[derive(Iden)]
enum AuditEvent {
    Table,
    Seq,
    At,
    Kind,
    ActorId,
    ActorName,
    Scope,
    Event,
    Severity,
    TargetKind,
    TargetId,
    RequestId,
}

/// Which rows to list. Empty fields don't filter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// From this time on (RFC 3339, or a date).
    pub from: Option<String>,
    /// Before this time.
    pub to: Option<String>,
    /// AUTH | USER | CONFIG | OPS
    pub scope: Option<String>,
    /// Event of the catalogue.
    pub event: Option<String>,
    /// done | failed | intent | outcome | refused
    pub kind: Option<String>,
    /// INFO | NOTICE | WARNING | CRITICAL
    pub severity: Option<String>,
    /// Part of the actor's name, or its id.
    pub actor: Option<String>,
    /// Kind of the target.
    pub target_kind: Option<String>,
    /// Id of the target.
    pub target_id: Option<String>,
    /// Id of a request.
    pub request_id: Option<String>,
    /// Rows before this number: the next page.
    pub before: Option<i64>,
    /// Rows a page, 1 to 200; 50 if not given.
    pub limit: Option<u64>,
}

/// NUL is taken out: Postgres would refuse the whole query.
fn given(field: &Option<String>) -> Option<String> {
    field.as_deref().map(|text| text.trim().replace('\0', "")).filter(|text| !text.is_empty())
}

fn moment(field: &Option<String>, name: &str) -> Result<Option<i64>> {
    let Some(text) = given(field) else { return Ok(None) };
    let at = Timestamp::parse(&text).ok_or_else(|| Error::invalid(name, "Give a date such as 2026-11-22, or an RFC 3339 time."))?;
    Ok(Some(at.0))
}

/// Rows that match, newest first.
pub async fn list(db: &Db, filter: &Filter) -> Result<Vec<Row>> {
    let mut query = matching(filter)?;
    query.order_by(AuditEvent::Seq, Order::Desc).limit(filter.limit.unwrap_or(50).clamp(1, 200));
    if let Some(before) = filter.before {
        query.and_where(Expr::col(AuditEvent::Seq).lt(before));
    }
    Ok(db.select(&query).await?)
}

/// Rows after `seq` that match, oldest first, at most `limit` (1 to 5,000); the filter's own paging does not count.
pub async fn matching_after(db: &Db, filter: &Filter, seq: i64, limit: u64) -> Result<Vec<Row>> {
    let mut query = matching(filter)?;
    query.and_where(Expr::col(AuditEvent::Seq).gt(seq)).order_by(AuditEvent::Seq, Order::Asc).limit(limit.clamp(1, 5_000));
    Ok(db.select(&query).await?)
}

fn matching(filter: &Filter) -> Result<SelectStatement> {
    let mut query = Query::select();
    query.column(Asterisk).from(AuditEvent::Table);
    for (column, wanted) in [
        (AuditEvent::Scope, &filter.scope),
        (AuditEvent::Event, &filter.event),
        (AuditEvent::Kind, &filter.kind),
        (AuditEvent::Severity, &filter.severity),
        (AuditEvent::TargetKind, &filter.target_kind),
        (AuditEvent::TargetId, &filter.target_id),
        (AuditEvent::RequestId, &filter.request_id),
    ] {
        if let Some(wanted) = given(wanted) {
            query.and_where(Expr::col(column).eq(wanted));
        }
    }
    if let Some(actor) = given(&filter.actor) {
        let part = format!("%{}%", actor.to_lowercase().replace(['%', '_'], ""));
        let name = Expr::expr(sea_query::Func::lower(Expr::col(AuditEvent::ActorName))).like(part);
        query.and_where(name.or(Expr::col(AuditEvent::ActorId).eq(actor)));
    }
    if let Some(from) = moment(&filter.from, "from")? {
        query.and_where(Expr::col(AuditEvent::At).gte(from));
    }
    if let Some(to) = moment(&filter.to, "to")? {
        query.and_where(Expr::col(AuditEvent::At).lt(to));
    }
    Ok(query)
}

/// One row.
pub async fn get(db: &Db, seq: i64) -> Result<Row> {
    db.maybe(BY_SEQ, args![seq]).await?.ok_or_else(|| Error::NotFound(format!("Audit event {seq}")))
}

/// One row, within a transaction.
pub async fn by_seq(tx: &mut Tx, seq: i64) -> Result<Row> {
    tx.maybe(BY_SEQ, args![seq]).await?.ok_or_else(|| Error::NotFound(format!("Audit event {seq}")))
}

/// Other rows of the same request, at most 20.
pub async fn related(db: &Db, row: &Row) -> Result<Vec<Row>> {
    match &row.request_id {
        Some(request) => Ok(db.all(RELATED, args![request.as_str(), row.seq]).await?),
        None => Ok(Vec::new()),
    }
}

/// Rows after `seq`, oldest first, for export and verification.
pub async fn export_page(db: &Db, seq: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(db.all(AFTER, args![seq, limit.clamp(1, 5_000)]).await?)
}
