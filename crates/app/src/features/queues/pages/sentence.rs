//! A queue's state in one sentence: what comes in, what is worked off, how long it waits, and who works.

use crate::features::queues::QueueState;
use crate::ui::format;

/// Jobs a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Made ready; `None` when nobody counts it.
    pub added: Option<f64>,
    /// Done or failed for good.
    pub finished: f64,
    /// Of these, those that failed.
    pub failed: f64,
}

/// What goes on in a queue. `oldest` is the age of the oldest waiting job in seconds.
pub fn queue(state: &QueueState, flow: Flow, oldest: Option<i64>) -> String {
    let mut parts = vec![pace(state, flow)];
    if flow.failed > 0.0 {
        parts.push(if flow.failed >= flow.finished { "All of them fail.".into() } else { format!("{} of them fail.", rate(flow.failed)) });
    }
    if let Some(text) = outlook(state, flow) {
        parts.push(text);
    }
    if let Some(seconds) = oldest.filter(|seconds| *seconds >= 5) {
        parts.push(format!("The oldest waits {}.", format::duration(seconds)));
    }
    if unattended(state) {
        parts.push("No worker takes its jobs.".into());
    }
    if state.paused {
        parts.push("It is paused: nothing starts until somebody resumes it.".into());
    }
    parts.join(" ")
}

/// Whether there is work, nobody paused it, and it is known that nobody works.
pub fn unattended(state: &QueueState) -> bool {
    state.workers == Some(0) && !state.paused && state.waiting + state.active > 0
}

fn rate(value: f64) -> String {
    format::decimal(value, if value >= 10.0 { 0 } else { 1 })
}

fn pace(state: &QueueState, flow: Flow) -> String {
    match flow.added {
        Some(added) if added > 0.0 || flow.finished > 0.0 => format!("Adds {} a minute, finishes {}.", rate(added), rate(flow.finished)),
        Some(_) if state.waiting + state.active == 0 => "Nothing to do.".into(),
        Some(_) => "Adds nothing, finishes nothing.".into(),
        None if flow.finished > 0.0 => format!("Finishes {} a minute.", rate(flow.finished)),
        None => "Finished nothing within 5 min.".into(),
    }
}

/// Where it goes at this rate: the delay grows, or the backlog is gone after a while.
fn outlook(state: &QueueState, flow: Flow) -> Option<String> {
    let added = flow.added?;
    #[expect(clippy::cast_precision_loss, reason = "a rate is told")]
    let waiting = state.waiting as f64;
    if waiting < 10.0 || flow.finished <= 0.0 {
        return None;
    }
    let more = added - flow.finished;
    if more > flow.finished * 0.1 {
        let grows = format::decimal(more / flow.finished, 1);
        return Some(format!("At this rate the delay grows {grows} min every minute."));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are told")]
    let seconds = (waiting / -more * 60.0) as i64;
    (more < -flow.finished * 0.1).then(|| format!("At this rate the backlog is gone in {}.", format::duration(seconds.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(waiting: u64) -> QueueState {
        QueueState { waiting, workers: Some(3), ..QueueState::default() }
    }

    #[test]
    fn who_fails_is_told_apart_from_who_is_done() {
        let said = |failed| queue(&state(0), Flow { added: None, finished: 8.0, failed }, None);
        assert_eq!(said(0.0), "Finishes 8 a minute.");
        assert_eq!(said(0.4), "Finishes 8 a minute. 0.4 of them fail.");
        assert_eq!(said(8.0), "Finishes 8 a minute. All of them fail.");
    }

    #[test]
    fn the_cause_is_in_the_sentence() {
        let flow = Flow { added: Some(1_330.0), finished: 600.0, ..Flow::default() };
        let said = queue(&state(18_402), flow, Some(1_020));
        assert_eq!(said, "Adds 1,330 a minute, finishes 600. At this rate the delay grows 1.2 min every minute. The oldest waits 17 min.");
        let said = queue(&state(18_402), Flow { added: Some(100.0), finished: 600.0, ..Flow::default() }, None);
        assert_eq!(said, "Adds 100 a minute, finishes 600. At this rate the backlog is gone in 36 min.");
    }

    #[test]
    fn nobody_works_only_where_that_is_known_and_matters() {
        let idle = Flow { added: Some(0.0), ..Flow::default() };
        let alone = |paused, workers, waiting| QueueState { paused, workers, ..state(waiting) };
        assert!(queue(&alone(false, Some(0), 5), idle, None).contains("No worker"));
        for state in [alone(true, Some(0), 5), alone(false, None, 5), alone(false, Some(0), 0), alone(false, Some(1), 5)] {
            assert!(!queue(&state, idle, None).contains("No worker"), "{state:?}");
        }
        assert!(queue(&alone(true, Some(0), 5), idle, None).contains("paused"));
        assert_eq!(queue(&state(0), Flow::default(), None), "Finished nothing within 5 min.");
    }
}
