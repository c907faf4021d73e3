//! The trail as a file: streamed page by page, bounded, and itself recorded.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use qd_core::audit::{self, Filter, Row};
use qd_core::gate::{AuditEvent, Target};
use qd_core::{App, Error, Result, Timestamp};
use serde::Deserialize;

use crate::web::{Ctx, problem, status_of};

/// Most rows of one file.
pub const MAX_ROWS: u64 = 100_000;
/// Rows of one piece.
const PAGE: u64 = 1_000;
/// What stands in the trail about an export.
const EXPORTED: AuditEvent = AuditEvent("AUDIT_EXPORTED");

/// Kind of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180, for spreadsheets.
    #[default]
    Csv,
    /// One row a line, exactly as hashed: can be verified offline.
    Jsonl,
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    fn content_type(self) -> HeaderValue {
        match self {
            Self::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            Self::Jsonl => HeaderValue::from_static("application/jsonl; charset=utf-8"),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    format: Format,
    /// Rows after this number: the next file.
    after: i64,
}

/// `GET …/audit/export?format=csv|jsonl&after=N` and the filters of the list.
pub async fn download(ctx: Ctx, _body: Body) -> Response {
    match prepare(&ctx).await {
        Ok(response) => response,
        Err(fault) => refuse(&ctx, &fault),
    }
}

fn refuse(ctx: &Ctx, fault: &Error) -> Response {
    let id = ctx.actor.client().request_id.clone().unwrap_or_default();
    let body = serde_json::to_vec(&problem(fault, &id)).unwrap_or_default();
    (status_of(fault), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

async fn prepare(ctx: &Ctx) -> Result<Response> {
    let wanted: Wanted = decode(ctx.query())?;
    let filter = super::pages::whole_days(decode::<Filter>(ctx.query())?);
    // Finds mistakes in the filter while there is still a status to answer with.
    audit::matching_after(&ctx.app.db, &filter, wanted.after, 1).await?;
    record(ctx, wanted.format).await?;
    let name = format!("audit-{}.{}", ctx.now.rfc3339().replace([':', '-'], ""), wanted.format.word());
    let headers = [
        (header::CONTENT_TYPE, wanted.format.content_type()),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).unwrap_or(HeaderValue::from_static("attachment")),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let body = Body::from_stream(pieces(ctx.app.clone(), filter, wanted.format, wanted.after));
    Ok((StatusCode::OK, headers, body).into_response())
}

/// The query's fields; empty ones count as not given.
fn decode<T: for<'de> Deserialize<'de>>(query: &str) -> Result<T> {
    let mut kept = form_urlencoded::Serializer::new(String::new());
    kept.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.trim().is_empty()));
    serde_html_form::from_str(&kept.finish()).map_err(|fault| Error::invalid("query", fault.to_string()))
}

async fn record(ctx: &Ctx, format: Format) -> Result<()> {
    let (actor, now) = (ctx.actor.clone(), ctx.now);
    let target = Target::new("audit", format.word());
    ctx.app.db.write_with(move |tx| Box::pin(async move { audit::record(tx, &actor, EXPORTED, target, None, now).await.map(|_| ()) })).await
}

/// The file in pieces, oldest row first.
pub fn pieces(app: App, filter: Filter, format: Format, after: i64) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let head = (format == Format::Csv).then(head);
    futures::stream::try_unfold((app, filter, head, after, MAX_ROWS), move |(app, filter, head, after, left)| async move {
        let rows = if left == 0 { Vec::new() } else { audit::matching_after(&app.db, &filter, after, left.min(PAGE)).await? };
        let Some(last) = rows.last().map(|row| row.seq) else {
            return Ok(head.map(|head| (Bytes::from(head), (app, filter, None, after, 0))));
        };
        let mut piece = head.unwrap_or_default();
        for row in &rows {
            line(&mut piece, row, format)?;
        }
        let left = left.saturating_sub(rows.len() as u64);
        Ok(Some((Bytes::from(piece), (app, filter, None, last, left))))
    })
}

fn line(out: &mut String, row: &Row, format: Format) -> Result<()> {
    match format {
        Format::Jsonl => {
            out.push_str(&serde_json::to_string(row)?);
            out.push('\n');
        }
        Format::Csv => csv(out, &cells(row)),
    }
    Ok(())
}

const HEAD: [&str; 25] = [
    "seq", "time", "kind", "intent_seq", "actor_kind", "actor_id", "actor_name", "actor_role", "ip", "user_agent", "request_id", "trace_id", "scope",
    "event", "action", "target_kind", "target_id", "reason", "severity", "before", "after", "error", "preview_digest", "prev_hash", "hash",
];

fn head() -> String {
    let mut out = String::new();
    csv(&mut out, &HEAD.map(str::to_owned));
    out
}

fn cells(row: &Row) -> [String; 25] {
    let row = row.clone();
    let text = Option::unwrap_or_default;
    [
        row.seq.to_string(),
        Timestamp(row.at).rfc3339(),
        row.kind,
        row.intent_seq.map(|seq| seq.to_string()).unwrap_or_default(),
        row.actor_kind,
        row.actor_id,
        row.actor_name,
        text(row.actor_role),
        text(row.ip),
        text(row.user_agent),
        text(row.request_id),
        text(row.trace_id),
        row.scope,
        row.event,
        row.action,
        row.target_kind,
        row.target_id,
        text(row.reason),
        row.severity,
        text(row.before),
        text(row.after),
        text(row.error),
        text(row.preview_digest),
        row.prev_hash,
        row.hash,
    ]
}

/// One record of RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe in front.
pub fn csv(out: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let guard = if formula { "'" } else { "" };
        if formula || cell.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(guard);
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}
