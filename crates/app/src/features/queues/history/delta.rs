//! What one stretch of time adds to the roll-ups. Deltas merge in any order; what is not known stays not known.

use qd_core::{Error, Result};
use sketches_ddsketch::DDSketch;

use super::store::Row;

/// Times in milliseconds, relative error 1 %.
#[derive(Clone, Default)]
pub(crate) struct Times(DDSketch);

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Times({})", self.0.count())
    }
}

impl Times {
    /// Counts a stretch of microseconds; clocks that differ make no negative ones.
    #[expect(clippy::cast_precision_loss, reason = "less than 285 years")]
    pub fn add(&mut self, micros: i64) {
        self.0.add(micros.max(0) as f64 / 1_000.0);
    }

    /// Counts so many times of so many milliseconds.
    pub fn add_many(&mut self, millis: f64, count: u64) {
        self.0.add_with_count(millis, count);
    }

    fn merge(&mut self, other: &Self) {
        if let Err(fault) = self.0.merge(&other.0) {
            tracing::error!(%fault, "two sketches of a queue's times do not merge");
        }
    }

    /// Milliseconds below which the share `q` stayed.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let value = self.0.quantile(q).ok().flatten()?;
        let value = value.clamp(self.0.min().unwrap_or(value), self.0.max().unwrap_or(value));
        Some((value * 100.0).round() / 100.0)
    }

    fn encode(&self) -> Option<Vec<u8>> {
        (self.0.count() > 0).then(|| self.0.to_java_bytes())
    }

    /// As stored; `None`: no time was measured.
    ///
    /// # Errors
    /// [`Error::Broken`] when the bytes are no sketch.
    pub fn decode(bytes: Option<&[u8]>) -> Result<Self> {
        let Some(bytes) = bytes else { return Ok(Self::default()) };
        DDSketch::from_java_bytes(bytes).map(Self).map_err(|fault| Error::Broken(format!("a stored sketch of a queue's times: {fault}")))
    }
}

/// What happened in a stretch. `None`: nobody counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    pub waiting: Option<(i64, i64)>,
    pub added: Option<i64>,
    pub completed: Option<i64>,
    pub failed: Option<i64>,
    pub retried: Option<i64>,
    pub waits: Times,
    pub runs: Times,
    pub sampled: bool,
    pub partial: bool,
}

fn sum(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

/// Counts one more.
pub(crate) fn more(count: &mut Option<i64>) {
    *count = Some(count.unwrap_or(0) + 1);
}

impl Delta {
    /// Everything is counted here, though nothing may have happened.
    pub fn counted(&mut self) {
        for count in [&mut self.added, &mut self.completed, &mut self.failed, &mut self.retried] {
            count.get_or_insert(0);
        }
    }

    /// Jobs that wait now.
    pub fn gauge(&mut self, waiting: i64) {
        let most = self.waiting.map_or(waiting, |(_, most)| most.max(waiting));
        self.waiting = Some((waiting, most));
    }

    /// Adds a later one.
    pub fn merge(&mut self, later: &Self) {
        self.waiting = match (self.waiting, later.waiting) {
            (Some((_, most)), Some((last, more))) => Some((last, most.max(more))),
            (one, other) => other.or(one),
        };
        self.added = sum(self.added, later.added);
        self.completed = sum(self.completed, later.completed);
        self.failed = sum(self.failed, later.failed);
        self.retried = sum(self.retried, later.retried);
        self.waits.merge(&later.waits);
        self.runs.merge(&later.runs);
        self.sampled |= later.sampled;
        self.partial |= later.partial;
    }

    /// As stored.
    ///
    /// # Errors
    /// [`Error::Broken`] for bytes that are no sketch.
    pub fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            waiting: row.waiting.map(|last| (last, row.waiting_max.unwrap_or(last))),
            added: row.added,
            completed: row.completed,
            failed: row.failed,
            retried: row.retried,
            waits: Times::decode(row.waits.as_deref())?,
            runs: Times::decode(row.runs.as_deref())?,
            sampled: row.sampled,
            partial: row.partial,
        })
    }

    /// To be stored.
    pub fn row(&self, start_at: i64) -> Row {
        Row {
            start_at,
            waiting: self.waiting.map(|(last, _)| last),
            waiting_max: self.waiting.map(|(_, most)| most),
            added: self.added,
            completed: self.completed,
            failed: self.failed,
            retried: self.retried,
            waits: self.waits.encode(),
            runs: self.runs.encode(),
            sampled: self.sampled,
            partial: self.partial,
        }
    }

    /// Jobs that ended, if anybody counted.
    pub fn finished(&self) -> Option<i64> {
        sum(self.completed, self.failed)
    }
}
