//! Job systems: every queue of every source, and the worst of them.

use qd_core::port::QueueState;
use qd_core::reading::{Reading, Status, outdated};
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::judge::{self, Verdict};
use super::super::sample::QUEUES_FRESH;
use super::super::{Health, Source};
use super::Measured;

/// All job systems together.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueHealth {
    /// The worst queue's state; UNKNOWN or STALE when a source is.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// Queues that are known.
    pub total_queues: usize,
    /// Those that are OK.
    pub healthy_queues: usize,
    /// Those that are WARN.
    pub warning_queues: usize,
    /// Those that are CRIT.
    pub critical_queues: usize,
    /// Jobs that wait.
    pub total_jobs: Measured,
    /// Jobs that failed for good within five minutes.
    pub failed_jobs: Measured,
    /// Mean wait over the queues that started a job within five minutes, in seconds.
    pub avg_wait_time: Measured,
    /// Age of the oldest job that waits, in seconds; `null` when none waits.
    pub oldest_job_age: Option<f64>,
    /// Each job system.
    pub sources: Vec<SourceHealth>,
}

/// One job system.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceHealth {
    /// Name in the configuration.
    pub name: String,
    /// Driver.
    pub driver: &'static str,
    /// The worst of its queues; UNKNOWN or STALE when it was not seen.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// When it was seen last.
    pub taken_at: Option<Timestamp>,
}

/// One queue. While its source is UNKNOWN or STALE the figures are the last that were counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueRow {
    /// The job system that it belongs to.
    pub source: String,
    /// Name.
    pub name: String,
    /// State.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// Jobs that could run now.
    pub waiting: u64,
    /// Jobs that run.
    pub active: u64,
    /// Jobs that are done and kept.
    pub completed: u64,
    /// Jobs that failed for good and are kept.
    pub failed: u64,
    /// Those that failed within five minutes.
    pub failed_recently: u64,
    /// Jobs that wait for their time.
    pub delayed: u64,
    /// Whether a state holds more jobs than were counted: its count means "at least".
    pub at_least: bool,
    /// Whether somebody paused it.
    pub paused: bool,
    /// Jobs done a minute, over five minutes.
    pub processing_rate: f64,
    /// Mean wait of jobs that started within five minutes, in seconds; `null` when none did.
    pub avg_wait_time: Option<f64>,
    /// When the oldest waiting job became ready.
    pub oldest_job: Option<Timestamp>,
    /// When this was counted.
    pub taken_at: Option<Timestamp>,
}

/// `GET /queues`
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueuesReply {
    /// Every queue.
    pub queues: Vec<QueueRow>,
    /// All together.
    pub health: QueueHealth,
}

/// Why a source does not count now: a fault, or silence.
fn gap(source: &Source, now: Timestamp) -> Option<(Status, String)> {
    match (&source.fault, source.taken_at) {
        (Some(why), _) => Some((Status::Unknown, why.clone())),
        (None, None) => Some((Status::Unknown, "Not counted yet.".into())),
        (None, Some(at)) => outdated(at, QUEUES_FRESH, now).map(|why| (Status::Stale, why)),
    }
}

fn row(name: &str, source: &Source, state: &QueueState, now: Timestamp) -> QueueRow {
    let verdict = judge::queue(state, now);
    let (status, reason) = match gap(source, now) {
        Some((status, why)) => (status, Some(why)),
        None => (verdict.status, verdict.reason()),
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let processing_rate = state.completed_recently as f64 / state.recent_minutes();
    QueueRow {
        source: name.to_owned(),
        name: state.name.clone(),
        status,
        reason,
        waiting: state.waiting,
        active: state.active,
        completed: state.completed,
        failed: state.failed,
        failed_recently: state.failed_recently,
        delayed: state.delayed,
        at_least: [state.waiting, state.active, state.completed, state.failed, state.delayed].into_iter().any(|count| state.at_least(count)),
        paused: state.paused,
        processing_rate,
        avg_wait_time: state.average_wait,
        oldest_job: state.oldest_waiting,
        taken_at: source.taken_at,
    }
}

fn seen(app: &App) -> Vec<(String, Source)> {
    let Ok(health) = app.state::<Health>() else { return Vec::new() };
    app.ports.queues.iter().map(|source| (source.name.clone(), health.source(&source.name))).collect()
}

/// Every queue of every source.
pub fn queue_rows(app: &App, now: Timestamp) -> Vec<QueueRow> {
    rows(&seen(app), now)
}

fn rows(seen: &[(String, Source)], now: Timestamp) -> Vec<QueueRow> {
    seen.iter().flat_map(|(name, source)| source.queues.iter().map(move |state| row(name, source, state, now))).collect()
}

/// All job systems together.
pub fn queues(app: &App, now: Timestamp) -> QueueHealth {
    together(&seen(app), now)
}

fn together(seen: &[(String, Source)], now: Timestamp) -> QueueHealth {
    let rows = rows(seen, now);
    let mut verdict = Verdict::default();
    let sources: Vec<SourceHealth> = seen.iter().map(|(name, source)| health_of(name, source, now, &mut verdict)).collect();
    if seen.is_empty() {
        verdict.add(Status::Unknown, || "Not connected: no job system is configured.".into());
    }
    let count = |wanted| rows.iter().filter(|row| row.status == wanted).count();
    let waits: Vec<f64> = rows.iter().filter_map(|row| row.avg_wait_time).collect();
    #[expect(clippy::cast_precision_loss, reason = "some queues")]
    let mean = (!waits.is_empty()).then(|| waits.iter().sum::<f64>() / waits.len() as f64);
    let oldest = rows.iter().filter_map(|row| row.oldest_job).min();
    let total = |of: fn(&QueueRow) -> u64| total(seen, rows.iter().map(of).sum(), now);
    QueueHealth {
        total_jobs: total(|row| row.waiting).judged(verdict.status, || verdict.reason().unwrap_or_default()).into(),
        failed_jobs: total(|row| row.failed_recently).into(),
        avg_wait_time: wait(seen, mean, now).into(),
        #[expect(clippy::cast_precision_loss, reason = "ages are small")]
        oldest_job_age: oldest.map(|at| now.since(at).max(0) as f64),
        total_queues: rows.len(),
        healthy_queues: count(Status::Ok),
        warning_queues: count(Status::Warn),
        critical_queues: count(Status::Crit),
        status: verdict.status,
        reason: verdict.reason(),
        sources,
    }
}

fn health_of(name: &str, source: &Source, now: Timestamp, all: &mut Verdict) -> SourceHealth {
    let mut own = Verdict::default();
    match gap(source, now) {
        Some((status, why)) => own.add(status, || format!("{name}: {why}")),
        None => source.queues.iter().for_each(|state| own.join(judge::queue(state, now))),
    }
    all.join(own.clone());
    SourceHealth { name: name.to_owned(), driver: source.driver, status: own.status, reason: own.reason(), taken_at: source.taken_at }
}

/// A sum over all sources: unknown as long as one of them is, because then nobody knows it.
fn total(seen: &[(String, Source)], sum: u64, now: Timestamp) -> Reading {
    base(seen, "", now, || {
        #[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
        Some(sum as f64)
    })
}

fn wait(seen: &[(String, Source)], mean: Option<f64>, now: Timestamp) -> Reading {
    base(seen, "s", now, || mean)
}

fn base(seen: &[(String, Source)], unit: &'static str, now: Timestamp, value: impl FnOnce() -> Option<f64>) -> Reading {
    let drivers: Vec<&str> = seen.iter().map(|(_, source)| source.driver).filter(|driver| !driver.is_empty()).collect();
    let driver = match drivers.as_slice() {
        [] => "queues".to_owned(),
        [first, rest @ ..] if rest.iter().all(|driver| driver == first) => format!("{first} queue"),
        _ => "queues".to_owned(),
    };
    let gaps: Vec<String> = seen.iter().filter_map(|(name, source)| gap(source, now).map(|(_, why)| format!("{name}: {why}"))).collect();
    let taken = seen.iter().filter_map(|(_, source)| source.taken_at).min();
    if !gaps.is_empty() || taken.is_none() {
        let why = if gaps.is_empty() { "No job system is connected.".to_owned() } else { gaps.join(" ") };
        return Reading::unknown(unit, driver, why);
    }
    match (value(), taken) {
        (Some(value), Some(at)) => Reading::measured(value, unit, driver, at, QUEUES_FRESH),
        _ => Reading::unknown(unit, driver, "No job started within 5 min."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(waiting: u64, at: Timestamp) -> Source {
        let queue = QueueState { name: "email".into(), waiting, ..QueueState::default() };
        Source { driver: "embedded", queues: vec![queue], taken_at: Some(at), fault: None }
    }

    #[test]
    fn the_worst_queue_decides_and_recovery_is_reachable() {
        let now = Timestamp::from_seconds(1_000_000);
        let both = |waiting| together(&[("own".into(), source(0, now)), ("shop".into(), source(waiting, now))], now);
        let bad = both(150);
        assert_eq!((bad.status, bad.total_jobs.value, bad.critical_queues, bad.healthy_queues), (Status::Crit, Some(150.0), 1, 1));
        assert_eq!(both(51).status, Status::Warn);
        assert_eq!((both(50).status, both(50).reason), (Status::Ok, None));
    }

    #[test]
    fn a_source_that_fails_makes_the_sum_unknown_and_keeps_the_other_true() {
        let now = Timestamp::from_seconds(1_000_000);
        let failed = Source { fault: Some("There is no file shop.db.".into()), ..source(7, now.plus_seconds(-60)) };
        let all = together(&[("own".into(), source(3, now)), ("shop".into(), failed)], now);
        assert_eq!((all.status, all.total_jobs.value), (Status::Unknown, None));
        assert_eq!(all.reason.as_deref(), Some("shop: There is no file shop.db."));
        let states: Vec<Status> = all.sources.iter().map(|source| source.status).collect();
        assert_eq!(states, [Status::Ok, Status::Unknown]);
        let json = serde_json::to_value(&all).unwrap();
        assert!(json["totalJobs"]["value"].is_null() && json["avgWaitTime"]["value"].is_null(), "unknown is null, never 0");
    }

    #[test]
    fn a_critical_queue_is_not_hidden_by_an_unknown_source() {
        let now = Timestamp::from_seconds(1_000_000);
        let silent = Source::default();
        let all = together(&[("own".into(), source(500, now)), ("shop".into(), silent)], now);
        assert_eq!((all.status, all.total_jobs.status), (Status::Crit, Status::Crit));
    }

    #[test]
    fn silence_is_stale_after_its_time() {
        let now = Timestamp::from_seconds(1_000_000);
        let seen = [("own".to_owned(), source(3, now))];
        assert_eq!(together(&seen, now.plus_seconds(20)).status, Status::Ok);
        assert_eq!(together(&seen, now.plus_seconds(21)).status, Status::Stale);
        assert_eq!(rows(&seen, now.plus_seconds(21))[0].status, Status::Stale);
    }
}
