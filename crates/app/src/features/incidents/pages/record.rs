//! One incident: its facts, its timers, its timeline.

use maud::{Markup, html};
use qd_core::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::board::{severity, sla, tone};
use crate::features::incidents::action::TEXT_MAX;
use crate::features::incidents::lifecycle::Timer;
use crate::features::incidents::{Close, EventKind, Incident, Mitigate, Note, Regress, Reopen, Sla, Status, TimelineEvent, Update};
use crate::ui::field::{self, Field};
use crate::ui::head::record_head;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::tabs::{Tab, crumbs, seg};
use crate::ui::timeline::{Event, timeline};
use crate::ui::{Button, Empty, Tone, avatar, badge, card, format, page_head, pager, pill};
use crate::web::{Page, View};

/// An incident with its timers and the newest part of its timeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordView {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// How its time limits stand.
    pub sla: SlaView,
    /// Newest first, at most 100.
    pub events: Vec<TimelineEvent>,
    /// Whether the timeline has more.
    pub more: bool,
    #[serde(skip)]
    show: Option<String>,
}

/// How the time limits stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlaView {
    /// When it is to be mitigated.
    pub mitigate_due_at: Timestamp,
    /// RUNNING | ENDING (less than a fifth left) | BREACHED | MET | MISSED
    pub mitigate: Sla,
    /// When it is to be closed.
    pub close_due_at: Timestamp,
    /// As `mitigate`.
    pub close: Sla,
}

impl RecordView {
    pub(in crate::features::incidents) fn new(
        incident: Incident,
        events: Vec<TimelineEvent>,
        more: bool,
        show: Option<String>,
        now: Timestamp,
    ) -> Self {
        let (mitigation, closing) = (incident.mitigation(), incident.closing());
        let sla = SlaView { mitigate_due_at: mitigation.due, mitigate: mitigation.state(now), close_due_at: closing.due, close: closing.state(now) };
        Self { incident, sla, events, more, show }
    }
}

impl View for RecordView {
    fn title(&self) -> String {
        format!("{} {}", self.incident.reference, self.incident.title)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let here = &self.incident.reference;
        html! {
            (crumbs(&[("Incidents", "/incidents")], here))
            div.stack #incident-head data-live="incident" { (self.head(page)) (stats_card(&self.figures(page))) }
            div.split {
                div.stack {
                    @if !self.incident.summary.is_empty() { (card("Summary").body(html! { @for line in self.incident.summary.lines() { p { (line) } } })) }
                    @if page.may::<Note>() { (composer(here)) }
                    (self.timeline(page))
                }
                aside.stack #incident-facts aria-label="About this incident" data-live="incident" { (self.facts(page)) }
            }
        }
    }
}

impl RecordView {
    fn head(&self, page: &Page<'_>) -> Markup {
        let incident = &self.incident;
        let facts = html! {
            (severity(incident.severity)) (pill(tone(incident.status), Some(incident.status.word())))
            span.quiet { (incident.reference) " · opened " (format::time(incident.created_at, page.now)) " by " (incident.created_by_name) }
        };
        let to = |verb: &str| format!("/incidents/{}/{verb}", incident.reference);
        let status = incident.status;
        let actions = html! {
            @if page.may::<Update>() { (Button::dialog("Edit", to("edit")).icon("pencil")) }
            @if status == Status::Open && page.may::<Mitigate>() { (Button::dialog("Mark mitigated…", to("mitigate")).icon("shield-check").primary()) }
            @if status == Status::Mitigated && page.may::<Regress>() { (Button::dialog("It hurts again…", to("regress")).icon("rotate-ccw")) }
            @if status == Status::Mitigated && page.may::<Close>() { (Button::dialog("Close…", to("close")).icon("check").primary()) }
            @if status == Status::Open && page.may::<Close>() { (Button::dialog("Close…", to("close")).icon("check")) }
            @if status == Status::Closed && page.may::<Reopen>() { (Button::dialog("Reopen…", to("reopen")).icon("rotate-ccw")) }
        };
        record_head(&facts, &incident.title, "", &actions)
    }

    fn figures(&self, page: &Page<'_>) -> Vec<Stat> {
        let incident = &self.incident;
        let end = incident.closed_at.unwrap_or(page.now);
        let label = if incident.closed_at.is_some() { "Lasted" } else { "Open for" };
        let since = format!("since {} UTC", format::moment(incident.started_at, page.now));
        vec![
            Stat::new(label, format::duration(end.since(incident.started_at)), "", since),
            limit("To mitigate", &incident.mitigation(), incident, page),
            limit("To close", &incident.closing(), incident, page),
        ]
    }

    fn timeline(&self, page: &Page<'_>) -> Markup {
        let show = self.show.as_deref().unwrap_or("all");
        let tab = |label: &str, key: &str| Tab::new(label, format!("/incidents/{}?show={key}", self.incident.reference), show == key);
        let switch = seg("What the timeline shows", &[tab("All", "all"), tab("Updates", "updates"), tab("System", "system")]);
        let shown = self.events.iter().filter(|event| match show {
            "updates" => !event.automatic,
            "system" => event.automatic,
            _ => true,
        });
        let entries: Vec<Event> = shown.map(|event| entry(event, page)).collect();
        let content = html! {
            div #incident-timeline data-live="incident" {
                @if entries.is_empty() { (Empty::new("message-square", "Nothing here", "No entry of this kind yet.")) } @else { (timeline(&entries)) }
                @if self.more { p { a href={ "/incidents/" (self.incident.reference) "/events" } { "The whole timeline" } } }
            }
        };
        html! { (card("Timeline").actions(switch).body(content)) }
    }

    fn facts(&self, page: &Page<'_>) -> Markup {
        let incident = &self.incident;
        let names = |names: &[String]| html! { @if names.is_empty() { (format::NONE) } @else { div class="row row--wrap" { @for name in names { (badge(name)) } } } };
        let owner = html! { @match &incident.owner_name { Some(name) => span.row { (avatar(name)) (name) }, None => (format::NONE) } };
        let set = if incident.sla_overridden { "set by hand" } else { incident.severity.word() };
        html! {
            (card("Facts").level3().body(kv([
                ("Owner", owner),
                ("Affected", names(&incident.affected)),
                ("Tags", names(&incident.tags)),
                ("Severity", html! { (incident.severity.word()) ", " (incident.severity.meaning().to_lowercase()) }),
                ("Started", html! { (format::time(incident.started_at, page.now)) " UTC" }),
            ])))
            (card("Time limits").level3().note(set).body(html! { div.stack.stack--s { (sla("Mitigate", &incident.mitigation(), page)) (sla("Close", &incident.closing(), page)) } }))
            (card("Record").level3().body(html! {
                p { "Every change of it stands in the audit trail, with before and after." }
                p { a href={ "/audit?target_kind=incident&target_id=" (incident.reference) } { "Its audit events" } }
            }))
        }
    }
}

fn limit(label: &str, timer: &Timer, incident: &Incident, page: &Page<'_>) -> Stat {
    let limit = format::duration(timer.minutes * 60);
    match timer.done {
        Some(at) => {
            let verdict = if at > timer.due {
                format!("missed by {}, limit {limit}", format::duration(at.since(timer.due)))
            } else {
                format!("met, limit {limit}")
            };
            Stat::new(label, format::duration(at.since(incident.started_at)), "", verdict)
        }
        None => {
            Stat::markup(label, format::countdown(timer.due, page.now), "", format!("due {} UTC, limit {limit}", format::moment(timer.due, page.now)))
        }
    }
}

fn composer(reference: &str) -> Markup {
    let kinds = EventKind::ALL.map(|kind| (kind.word(), kind.label()));
    let action = format!("/incidents/{reference}/events");
    html! {
        section.card aria-label="Add to the timeline" {
            form class="card__body stack stack--s" method="post" action=(action) hx-post=(action) hx-swap="none" data-confirm-form {
                (Field::area("text", "Add to the timeline", 2).required().max_length(u32::try_from(TEXT_MAX).unwrap_or(u32::MAX))
                    .placeholder("What do we know, what was done, what is next?"))
                div.filters {
                    (field::choice("type", "Kind of entry", "UPDATE", &kinds))
                    span.push {}
                    (Button::submit("Add").small().icon("send"))
                }
            }
        }
    }
}

fn entry(event: &TimelineEvent, page: &Page<'_>) -> Event {
    let (icon, tone) = match (event.kind, event.automatic) {
        (EventKind::Mitigation, _) => ("shield-check", Some(Tone::Ok)),
        (EventKind::Impact, _) => ("triangle-alert", Some(Tone::Warn)),
        (EventKind::RootCause, _) => ("search-check", Some(Tone::Info)),
        (EventKind::Action, _) => ("wrench", Some(Tone::Info)),
        (_, true) => ("history", None),
        (_, false) => ("message-square", Some(Tone::Info)),
    };
    let time = html! { (format::time(event.at, page.now)) };
    if event.automatic {
        return Event { tone, icon: icon.into(), text: html! { (event.text) }, quote: None, time, by: event.author_name.clone() };
    }
    Event { tone, icon: icon.into(), text: html! { (event.kind.label()) }, quote: Some(event.text.clone()), time, by: event.author_name.clone() }
}

/// A page of a timeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsView {
    /// Newest first.
    pub events: Vec<TimelineEvent>,
    /// `after` of the next page; `null` on the last.
    pub next: Option<Uuid>,
    #[serde(skip)]
    pub(super) incident: Incident,
    #[serde(skip)]
    pub(super) first: bool,
}

impl View for EventsView {
    fn title(&self) -> String {
        format!("Timeline of {}", self.incident.reference)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let record = format!("/incidents/{}", self.incident.reference);
        let entries: Vec<Event> = self.events.iter().map(|event| entry(event, page)).collect();
        let newest = format!("{record}/events");
        let older = self.next.map(|next| format!("{record}/events?after={next}"));
        let shown = format::count(i64::try_from(entries.len()).unwrap_or(i64::MAX), "entry", "entries");
        html! {
            (crumbs(&[("Incidents", "/incidents"), (&self.incident.reference, &record)], "Timeline"))
            (page_head(&format!("Timeline of {}", self.incident.reference), &self.incident.title, &html! {}))
            (card("Timeline").body(timeline(&entries)).fill(pager::pager(&shown, (!self.first).then_some(newest.as_str()), older.as_deref())))
        }
    }
}

impl View for TimelineEvent {
    fn title(&self) -> String {
        self.kind.label().into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        timeline(&[entry(self, page)])
    }
}
