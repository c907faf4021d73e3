//! Failures by cause: what is alike stands together, with when it began and what was deployed before.

use maud::{Markup, Render, html};
use qd_core::Timestamp;

use super::link;
use super::may::May;
use crate::features::queues::failure::Group;
use crate::ui::table::{Column, Priority, cell_actions, cell_number, table_stacking};
use crate::ui::{Button, Empty, card, format};
use crate::web::Page;

/// The tab.
pub fn panel(causes: &[Group], may: May, page: &Page<'_>) -> Markup {
    let all: i64 = causes.iter().map(|cause| cause.count).sum();
    let note = match causes {
        [] => String::new(),
        [first, ..] if causes.len() > 1 && first.count * 2 > all => {
            format!("{} of {} have one cause.", format::number(first.count), format::number(all))
        }
        _ => format::count(i64::try_from(causes.len()).unwrap_or(i64::MAX), "cause", "causes"),
    };
    card("Failed jobs by cause").id("queue-causes").note(note).live("queue", None).fill(content(causes, true, may, page)).render()
}

/// The card of one queue; nothing when no cause is known.
pub fn of_queue(causes: &[Group], may: May, page: &Page<'_>) -> Markup {
    if causes.is_empty() {
        return html! {};
    }
    card("By cause").id("queue-causes").note("The most first.").live("queue", None).fill(content(causes, false, may, page)).render()
}

fn content(causes: &[Group], several: bool, may: May, page: &Page<'_>) -> Markup {
    if causes.is_empty() {
        let text = "Failures that were indexed stand here by cause. Those of a queue are among its jobs.";
        return Empty::new("circle-check", "No failure is known", text).render();
    }
    let columns = [
        Column::new("Cause"),
        Column::number("Jobs"),
        Column::new("First seen").priority(Priority::Medium),
        Column::new("Last seen"),
        Column::new("Deploy before").priority(Priority::Large),
        Column::actions(),
    ];
    table_stacking("Failures by cause", &columns, &html! { @for cause in causes { (row(cause, several, may, page.now)) } })
}

fn row(cause: &Group, several: bool, may: May, now: Timestamp) -> Markup {
    let pairs = [("state", "failed"), ("fingerprint", cause.fingerprint.as_str())];
    let href = link::with(&link::queue(&cause.source, &cause.queue), &pairs);
    let reason = if cause.reason.trim().is_empty() { "No reason was given." } else { cause.reason.as_str() };
    let first: String = reason.lines().next().unwrap_or(reason).chars().take(240).collect();
    html! {
        tr data-row {
            th scope="row" {
                a class="rowlink wrap-any" href=(href) { (first) }
                span class="sub wrap-any" { @if several { span.mono { (cause.queue) } " · " } (super::board::some(&cause.names, 3)) }
            }
            (cell_number("Jobs", format::number(cause.count)))
            td class="nowrap col-md" data-label="First seen" { (format::time_ago(cause.first_seen, now)) }
            td class="nowrap" data-label="Last seen" { (format::time_ago(cause.last_seen, now)) }
            td class="col-lg" data-label="Deploy before" {
                @match &cause.deploy_before { Some(deploy) => { a class="mono" href={ "/deployments/" (deploy.id) } { (deploy.service) " " (deploy.build) } } None => (format::NONE) }
            }
            (cell_actions(html! {
                @if may.work {
                    (Button::dialog("Retry 5 first…", link::with(&link::below(&cause.source, &cause.queue, "retry-cohort"), &pairs)).small().icon("rotate-ccw"))
                    (Button::dialog("Retry all…", link::with(&link::below(&cause.source, &cause.queue, "retry-all"), &pairs)).small().ghost())
                }
            }))
        }
    }
}
