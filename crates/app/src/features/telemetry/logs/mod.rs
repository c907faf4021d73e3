//! Log records: stored scrubbed and cut, read newest first.
//!
//! A search looks at a bounded number of records per page and says where it stopped, so that a rare word costs more pages and never a long wait.

pub mod pages;
pub mod record;
pub mod store;

mod scrub;

use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use record::{row, severity_word};

/// Records that one page looks at.
const SCAN: i64 = 20_000;

/// Which records to list. Empty fields don't filter.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct Filter {
    /// Name of the service.
    pub service: Option<String>,
    /// TRACE | DEBUG | INFO | WARN | ERROR | FATAL: this and worse.
    pub severity: Option<String>,
    /// Part of the body, in any case.
    pub text: Option<String>,
    /// Records older than this one: the next page.
    pub before: Option<Uuid>,
    /// Records a page, 1 to 200; 50 if not given.
    pub limit: Option<i64>,
}

/// A log record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// Id, in the order of time.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Service.
    pub service: String,
    /// TRACE | DEBUG | INFO | WARN | ERROR | FATAL | UNSPECIFIED
    pub severity: &'static str,
    /// The sender's own word for it.
    pub severity_text: String,
    /// Text, or JSON as text.
    pub body: String,
    /// Whether body or attributes were cut.
    pub truncated: bool,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// Span id.
    pub span_id: Option<String>,
    /// Attributes, secrets redacted.
    #[schema(value_type = Object)]
    pub attributes: serde_json::Value,
}

impl From<store::Row> for LogRecord {
    fn from(row: store::Row) -> Self {
        Self {
            id: row.id,
            at: Timestamp(row.at),
            service: row.service,
            severity: severity_word(row.severity),
            severity_text: row.severity_text,
            body: row.body,
            truncated: row.truncated,
            trace_id: row.trace_id,
            span_id: row.span_id,
            attributes: row.attributes,
        }
    }
}

/// A page of records.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// Records, newest first.
    pub records: Vec<LogRecord>,
    /// `before` of the next page; none at the end.
    pub next: Option<Uuid>,
}

fn given(field: &Option<String>) -> &str {
    field.as_deref().map(str::trim).unwrap_or_default()
}

/// Records that match, newest first.
///
/// # Errors
/// [`Error::Invalid`] for an unknown severity.
pub async fn records(app: &App, filter: &Filter) -> Result<LogPage> {
    let severity = match given(&filter.severity) {
        "" => 0,
        word => Some(record::severity_of(word)).filter(|number| *number > 0).ok_or_else(unknown_severity)?,
    };
    let pattern = match given(&filter.text) {
        "" => String::new(),
        text => format!("%{}%", text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")),
    };
    let limit = filter.limit.unwrap_or(50).clamp(1, 200);
    let before = filter.before.unwrap_or(Uuid::max());
    let search = store::Search { before, scan: SCAN, service: given(&filter.service), severity, pattern: &pattern, limit };
    let rows = store::search(&app.db, &search).await?;
    let full = i64::try_from(rows.len()).unwrap_or(0) >= limit;
    let next = if full { rows.last().map(|row| row.id) } else { store::scanned_to(&app.db, before, SCAN).await? };
    Ok(LogPage { records: rows.into_iter().map(LogRecord::from).collect(), next })
}

fn unknown_severity() -> Error {
    Error::invalid("severity", "Give TRACE, DEBUG, INFO, WARN, ERROR or FATAL.")
}

/// The newest warnings and worse of a service, at most `limit`.
pub async fn warnings(app: &App, service: &str, limit: i64) -> Result<Vec<LogRecord>> {
    let rows = store::warnings(&app.db, service, limit.clamp(1, 200)).await?;
    Ok(rows.into_iter().map(LogRecord::from).collect())
}
