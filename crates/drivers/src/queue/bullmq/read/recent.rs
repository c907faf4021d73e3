//! What happened in a queue within the last five minutes, from its stream of events. Jobs that are deleted as soon as they end are counted only
//! there. The stream is followed from where the last look ended, within bounds; a queue that is faster than that is counted from below.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use qd_core::Result;
use qd_core::port::queue::{EventKind, JobEvent};
use redis::{cmd, pipe};

use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::events::entries;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::stream_millis;
use crate::queue::bullmq::reply::ask;

/// The time that is looked back, in milliseconds.
pub(super) const WINDOW_MS: i64 = 300_000;
/// One bucket of counts, in milliseconds.
const BUCKET_MS: i64 = 5_000;
/// Jobs whose last step is remembered.
const JOBS: usize = 20_000;
/// Most time of one look; the next goes on where it ended.
const BUDGET: Duration = Duration::from_millis(100);
/// Milliseconds that a look may lag behind the stream before it leaps to its end.
const LAG_MS: i64 = 60_000;
/// Bytes of one page of events that are aimed at: they carry results and reasons of any size.
const PAGE_BYTES: usize = 1 << 20;

/// A queue's last five minutes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The entry that was read last.
    last: Option<String>,
    /// Entries of the next page.
    page: usize,
    buckets: VecDeque<Bucket>,
    newest: Bucket,
    /// When a job became ready, or that it runs.
    steps: HashMap<String, Step>,
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ready(i64),
    Runs,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Its number: milliseconds over their length.
    number: i64,
    counts: Counts,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub completed: u64,
    pub failed: u64,
    pub retried: u64,
    pub started: u64,
    /// Milliseconds between ready and started, over all that started.
    pub waited_ms: u64,
}

impl Counts {
    /// Mean seconds between ready and started.
    #[expect(clippy::cast_precision_loss, reason = "waits of less than 285,000 years are exact")]
    pub fn average_wait(self) -> Option<f64> {
        (self.started > 0).then(|| self.waited_ms as f64 / 1_000.0 / self.started as f64)
    }
}

impl Recent {
    /// Reads what is new.
    pub async fn follow(&mut self, conn: &mut Conn, keys: Keys<'_>, now_ms: i64) -> Result<()> {
        let begin = Instant::now();
        loop {
            let from = self.last.as_ref().map_or_else(|| (now_ms - WINDOW_MS).max(0).to_string(), |last| format!("({last}"));
            let page = self.page.clamp(50, 2_000);
            let mut asked = pipe();
            asked.add_command(cmd("XRANGE").arg(keys.of("events")).arg(from).arg("+").arg("COUNT").arg(page).to_owned());
            let (found, bytes) = entries(ask(conn, &mut asked).await?.take());
            let count = found.len();
            for (id, event) in found {
                if let Some(event) = event {
                    self.take(&event);
                }
                self.last = Some(id);
            }
            self.page = (page * PAGE_BYTES / bytes.max(1)).clamp(50, page * 4);
            if count < page {
                break;
            }
            if begin.elapsed() > BUDGET {
                self.leap(conn, keys).await?;
                break;
            }
        }
        self.forget(now_ms);
        Ok(())
    }

    /// It goes faster than we read: when too far behind, go on at its end.
    async fn leap(&mut self, conn: &mut Conn, keys: Keys<'_>) -> Result<()> {
        let mut asked = pipe();
        asked.add_command(cmd("XREVRANGE").arg(keys.of("events")).arg("+").arg("-").arg("COUNT").arg(1).to_owned());
        if let Some((id, _)) = entries(ask(conn, &mut asked).await?.take()).0.pop() {
            let behind = |last: &String| stream_millis(&id).zip(stream_millis(last)).is_some_and(|(end, last)| end - last > LAG_MS);
            if self.last.as_ref().is_some_and(behind) {
                self.last = Some(id);
            }
        }
        Ok(())
    }

    /// Counts one event.
    pub fn take(&mut self, event: &JobEvent) {
        let at = event.at.micros() / 1_000;
        let before = self.steps.get(&event.job).copied();
        let counts = self.bucket(at);
        match event.kind {
            EventKind::Waiting => self.step(&event.job, Some(Step::Ready(at))),
            EventKind::Retrying => {
                counts.retried += 1;
                self.step(&event.job, Some(Step::Ready(at)));
            }
            EventKind::Stalled => counts.retried = counts.retried.saturating_sub(1),
            EventKind::Delayed => {
                counts.retried += u64::from(before == Some(Step::Runs));
                self.step(&event.job, None);
            }
            EventKind::Active => {
                if let Some(Step::Ready(ready)) = before {
                    counts.started += 1;
                    counts.waited_ms += u64::try_from(at - ready).unwrap_or(0);
                }
                self.step(&event.job, Some(Step::Runs));
            }
            EventKind::Completed => {
                counts.completed += 1;
                self.step(&event.job, None);
            }
            EventKind::Failed => {
                counts.failed += 1;
                self.step(&event.job, None);
            }
            EventKind::Removed => self.step(&event.job, None),
            EventKind::Added | EventKind::Queue => {}
        }
    }

    /// When a waiting job became ready, if its event was seen: milliseconds.
    pub fn ready(&self, job: &str) -> Option<i64> {
        match self.steps.get(job)? {
            Step::Ready(at) => Some(*at),
            Step::Runs => None,
        }
    }

    /// The counts of the window.
    pub fn counts(&self) -> Counts {
        let sum = |sum: Counts, one: &Bucket| Counts {
            completed: sum.completed + one.counts.completed,
            failed: sum.failed + one.counts.failed,
            retried: sum.retried + one.counts.retried,
            started: sum.started + one.counts.started,
            waited_ms: sum.waited_ms + one.counts.waited_ms,
        };
        self.buckets.iter().chain([&self.newest]).fold(Counts::default(), sum)
    }

    fn bucket(&mut self, at: i64) -> &mut Counts {
        let number = at.div_euclid(BUCKET_MS);
        // Events come in order; one that does not is counted with the newest.
        if self.newest.number < number {
            let full = std::mem::replace(&mut self.newest, Bucket { number, counts: Counts::default() });
            self.buckets.push_back(full);
        }
        &mut self.newest.counts
    }

    fn step(&mut self, job: &str, step: Option<Step>) {
        let Some(step) = step else {
            self.steps.remove(job);
            return;
        };
        if self.steps.insert(job.to_owned(), step).is_none() {
            self.order.push_back(job.to_owned());
        }
        while self.order.len() > JOBS {
            if let Some(oldest) = self.order.pop_front() {
                self.steps.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, now_ms: i64) {
        let oldest = (now_ms - WINDOW_MS).div_euclid(BUCKET_MS);
        self.buckets.retain(|bucket| bucket.number >= oldest);
        if self.newest.number < oldest {
            self.newest = Bucket::default();
        }
        // Jobs that ended stand in `order` only.
        if self.order.len() > self.steps.len() * 2 + 1_000 {
            self.order.retain(|job| self.steps.contains_key(job));
        }
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
    fn waits_and_attempts_are_those_of_the_events() {
        let mut recent = Recent::default();
        use EventKind::{Active, Completed, Delayed, Failed, Retrying, Stalled, Waiting};
        let told = [
            (Waiting, 0),
            (Active, 2_000),
            (Retrying, 2_500),
            (Active, 6_500),
            (Delayed, 7_000),
            (Waiting, 9_000),
            (Active, 9_000),
            (Completed, 9_500),
        ];
        told.iter().for_each(|(kind, at)| recent.take(&event(*kind, "a", *at)));
        [(Active, 1), (Failed, 2), (Retrying, 3), (Stalled, 3)].iter().for_each(|(kind, at)| recent.take(&event(*kind, "b", 10_000 + at)));
        let counts = recent.counts();
        assert_eq!((counts.completed, counts.failed, counts.retried, counts.started), (1, 1, 2, 3));
        assert_eq!((counts.average_wait(), recent.ready("b"), recent.ready("a")), (Some(2.0), Some(10_003), None));
        recent.forget(WINDOW_MS + 40_000);
        assert_eq!(recent.counts(), Counts::default());
        assert_eq!(recent.counts().average_wait(), None, "nothing started: unknown, not zero");
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::default();
        for job in 0..50_000 {
            recent.take(&event(EventKind::Waiting, &job.to_string(), job));
        }
        assert!(recent.steps.len() <= JOBS && recent.order.len() <= JOBS);
        assert_eq!(recent.ready("49999"), Some(49_999));
    }
}
