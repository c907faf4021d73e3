//! The list of incidents, with filters that live in the address.

use maud::{Markup, html};
use qd_core::reading::Status as Reading;
use serde::Serialize;
use utoipa::ToSchema;

use super::Changed;
use super::board::{mean, open_button, severity, state};
use super::input::ListQuery;
use crate::features::identity::account::User;
use crate::features::incidents::{Incident, IncidentKpis, Open, Severity, Sla, Status};
use crate::ui::stats::{Stat, stats_card};
use crate::ui::table::{Column, Priority, cell, cell_at, cell_status, row, row_name, table_stacking};
use crate::ui::{Button, Empty, field, format, page_head, pager};
use crate::web::{Page, View};

/// A page of incidents.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListView {
    /// Newest first.
    pub incidents: Vec<Incident>,
    /// `after` of the next page; `null` on the last.
    pub next: Option<String>,
    #[serde(skip)]
    pub(super) query: ListQuery,
    #[serde(skip)]
    pub(super) people: Vec<User>,
}

impl View for ListView {
    fn title(&self) -> String {
        "Incidents".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            (page_head("Incidents", &sentence(page), &html! { a href="/incidents/kpis" { "Figures" } (open_button(page)) }))
            section.card aria-label="Incidents" {
                (self.filters())
                div #incident-list data-live="incident" { (self.rows(page)) }
            }
        }
    }
}

/// The state of the view in words, from the board.
fn sentence(page: &Page<'_>) -> String {
    let figure = |key: &str| page.app.board.get(key, page.now).and_then(|reading| reading.value);
    if let Some(gap) = page.app.board.get("incidents.open", page.now).filter(|open| matches!(open.status, Reading::Unknown | Reading::Stale)) {
        return gap.taken_at.map_or_else(|| "Not counted yet.".into(), |at| format!("Not counted since {} UTC.", format::moment(at, page.now)));
    }
    let (Some(open), Some(mitigated)) = (figure("incidents.open"), figure("incidents.mitigated")) else { return "Not counted yet.".into() };
    let late = figure("incidents.sla_breaches").unwrap_or(0.0);
    let late = if late > 0.0 { format!(" {} past a time limit.", format::decimal(late, 0)) } else { String::new() };
    format!("{} open, {} mitigated.{late} {}.", format::decimal(open, 0), format::decimal(mitigated, 0), mean(figure("incidents.mttr")))
}

impl ListView {
    fn filters(&self) -> Markup {
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        let (owner, status) =
            (given(&self.query.owner), if self.query.active == Some(true) { "OPEN,MITIGATED".into() } else { given(&self.query.status) });
        let mut people: Vec<(String, &str)> = self.people.iter().map(|user| (user.id.to_string(), user.name.as_str())).collect();
        people.insert(0, (String::new(), "Any owner"));
        let people: Vec<(&str, &str)> = people.iter().map(|(id, name)| (id.as_str(), *name)).collect();
        let severities: Vec<(&str, &str)> = std::iter::once(("", "Any severity")).chain(Severity::ALL.map(|s| (s.word(), s.word()))).collect();
        let states = [("", "Any status"), ("OPEN,MITIGATED", "Not closed"), ("OPEN", "Open"), ("MITIGATED", "Mitigated"), ("CLOSED", "Closed")];
        field::filters(
            "/incidents",
            &html! {
                (field::choice("status", "Status", &status, &states))
                (field::choice("severity", "Severity", &given(&self.query.severity), &severities))
                (field::search("service", "Affected service", &given(&self.query.service), "Service"))
                (field::search("tag", "Tag", &given(&self.query.tag), "Tag"))
                (field::choice("owner", "Owner", &owner, &people))
                input.input type="date" id="q-from" name="from" value=(given(&self.query.from)) aria-label="Begun from";
                input.input type="date" id="q-to" name="to" value=(given(&self.query.to)) aria-label="Begun until";
            },
        )
    }

    fn rows(&self, page: &Page<'_>) -> Markup {
        if self.incidents.is_empty() {
            return self.empty(page);
        }
        let columns = [
            Column::new("Incident"),
            Column::new("Status"),
            Column::new("Severity"),
            Column::new("Owner").priority(Priority::Medium),
            Column::new("Started"),
            Column::new("Time limits").priority(Priority::Large),
        ];
        let rows = html! { @for incident in &self.incidents { (line(incident, page)) } };
        let older = self.next.as_ref().map(|next| address(page, Some(next)));
        let newest = self.query.after.is_some().then(|| address(page, None));
        let shown = format::count(i64::try_from(self.incidents.len()).unwrap_or(i64::MAX), "incident", "incidents");
        html! { (table_stacking("Incidents", &columns, &rows)) (pager::pager(&shown, newest.as_deref(), older.as_deref())) }
    }

    fn empty(&self, page: &Page<'_>) -> Markup {
        if self.query.narrows() || self.query.after.is_some() {
            return html! { (Empty::filtered("No incident fits the filter", "No incident has this status, severity, service, tag, owner and time.", "/incidents")) };
        }
        let first = Empty::new("siren", "No incident yet", "Open one when something hurts: it keeps the time, the owner and what was done.");
        let may = page.may::<Open>();
        html! { @if may { (first.actions(html! { (Button::dialog("Open an incident", "/incidents/new").small()) })) } @else { (first) } }
    }
}

/// The address of this list with another cursor.
fn address(page: &Page<'_>, after: Option<&String>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = form_urlencoded::parse(page.query.as_bytes()).filter(|(key, value)| key != "after" && !value.is_empty());
    query.extend_pairs(kept);
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    format!("/incidents?{}", query.finish())
}

fn line(incident: &Incident, page: &Page<'_>) -> Markup {
    let sub =
        if incident.affected.is_empty() { incident.reference.clone() } else { format!("{} · {}", incident.reference, incident.affected.join(", ")) };
    row(
        false,
        &html! {
            (row_name(&incident.title, Some(&format!("/incidents/{}", incident.reference)), Some(&sub)))
            (cell_status(state(incident.status)))
            (cell("Severity", severity(incident.severity)))
            (cell_at(Priority::Medium, "Owner", html! { (incident.owner_name.as_deref().unwrap_or(format::NONE)) }))
            (cell("Started", format::time(incident.started_at, page.now)))
            (cell_at(Priority::Large, "Time limits", limits(incident, page)))
        },
    )
}

fn limits(incident: &Incident, page: &Page<'_>) -> Markup {
    let word = |state: Sla| match state {
        Sla::Running | Sla::Ending => "runs",
        Sla::Breached => "breached",
        Sla::Met => "met",
        Sla::Missed => "missed",
    };
    let (mitigate, close) = (incident.mitigation().state(page.now), incident.closing().state(page.now));
    html! { span class={ @if incident.status == Status::Closed { "quiet" } } { "mitigate " (word(mitigate)) ", close " (word(close)) } }
}

impl View for IncidentKpis {
    fn title(&self) -> String {
        "Incident figures".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are shown")]
        let minutes = |minutes: Option<f64>| minutes.map_or_else(|| format::NONE.to_owned(), |minutes| format::duration((minutes * 60.0) as i64));
        let by = &self.open_by_severity;
        let figures = [
            Stat::new("Open", format::number(self.open), "", format!("SEV1 {}, SEV2 {}, SEV3 {}, SEV4 {}", by.sev1, by.sev2, by.sev3, by.sev4)),
            Stat::new("Mitigated", format::number(self.mitigated), "", "not closed yet"),
            Stat::new("MTTM", minutes(self.mttm_minutes), "", "start to mitigated, 30 days"),
            Stat::new("MTTR", minutes(self.mttr_minutes), "", "start to closed, 30 days"),
            Stat::new("Limits passed", format::number(self.sla_breaches), "", "now, or late today"),
        ];
        html! { (page_head("Incident figures", &sentence(page), &open_button(page))) (stats_card(&figures)) p { a href="/incidents" { "All incidents" } } }
    }
}

impl View for Changed {
    fn title(&self) -> String {
        self.incident.reference.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let link = html! { (Button::link("Open its page", format!("/incidents/{}", self.incident.reference))) };
        html! { (page_head(&self.incident.title, &format!("{}, as of {} UTC.", self.incident.status.word(), format::clock(page.now)), &link)) }
    }
}
