//! What is known of one check: its state with its rule against false alarms, and its last minutes.
//!
//! The rule: one failed probe is WARN, two in a row are CRIT; two good ones in a row end it. A check that failed three
//! times within half an hour is flapping, and takes five good probes to end.

use std::collections::{BTreeMap, VecDeque};

use qd_core::Timestamp;
use qd_core::reading::{Reading, Status};

/// Minutes that the bar shows.
pub const MINUTES: i64 = 90;
/// Failed probes in a row that make it CRIT.
const FAILURES: u32 = 2;
/// Good probes in a row that end it, and those of a flapping check.
const GOOD: u32 = 2;
const GOOD_WHEN_FLAPPING: u32 = 5;
const FLAPS: usize = 3;
const FLAP_SECONDS: i64 = 1_800;
/// Single results that the detail page shows.
const RECENT: usize = 20;

/// How one probe went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Within limits.
    Up,
    /// An answer, but too slow; why.
    Slow(String),
    /// No usable answer; why.
    Down(String),
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How it went.
    pub outcome: Outcome,
    /// How long it took, in microseconds.
    pub latency_us: i64,
}

/// Results of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Good answers.
    pub ok: i64,
    /// Slow answers.
    pub warn: i64,
    /// Failures.
    pub crit: i64,
    /// Sum of all latencies, in microseconds.
    pub latency_us_sum: i64,
    /// The longest, in microseconds.
    pub latency_us_max: i64,
}

impl Minute {
    /// A minute of one probe.
    pub fn of(probe: &Probe) -> Self {
        let (ok, warn, crit) = match probe.outcome {
            Outcome::Up => (1, 0, 0),
            Outcome::Slow(_) => (0, 1, 0),
            Outcome::Down(_) => (0, 0, 1),
        };
        Self { ok, warn, crit, latency_us_sum: probe.latency_us, latency_us_max: probe.latency_us }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            warn: self.warn + other.warn,
            crit: self.crit + other.crit,
            latency_us_sum: self.latency_us_sum + other.latency_us_sum,
            latency_us_max: self.latency_us_max.max(other.latency_us_max),
        }
    }

    /// The worst state in it; `None` without a result.
    pub fn status(self) -> Option<Status> {
        match self {
            Self { crit: 1.., .. } => Some(Status::Crit),
            Self { warn: 1.., .. } => Some(Status::Warn),
            Self { ok: 1.., .. } => Some(Status::Ok),
            _ => None,
        }
    }

    /// Share of probes that got an answer, in percent; `None` without a result.
    pub fn uptime(self) -> Option<f64> {
        let all = self.ok + self.warn + self.crit;
        #[expect(clippy::cast_precision_loss, reason = "counts of probes are small")]
        let share = |part: i64| part as f64 * 100.0 / all as f64;
        (all > 0).then(|| share(self.ok + self.warn))
    }
}

/// One single result.
#[derive(Clone, Debug)]
pub struct Single {
    /// When.
    pub at: Timestamp,
    /// What.
    pub probe: Probe,
}

/// One check's state and past.
#[derive(Clone, Debug, Default)]
pub struct Track {
    status: Option<Status>,
    reason: Option<String>,
    /// Whether it counts as down, and since when.
    pub down: bool,
    /// Since when it is down, or up again.
    pub since: Option<Timestamp>,
    /// What the database says: differs until the turn is stored and told.
    pub told_down: bool,
    bad: u32,
    good: u32,
    falls: VecDeque<Timestamp>,
    minutes: BTreeMap<i64, Minute>,
    recent: VecDeque<Single>,
}

/// Minutes since 1970.
pub fn minute_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(60)
}

impl Track {
    /// What was stored before a restart. It stays UNKNOWN until the first probe.
    pub fn stored(down: bool, since: Timestamp, minutes: impl IntoIterator<Item = (i64, Minute)>) -> Self {
        Self { down, told_down: down, since: Some(since), minutes: minutes.into_iter().collect(), ..Self::default() }
    }

    /// Minutes that were stored before a restart, of a check that has never been down.
    pub fn remember(&mut self, minute: i64, counted: Minute) {
        self.minutes.insert(minute, counted);
    }

    /// Takes one probe in.
    pub fn take(&mut self, probe: Probe, now: Timestamp) {
        let slot = self.minutes.entry(minute_of(now)).or_default();
        *slot = slot.and(Minute::of(&probe));
        let first = minute_of(now) - MINUTES + 1;
        self.minutes.retain(|minute, _| *minute >= first);
        match &probe.outcome {
            Outcome::Down(why) => self.fail(why, now),
            Outcome::Up => self.pass(None, now),
            Outcome::Slow(why) => self.pass(Some(why.clone()), now),
        }
        self.recent.push_front(Single { at: now, probe });
        self.recent.truncate(RECENT);
    }

    fn fail(&mut self, why: &str, now: Timestamp) {
        self.good = 0;
        self.bad = self.bad.saturating_add(1);
        if !self.down && self.bad < FAILURES {
            (self.status, self.reason) = (Some(Status::Warn), Some(format!("{why} CRIT after {FAILURES} failures in a row.")));
            return;
        }
        if !self.down {
            self.turn(true, now);
            self.falls.push_back(now);
        }
        (self.status, self.reason) = (Some(Status::Crit), Some(why.to_owned()));
    }

    fn pass(&mut self, slow: Option<String>, now: Timestamp) {
        self.bad = 0;
        self.good = self.good.saturating_add(1);
        if self.down {
            let needed = if self.is_flapping(now) { GOOD_WHEN_FLAPPING } else { GOOD };
            if self.good < needed {
                let flaps = if needed > GOOD { ", because it keeps failing" } else { "" };
                let reason = format!("It answers again: {} of {needed} good probes in a row that end it{flaps}.", self.good);
                (self.status, self.reason) = (Some(Status::Crit), Some(reason));
                return;
            }
            self.turn(false, now);
        }
        self.status = Some(if slow.is_some() { Status::Warn } else { Status::Ok });
        self.reason = slow;
    }

    fn turn(&mut self, down: bool, now: Timestamp) {
        self.down = down;
        self.since = Some(now);
    }

    fn is_flapping(&mut self, now: Timestamp) -> bool {
        self.falls.retain(|at| now.since(*at) <= FLAP_SECONDS);
        self.falls.len() >= FLAPS
    }

    /// A failure that a second probe has to confirm soon.
    pub fn is_suspect(&self) -> bool {
        self.bad > 0 && !self.down
    }

    /// Latency of the last probe in milliseconds with the check's state, as it stands at `now`.
    pub fn reading(&self, source: &str, fresh_for: u32, now: Timestamp) -> Reading {
        let (Some(status), Some(last)) = (self.status, self.recent.front()) else {
            return Reading::unknown("ms", source, "Not probed yet.");
        };
        #[expect(clippy::cast_precision_loss, reason = "latencies are small")]
        let latency = last.probe.latency_us as f64 / 1_000.0;
        let mut reading = Reading::measured(latency, "ms", source, last.at, fresh_for);
        if matches!(last.probe.outcome, Outcome::Down(_)) {
            // How long a failure took is no latency of the service.
            reading.value = None;
        }
        let reason = self.reason.clone().unwrap_or_default();
        reading.judged(status, || reason).at(now)
    }

    /// One slot for each of the last ninety minutes, oldest first.
    pub fn slots(&self, now: Timestamp) -> Vec<Minute> {
        let last = minute_of(now);
        (last - MINUTES + 1..=last).map(|minute| self.minutes.get(&minute).copied().unwrap_or_default()).collect()
    }

    /// The last results, newest first.
    pub fn recent(&self) -> impl Iterator<Item = &Single> {
        self.recent.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(good: bool) -> Probe {
        let outcome = if good { Outcome::Up } else { Outcome::Down("HTTP 500.".into()) };
        Probe { outcome, latency_us: 5_000 }
    }

    fn run(track: &mut Track, start: Timestamp, results: &str) -> String {
        let shown = |track: &Track, at| track.reading("HTTP", 60, at).status.word().chars().next().unwrap();
        let mut at = start;
        let step = |good| {
            at = at.plus_seconds(15);
            track.take(probe(good), at);
            shown(track, at)
        };
        results.chars().map(|c| c == '+').map(step).collect()
    }

    #[test]
    fn one_failure_warns_two_are_critical_and_recovery_is_reachable() {
        let (mut track, start) = (Track::default(), Timestamp::from_seconds(1_000_000));
        assert_eq!(track.reading("HTTP", 60, start).status, Status::Unknown);
        assert_eq!(run(&mut track, start, "++-+--++"), "OOWOWCCO");
        assert!(!track.down);
    }

    #[test]
    fn a_flapping_check_takes_longer_to_end() {
        let (mut track, start) = (Track::default(), Timestamp::from_seconds(1_000_000));
        assert_eq!(run(&mut track, start, "--++--++--++"), "WCCOWCCOWCCC");
        assert_eq!(run(&mut track, start.plus_seconds(200), "+++"), "CCO");
        let later = start.plus_seconds(4_000);
        assert_eq!(run(&mut track, later, "--++"), "WCCO", "old falls are forgotten");
    }

    #[test]
    fn a_check_that_was_down_before_a_restart_is_unknown_until_probed() {
        let start = Timestamp::from_seconds(1_000_000);
        let mut track = Track::stored(true, start, []);
        assert_eq!(track.reading("HTTP", 60, start).status, Status::Unknown);
        assert_eq!(run(&mut track, start, "-"), "C");
        assert!(track.down && track.told_down, "it was told before");
    }

    #[test]
    fn minutes_without_a_probe_are_gaps_and_count_for_nothing() {
        let (mut track, start) = (Track::default(), Timestamp::from_seconds(600_000));
        track.take(probe(true), start);
        track.take(probe(false), start.plus_seconds(20));
        track.take(probe(true), start.plus_seconds(300));
        let slots = track.slots(start.plus_seconds(300));
        assert_eq!(slots.len(), 90);
        assert_eq!((slots[84].status(), slots[85].status(), slots[89].status()), (Some(Status::Crit), None, Some(Status::Ok)));
        let all = slots.into_iter().fold(Minute::default(), Minute::and);
        assert!((all.uptime().unwrap() - 66.667).abs() < 0.01);
        assert_eq!(Minute::default().uptime(), None, "nothing measured is not 100 %");
        let later = track.slots(start.plus_seconds(90 * 60 + 301));
        assert!(later.iter().all(|slot| slot.status().is_none()));
    }

    #[test]
    fn silence_is_stale_with_the_last_state_gone() {
        let (mut track, start) = (Track::default(), Timestamp::from_seconds(600_000));
        track.take(probe(true), start);
        assert_eq!(track.reading("HTTP", 48, start.plus_seconds(48)).status, Status::Ok);
        let old = track.reading("HTTP", 48, start.plus_seconds(49));
        assert_eq!((old.status, old.value), (Status::Stale, Some(5.0)));
    }
}
