//! What happened to a job, as far as it says: from its making to its end.

use maud::{Markup, html};
use qd_core::Timestamp;

use super::jobs;
use crate::features::queues::{Child, JobDetail, JobState};
use crate::ui::format;
use crate::ui::status::Tone;
use crate::ui::timeline::{Event, timeline as list};

/// One sentence: where it stands and since when.
pub fn sentence(job: &JobDetail, now: Timestamp) -> String {
    let row = &job.row;
    let ago = |at: Option<Timestamp>| at.map_or_else(|| "at an unknown time".to_owned(), |at| format::age(at, now));
    let tries =
        if row.attempts_max.is_some_and(|most| most > 1) || row.attempts > 1 { format!(", attempt {}", jobs::tries(row)) } else { String::new() };
    match row.state {
        JobState::Failed => format!("Failed {}{tries}.", ago(row.finished_at)),
        JobState::Completed => {
            format!("Completed {}{}.", ago(row.finished_at), ran(job).map_or_else(String::new, |ms| format!(" after {}", format::millis(ms))))
        }
        JobState::Active => {
            format!("Runs since {}{}.", ago(row.started_at), row.worker.as_ref().map_or_else(String::new, |worker| format!(" on {worker}")))
        }
        JobState::Delayed => match row.due_at {
            Some(due) if due > now => {
                format!("Due in {}{}.", format::duration(due.since(now)), if row.attempts > 0 { " to be tried again" } else { "" })
            }
            Some(due) => format!("Due {}.", format::age(due, now)),
            None => "Waits for its time.".into(),
        },
        JobState::WaitingChildren => waits(&job.children, job.children_total),
        JobState::Paused => "Could run if its queue were not paused.".into(),
        JobState::Waiting | JobState::Prioritized => format!("Waits since {}.", ago(row.created_at)),
    }
}

/// How many of its children are not done, where all of them are known.
fn waits(children: &[Child], total: u64) -> String {
    let all = format::count(i64::try_from(total).unwrap_or(i64::MAX), "job", "jobs");
    let open = children.iter().filter(|child| child.state.is_some_and(|state| !matches!(state, JobState::Completed | JobState::Failed))).count();
    match usize::try_from(total) {
        Ok(total) if total == children.len() && (1..total).contains(&open) => format!("Waits for {open} of {all} of its own."),
        _ => format!("Waits for {all} of its own."),
    }
}

/// Milliseconds of the last attempt.
pub fn ran(job: &JobDetail) -> Option<f64> {
    let (from, to) = job.row.started_at.zip(job.row.finished_at)?;
    #[expect(clippy::cast_precision_loss, reason = "a duration is told")]
    let ms = (to.micros() - from.micros()) as f64 / 1_000.0;
    (ms >= 0.0).then_some(ms)
}

fn event(tone: Option<Tone>, icon: &str, text: String, at: Timestamp, now: Timestamp, by: &str) -> Event {
    Event { tone, icon: icon.into(), text: html! { (text) }, quote: None, time: format::time(at, now), by: by.into() }
}

/// Milliseconds as a time.
fn plus(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp(at.micros().saturating_add(i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX)))
}

/// Newest first.
pub fn timeline(job: &JobDetail, now: Timestamp) -> Markup {
    let row = &job.row;
    let worker = row.worker.as_deref().map_or_else(String::new, |worker| format!("by {worker}"));
    let mut events = Vec::new();
    if let Some(at) = row.created_at {
        events.push(event(None, "circle-plus", "Made".into(), at, now, row.schedule.as_deref().map_or("", |_| "by a schedule")));
        if job.delay_ms > 0 {
            events.push(event(Some(Tone::Info), "clock", "Its time came".into(), plus(at, job.delay_ms), now, ""));
        }
    }
    if let Some(at) = row.started_at {
        let text = if row.attempts > 1 || (row.attempts == 1 && row.state == JobState::Active) {
            format!("Attempt {} began", row.attempts.max(1))
        } else {
            "Began to run".into()
        };
        events.push(event(Some(Tone::Running), "play", text, at, now, &worker));
    }
    if let Some(at) = row.finished_at {
        let (tone, icon, text) = match row.state {
            JobState::Completed => (Tone::Ok, "circle-check", "Completed"),
            JobState::Failed => (Tone::Crit, "octagon-x", "Failed for good"),
            _ => (Tone::Warn, "triangle-alert", "Last attempt ended"),
        };
        let text = ran(job).map_or_else(|| text.to_owned(), |ms| format!("{text} after {}", format::millis(ms)));
        events.push(event(Some(tone), icon, text, at, now, ""));
    }
    if let Some(at) = row.due_at.filter(|_| row.state == JobState::Delayed) {
        let text = if row.attempts > 0 { "Is tried again" } else { "Is due" };
        events.push(event(Some(Tone::Info), "clock", text.into(), at, now, ""));
    }
    // Times of equal moments keep the order of the life.
    events.reverse();
    html! {
        div.stack.stack--s {
            @if events.is_empty() { p.quiet { "Its job system keeps no times of it." } } @else { (list(&events)) }
            @if job.stalled > 0 { p class="small quiet" { "It stalled " (format::count(i64::try_from(job.stalled).unwrap_or(i64::MAX), "time", "times")) ": its worker vanished while it ran." } }
            @if row.attempts > 1 { p class="small quiet" { "Only the last attempt keeps its times; errors of the others stand above as far as they are kept." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use qd_core::port::queue::JobRef;

    use super::*;

    #[test]
    fn a_parent_waits_for_those_of_its_children_that_are_not_done() {
        let child = |state| Child { job: JobRef { queue: "q".into(), id: "1".into() }, name: None, state: Some(state) };
        let mixed = [JobState::Completed, JobState::Failed, JobState::Active, JobState::Waiting].map(child);
        assert_eq!(waits(&mixed, 4), "Waits for 2 of 4 jobs of its own.");
        assert_eq!(waits(&mixed, 400), "Waits for 400 jobs of its own.", "not all of them are known");
        assert_eq!(waits(&[child(JobState::Active)], 1), "Waits for 1 job of its own.");
    }
}
