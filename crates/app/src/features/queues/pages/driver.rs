//! Job systems: what each runs on, and whether it answers.

use maud::{Markup, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use crate::features::queues::read::{self, Known, Look};
use crate::ui::{Tone, format, icon, icon_small, status_word};
use crate::web::Page;

/// A card for each job system.
pub fn cards(sources: &[Known], page: &Page<'_>) -> Markup {
    html! { @for known in sources { (one(known, &read::seen(page.app, &known.name), page.now)) } }
}

fn one(known: &Known, look: &Look, now: Timestamp) -> Markup {
    let about = known.about.as_ref();
    let title = match about {
        Some(about) if !about.server.is_empty() => format!("{}{} on {}", name(known.driver), major(about.version.as_deref()), about.server),
        _ => name(known.driver),
    };
    html! {
        div class="driver card" {
            span.icon-tile { (icon("layers")) }
            div.grow {
                p { b { (title) } " " span.quiet { (known.name) } }
                p class="small quiet" { (place(known, look)) }
            }
            (state(known))
            @if let Some(about) = about.filter(|_| !is_lost(known)) { span class="driver__age small quiet" { "answers in " (format::millis(about.answers_in)) } }
            @else if let Some(at) = known.taken_at { span class="small quiet" { "counted " (format::age(at, now)) } }
            @if let Some(about) = about { @for warning in &about.warnings { (note("triangle-alert", Tone::Warn, warning)) } }
            @if let Some(why) = why(known) { (note("unplug", Tone::Unknown, why)) }
        }
    }
}

/// `5.81.5 and 6.7.0` as ` 5.81.5 and 6.7.0`.
fn major(version: Option<&str>) -> String {
    version.map_or_else(String::new, |version| format!(" {version}"))
}

/// `embedded` as `Embedded`.
fn name(driver: &str) -> String {
    let mut letters = driver.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Why nothing is known of it now, without its name in front.
pub fn why(known: &Known) -> Option<&str> {
    let reason = known.reason.as_deref().filter(|_| is_lost(known))?;
    Some(reason.strip_prefix(&known.name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(reason))
}

/// Whether its figures are not of now.
pub fn is_lost(known: &Known) -> bool {
    matches!(known.status, Status::Unknown | Status::Stale)
}

fn state(known: &Known) -> Markup {
    match known.status {
        Status::Unknown => status_word(Tone::Unknown, if known.taken_at.is_some() { "AWAY" } else { "UNKNOWN" }),
        Status::Stale => status_word(Tone::Stale, "STALE"),
        _ => status_word(Tone::Ok, "CONNECTED"),
    }
}

/// Where it is, its prefix, and who works.
fn place(known: &Known, look: &Look) -> Markup {
    let workers = look.workers.told().map(|workers| format::count(i64::try_from(workers.len()).unwrap_or(i64::MAX), "worker", "workers"));
    html! {
        @if let Some(about) = &known.about {
            @if !about.place.is_empty() { span.mono { (about.place) } }
            @if !about.prefix.is_empty() { ", prefix " span.mono { (about.prefix) } }
            @if let Some(workers) = workers { ", " (workers) }
        } @else { "It does not say where it is." }
    }
}

fn note(name: &str, tone: Tone, text: &str) -> Markup {
    html! { p class="driver__note small" data-status=(tone.key()) { (icon_small(name)) span { (text) } } }
}
