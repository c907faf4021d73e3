//! Jobs that events named and that wait to be looked at.

use std::collections::{BTreeSet, HashMap};

use qd_core::port::queue::{EventKind, JobEvent};

use super::entry::ID;

/// Jobs of one queue that are to be looked at; four times as many may be known to be gone. Beyond it passes and comparisons find them.
const QUEUE: usize = 5_000;
/// Jobs over all queues of all job systems: at 500 bytes an id, and BullMQ's have less than 40, no more than 30 MB.
pub(super) const ALL: usize = 50_000;

/// Jobs of one queue.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub look: BTreeSet<String>,
    pub gone: BTreeSet<String>,
}

impl Touched {
    fn len(&self) -> usize {
        self.look.len() + self.gone.len()
    }
}

/// Jobs by queue.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queues: HashMap<(String, String), Touched>,
    count: usize,
}

impl Waiting {
    /// Takes over what events named.
    pub fn take_over(&mut self, source: &str, queue: &str, events: &[JobEvent]) {
        if events.is_empty() {
            return;
        }
        let waiting = self.queues.entry((source.to_owned(), queue.to_owned())).or_default();
        let before = waiting.len();
        for event in events.iter().filter(|event| !event.job.is_empty() && event.job.len() <= ID) {
            let (into, from, most) = match event.kind {
                EventKind::Removed | EventKind::Completed => (&mut waiting.gone, &mut waiting.look, 4 * QUEUE),
                // The failed come first.
                EventKind::Failed => (&mut waiting.look, &mut waiting.gone, QUEUE),
                EventKind::Added | EventKind::Waiting | EventKind::Delayed | EventKind::Retrying => {
                    (&mut waiting.look, &mut waiting.gone, QUEUE / 10)
                }
                _ => continue,
            };
            from.remove(&event.job);
            if into.len() < most && self.count - before + into.len() + from.len() < ALL {
                into.insert(event.job.clone());
            }
        }
        self.count = self.count - before + waiting.len();
    }

    /// What waits of a queue, which waits no longer.
    pub fn of(&mut self, source: &str, queue: &str) -> Touched {
        let touched = self.queues.remove(&(source.to_owned(), queue.to_owned())).unwrap_or_default();
        self.count -= touched.len();
        touched
    }
}

#[cfg(test)]
mod tests {
    use qd_core::Timestamp;

    use super::*;

    #[test]
    fn what_waits_is_bounded_over_all_queues() {
        let mut waiting = Waiting::default();
        for queue in 0..20 {
            let named = |n: usize| JobEvent { kind: EventKind::Failed, job: format!("{queue}-{n}"), at: Timestamp(0) };
            let events: Vec<_> = (0..6_000).map(named).collect();
            waiting.take_over("shop", &queue.to_string(), &events);
        }
        let sizes: Vec<_> = (0..20).map(|queue| waiting.queues[&("shop".to_owned(), queue.to_string())].len()).collect();
        assert_eq!((sizes.iter().sum::<usize>(), sizes[0], sizes[19]), (ALL, QUEUE, 0));
        let gone = JobEvent { kind: EventKind::Removed, job: "0-0".into(), at: Timestamp(0) };
        waiting.take_over("shop", "0", &[gone]);
        let first = waiting.of("shop", "0");
        assert_eq!((first.look.len(), first.gone.len(), waiting.count), (QUEUE - 1, 1, ALL - QUEUE), "each job once");
        let long = JobEvent { kind: EventKind::Failed, job: "x".repeat(ID + 1), at: Timestamp(0) };
        waiting.take_over("shop", "0", &[long]);
        assert_eq!(waiting.of("shop", "0").len(), 0, "no id is longer than one in the index");
    }
}
