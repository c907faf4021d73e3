//! What stands around the jobs of a queue: its buttons, its search and its filters.

use maud::{Markup, html};

use super::may::May;
use super::queue::QueueView;
use super::{link, row};
use crate::features::queues::read::Line;
use crate::features::queues::{JobState, QueueState};
use crate::ui::menu::{Entry, menu};
use crate::ui::{Button, badge, icon};
use crate::web::Page;

/// How many jobs stand in a state.
pub fn count(counts: &QueueState, state: JobState) -> u64 {
    match state {
        JobState::Waiting => counts.waiting.saturating_sub(counts.prioritized),
        JobState::Prioritized => counts.prioritized,
        JobState::Paused => counts.waiting,
        JobState::Active => counts.active,
        JobState::Delayed => counts.delayed,
        JobState::WaitingChildren => counts.waiting_children,
        JobState::Completed => counts.completed,
        JobState::Failed => counts.failed,
    }
}

/// Pause, limits, and what loses jobs behind a menu.
pub fn buttons(line: &Line, may: May) -> Markup {
    if !may.work {
        return html! {};
    }
    let (source, name) = (&line.row.source, &line.row.name);
    let at = |what: &str| link::below(source, name, what);
    let dialog = |icon: &str, text: &str, what: &str| Entry::Dialog { icon: icon.into(), text: text.into(), href: at(what) };
    let mut entries: Vec<Entry> = row::merge(line, may).into_iter().collect();
    if may.lose && line.can.jobs {
        entries.push(dialog("brush-cleaning", "Purge old jobs…", "purge?state=completed"));
        entries.push(dialog("droplets", "Remove waiting jobs…", "drain"));
    }
    if may.lose && line.can.obliterate {
        entries.push(Entry::Line);
        entries.push(dialog("trash-2", "Delete the queue…", "obliterate"));
    }
    html! {
        @if line.can.limits { (Button::dialog("Set limit and rate", at("limits")).icon("circle-gauge")) }
        (row::pause(line, row::Shape::Full))
        @if !entries.is_empty() {
            (Button::popover("More", "m-queue").icon_only("ellipsis"))
            (menu("m-queue", name, &entries))
        }
    }
}

/// Search over every state, and filters of the one that is shown.
pub fn filters(view: &QueueView, searched: bool, page: &Page<'_>) -> Markup {
    let query = view.query();
    let given = |field: &Option<String>| field.clone().unwrap_or_default();
    let path = link::queue(&view.source, &view.queue_name);
    let clear = link::with(&path, &[("state", view.state.word())]);
    html! {
        form class="card__body filters" method="get" action=(path) role="search" aria-label="Search jobs" hx-get=(path) hx-target="#main" hx-push-url="true" {
            div class="search grow" {
                (icon("search"))
                input.input id="q-q" type="search" name="q" value=(given(&query.q)) aria-label="Search jobs in every state" placeholder="Search: id, name:…, data.orderId = 77, words of an error" autocomplete="off";
            }
            button class="btn" type="submit" { "Search" }
            @if searched { (Button::link("Back to the list", clear.clone()).ghost()) }
        }
        @if !searched {
            form class="card__body filters" method="get" action=(path) role="search" aria-label="Filter jobs" hx-get=(path) hx-target="#main" hx-replace-url="true" hx-trigger="change, submit" {
                input type="hidden" name="state" value=(view.state.word());
                @if let Some(range) = &query.range { input type="hidden" name="range" value=(range); }
                input.input id="q-name" name="name" value=(given(&query.name)) aria-label="Name of the jobs" placeholder="Name";
                @if view.state == JobState::Failed {
                    input.input id="q-reason" name="reasonHas" value=(given(&query.reason_has)) aria-label="Text in the error" placeholder="Text in the error";
                }
                input.input id="q-field" name="field" value=(query.field.first().cloned().unwrap_or_default()) aria-label="Field of the data" placeholder="orderId = 77";
                label.when { "from" input.input id="q-from" type="datetime-local" name="from" value=(local(&query.from)) aria-label="From, UTC" title="From, UTC"; }
                label.when { "to" input.input id="q-to" type="datetime-local" name="to" value=(local(&query.to)) aria-label="Until, UTC" title="Until, UTC"; }
                @if let Some(print) = &query.fingerprint {
                    input type="hidden" name="fingerprint" value=(print);
                    (badge::badge(&format!("one cause, {print}")))
                }
                @if query.narrows() { (Button::link("Clear", clear).small().ghost()) }
                button class="btn nojs" type="submit" { "Apply" }
                @if page.query.contains("after=") { span class="push quiet small" { "further on" } }
            }
        }
    }
}

/// RFC 3339 in the form of a browser's time field.
fn local(moment: &Option<String>) -> String {
    moment.as_deref().map(|text| text.chars().take(16).collect()).unwrap_or_default()
}
