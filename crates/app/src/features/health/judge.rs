//! Limits: when a figure is WARN and when it is CRIT. All on windows, never on lifetime totals, so that recovery is reachable.
//!
//! | figure | WARN above | CRIT above |
//! |---|---|---|
//! | jobs that wait, per queue | 50 | 100 |
//! | jobs failed for good within 5 min, per queue | 10 | 20 |
//! | wait (mean over 5 min, or of the oldest that waits), per queue | 120 s | 300 s |
//! | active connections (Postgres) | 60 | 80 |
//! | cache hits (Postgres), below | 90 % | 80 % |
//! | statements with a mean above 1 s (Postgres) | 20 | 50 |
//! | write-ahead log (SQLite) | 256 MiB | 1 GiB |
//! | our waits for a lock within 5 min (SQLite) | 20 | 100 |
//! | integrity faults (SQLite) | - | 0 |
//! | used memory of maxmemory (Redis) | 75 % | 90 % |

use qd_core::Timestamp;
use qd_core::port::{Figure, QueueState};
use qd_core::reading::Status;

use crate::ui::format;

/// Limits of one figure.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Over this it is WARN.
    pub warn: f64,
    /// Over this it is CRIT.
    pub crit: f64,
}

/// Jobs that wait in a queue.
pub const WAITING: Limit = Limit { warn: 50.0, crit: 100.0 };
/// Jobs of a queue that failed for good within five minutes.
pub const FAILED: Limit = Limit { warn: 10.0, crit: 20.0 };
/// Failed attempts that are tried again: so many within five minutes, and at least this share of all attempts, is WARN. They are lost to nobody
/// yet, so they wake nobody.
pub const RETRIES: (u64, u64) = (5, 20);
/// Seconds that jobs of a queue wait.
pub const WAIT: Limit = Limit { warn: 120.0, crit: 300.0 };
/// Active connections.
pub const ACTIVE: Limit = Limit { warn: 60.0, crit: 80.0 };
/// Percent of hits, bad when low.
pub const HITS: Limit = Limit { warn: 90.0, crit: 80.0 };
/// Slow statements.
pub const SLOW: Limit = Limit { warn: 20.0, crit: 50.0 };
/// Bytes of the write-ahead log.
pub const LOG: Limit = Limit { warn: 268_435_456.0, crit: 1_073_741_824.0 };
/// Waits for a lock.
pub const BUSY: Limit = Limit { warn: 20.0, crit: 100.0 };

/// Percent of the cache's memory.
pub const MEMORY: Limit = Limit { warn: 75.0, crit: 90.0 };

/// Faults that the integrity check found: one is too many.
pub const FAULTS: Limit = Limit { warn: 0.0, crit: 0.0 };

/// A state and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The worst of all.
    pub status: Status,
    /// One sentence for everything that is not OK.
    pub reasons: Vec<String>,
}

impl Default for Verdict {
    fn default() -> Self {
        Self { status: Status::Ok, reasons: Vec::new() }
    }
}

impl Verdict {
    /// Adds a judgement.
    pub fn add(&mut self, status: Status, reason: impl FnOnce() -> String) {
        if status != Status::Ok {
            self.reasons.push(reason());
            self.status = self.status.max(status);
        }
    }

    /// Adds another verdict.
    pub fn join(&mut self, other: Self) {
        self.status = self.status.max(other.status);
        self.reasons.extend(other.reasons);
    }

    /// All reasons in one text; `None` when it is OK.
    pub fn reason(&self) -> Option<String> {
        (!self.reasons.is_empty()).then(|| self.reasons.join(" "))
    }
}

/// Seconds that jobs of a queue wait: the mean of those that started lately, or the age of the oldest that still waits.
pub fn wait(state: &QueueState, now: Timestamp) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "ages are small")]
    let oldest = state.oldest_waiting.map(|at| now.since(at).max(0) as f64);
    [state.average_wait, oldest].into_iter().flatten().reduce(f64::max)
}

/// Judges one queue.
pub fn queue(state: &QueueState, now: Timestamp) -> Verdict {
    let (mut verdict, name) = (Verdict::default(), &state.name);
    let over = |status, limit: Limit| if status == Status::Crit { limit.crit } else { limit.warn };
    let whole = |limit: f64| format::decimal(limit, 0);
    let status = Status::above(count(state.waiting), WAITING.warn, WAITING.crit);
    verdict.add(status, || format!("{name}: {} jobs wait, over {}.", number(state.waiting), whole(over(status, WAITING))));
    let status = Status::above(count(state.failed_recently), FAILED.warn, FAILED.crit);
    verdict.add(status, || format!("{name}: {} jobs failed in 5 min, over {}.", number(state.failed_recently), whole(over(status, FAILED))));
    let attempts = state.retried_recently + state.failed_recently + state.completed_recently;
    let failing = state.retried_recently >= RETRIES.0 && state.retried_recently * 100 >= attempts * RETRIES.1;
    let status = if failing { Status::Warn } else { Status::Ok };
    verdict
        .add(status, || format!("{name}: {} of {} attempts in 5 min failed and are tried again.", number(state.retried_recently), number(attempts)));
    if let Some(seconds) = wait(state, now) {
        let status = Status::above(seconds, WAIT.warn, WAIT.crit);
        verdict.add(status, || format!("{name}: a job waits {}, over {}.", duration(seconds), duration(over(status, WAIT))));
    }
    if state.paused && verdict.status != Status::Ok {
        verdict.reasons.push(format!("{name} is paused."));
    }
    verdict
}

/// The limits of a queue in words.
pub fn queue_limits() -> String {
    let of = |limit: fn(&Limit) -> f64| (format::decimal(limit(&WAITING), 0), format::decimal(limit(&FAILED), 0), duration(limit(&WAIT)));
    let ((waiting, failed, wait), (many, lost, long)) = (of(|limit| limit.warn), of(|limit| limit.crit));
    let (retries, share) = RETRIES;
    format!(
        "WARN over {waiting} waiting, {failed} failed within 5 min, {retries} retries that are {share} % of the attempts, or a wait of {wait}; CRIT over {many}, {lost} or {long}."
    )
}

/// Limits of the figure of a database or cache, and whether it is bad when low; `None` for figures without any.
pub fn limit(key: &str) -> Option<(Limit, bool)> {
    Some(match key {
        "connections_active" => (ACTIVE, false),
        "cache_hit_ratio" => (HITS, true),
        "slow_queries" => (SLOW, false),
        "wal_size" => (LOG, false),
        "busy_waits" => (BUSY, false),
        "quick_check_faults" => (FAULTS, false),
        "used_memory_percent" => (MEMORY, false),
        _ => return None,
    })
}

/// State of one figure; `None` for figures without limits and for those that are missing.
pub fn figure(figure: &Figure) -> Option<Status> {
    let (value, (limit, low)) = (figure.value?, limit(figure.key)?);
    Some(if low { Status::below(value, limit.warn, limit.crit) } else { Status::above(value, limit.warn, limit.crit) })
}

/// Judges a database or cache by its figures. Figures that are missing decide nothing; when all that have limits are missing, the
/// state is UNKNOWN.
pub fn inspected(figures: &[Figure]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut judged = 0;
    for one in figures {
        let Some(status) = figure(one) else { continue };
        judged += 1;
        verdict.add(status, || sentence(one, status));
    }
    if judged == 0 {
        verdict.add(Status::Unknown, || unjudged(figures));
    }
    verdict
}

/// Why nothing could be judged: the reason of the only figure that has limits, or that there are none.
fn unjudged(figures: &[Figure]) -> String {
    let mut limited = figures.iter().filter(|figure| limit(figure.key).is_some());
    let only = limited.next().filter(|_| limited.next().is_none()).and_then(|figure| figure.missing.clone());
    only.unwrap_or_else(|| "None of the figures that have limits could be measured.".into())
}

/// "Used memory of maxmemory: 92 %, over 90 %."
pub fn sentence(figure: &Figure, status: Status) -> String {
    let Some((limit, low)) = limit(figure.key) else { return format!("{}: {}.", figure.name, shown(figure)) };
    let over = if status == Status::Crit { limit.crit } else { limit.warn };
    let than = if low { "under" } else { "over" };
    format!("{}: {}, {than} {}.", figure.name, shown(figure), shown_value(over, figure.unit))
}

/// A figure with its unit, as people read it; `?` when it is missing.
pub fn shown(figure: &Figure) -> String {
    let Some(value) = figure.value else { return format::UNKNOWN.into() };
    shown_value(value, figure.unit)
}

/// A value with its unit, as people read it.
pub fn shown_value(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => format::bytes(unsigned(value)),
        "s" => duration(value),
        "ms" => format::millis(value),
        "%" => format::percent(value),
        "" => format::decimal(value, 1),
        other => format!("{} {other}", format::decimal(value, 1)),
    }
}

fn duration(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 1.0 {
        return format::millis(seconds * 1_000.0);
    }
    if seconds < 10.0 {
        return format!("{} s", format::decimal(seconds, 1));
    }
    format::duration(i64::try_from(unsigned(seconds)).unwrap_or(i64::MAX))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and clamped to the range")]
fn unsigned(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
fn count(n: u64) -> f64 {
    n as f64
}

fn number(n: u64) -> String {
    format::number(i64::try_from(n).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_seconds(1_000_000)
    }

    fn judged(change: impl FnOnce(&mut QueueState)) -> Status {
        let mut state = QueueState { name: "email".into(), ..QueueState::default() };
        change(&mut state);
        queue(&state, at()).status
    }

    #[test]
    fn queues_at_the_edges() {
        assert_eq!(judged(|q| q.waiting = 50), Status::Ok);
        assert_eq!(judged(|q| q.waiting = 51), Status::Warn);
        assert_eq!(judged(|q| q.waiting = 100), Status::Warn);
        assert_eq!(judged(|q| q.waiting = 101), Status::Crit);
        assert_eq!(judged(|q| q.failed_recently = 10), Status::Ok);
        assert_eq!(judged(|q| q.failed_recently = 11), Status::Warn);
        assert_eq!(judged(|q| q.failed_recently = 21), Status::Crit);
        assert_eq!(judged(|q| q.average_wait = Some(120.0)), Status::Ok);
        assert_eq!(judged(|q| q.average_wait = Some(120.1)), Status::Warn);
        assert_eq!(judged(|q| q.average_wait = Some(300.1)), Status::Crit);
        assert_eq!(judged(|q| q.oldest_waiting = Some(at().plus_seconds(-301))), Status::Crit, "one that waits counts before it starts");
        assert_eq!(judged(|q| q.oldest_waiting = Some(at().plus_seconds(60))), Status::Ok, "a clock ahead of ours is no wait");
    }

    #[test]
    fn an_outage_shows_before_jobs_are_lost() {
        let attempts = |retried, completed| judged(|q| (q.retried_recently, q.completed_recently) = (retried, completed));
        assert_eq!(attempts(4, 0), Status::Ok, "a hiccup");
        assert_eq!(attempts(5, 0), Status::Warn);
        assert_eq!(attempts(5, 20), Status::Warn);
        assert_eq!(attempts(5, 21), Status::Ok, "under a fifth of the attempts");
    }

    #[test]
    fn a_lifetime_of_failures_does_not_hold_a_queue_down() {
        assert_eq!(judged(|q| q.failed = 50_000), Status::Ok);
        let state = QueueState { name: "email".into(), waiting: 200, paused: true, ..QueueState::default() };
        let reason = queue(&state, at()).reason().unwrap();
        assert_eq!(reason, "email: 200 jobs wait, over 100. email is paused.");
    }

    #[test]
    fn the_words_are_those_of_the_constants() {
        assert_eq!(
            queue_limits(),
            "WARN over 50 waiting, 10 failed within 5 min, 5 retries that are 20 % of the attempts, or a wait of 2 min; CRIT over 100, 20 or 5 min."
        );
    }

    #[test]
    fn databases_at_the_edges() {
        let of = |key, value| inspected(&[Figure::of(key, "Figure", "", value)]).status;
        assert_eq!(
            (of("connections_active", 60.0), of("connections_active", 61.0), of("connections_active", 81.0)),
            (Status::Ok, Status::Warn, Status::Crit)
        );
        assert_eq!((of("cache_hit_ratio", 90.0), of("cache_hit_ratio", 89.9), of("cache_hit_ratio", 79.9)), (Status::Ok, Status::Warn, Status::Crit));
        assert_eq!((of("slow_queries", 20.0), of("slow_queries", 21.0), of("slow_queries", 51.0)), (Status::Ok, Status::Warn, Status::Crit));
        assert_eq!(
            (of("wal_size", LOG.warn), of("wal_size", LOG.warn + 1.0), of("wal_size", LOG.crit + 1.0)),
            (Status::Ok, Status::Warn, Status::Crit)
        );
        assert_eq!((of("quick_check_faults", 0.0), of("quick_check_faults", 1.0)), (Status::Ok, Status::Crit));
    }

    #[test]
    fn caches_at_the_edges() {
        let at = |percent| inspected(&[Figure::of("used_memory_percent", "Used memory", "%", percent), Figure::of("hit_rate", "Hits", "%", 0.0)]);
        assert_eq!((at(75.0).status, at(75.1).status, at(90.0).status, at(90.1).status), (Status::Ok, Status::Warn, Status::Warn, Status::Crit));
        assert_eq!(at(92.0).reason().unwrap(), "Used memory: 92 %, over 90 %.");
        let without =
            inspected(&[Figure::missing("used_memory_percent", "Used memory", "%", "No limit."), Figure::of("hit_rate", "Hits", "%", 99.0)]);
        assert_eq!((without.status, without.reason().as_deref()), (Status::Unknown, Some("No limit.")));
    }

    #[test]
    fn missing_figures_decide_nothing_unless_all_are_missing() {
        let missing = Figure::missing("slow_queries", "Slow queries", "", "not installed");
        assert_eq!(inspected(std::slice::from_ref(&missing)).status, Status::Unknown);
        assert_eq!(inspected(&[missing, Figure::of("cache_hit_ratio", "Cache hit ratio", "%", 99.0)]).status, Status::Ok);
    }

    #[test]
    fn figures_read_like_sentences() {
        assert_eq!(shown_value(300_000_000.0, "bytes"), "300 MB");
        assert_eq!((shown_value(0.26, "s"), shown_value(2.26, "s"), shown_value(0.0, "s")), ("260 ms".into(), "2.3 s".into(), "0 s".into()));
        assert_eq!(shown_value(99.942, "%"), "99.94 %");
        assert_eq!(shown(&Figure::missing("k", "n", "%", "why")), "?");
    }
}
