//! The list of log records.

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::{Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Filter, LogPage, LogRecord, records};
use crate::features::telemetry::endpoints::pages::{log_tabs, service_href};
use crate::features::telemetry::endpoints::{ServiceSeen, services};
use crate::ui::field::Field;
use crate::ui::pager::pager;
use crate::ui::status::status_word;
use crate::ui::table::{Column, Priority, cell, cell_at, row, table_tight};
use crate::ui::{Button, Empty, Tone, card, format, page_head};
use crate::web::{Ctx, Page, Place, Reply, Routes, View};

/// Bytes of a body that the list shows.
const SHOWN: usize = 300;
/// Severities that are offered.
const SEVERITIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// Adds the routes.
pub fn routes(routes: Routes) -> Routes {
    routes.page_at(Place::new("/logs/records", "/logs/records"), Access::READ, "Log records, newest first", list)
}

/// A page of records with its filter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordsPage {
    #[serde(flatten)]
    page: LogPage,
    #[serde(skip)]
    filter: Filter,
    #[serde(skip)]
    services: Vec<ServiceSeen>,
}

async fn list(ctx: Ctx, filter: Filter) -> Result<Reply<RecordsPage>> {
    let page = records(&ctx.app, &filter).await?;
    let services = if ctx.wants_json() { Vec::new() } else { services(&ctx.app).await? };
    Ok(Reply::ok(RecordsPage { page, filter, services }))
}

impl View for RecordsPage {
    fn title(&self) -> String {
        "Log records".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let sentence = "What applications sent to /v1/logs, newest first. Secrets are redacted by name before they are stored.";
        let content = if self.page.records.is_empty() { self.nothing() } else { record_rows(&self.page.records, page.now, true) };
        html! {
            (page_head("Log records", sentence, &html! {}))
            (log_tabs("/logs/records"))
            (card("Records").body(self.form()).fill(content).fill(self.pages()))
        }
    }
}

impl RecordsPage {
    fn form(&self) -> Markup {
        let chosen = |field: &Option<String>| field.clone().unwrap_or_default();
        let mut names: Vec<String> = self.services.iter().map(|seen| seen.service.clone()).collect();
        // A filter by a service that fell silent stays visible.
        names.extend(self.filter.service.clone().filter(|name| !name.is_empty() && !names.contains(name)));
        let all = [(String::new(), "All services".to_owned())];
        let names = all.into_iter().chain(names.into_iter().map(|name| (name.clone(), name)));
        let severities = [("", "All severities")].into_iter().chain(SEVERITIES.into_iter().map(|word| (word, word)));
        html! {
            form class="filters" method="get" action="/logs/records" {
                (Field::select("service", "Service", names).value(chosen(&self.filter.service)))
                (Field::select("severity", "This and worse", severities).value(chosen(&self.filter.severity)))
                (Field::input("search", "text", "Text").value(chosen(&self.filter.text)).placeholder("part of the message"))
                (Button::submit("Filter").icon("filter"))
            }
        }
    }

    fn nothing(&self) -> Markup {
        let filtered = [&self.filter.service, &self.filter.severity, &self.filter.text].into_iter().flatten().any(|text| !text.is_empty());
        match (filtered, self.page.next.is_some()) {
            (true, true) => {
                Empty::filtered("No match so far", "None of the records looked at matches. Older ones may: go on with Older.", "/logs/records")
                    .render()
            }
            (true, false) => Empty::filtered("No record matches", "No stored record matches this filter.", "/logs/records").render(),
            _ => Empty::new("scroll-text", "No log record yet", "Records appear here as soon as an application sends them to /v1/logs.").render(),
        }
    }

    fn pages(&self) -> Markup {
        let older = self.page.next.map(|next| self.href(Some(next)));
        let newest = self.filter.before.map(|_| self.href(None));
        pager(&format::count(i64::try_from(self.page.records.len()).unwrap_or(0), "record", "records"), newest.as_deref(), older.as_deref())
    }

    fn href(&self, before: Option<uuid::Uuid>) -> String {
        let filter = Filter { before, ..self.filter.clone() };
        format!("/logs/records?{}", serde_urlencoded::to_string(filter).unwrap_or_default())
    }
}

/// What a severity looks like.
fn tone(severity: &str) -> Tone {
    match severity {
        "FATAL" | "ERROR" => Tone::Crit,
        "WARN" => Tone::Warn,
        "INFO" => Tone::Info,
        _ => Tone::Off,
    }
}

/// A table of records.
pub fn record_rows(found: &[LogRecord], now: Timestamp, with_service: bool) -> Markup {
    if found.is_empty() {
        return Empty::new("scroll-text", "Nothing to warn of", "No warning or error of this service is stored.").render();
    }
    let mut columns = vec![Column::new("Time"), Column::new("Severity")];
    if with_service {
        columns.push(Column::new("Service").priority(Priority::Medium));
    }
    columns.push(Column::new("Message"));
    columns.push(Column::new("Trace").priority(Priority::Large));
    table_tight("Log records", &columns, &html! { @for record in found { (row(false, &cells(record, now, with_service))) } })
}

fn cells(record: &LogRecord, now: Timestamp, with_service: bool) -> Markup {
    let end = record.body.floor_char_boundary(SHOWN);
    let (head, long) = (record.body.get(..end).unwrap_or_default(), end < record.body.len());
    let attributes = record.attributes.as_object().filter(|members| !members.is_empty());
    let trace = record.trace_id.as_deref().unwrap_or(format::NONE);
    html! {
        (cell("Time", format::time(record.at, now)))
        (cell("Severity", status_word(tone(record.severity), record.severity)))
        @if with_service { (cell_at(Priority::Medium, "Service", html! { a href=(service_href(&record.service)) { (record.service) } })) }
        td data-label="Message" {
            span class="mono wrap-any" { (head) @if long { "…" } }
            @if long || attributes.is_some() || record.truncated {
                details {
                    summary.small { "Details" @if record.truncated { " (cut when stored)" } }
                    @if long { pre class="code code--wrap" { (record.body) } }
                    @if let Some(members) = attributes { dl.kv { @for (name, value) in members { dt { (name) } dd.mono { (plain(value)) } } } }
                }
            }
        }
        (cell_at(Priority::Large, "Trace", html! { span.mono.small { (trace) } }))
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
