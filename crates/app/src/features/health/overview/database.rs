//! The platform's database: its figures, each with its limit, and the worst of them.

use qd_core::port::Figure;
use qd_core::reading::{Reading, Status};
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::judge;
use super::super::sample::DATABASE_FRESH;
use super::super::{Database, Health};
use super::{Measured, NO_DATABASE};

/// The platform's database.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseHealth {
    /// The worst of its figures.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// `Postgres`, `SQLite`; `null` when none is configured.
    pub driver: Option<&'static str>,
    /// State of the connections.
    pub connection_health: Status,
    /// State of the cache.
    pub cache_health: Status,
    /// State of the statements.
    pub query_health: Status,
    /// The figures that every operator asks for first.
    pub summary: DatabaseSummary,
    /// All figures.
    pub figures: Vec<NamedFigure>,
}

/// The figures that every operator asks for first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSummary {
    /// Active connections.
    pub connections: Measured,
    /// Share of cache hits, in percent.
    pub cache_hit_ratio: Measured,
    /// Statements with a mean above 1 s.
    pub slow_queries: Measured,
    /// Deadlocks within five minutes.
    pub deadlocks: Measured,
}

/// A figure with its name.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedFigure {
    /// Key: `cache_hit_ratio`.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The figure.
    #[serde(flatten)]
    pub measured: Measured,
}

/// Why the whole database does not count now: not configured, a fault, or silence.
fn gap(connected: bool, seen: &Database, now: Timestamp) -> Option<(Status, String)> {
    match (&seen.fault, seen.taken_at) {
        _ if !connected => Some((Status::Unknown, NO_DATABASE.into())),
        (Some(why), _) => Some((Status::Unknown, why.clone())),
        (None, None) => Some((Status::Unknown, "Not measured yet.".into())),
        (None, Some(at)) => {
            let silent = now.since(at);
            (silent > i64::from(DATABASE_FRESH)).then(|| (Status::Stale, format!("Not measured for {silent} s.")))
        }
    }
}

/// A figure as a reading: judged when it counts, with the gap's state when it does not.
fn reading(figure: &Figure, seen: &Database, gap: Option<&(Status, String)>) -> Reading {
    let (Some(value), Some(at)) = (figure.value, seen.taken_at) else {
        let why = figure.missing.clone().unwrap_or_else(|| "Not measured.".into());
        return Reading::unknown(figure.unit, seen.driver, why);
    };
    let measured = Reading::measured(value, figure.unit, seen.driver, at, DATABASE_FRESH);
    match gap {
        Some((status, why)) => measured.judged(*status, || why.clone()),
        None => measured.judged(judge::figure(figure).unwrap_or(Status::Ok), || format!("{}: {}.", figure.name, judge::shown(figure))),
    }
}

/// The platform's database as it stands at `now`.
pub fn database(app: &App, now: Timestamp) -> DatabaseHealth {
    let seen = app.state::<Health>().map(|health| health.database()).unwrap_or_default();
    of(app.ports.inspector.is_some(), &seen, now)
}

fn of(connected: bool, seen: &Database, now: Timestamp) -> DatabaseHealth {
    let gap = gap(connected, seen, now);
    let verdict = judge::database(&seen.figures);
    let (status, reason) = gap.clone().map_or_else(|| (verdict.status, verdict.reason()), |(status, why)| (status, Some(why)));
    let find = |key: &str, unit| match seen.figures.iter().find(|figure| figure.key == key) {
        Some(figure) => reading(figure, seen, gap.as_ref()),
        None => Reading::unknown(unit, seen.driver, reason.clone().unwrap_or_else(|| format!("{} does not tell it.", seen.driver))),
    };
    let summary = DatabaseSummary {
        connections: find("connections_active", "").into(),
        cache_hit_ratio: find("cache_hit_ratio", "%").into(),
        slow_queries: find("slow_queries", "").into(),
        deadlocks: find("deadlocks", "").into(),
    };
    let named = |figure: &Figure| NamedFigure { key: figure.key, name: figure.name, measured: reading(figure, seen, gap.as_ref()).into() };
    DatabaseHealth {
        status,
        reason,
        driver: connected.then_some(seen.driver).filter(|driver| !driver.is_empty()),
        connection_health: summary.connections.status,
        cache_health: summary.cache_hit_ratio.status,
        query_health: summary.slow_queries.status,
        figures: seen.figures.iter().map(named).collect(),
        summary,
    }
}

impl DatabaseHealth {
    /// A figure by its key.
    pub fn figure(&self, key: &str) -> Option<&NamedFigure> {
        self.figures.iter().find(|figure| figure.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: Timestamp) -> Database {
        let figures = vec![
            Figure::of("cache_hit_ratio", "Cache hit ratio, 5 min", "%", 85.0),
            Figure::missing("slow_queries", "Slow queries", "", "pg_stat_statements is not installed."),
        ];
        Database { driver: "Postgres", figures, taken_at: Some(at), fault: None }
    }

    #[test]
    fn it_is_judged_by_what_was_measured_and_the_rest_is_null() {
        let now = Timestamp::from_seconds(1_000_000);
        let health = of(true, &seen(now), now);
        assert_eq!((health.status, health.cache_health, health.query_health), (Status::Warn, Status::Warn, Status::Unknown));
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["summary"]["cacheHitRatio"]["value"], 85.0);
        assert!(json["summary"]["slowQueries"]["value"].is_null());
        assert_eq!(json["summary"]["slowQueries"]["reason"], "pg_stat_statements is not installed.");
        assert!(json["summary"]["connections"]["value"].is_null());
    }

    #[test]
    fn a_failed_look_is_unknown_and_keeps_the_last_figures() {
        let now = Timestamp::from_seconds(1_000_000);
        let failed = Database { fault: Some("Connection refused.".into()), ..seen(now) };
        let health = of(true, &failed, now.plus_seconds(5));
        assert_eq!((health.status, health.reason.as_deref()), (Status::Unknown, Some("Connection refused.")));
        let hits = &health.summary.cache_hit_ratio;
        assert_eq!((hits.value, hits.last_value, hits.status), (None, Some(85.0), Status::Unknown));
    }

    #[test]
    fn silence_is_stale_and_no_configuration_is_unknown() {
        let now = Timestamp::from_seconds(1_000_000);
        assert_eq!(of(true, &seen(now), now.plus_seconds(45)).status, Status::Warn);
        let old = of(true, &seen(now), now.plus_seconds(46));
        assert_eq!((old.status, old.summary.cache_hit_ratio.value), (Status::Stale, Some(85.0)));
        let none = of(false, &Database::default(), now);
        assert_eq!((none.status, none.reason.as_deref(), none.driver), (Status::Unknown, Some(NO_DATABASE), None));
    }
}
