//! Fleets in which BullMQ 5 and 6 work on one queue. They keep the jobs of a paused queue in different lists, and whoever resumes with 5 renames
//! its list over the other one: the jobs in there are lost.
//!
//! Three sequences lose jobs: 6 pauses, a producer on 5 adds, 5 resumes; 5 pauses, a producer on 6 adds, 5 resumes; both kinds of producers add
//! while it is paused and 5 resumes. All begin with a pause, so that is what is refused here. Resuming here merges both lists and loses none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a version counts as in use after it was last seen: every client writes its version when it starts, so the last to start hides others.
const RECENT: Duration = Duration::from_secs(15 * 60);
/// Queues that are remembered at most.
const QUEUES: usize = 10_000;

/// What tells whether clients of both kinds use a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueFacts {
    /// It is paused.
    pub paused: bool,
    /// Jobs in list `wait`.
    pub wait: u64,
    /// Jobs in list `paused`, where releases before 6 keep those of a paused queue.
    pub set_aside: u64,
    /// `meta.version`, as it stands: `bullmq:6.7.0`.
    pub version: Option<String>,
    /// Clients of both kinds told their version lately.
    pub both_seen: bool,
}

/// How clients keep the jobs of a paused queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In a list of their own: releases before 6.
    Apart,
    /// Where they are: 6, and clients that tell no version.
    InPlace,
}

impl Style {
    /// The style of a version as clients write it.
    pub fn of(version: Option<&str>) -> Self {
        let Some((kind, number)) = version.and_then(|version| version.split_once(':')) else { return Self::InPlace };
        let major: u32 = number.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(u32::MAX);
        // The commercial edition counts on its own: its 7 is built on 5.
        let apart = (kind == "bullmq" && major < 6) || (kind == "bullmq-pro" && major < 8);
        if apart { Self::Apart } else { Self::InPlace }
    }
}

/// When which kind of client was last seen, by queue. In memory: a restart forgets it, the lists in Redis still tell.
#[derive(Debug, Default)]
pub(super) struct Versions(Mutex<HashMap<String, [Option<Instant>; 2]>>);

impl Versions {
    /// Notes what a queue says now; tells whether both kinds were seen lately.
    pub fn saw(&self, queue: &str, version: Option<&str>, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= QUEUES && !seen.contains_key(queue) {
            seen.clear();
        }
        let [apart, in_place] = seen.entry(queue.to_owned()).or_default();
        if version.is_some() {
            match Style::of(version) {
                Style::Apart => *apart = Some(now),
                Style::InPlace => *in_place = Some(now),
            }
        }
        let lately = |at: &Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < RECENT);
        lately(apart) && lately(in_place)
    }
}

/// Why pausing a queue, or resuming it elsewhere, could lose jobs, and what to do; `None` when nothing speaks for it.
pub(super) fn hazard(facts: &QueueFacts) -> Option<String> {
    let QueueFacts { paused, wait, set_aside, .. } = *facts;
    if paused && wait > 0 && set_aside > 0 {
        return Some(format!(
            "Clients of BullMQ 5 and 6 both use this queue: while it is paused, {wait} jobs stand in list wait and {set_aside} in list paused. \
             Resuming it with a client of BullMQ 5 loses the {wait}. Resume it here, where both lists are merged, and bring all clients to one \
             major version."
        ));
    }
    if facts.both_seen || (paused && is_other_style(facts)) {
        return Some(
            "Clients of BullMQ 5 and 6 both use this queue. While it is paused they add jobs to different lists, and whoever resumes it with 5 \
             loses those that 6 added. Pausing it here is refused; stop its workers instead, and bring all clients to one major version. Resuming \
             it and changing its jobs here loses none."
                .into(),
        );
    }
    (!paused && set_aside > 0).then(|| {
        format!(
            "A resume did not finish: {set_aside} jobs stand in list paused, where no worker looks, and a pause with a client of BullMQ 5 loses \
             them. Resume the queue here: they are merged back."
        )
    })
}

/// Whether the queue is paused in the way of the other kind than the one that wrote its version.
fn is_other_style(facts: &QueueFacts) -> bool {
    match (Style::of(facts.version.as_deref()), facts.version.is_some()) {
        (_, false) => false,
        (Style::Apart, _) => facts.wait > 0,
        (Style::InPlace, _) => facts.set_aside > 0,
    }
}

/// Whether pausing begins one of the sequences that lose jobs.
pub(super) fn refuses_pause(facts: &QueueFacts) -> Option<String> {
    if facts.both_seen { hazard(facts) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(paused: bool, wait: u64, set_aside: u64, version: &str) -> QueueFacts {
        QueueFacts { paused, wait, set_aside, version: (!version.is_empty()).then(|| version.to_owned()), both_seen: false }
    }

    #[test]
    fn the_style_is_that_of_the_version() {
        let apart = ["bullmq:5.81.5", "bullmq:4.0.0", "bullmq-pro:7.44.0"];
        let in_place = ["bullmq:6.7.0", "bullmq:10.0.0", "bullmq-pro:8.1.0", "other:1.0", "nonsense", ""];
        assert!(apart.iter().all(|version| Style::of(Some(version)) == Style::Apart));
        assert!(in_place.iter().all(|version| Style::of(Some(version)) == Style::InPlace));
        assert_eq!(Style::of(None), Style::InPlace, "clients for Python tell none and are of 6");
    }

    #[test]
    fn one_kind_of_clients_is_no_hazard() {
        for quiet in
            [facts(false, 9, 0, "bullmq:5.81.5"), facts(true, 0, 9, "bullmq:5.81.5"), facts(true, 9, 0, "bullmq:6.7.0"), facts(true, 9, 0, "")]
        {
            assert_eq!(hazard(&quiet), None, "{quiet:?}");
        }
    }

    #[test]
    fn both_kinds_are_told_by_lists_labels_and_time() {
        assert!(hazard(&facts(true, 3, 1, "")).unwrap().contains("loses the 3"));
        assert!(hazard(&facts(true, 0, 2, "bullmq:6.7.0")).unwrap().contains("5 and 6"));
        assert!(hazard(&facts(true, 2, 0, "bullmq:5.81.5")).unwrap().contains("5 and 6"));
        assert!(hazard(&facts(false, 0, 7, "bullmq:6.7.0")).unwrap().contains("did not finish"));
        let (versions, start) = (Versions::default(), Instant::now());
        assert!(!versions.saw("mail", Some("bullmq:5.81.5"), start));
        assert!(!versions.saw("labels", Some("bullmq:6.7.0"), start), "another queue");
        assert!(versions.saw("mail", Some("bullmq:6.7.0"), start + Duration::from_secs(60)));
        assert!(!versions.saw("mail", Some("bullmq:6.7.0"), start + RECENT), "an upgrade is over after a while");
        let both = QueueFacts { both_seen: true, ..facts(false, 1, 0, "bullmq:6.7.0") };
        assert!(refuses_pause(&both).unwrap().contains("refused"));
        assert_eq!(refuses_pause(&facts(false, 1, 0, "bullmq:6.7.0")), None);
    }
}
