//! How much of what there is can be searched: counted, never guessed, and told with every answer.

use qd_core::port::queue::{JobState, QueueState};
use qd_core::{App, Result};

use super::{Index, LIMIT};
use crate::features::health::Health;
use crate::ui::format;

/// Kinds of jobs that are neither failed nor done, each with the states that it is read from.
pub(super) const KINDS: [&[JobState]; 4] =
    [&[JobState::Prioritized, JobState::Waiting, JobState::Paused], &[JobState::Active], &[JobState::Delayed], &[JobState::WaitingChildren]];
const WORDS: [&str; 4] = ["waiting jobs", "running jobs", "delayed jobs", "jobs that wait for others"];

/// Jobs of each kind that there are.
pub(super) fn counts(state: &QueueState) -> [i64; 4] {
    [state.waiting, state.active, state.delayed, state.waiting_children].map(number)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What of a queue is in the index: a hundred bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Covered {
    pub failed: i64,
    /// Jobs of each kind that the last look at them read.
    pub others: [i64; 4],
}

/// How much of what there is can be searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Failed jobs in the index; `None` when no failed ones are asked for.
    pub indexed: Option<i64>,
    /// Failed jobs that there are.
    pub total: i64,
    /// There are more: a driver stopped counting.
    pub more: bool,
    /// What is not searched of the others: how many, of how many, and what they are.
    pub left_out: Vec<(i64, i64, &'static str)>,
    /// Queues that were looked at.
    pub queues: usize,
    /// Job systems that do not answer.
    pub silent: Vec<String>,
    /// The index holds as many jobs as it may.
    pub full: bool,
    /// No events tell what changed: it is noticed within minutes.
    pub lags: bool,
}

impl Coverage {
    /// "Indexed 98.2 % of 12,000 failed jobs. Not searched: 3,000 of 5,000 delayed jobs, 700 completed jobs."
    pub fn sentence(&self) -> String {
        let mut parts: Vec<String> = self.failed().into_iter().collect();
        if !self.left_out.is_empty() {
            let lost = |(left, all, what): &(i64, i64, &str)| match left == all {
                true => format!("{} {what}", format::number(*all)),
                false => format!("{} of {} {what}", format::number(*left), format::number(*all)),
            };
            parts.push(format!("Not searched: {}.", self.left_out.iter().map(lost).collect::<Vec<_>>().join(", ")));
        }
        if !self.silent.is_empty() {
            parts.push(format!("{} did not answer: what is there now is not known.", self.silent.join(", ")));
        }
        if self.full {
            parts.push(format!("The index is full: it holds {} jobs, the newest failures of each queue.", format::number(LIMIT)));
        }
        if self.lags {
            parts.push("Jobs that came or left within the last minutes may be missing or still shown.".into());
        }
        parts.join(" ")
    }

    fn failed(&self) -> Option<String> {
        let indexed = self.indexed?.min(self.total);
        match self.total {
            0 if !self.silent.is_empty() => None,
            0 if self.queues == 0 => Some("There is no queue to search.".into()),
            0 => Some("No job has failed.".into()),
            total if self.more => Some(format!("Indexed {} of at least {} failed jobs.", format::number(indexed), format::number(total))),
            total if indexed == total => Some(format!("Indexed all {} failed jobs.", format::number(total))),
            total => {
                #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
                // Rounded down: 100 % would say that all are.
                let share = (indexed as f64 * 1_000.0 / total as f64).floor() / 10.0;
                Some(format!("Indexed {share} % of {} failed jobs.", format::number(total)))
            }
        }
    }

    fn add(&mut self, covered: Covered, state: &QueueState, wanted: impl Fn(JobState) -> bool) {
        self.queues += 1;
        let failed = number(state.failed);
        self.total += failed;
        self.more |= state.at_least(state.failed);
        self.indexed = self.indexed.map(|indexed| indexed + covered.failed.min(failed));
        for ((states, what), (read, all)) in KINDS.iter().zip(WORDS).zip(covered.others.into_iter().zip(counts(state))) {
            if states.iter().any(|state| wanted(*state)) {
                self.leave_out((all - read).max(0), all, what);
            }
        }
        if wanted(JobState::Completed) {
            self.leave_out(number(state.completed), number(state.completed), "completed jobs");
        }
    }

    fn leave_out(&mut self, left: i64, all: i64, what: &'static str) {
        match self.left_out.iter_mut().find(|known| known.2 == what) {
            Some(known) => (known.0, known.1) = (known.0 + left, known.1 + all),
            None => self.left_out.push((left, all, what)),
        }
    }
}

/// How much of what there is can be searched, over all or in one job system, queue or state.
///
/// # Errors
/// When the state is not wired.
pub fn coverage(app: &App, source: Option<&str>, queue: Option<&str>, state: Option<JobState>) -> Result<Coverage> {
    let (index, health) = (app.state::<Index>()?, app.state::<Health>()?);
    let wanted = |one| state.is_none_or(|state| state == one);
    let mut sum = Coverage { full: index.rows() >= LIMIT, indexed: wanted(JobState::Failed).then_some(0), ..Coverage::default() };
    for known in app.ports.queues.iter().filter(|known| source.is_none_or(|source| source == known.name)) {
        let seen = health.source(&known.name);
        if seen.taken_at.is_none() || seen.fault.is_some() {
            sum.silent.push(known.name.clone());
        }
        for counted in seen.queues.iter().filter(|counted| queue.is_none_or(|queue| queue == counted.name)) {
            sum.add(index.covered(&known.name, &counted.name), counted, wanted);
        }
        sum.lags |= !known.queue.can().events;
    }
    sum.left_out.retain(|(left, _, _)| *left > 0);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_searched_is_said_state_by_state() {
        let state = QueueState { waiting: 5_000, delayed: 12, failed: 4, completed: 700, ..QueueState::default() };
        let covered = Covered { failed: 4, others: [2_000, 0, 12, 0] };
        let said = |state: &QueueState, only: Option<JobState>| {
            let mut sum = Coverage { indexed: only.is_none().then_some(0), ..Coverage::default() };
            sum.add(covered, state, |one| only.is_none_or(|only| only == one));
            sum.left_out.retain(|(left, _, _)| *left > 0);
            sum.sentence()
        };
        assert_eq!(said(&state, None), "Indexed all 4 failed jobs. Not searched: 3,000 of 5,000 waiting jobs, 700 completed jobs.");
        assert_eq!(said(&state, Some(JobState::Completed)), "Not searched: 700 completed jobs.");
        assert_eq!(said(&QueueState { delayed: 12, ..QueueState::default() }, None), "No job has failed.");
        let counted = QueueState { failed: 4, count_limit: Some(4), ..QueueState::default() };
        assert_eq!(said(&counted, None), "Indexed 4 of at least 4 failed jobs.");
        let silent = Coverage { indexed: Some(0), silent: vec!["shop".into()], ..Coverage::default() };
        assert_eq!(silent.sentence(), "shop did not answer: what is there now is not known.", "never that there is nothing");
    }
}
