//! The board of the Health view: three columns, and the banner above every page.

use maud::{Markup, html};
use qd_core::App;

use crate::features::incidents::lifecycle::Timer;
use crate::features::incidents::{Headline, Incident, Open, Severity, Sla, Status};
use crate::ui::status::{Tone, status_word};
use crate::ui::{Banner, Button, avatar, badge, badge_kind, format, spark};
use crate::web::Page;

/// What stands on the board.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Open ones, the worst first.
    pub open: Vec<Incident>,
    /// Mitigated ones, the worst first.
    pub mitigated: Vec<Incident>,
    /// The latest that were closed within seven days.
    pub closed: Vec<Incident>,
    /// How many were closed within seven days.
    pub closed_count: i64,
}

/// The board as a section of a page; it is fetched again after each change of an incident.
pub fn board_panel(board: &Board, page: &Page<'_>) -> Markup {
    let counted = |cards: &[Incident]| i64::try_from(cards.len()).unwrap_or(i64::MAX);
    html! {
        section.section #incident-board aria-label="Incidents" data-live="incident" {
            div.section__head { h2 { "Incidents" } a href="/incidents" { "All incidents" } }
            div.board {
                (column("Open", counted(&board.open), &board.open, "Nothing is open.", page))
                (column("Mitigated", counted(&board.mitigated), &board.mitigated, "Nothing is being watched.", page))
                (column("Closed, 7 days", board.closed_count, &board.closed, "Nothing was closed in 7 days.", page))
            }
        }
    }
}

fn column(title: &str, count: i64, cards: &[Incident], empty: &str, page: &Page<'_>) -> Markup {
    html! {
        section.board__col aria-label=(title) {
            h3 { (title) " " span.count { (format::number(count)) } }
            @if cards.is_empty() { p class="small quiet" { (empty) } }
            @else { ul { @for incident in cards { (card(incident, page)) } } }
        }
    }
}

fn card(incident: &Incident, page: &Page<'_>) -> Markup {
    let tone = (incident.status == Status::Open).then_some(Tone::Crit.key());
    let services = incident.affected.join(", ");
    html! {
        li.inc data-status=[tone] {
            div.row { (severity(incident.severity)) span class="mono quiet" { (incident.reference) } span.push { (state(incident.status)) } }
            h3 { a href={ "/incidents/" (incident.reference) } { (incident.title) } }
            @if !services.is_empty() { p class="small soft" { (services) } }
            @match incident.status {
                Status::Open => { (sla("Mitigate", &incident.mitigation(), page)) (sla("Close", &incident.closing(), page)) }
                Status::Mitigated => { (sla("Close", &incident.closing(), page)) }
                Status::Closed => {}
            }
            div class="row small quiet" { (who(incident)) span { (since(incident, page)) } }
        }
    }
}

fn who(incident: &Incident) -> Markup {
    html! { @match &incident.owner_name { Some(name) => { (avatar(name)) span { (name) } } None => span { "No owner" } } span aria-hidden="true" { "·" } }
}

fn since(incident: &Incident, page: &Page<'_>) -> Markup {
    let took = |at: qd_core::Timestamp| format::duration(at.since(incident.started_at));
    html! {
        @match (incident.status, incident.mitigated_at, incident.closed_at) {
            (Status::Closed, _, Some(at)) => { "closed " (format::time(at, page.now)) " after " (took(at)) }
            (Status::Mitigated, Some(at), _) => { "mitigated after " (took(at)) }
            _ => { "open for " (format::duration(page.now.since(incident.started_at))) }
        }
    }
}

/// SEV1 to SEV4.
pub(super) fn severity(severity: Severity) -> Markup {
    match severity {
        Severity::Sev4 => badge(severity.word()),
        _ => badge_kind(&severity.word().to_lowercase(), severity.word()),
    }
}

/// OPEN, MITIGATED or CLOSED with its shape.
pub(super) fn state(status: Status) -> Markup {
    status_word(tone(status), status.word())
}

/// The colour of a status.
pub(super) fn tone(status: Status) -> Tone {
    match status {
        Status::Open => Tone::Crit,
        Status::Mitigated => Tone::Warn,
        Status::Closed => Tone::Ok,
    }
}

/// A time limit that runs or has ended, as a line with a bar.
pub(super) fn sla(label: &str, timer: &Timer, page: &Page<'_>) -> Markup {
    let limit = format::duration(timer.minutes * 60);
    let late = |at: qd_core::Timestamp| format::duration(at.since(timer.due));
    let (tone, share) = match timer.state(page.now) {
        Sla::Running | Sla::Met => (Tone::Ok, timer.left(page.now)),
        Sla::Ending => (Tone::Warn, timer.left(page.now)),
        Sla::Breached | Sla::Missed => (Tone::Crit, 1.0),
    };
    html! {
        div.sla {
            div class="row row--between small" {
                span.quiet { (label) }
                @match timer.done {
                    Some(at) if at > timer.due => span { b { "missed" } " by " (late(at)) ", limit " (limit) },
                    Some(_) => span { b { "met" } ", limit " (limit) },
                    None => span { b { (format::countdown(timer.due, page.now)) } @if page.now > timer.due { ", limit " } @else { " left of " } (limit) },
                }
            }
            @if timer.done.is_none() { (spark::hbar(share, Some(tone), None)) }
        }
    }
}

/// The banner above every page while a SEV1 or SEV2 is open; from memory.
pub fn banner(app: &App) -> Option<Banner> {
    let (now, headline) = (app.now(), app.state::<Headline>().ok()?);
    let worst = headline.worst().filter(|worst| worst.severity <= Severity::Sev2)?;
    let (short, path) = (format!("{} · {}", worst.severity.word(), worst.reference), format!("/incidents/{}", worst.reference));
    let leads = worst.owner_name.as_ref().map_or_else(|| "Nobody leads it yet.".to_owned(), |name| format!("{name} leads."));
    let text = match headline.silent_since(now) {
        None => {
            let (timer, due) =
                if worst.mitigation().due > now { (worst.mitigation(), "To be mitigated in ") } else { (worst.closing(), "To be closed in ") };
            let open = format::duration(now.since(worst.started_at));
            html! { (worst.reference) ", open " (open) ". " (leads) " " (due) b { (format::countdown(timer.due, now)) } "." }
        }
        // Nobody knows whether it is still open: nothing may go on counting.
        Some(at) => {
            html! { (worst.reference) ", open at " (format::moment(at, now)) " UTC and not measured since: our own database does not answer." }
        }
    };
    Some(
        Banner::new(Tone::Crit, format!("{} · {}", worst.severity.word(), worst.title))
            .icon("siren")
            .short(short)
            .text(text)
            .link(format!("Open {}", worst.reference), path),
    )
}

/// `MTTR 38 min, 30 days`.
pub(super) fn mean(minutes: Option<f64>) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are shown")]
    minutes.map_or_else(|| "MTTR –, none closed in 30 days".into(), |minutes| format!("MTTR {}, 30 days", format::duration((minutes * 60.0) as i64)))
}

/// The button of a page head, for those who may.
pub(super) fn open_button(page: &Page<'_>) -> Markup {
    html! { @if page.may::<Open>() { (Button::dialog("Open an incident", "/incidents/new").primary().icon("siren")) } }
}
