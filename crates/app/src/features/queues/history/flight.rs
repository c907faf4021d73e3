//! Jobs on their way, as the events tell: since when one is ready or runs. Bounded: beyond the bound times are of some jobs, and that is said.
//!
//! A job is known by a hash of its id, so that 100,000 of them take no more than 6 MB, whatever their ids are. Two that share one, once in a billion
//! hours, spoil one another's times.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use qd_core::port::queue::{EventKind, JobEvent};

use super::delta::{Delta, more};

/// Most jobs of one job system that are followed at once.
pub(super) const MOST: usize = 100_000;
/// A job that was not heard of for so long is forgotten when the room is needed, microseconds.
const OLD: i64 = 3_600_000_000;

#[derive(Clone, Copy, Debug)]
enum Stage {
    Ready(i64),
    Runs(i64),
}

impl Stage {
    fn since(self) -> i64 {
        match self {
            Self::Ready(at) | Self::Runs(at) => at,
        }
    }
}

/// Jobs on their way, by queue.
#[derive(Debug, Default)]
pub(super) struct Flight {
    queues: HashMap<String, HashMap<u64, Stage>>,
    hash: RandomState,
    count: usize,
    cleared_at: i64,
    most: usize,
}

impl Flight {
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Counts an event, and the time that it ends.
    pub fn apply(&mut self, queue: &str, event: &JobEvent, delta: &mut Delta) {
        delta.counted();
        let at = event.at.0;
        match event.kind {
            EventKind::Added => {
                more(&mut delta.added);
                self.put(queue, &event.job, Stage::Ready(at), delta);
            }
            EventKind::Waiting => self.put(queue, &event.job, Stage::Ready(at), delta),
            EventKind::Active => {
                if let Some(Stage::Ready(ready)) = self.take(queue, &event.job) {
                    delta.waits.add(at - ready);
                }
                self.put(queue, &event.job, Stage::Runs(at), delta);
            }
            EventKind::Completed => {
                more(&mut delta.completed);
                self.ended(queue, event, delta);
            }
            EventKind::Failed => {
                more(&mut delta.failed);
                self.ended(queue, event, delta);
            }
            EventKind::Retrying => {
                more(&mut delta.retried);
                self.ended(queue, event, delta);
                // One that is put off first is told of as delayed, and as waiting later.
                self.put(queue, &event.job, Stage::Ready(at), delta);
            }
            EventKind::Stalled => self.put(queue, &event.job, Stage::Ready(at), delta),
            EventKind::Delayed | EventKind::Removed => drop(self.take(queue, &event.job)),
            EventKind::Queue => {}
        }
    }

    fn ended(&mut self, queue: &str, event: &JobEvent, delta: &mut Delta) {
        if let Some(Stage::Runs(since)) = self.take(queue, &event.job) {
            delta.runs.add(event.at.0 - since);
        }
    }

    fn take(&mut self, queue: &str, job: &str) -> Option<Stage> {
        let stage = self.queues.get_mut(queue)?.remove(&self.hash.hash_one(job));
        self.count -= usize::from(stage.is_some());
        stage
    }

    fn put(&mut self, queue: &str, job: &str, stage: Stage, delta: &mut Delta) {
        self.take(queue, job);
        if self.count >= self.most && !self.room(stage.since()) {
            delta.sampled = true;
            return;
        }
        self.queues.entry(queue.to_owned()).or_default().insert(self.hash.hash_one(job), stage);
        self.count += 1;
    }

    /// Makes room, at most once a minute.
    fn room(&mut self, now: i64) -> bool {
        if (now - self.cleared_at).abs() < 60_000_000 {
            return false;
        }
        self.cleared_at = now;
        for jobs in self.queues.values_mut() {
            jobs.retain(|_, stage| now - stage.since() < OLD);
        }
        self.queues.retain(|_, jobs| !jobs.is_empty());
        self.count = self.queues.values().map(HashMap::len).sum();
        self.count < self.most
    }

    /// Forgets the jobs of a queue: what is known of them is read again, or lost.
    pub fn forget(&mut self, queue: &str) {
        self.count -= self.queues.remove(queue).map_or(0, |jobs| jobs.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_core::Timestamp;

    fn event(kind: EventKind, job: &str, ms: i64) -> JobEvent {
        JobEvent { kind, job: job.into(), at: Timestamp(ms * 1_000) }
    }

    #[test]
    fn waits_and_runs_are_measured_from_event_to_event() {
        let (mut flight, mut delta) = (Flight::new(10), Delta::default());
        let events = [
            event(EventKind::Added, "1", 0),
            event(EventKind::Waiting, "1", 0),
            event(EventKind::Active, "1", 40),
            event(EventKind::Retrying, "1", 100),
            event(EventKind::Delayed, "1", 100),
            event(EventKind::Waiting, "1", 1_100),
            event(EventKind::Active, "1", 1_140),
            event(EventKind::Completed, "1", 1_200),
            // Begun before anybody looked: counted, not timed.
            event(EventKind::Failed, "2", 1_300),
        ];
        events.iter().for_each(|event| flight.apply("mail", event, &mut delta));
        assert_eq!((delta.added, delta.completed, delta.failed, delta.retried), (Some(1), Some(1), Some(1), Some(1)));
        assert!((delta.waits.quantile(0.5).unwrap() - 40.0).abs() < 1.0);
        assert!((delta.runs.quantile(0.5).unwrap() - 60.0).abs() < 1.0);
        assert_eq!((flight.count, delta.sampled), (0, false));
    }

    #[test]
    fn beyond_the_bound_times_are_sampled_and_old_jobs_make_room() {
        let (mut flight, mut delta) = (Flight::new(2), Delta::default());
        for job in ["1", "2", "3"] {
            flight.apply("mail", &event(EventKind::Added, job, 3_600_000), &mut delta);
        }
        assert_eq!((flight.count, delta.sampled, delta.added), (2, true, Some(3)));
        flight.apply("mail", &event(EventKind::Added, "4", 3 * 3_600_000), &mut delta);
        assert_eq!(flight.count, 1, "those of hours ago were forgotten");
        flight.forget("mail");
        assert_eq!(flight.count, 0);
    }
}
