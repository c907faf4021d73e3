//! Readings: a figure with its source, its time and its state. Law 2: measured, or unknown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// State of a figure. The order is by urgency: `max` of several is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Measured, within limits.
    Ok,
    /// Alerts are held by a person until a time.
    Muted,
    /// Never measured, or no usable answer.
    Unknown,
    /// The last value is older than it may be.
    Stale,
    /// Over the warn limit; nobody is woken.
    Warn,
    /// Over the page limit.
    Crit,
}

impl Status {
    /// The word on screens and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Muted => "MUTED",
            Self::Unknown => "UNKNOWN",
            Self::Stale => "STALE",
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
        }
    }

    /// Judges a figure that is bad when high.
    pub fn above(value: f64, warn: f64, crit: f64) -> Self {
        match value {
            v if v > crit => Self::Crit,
            v if v > warn => Self::Warn,
            v if v.is_nan() => Self::Unknown,
            _ => Self::Ok,
        }
    }

    /// Judges a figure that is bad when low.
    pub fn below(value: f64, warn: f64, crit: f64) -> Self {
        match value {
            v if v < crit => Self::Crit,
            v if v < warn => Self::Warn,
            v if v.is_nan() => Self::Unknown,
            _ => Self::Ok,
        }
    }
}

/// One measured figure, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Reading {
    /// The figure; `None` is "not measured", never zero.
    pub value: Option<f64>,
    /// Unit of the figure: `ms`, `%`, `req/s`, `bytes`, or empty for a count.
    pub unit: &'static str,
    /// Where it comes from: `OTLP`, `SQLite`, `embedded queue`.
    pub source: String,
    /// When it was measured; `None` when it never was.
    pub taken_at: Option<Timestamp>,
    /// Seconds for which it counts as fresh.
    pub fresh_for: u32,
    /// State when it was taken; [`Reading::at`] adds staleness.
    pub status: Status,
    /// Why it is not OK, in a sentence.
    pub reason: Option<String>,
}

impl Reading {
    /// A measured figure that is fine so far.
    pub fn measured(value: f64, unit: &'static str, source: impl Into<String>, at: Timestamp, fresh_for: u32) -> Self {
        Self { value: Some(value), unit, source: source.into(), taken_at: Some(at), fresh_for, status: Status::Ok, reason: None }
    }

    /// No figure, and why.
    pub fn unknown(unit: &'static str, source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { value: None, unit, source: source.into(), taken_at: None, fresh_for: 0, status: Status::Unknown, reason: Some(reason.into()) }
    }

    /// The same reading with a state and, unless it is OK, its reason.
    #[must_use]
    pub fn judged(mut self, status: Status, reason: impl FnOnce() -> String) -> Self {
        self.status = status;
        self.reason = (status != Status::Ok).then(reason);
        self
    }

    /// The reading as it stands at `now`: past its time it is STALE, with the last value kept.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if let Some(taken) = self.taken_at.filter(|_| self.fresh_for > 0)
            && let Some(why) = outdated(taken, self.fresh_for, now)
        {
            self.status = Status::Stale;
            self.reason = Some(format!("{}: {why}", self.source));
        }
        self
    }
}

/// Seconds that a moment may lie ahead: a request takes its time before a sampler that ends while it runs.
const AHEAD: i64 = 30;

/// Why what was measured at `taken` is no longer fresh at `now`; `None` while it is. A clock that was set back makes it STALE as well: old
/// figures must not look as if they were of now.
pub fn outdated(taken: Timestamp, fresh_for: u32, now: Timestamp) -> Option<String> {
    match now.since(taken) {
        age if age < -AHEAD => Some(format!("The clock was set back: the last value is of {} s ahead.", -age)),
        age if age > i64::from(fresh_for) => Some(format!("No fresh value for {age} s.")),
        _ => None,
    }
}

/// How many past values the board keeps per key, for sparklines.
const KEPT: usize = 60;

/// The last reading of everything that is sampled. Requests read it; samplers write it (law 6).
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<RwLock<BTreeMap<String, Entry>>>);

#[derive(Debug)]
struct Entry {
    last: Reading,
    history: VecDeque<(Timestamp, Option<f64>)>,
}

impl Board {
    /// Stores a reading under `key` (`queues.waiting`). A failed measurement keeps the last value's time and value, but not its state.
    pub fn put(&self, key: impl Into<String>, reading: Reading, now: Timestamp) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(key.into()).or_insert_with(|| Entry { last: reading.clone(), history: VecDeque::new() });
        entry.history.push_back((now, reading.value));
        if entry.history.len() > KEPT {
            entry.history.pop_front();
        }
        entry.last = match (reading.value, entry.last.value) {
            // The old figure stays on the screen, dimmed; its state is the new one's.
            (None, Some(old)) => Reading { value: Some(old), taken_at: entry.last.taken_at, ..reading },
            _ => reading,
        };
    }

    /// The last reading as it stands at `now`.
    pub fn get(&self, key: &str, now: Timestamp) -> Option<Reading> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).map(|entry| entry.last.clone().at(now))
    }

    /// All readings whose key starts with `prefix`, by key, as they stand at `now`.
    pub fn under(&self, prefix: &str, now: Timestamp) -> Vec<(String, Reading)> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = entries.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        range.map(|(key, entry)| (key.clone(), entry.last.clone().at(now))).collect()
    }

    /// Past values of a key, oldest first; `None` where nothing was measured.
    pub fn history(&self, key: &str) -> Vec<(Timestamp, Option<f64>)> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).map(|entry| entry.history.iter().copied().collect()).unwrap_or_default()
    }

    /// Forgets a key: what it measured is gone on purpose.
    pub fn forget(&self, key: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_value_is_stale_and_stays() {
        let at = Timestamp::from_seconds(1_000);
        let reading = Reading::measured(3.0, "ms", "OTLP", at, 45);
        assert_eq!(reading.clone().at(at.plus_seconds(45)).status, Status::Ok);
        let old = reading.at(at.plus_seconds(46));
        assert_eq!((old.status, old.value), (Status::Stale, Some(3.0)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_old_value_fresh() {
        let at = Timestamp::from_seconds(1_000_000);
        let reading = Reading::measured(3.0, "ms", "OTLP", at, 45);
        assert_eq!(reading.clone().at(at.plus_seconds(-30)).status, Status::Ok, "a sampler that ended while a request ran");
        let old = reading.at(at.plus_seconds(-3_600));
        assert_eq!((old.status, old.value), (Status::Stale, Some(3.0)));
        assert!(old.reason.unwrap().contains("set back"));
    }

    #[test]
    fn a_failed_measurement_is_unknown_and_keeps_the_old_figure() {
        let (board, at) = (Board::default(), Timestamp::from_seconds(1_000));
        board.put("db", Reading::measured(7.0, "", "Postgres", at, 30), at);
        board.put("db", Reading::unknown("", "Postgres", "It does not answer."), at.plus_seconds(5));
        let now = board.get("db", at.plus_seconds(5)).unwrap();
        assert_eq!((now.status, now.value), (Status::Unknown, Some(7.0)));
        assert_eq!(board.history("db").last().unwrap().1, None);
    }

    #[test]
    fn thresholds_are_strict() {
        assert_eq!(Status::above(60.0, 60.0, 80.0), Status::Ok);
        assert_eq!(Status::above(60.1, 60.0, 80.0), Status::Warn);
        assert_eq!(Status::below(79.9, 90.0, 80.0), Status::Crit);
        assert_eq!(Status::above(f64::NAN, 1.0, 2.0), Status::Unknown);
    }
}
