//! One queue in the table of queues, with what can be done to it.

use maud::{Markup, Render, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use super::{driver, link, may::May, sentence};
use crate::features::queues::QueueState;
use crate::features::queues::read::{Known, Line};
use crate::ui::menu::{Entry, menu};
use crate::ui::status::Tone;
use crate::ui::table::{Column, Priority};
use crate::ui::{Button, badge, format, spark, status, status_word};

/// The heads of the table.
pub fn columns() -> [Column; 9] {
    [
        Column::new("Queue"),
        Column::new("State"),
        Column::number("Waiting"),
        Column::number("Active").priority(Priority::Medium),
        Column::number("Delayed").priority(Priority::Large),
        Column::number("Failed"),
        Column::number("Oldest").priority(Priority::Medium),
        Column::new("Finished, 2 h").priority(Priority::Medium),
        Column::actions(),
    ]
}

/// A count for people.
pub fn number(count: u64) -> String {
    format::number(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count of a queue's jobs; where the driver stopped counting it says so.
pub fn counted(state: &QueueState, count: u64) -> String {
    if state.at_least(count) { format!("{}+", number(count)) } else { number(count) }
}

/// A count that is only known while its source is.
fn figure(line: &Line, jobs: u64) -> String {
    if line.row.status == Status::Unknown { format::UNKNOWN.into() } else { counted(&line.state, jobs) }
}

/// How a queue stands, as shape and word.
pub fn state(line: &Line) -> Markup {
    match line.row.status {
        Status::Ok if line.state.paused => status(Tone::Paused),
        other => status(other),
    }
}

/// Rate and limits, or why it is not OK.
pub fn said(line: &Line) -> String {
    let name = format!("{}: ", line.row.name);
    match &line.row.reason {
        Some(reason) => plain(reason.strip_prefix(&name).unwrap_or(reason), &line.row.name),
        None => format!("{}{}", rate(line.row.processing_rate), limits(&line.state)),
    }
}

/// Without the name, which stands above it.
fn plain(reason: &str, name: &str) -> String {
    reason.replace(&format!(". {name}: a "), ". A ").replace(&format!(" {name}: "), " ").replace(&format!(". {name} is paused"), ". It is paused")
}

fn rate(value: f64) -> String {
    format!("{}/min", format::decimal(value, if value >= 10.0 { 0 } else { 1 }))
}

/// The dials that are set, in words.
pub fn limits(state: &QueueState) -> String {
    let at_once = state.concurrency.map(|n| format!(", at most {} at once", number(n)));
    let within = state.rate.map(|rate| {
        #[expect(clippy::cast_precision_loss, reason = "a limit is told")]
        let ms = rate.per_ms as f64;
        format!(", at most {} in {}", number(rate.jobs), format::millis(ms))
    });
    [at_once, within].into_iter().flatten().collect()
}

/// Where a row stands in the table.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Makes its ids.
    pub index: usize,
    /// The chart above is of this queue.
    pub selected: bool,
    /// There are several job systems: its own is named.
    pub several: bool,
}

/// The row.
pub fn row(line: &Line, at: At, spark_of: &[Option<f64>], may: May, now: Timestamp) -> Markup {
    let (source, name) = (&line.row.source, &line.row.name);
    let href = link::queue(source, name);
    let oldest = match (line.row.status, line.oldest(now)) {
        (Status::Unknown, _) => format::UNKNOWN.into(),
        (_, Some(seconds)) => format::duration(seconds),
        (_, None) => format::NONE.into(),
    };
    let tone = Some(Tone::from(line.row.status)).filter(|tone| matches!(tone, Tone::Warn | Tone::Crit));
    let strong = matches!(line.row.status, Status::Warn | Status::Crit);
    html! {
        tr data-row aria-selected=[at.selected.then_some("true")] data-stale[line.row.status == Status::Stale] {
            th scope="row" {
                a class="rowlink mono" href=(href) { (name) }
                @if sentence::unattended(&line.state) && !line.lost() { " " (badge::badge_kind("sev1", "no workers")) }
                @if line.state.hazard.is_some() { " " (badge::badge_kind("sev2", "mixed fleet")) }
                span.sub { @if at.several { (source) " · " } (said(line)) }
            }
            td { (state(line)) }
            td class={ "num" @if strong { " strong" } } { (figure(line, line.state.waiting)) }
            td class="num col-md" { (figure(line, line.state.active)) }
            td class="num col-lg" { (figure(line, line.state.delayed)) }
            td.num { a class="rowlink num" href=(link::with(&href, &[("state", "failed")])) aria-label={ (figure(line, line.state.failed)) " failed in " (name) } { (figure(line, line.state.failed)) } }
            td class="num nowrap col-md" { (oldest) }
            td.col-md { (spark::spark_bars(&format!("{name}: jobs finished per 5 min, last 2 h"), spark_of, tone)) }
            td.num { div.actions { (actions(line, at.index, may)) } }
        }
    }
}

fn actions(line: &Line, index: usize, may: May) -> Markup {
    let (source, name) = (&line.row.source, &line.row.name);
    html! {
        @if may.work { (pause(line, Shape::Icon)) }
        (Button::popover(format!("More for {name}"), format!("m-q{index}")).ghost().small().icon_only("ellipsis"))
        (menu(&format!("m-q{index}"), name, &entries(line, may, source, name)))
    }
}

/// How large a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// In a row.
    Icon,
    /// In the head of a card.
    Small,
    /// In the head of the page.
    Full,
}

/// Pause, or resume: what it is not.
pub fn pause(line: &Line, shape: Shape) -> Markup {
    let (source, name) = (&line.row.source, &line.row.name);
    let (text, what, sign) = if line.state.paused { ("Resume", "resume", "play") } else { ("Pause", "pause", "pause") };
    let long = if shape == Shape::Icon { format!("{text} {name}") } else { text.to_owned() };
    let button = Button::dialog(long, link::below(source, name, what));
    let button = match shape {
        Shape::Icon => button.ghost().small().icon_only(sign),
        Shape::Small => button.small().icon(sign),
        Shape::Full => button.icon(sign),
    };
    // Resuming here merges what other clients would lose: it is what the hazard asks for.
    match line.state.hazard.as_ref().filter(|_| !line.lost() && !line.state.paused) {
        Some(why) => button.refused(why.clone()).render(),
        None => button.render(),
    }
}

/// Resuming a queue that is not paused merges lists that a half-done resume left: only a hazard asks for it.
pub fn merge(line: &Line, may: May) -> Option<Entry> {
    let wanted = may.work && line.state.hazard.is_some() && !line.state.paused && !line.lost();
    let href = link::below(&line.row.source, &line.row.name, "resume");
    wanted.then(|| Entry::Dialog { icon: "play".into(), text: "Resume, merging its lists…".into(), href })
}

fn entries(line: &Line, may: May, source: &str, name: &str) -> Vec<Entry> {
    let dialog = |icon: &str, text: &str, what: &str| Entry::Dialog { icon: icon.into(), text: text.into(), href: link::below(source, name, what) };
    let failed = link::with(&link::queue(source, name), &[("state", "failed")]);
    let mut entries = vec![
        Entry::Link { icon: "list".into(), text: "Its jobs".into(), note: String::new(), href: link::queue(source, name), current: false },
        Entry::Link { icon: "octagon-x".into(), text: "Its failures by cause".into(), note: String::new(), href: failed, current: false },
    ];
    if may.work && line.can.jobs {
        entries.push(dialog("rotate-ccw", "Retry all failed…", "retry-all?state=failed"));
        entries.push(dialog("list-checks", "Retry 5 first, then the rest…", "retry-cohort?state=failed"));
        entries.push(dialog("skip-forward", "Promote all delayed…", "promote-all?state=delayed"));
    }
    entries.extend(merge(line, may));
    if may.work && line.can.limits {
        entries.push(dialog("circle-gauge", "Set limit and rate…", "limits"));
    }
    if may.lose && line.can.jobs {
        entries.push(Entry::Line);
        entries.push(dialog("brush-cleaning", "Purge old jobs…", "purge?state=completed"));
        entries.push(dialog("droplets", "Remove waiting jobs…", "drain"));
        if line.can.obliterate {
            entries.push(dialog("trash-2", "Delete the queue…", "obliterate"));
        }
    }
    entries
}

/// A source without a queue: a row that says whether it has none, or cannot be asked.
pub fn silent(known: &Known) -> Markup {
    let (tone, word, none) = if driver::is_lost(known) { (Tone::Unknown, "UNKNOWN", format::UNKNOWN) } else { (Tone::Off, "NO QUEUE", format::NONE) };
    let why = driver::why(known).unwrap_or("It has no queue yet.");
    html! {
        tr data-row {
            th scope="row" { span.mono { (known.name) } span.sub { (why) } }
            td { (status_word(tone, word)) }
            td.num { (none) } td class="num col-md" { (none) } td class="num col-lg" { (none) }
            td.num { (none) } td class="num col-md" { (none) } td.col-md { (format::NONE) } td {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_was_not_finished_says_so() {
        let state = QueueState { count_limit: Some(200_000), ..QueueState::default() };
        assert_eq!((counted(&state, 200_000), counted(&state, 199_999)), ("200,000+".into(), "199,999".into()));
        assert_eq!(counted(&QueueState::default(), 3_000_000), "3,000,000");
    }
}
