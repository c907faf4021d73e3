//! Who works: live workers of every job system, and the queues that nobody works on.

use maud::{Markup, Render, html};
use qd_core::{App, Timestamp};

use super::{link, sentence};
use crate::features::queues::WorkerState;
use crate::features::queues::read::{self, Asked, Known, Line, Look};
use crate::ui::table::{Column, Priority, cell_at, cell_number, table_stacking};
use crate::ui::{Empty, Tone, card, format};
use crate::web::Page;

/// Live workers of all job systems; `None` when one of them can't tell.
pub fn count(app: &App) -> Option<usize> {
    let looks = app.ports.queues.iter().map(|source| (source.queue.can().workers, read::seen(app, &source.name)));
    let told: Vec<Option<usize>> = looks.filter(|(can, _)| *can).map(|(_, look)| look.workers.told().map(Vec::len)).collect();
    if told.is_empty() { None } else { told.into_iter().sum() }
}

/// The tab.
pub fn panel(lines: &[Line], sources: &[Known], page: &Page<'_>) -> Markup {
    let alone: Vec<&Line> = lines.iter().filter(|line| sentence::unattended(&line.state) && !line.lost()).collect();
    html! {
        div.stack #queue-workers data-live="kpi queue" {
            @if !alone.is_empty() { (unattended(&alone)) }
            @for known in sources { (one(known, &read::seen(page.app, &known.name), page.now)) }
            @if sources.is_empty() { (card("Workers").fill(Empty::new("server", "No job system is connected", "Workers appear with the first one.").render())) }
        }
    }
}

fn unattended(lines: &[&Line]) -> Markup {
    card("Work, but no workers")
        .note("Their jobs wait until a worker connects.")
        .tone(Tone::Crit)
        .fill(html! {
            ul.rows {
                @for line in lines {
                    li {
                        a class="mono" href=(link::queue(&line.row.source, &line.row.name)) { (line.row.name) }
                        span class="quiet small" { (super::row::number(line.state.waiting)) " waiting, " (line.row.source) }
                    }
                }
            }
        })
        .render()
}

fn one(known: &Known, look: &Look, now: Timestamp) -> Markup {
    let note = look.at.map_or_else(|| "not looked at yet".to_owned(), |at| format!("{}, looked at {}", known.driver, format::age(at, now)));
    let card = card(&known.name).note(note);
    let content = match &look.workers {
        Asked::Away(why) if known.can.workers => {
            Empty::error("unplug", "Its workers can't be asked", format!("{why} Unknown is not none: it is asked again every 10 s.")).render()
        }
        Asked::Away(_) => {
            Empty::new("server", "Its workers are not known", format!("The driver {} can't list them. That is not the same as none.", known.driver))
                .render()
        }
        Asked::Told(workers) if workers.is_empty() => {
            Empty::new("server", "No worker is connected", "Jobs wait until one is. Start a worker of this job system.").render()
        }
        Asked::Told(workers) => table(&known.name, workers, now),
    };
    let old = read::is_old(look, now);
    card.stale(if old { qd_core::reading::Status::Stale } else { qd_core::reading::Status::Ok }).fill(content).render()
}

fn table(source: &str, workers: &[WorkerState], now: Timestamp) -> Markup {
    let columns = [
        Column::new("Worker"),
        Column::new("Queue"),
        Column::number("Runs now"),
        Column::new("Address").priority(Priority::Medium),
        Column::new("Since").priority(Priority::Medium),
    ];
    let mut workers: Vec<&WorkerState> = workers.iter().collect();
    workers.sort_by(|a, b| (&a.queue, &a.name).cmp(&(&b.queue, &b.name)));
    let none = || format::NONE.to_owned();
    let rows = html! {
        @for worker in workers {
            tr data-row {
                th scope="row" { span class="mono wrap-any" { (worker.name) } }
                td data-label="Queue" { a class="mono wrap-any" href=(link::queue(source, &worker.queue)) { (worker.queue) } }
                (cell_number("Runs now", worker.active.map_or_else(|| format::UNKNOWN.to_owned(), super::row::number)))
                (cell_at(Priority::Medium, "Address", html! { span.mono { (worker.address.clone().unwrap_or_else(none)) } }))
                td class="nowrap col-md" data-label="Since" { @match worker.since { Some(at) => (format::time_ago(at, now)), None => (format::UNKNOWN) } }
            }
        }
    };
    table_stacking(&format!("Workers of {source}"), &columns, &rows)
}
