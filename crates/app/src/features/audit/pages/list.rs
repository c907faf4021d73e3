//! The list of events, with filters that live in the address.

use maud::{Markup, html};
use qd_core::Timestamp;
use qd_core::audit::{Filter, Row};
use serde::Serialize;
use utoipa::ToSchema;

use super::chain::{ChainView, short};
use crate::features::audit::export::MAX_ROWS;
use crate::ui::button::post;
use crate::ui::table::{Column, Priority, cell_at, row, table_stacking};
use crate::ui::{Button, Empty, Tone, avatar, badge, field, format, page_head, pager, status_word};
use crate::web::{Page, View};

/// A page of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListView {
    /// Newest first.
    pub events: Vec<Row>,
    /// `before` of the next page; `null` on the last.
    pub next: Option<i64>,
    #[serde(skip)]
    filter: Filter,
    #[serde(skip)]
    chain: Option<ChainView>,
}

impl ListView {
    pub(in crate::features::audit) fn new(events: Vec<Row>, next: Option<i64>, filter: Filter, chain: ChainView) -> Self {
        Self { events, next, filter, chain: Some(chain) }
    }

    fn filters(&self) -> Markup {
        let filter = &self.filter;
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        let scopes = [("", "Any scope"), ("AUTH", "Sign-in"), ("USER", "Users and tokens"), ("CONFIG", "Configuration"), ("OPS", "Operations")];
        let kinds = [("", "Any kind"), ("done", "Done"), ("failed", "Failed"), ("refused", "Refused"), ("intent", "Intent"), ("outcome", "Outcome")];
        let severities = [("", "Any severity"), ("INFO", "INFO"), ("NOTICE", "NOTICE"), ("WARNING", "WARNING"), ("CRITICAL", "CRITICAL")];
        field::filters(
            "/audit",
            &html! {
                (field::search("actor", "Who", &given(&filter.actor), "Person or token"))
                (field::search("event", "Event", &given(&filter.event), "Event"))
                (field::choice("scope", "Scope", &given(&filter.scope), &scopes))
                (field::choice("kind", "Kind", &given(&filter.kind), &kinds))
                (field::choice("severity", "Severity", &given(&filter.severity), &severities))
                (field::search("target_kind", "Kind of the target", &given(&filter.target_kind), "Target: incident, user…"))
                (field::search("target_id", "Id of the target", &given(&filter.target_id), "Target id: INC-7"))
                input.input type="date" id="q-from" name="from" value=(given(&filter.from)) aria-label="From";
                input.input type="date" id="q-to" name="to" value=(given(&filter.to)) aria-label="Until";
                @if let Some(request) = &filter.request_id { input type="hidden" name="request_id" value=(request); }
            },
        )
    }

    fn rows(&self, page: &Page<'_>) -> Markup {
        if self.events.is_empty() {
            return html! { (Empty::filtered("No event fits the filter", "Nothing was done by this person, on this target, in this time.", "/audit")) };
        }
        let columns = [
            Column::new("Event"),
            Column::new("When"),
            Column::new("Who").priority(Priority::Medium),
            Column::new("What"),
            Column::new("Reason").priority(Priority::Large),
            Column::new("Result"),
            Column::new("Severity").priority(Priority::Medium),
            Column::new("Hash, and the one before").priority(Priority::Large),
        ];
        let lines = html! { @for event in &self.events { (line(event, page)) } };
        let older = self.next.map(|next| address("/audit", page, &[("before", next.to_string())]));
        let newest = self.filter.before.is_some().then(|| address("/audit", page, &[]));
        let shown = format::count(i64::try_from(self.events.len()).unwrap_or(i64::MAX), "event", "events");
        html! { (table_stacking("Audit events", &columns, &lines)) (pager::pager(&shown, newest.as_deref(), older.as_deref())) }
    }
}

impl View for ListView {
    fn title(&self) -> String {
        "Audit".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let file = |format: &str| address("/api/admin/ops/audit/export", page, &[("format", format.to_owned())]);
        let actions = html! {
            (Button::link("CSV", file("csv")).icon("download"))
            (Button::link("JSONL", file("jsonl")).icon("download"))
            (post("/audit/verify", &Button::submit("Verify now").primary().icon("shield-check")))
        };
        html! {
            (page_head("Audit", "Every change, who made it, and why. Edits are found, not prevented: keep the anchor file where the database's owner can't write.", &actions))
            @if let Some(chain) = &self.chain { (chain.card(page)) }
            section.card aria-label="Events" {
                (self.filters())
                (self.rows(page))
                div.card__foot { p { "A file holds at most " (format::number(i64::try_from(MAX_ROWS).unwrap_or(i64::MAX))) " events of this filter, oldest first; " code { "after=" } " continues. The JSONL of everything can be verified offline." } }
            }
        }
    }
}

/// A path with the filters of this page and other fields; paging does not stay.
fn address(path: &str, page: &Page<'_>, more: &[(&str, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let gone = |key: &str| key == "before" || more.iter().any(|(name, _)| *name == key);
    query.extend_pairs(form_urlencoded::parse(page.query.as_bytes()).filter(|(key, value)| !gone(key) && !value.is_empty()));
    query.extend_pairs(more);
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn line(event: &Row, page: &Page<'_>) -> Markup {
    row(
        false,
        &html! {
            th.nowrap scope="row" { a class="rowlink mono" href={ "/audit/" (event.seq) } { (event.seq) } }
            td class="nowrap quiet" data-label="When" { (format::time(Timestamp(event.at), page.now)) }
            (cell_at(Priority::Medium, "Who", html! { span.row { (avatar(&event.actor_name)) span.nowrap { (event.actor_name) } } }))
            td data-label="What" { span { (words(&event.event)) span.sub { (event.target_kind) " " (event.target_id) } } }
            (cell_at(Priority::Large, "Reason", html! { span.soft { (event.reason.as_deref().unwrap_or(format::NONE)) } }))
            td.cell-status { (result(event)) }
            (cell_at(Priority::Medium, "Severity", badge(&event.severity)))
            (cell_at(Priority::Large, "Hash", html! { span.chain { span.mono { (short(&event.hash)) } span class="mono quiet" { (short(&event.prev_hash)) } } }))
        },
    )
}

/// `INCIDENT_STATUS_CHANGED` as `Incident status changed`.
pub(super) fn words(event: &str) -> String {
    let text = event.to_lowercase().replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What became of it, as shape and word.
pub(super) fn result(event: &Row) -> Markup {
    match (event.kind.as_str(), event.error.is_some()) {
        ("failed", _) => status_word(Tone::Crit, "FAILED"),
        ("refused", _) => status_word(Tone::Warn, "REFUSED"),
        ("intent", _) => status_word(Tone::Info, "INTENT"),
        ("outcome", true) => status_word(Tone::Crit, "FAILED"),
        ("outcome", false) => status_word(Tone::Ok, "OUTCOME"),
        _ => status_word(Tone::Ok, "DONE"),
    }
}
