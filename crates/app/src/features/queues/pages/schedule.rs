//! Scheduled jobs: when they fire in words, what became of the last run, and which stopped by themselves.

use maud::{Markup, Render, html};
use qd_core::{App, Timestamp};

use super::may::May;
use super::{cadence, link};
use crate::features::queues::ScheduleState;
use crate::features::queues::read::{self, Known};
use crate::features::queues::schedules::{Held, Scheduled, Schedules};
use crate::ui::menu::{Entry, menu};
use crate::ui::status::Tone;
use crate::ui::table::{Column, Priority, table_stacking};
use crate::ui::{Banner, Button, Empty, badge, card, format, status_word};
use crate::web::Page;

/// Scheduled jobs of all job systems; `None` when one of them that has such can't tell.
pub fn count(app: &App) -> Option<usize> {
    let looks = app.ports.queues.iter().filter(|source| source.queue.can().schedules).map(|source| read::seen(app, &source.name));
    let told: Vec<Option<usize>> = looks.map(|look| look.schedules.told().map(Vec::len)).collect();
    if told.is_empty() { None } else { told.into_iter().sum() }
}

/// The tab.
pub fn panel(all: &Schedules, sources: &[Known], may: May, page: &Page<'_>) -> Markup {
    let (all, away) = (&all.schedules, &all.unknown);
    let stopped = all.iter().filter(|one| one.alarm.is_some()).count();
    let note = match stopped {
        0 => "Times in UTC.".to_owned(),
        n => format!("{} stopped. Times in UTC.", format::count(i64::try_from(n).unwrap_or(i64::MAX), "schedule", "schedules")),
    };
    let columns = [
        Column::new("Job"),
        Column::new("When").priority(Priority::Medium),
        Column::new("Next run"),
        Column::new("Last run"),
        Column::number("Took").priority(Priority::Medium),
        Column::actions(),
    ];
    let several = sources.len() > 1;
    let rows = html! { @for (index, one) in all.iter().enumerate() { (row(one, index, several, may, page.now)) } };
    let content = if all.is_empty() {
        Empty::new("calendar-clock", "No recurring job is known", "Schedules of every job system appear here when its workers made them.").render()
    } else {
        table_stacking("Scheduled jobs", &columns, &rows)
    };
    html! {
        div.stack #queue-schedules data-live="kpi queue" {
            @for (name, why) in away { (Banner::new(Tone::Unknown, format!("The schedules of {name} can't be asked")).text(format!("{why} It is asked again every 10 s."))) }
            (card("Scheduled jobs").note(note).fill(content))
        }
    }
}

fn row(one: &Scheduled, index: usize, several: bool, may: May, now: Timestamp) -> Markup {
    let schedule = &one.state;
    let written = cadence::written(&schedule.cadence);
    html! {
        tr data-row data-status=[one.alarm.as_ref().map(|_| "crit")] {
            th scope="row" {
                span.mono { (schedule.id) }
                @match one.held {
                    Some(Held::Removed) => { " " (status_word(Tone::Off, "REMOVED")) }
                    Some(Held::Paused | Held::Stopping) => { " " (status_word(Tone::Paused, "PAUSED")) }
                    None => {}
                }
                @if one.alarm.is_some() { " " (badge::badge_kind("sev1", "stopped")) }
                span.sub { a class="mono" href=(link::queue(&one.source, &schedule.queue)) { (schedule.queue) } @if several { " · " (one.source) } @if schedule.id != schedule.job { " · " span.mono { (schedule.job) } } }
                @if let Some(why) = &one.alarm { span.sub { (why) } }
                @if let Some(by) = &one.held_by { span.sub { "by " (by) @if let Some(at) = one.held_at { ", " (format::time(at, now)) } } }
            }
            td class="col-md" data-label="When" { span { (cadence::words(&schedule.cadence)) } @if !written.is_empty() { span class="sub mono" { (written) } } }
            td class="nowrap" data-label="Next run" { (next(one, now)) }
            td data-label="Last run" { (last(schedule, now)) }
            td class="num col-md" data-label="Took" { (took(schedule)) }
            td.num { div.actions { (actions(one, index, may)) } }
        }
    }
}

fn next(one: &Scheduled, now: Timestamp) -> Markup {
    html! {
        @match one.state.next_at {
            _ if one.held.is_some() => span.quiet { "not until it is resumed" },
            Some(at) if at >= now => { "in " (format::duration(at.since(now))) span.sub { (format::time(at, now)) } }
            Some(at) => { "due " (format::age(at, now)) },
            None => (format::NONE),
        }
    }
}

fn last(schedule: &ScheduleState, now: Timestamp) -> Markup {
    let (tone, word) = match (schedule.last_outcome.as_deref(), schedule.last_at) {
        (Some("failed"), _) => (Tone::Crit, "FAILED"),
        (Some("running"), _) => (Tone::Running, "RUNNING"),
        (Some("completed"), _) => (Tone::Ok, "OK"),
        (_, Some(_)) => (Tone::Info, "FIRED"),
        (_, None) if schedule.runs == Some(0) => (Tone::Unknown, "NEVER RUN"),
        (_, None) => (Tone::Unknown, "NOT KNOWN"),
    };
    let error = schedule.last_error.as_deref().map(|text| text.lines().next().unwrap_or_default().chars().take(120).collect::<String>());
    html! {
        (status_word(tone, word))
        span.sub {
            @match schedule.last_at { Some(at) => (format::time(at, now)), None if schedule.runs == Some(0) => "never", None => "no run of it is kept" }
            @if let Some(error) = error.filter(|error| !error.is_empty()) { ", " (read::scrubbed(&error)) }
        }
    }
}

fn took(schedule: &ScheduleState) -> String {
    let ended = schedule.last_at.zip(schedule.last_finished_at).filter(|(from, to)| to >= from);
    ended.map_or_else(
        || format::NONE.into(),
        |(from, to)| {
            #[expect(clippy::cast_precision_loss, reason = "a duration is told")]
            let ms = (to.micros() - from.micros()) as f64 / 1_000.0;
            format::millis(ms)
        },
    )
}

fn actions(one: &Scheduled, index: usize, may: May) -> Markup {
    let schedule = &one.state;
    let at = |what: &str| link::schedule(&one.source, &schedule.queue, &schedule.id, what);
    if !may.work {
        return html! {};
    }
    let dialog = |icon: &str, text: &str, what: &str| Entry::Dialog { icon: icon.into(), text: text.into(), href: at(what) };
    let mut entries = vec![if one.held.is_some() { dialog("play", "Resume…", "resume") } else { dialog("pause", "Pause…", "pause") }];
    if may.lose && one.held != Some(Held::Removed) {
        entries.push(Entry::Line);
        entries.push(dialog("trash-2", "Remove…", "remove"));
    }
    html! {
        @if one.held != Some(Held::Removed) { (Button::dialog("Run now", at("run")).small().icon("play")) }
        (Button::popover(format!("More for {}", schedule.id), format!("m-s{index}")).ghost().small().icon_only("ellipsis"))
        (menu(&format!("m-s{index}"), &schedule.id, &entries))
    }
}
