//! One event: all its fields, what changed, its place in the chain, and what else the request did.

use maud::{Markup, html};
use qd_core::audit::{self, Row};
use qd_core::{Result, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::list::{result, words};
use crate::ui::diff::before_after;
use crate::ui::head::record_head;
use crate::ui::stats::kv;
use crate::ui::table::{Column, row, row_name, table};
use crate::ui::tabs::crumbs;
use crate::ui::{Empty, Tone, badge, card, format, status_word};
use crate::web::{Page, View};

/// An event with its relatives.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailView {
    /// The row, as exported and as hashed.
    #[serde(flatten)]
    pub row: Row,
    /// When, as RFC 3339.
    pub time: Timestamp,
    /// Whether its fields match its hash, computed now.
    pub hash_matches: bool,
    /// Whether it is linked to the row before; `null` when there is none to compare.
    pub link_matches: Option<bool>,
    /// Other events of the same request, at most 20.
    pub related: Vec<Row>,
}

impl DetailView {
    pub(in crate::features::audit) fn new(row: Row, before: Option<&Row>, related: Vec<Row>) -> Result<Self> {
        // A changed `prev_hash` may be no hex at all: that is a mismatch too, not a fault of ours.
        let hash_matches = audit::hash_of(&row).is_ok_and(|hash| hash == row.hash);
        let link_matches = match before {
            Some(before) => Some(before.hash == row.prev_hash),
            None if row.seq == 1 => Some(row.prev_hash == audit::GENESIS),
            None => None,
        };
        Ok(Self { time: Timestamp(row.at), hash_matches, link_matches, related, row })
    }

    fn facts(&self) -> Markup {
        let row = &self.row;
        let text = |field: &Option<String>| html! { @match field { Some(text) => (text), None => (format::NONE) } };
        let mono = |field: &Option<String>| html! { @match field { Some(text) => span.mono { (text) }, None => (format::NONE) } };
        let intent = row.intent_seq.map(|seq| html! { a href={ "/audit/" (seq) } { (seq) } });
        let mut pairs = vec![
            ("When", html! { time datetime=(self.time.rfc3339()) { (self.time.rfc3339()) } }),
            ("Who", html! { (row.actor_name) " " (badge(row.actor_role.as_deref().unwrap_or(&row.actor_kind))) }),
            ("Actor id", mono(&Some(row.actor_id.clone()))),
            ("Action", html! { code { (row.action) } }),
            ("Event", html! { code { (row.event) } " in " (row.scope) }),
            ("Target", html! { (row.target_kind) " " span.mono { (row.target_id) } }),
            ("Reason", text(&row.reason)),
            ("Severity", badge(&row.severity)),
            ("Address", mono(&row.ip)),
            ("User agent", text(&row.user_agent)),
            ("Request", mono(&row.request_id)),
            ("Trace", mono(&row.trace_id)),
            ("Preview digest", mono(&row.preview_digest)),
        ];
        if let Some(intent) = intent {
            pairs.push(("Outcome of", intent));
        }
        html! { (card("Facts").body(kv(pairs))) }
    }

    fn change(&self) -> Markup {
        let parse = |text: &Option<String>| text.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
        let (before, after) = (parse(&self.row.before), parse(&self.row.after));
        let body = match (&before, &after) {
            (Value::Null, Value::Null) => {
                html! { (Empty::new("git-compare", "No before and after", "This event tells that something was done or tried; it changed no stored state, or is not over yet.")) }
            }
            _ => before_after("Before and after", &before, &after),
        };
        html! {
            @if let Some(error) = &self.row.error { (card("What went wrong").tone(Tone::Crit).body(html! { p { (error) } })) }
            (card("What changed").note("before −, after +").body(body))
        }
    }

    fn chain(&self) -> Markup {
        let mark = |good: Option<bool>, yes: &str, no: &str| match good {
            Some(true) => status_word(Tone::Ok, yes),
            Some(false) => status_word(Tone::Crit, no),
            None => status_word(Tone::Crit, "THE ROW BEFORE IS MISSING"),
        };
        let before = (self.row.seq > 1).then_some(self.row.seq - 1);
        html! {
            (card("Place in the chain").level3().body(kv([
                ("Hash", html! { span class="mono break" { (self.row.hash) } }),
                ("Its fields", mark(Some(self.hash_matches), "MATCH", "DO NOT MATCH")),
                ("Hash before", html! { span class="mono break" { (self.row.prev_hash) } }),
                ("Its link", mark(self.link_matches, "HOLDS", "BROKEN")),
                ("Neighbours", html! { @if let Some(before) = before { a href={ "/audit/" (before) } { "event " (before) } " · " } a href={ "/audit/" (self.row.seq + 1) } { "event " (self.row.seq + 1) } }),
            ])))
        }
    }

    fn relatives(&self, page: &Page<'_>) -> Markup {
        if self.related.is_empty() {
            return html! {};
        }
        let columns = [Column::new("Event"), Column::new("When"), Column::new("Result")];
        let rows = html! {
            @for other in &self.related {
                (row(false, &html! {
                    (row_name(&words(&other.event), Some(&format!("/audit/{}", other.seq)), Some(&format!("{} · {} {}", other.seq, other.target_kind, other.target_id))))
                    td { (format::time(Timestamp(other.at), page.now)) }
                    td { (result(other)) }
                }))
            }
        };
        html! { (card("Same request").note("at most 20").fill(table("Events of the same request", &columns, &rows))) }
    }
}

impl View for DetailView {
    fn title(&self) -> String {
        format!("Audit event {}", self.row.seq)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let facts = html! { (result(&self.row)) span.quiet { "Event " (self.row.seq) " · " (format::time(self.time, page.now)) " UTC" } };
        let sentence = format!("{}: {} {}", self.row.actor_name, self.row.target_kind, self.row.target_id);
        html! {
            (crumbs(&[("Audit", "/audit")], &self.row.seq.to_string()))
            (record_head(&facts, &words(&self.row.event), &sentence, &html! {}))
            div.split { div.stack { (self.change()) (self.relatives(page)) } aside.stack aria-label="About this event" { (self.facts()) (self.chain()) } }
        }
    }
}
