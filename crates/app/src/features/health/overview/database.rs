//! The platform's database: its figures, each with its limit, and the worst of them.

use qd_core::reading::Status;
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{Health, Inspected};
use super::inspected::{Judged, NamedFigure};
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

/// The platform's database as it stands at `now`.
pub fn database(app: &App, now: Timestamp) -> DatabaseHealth {
    let seen = app.state::<Health>().map(|health| health.database()).unwrap_or_default();
    of(app.ports.inspector.is_some(), &seen, now)
}

fn of(connected: bool, seen: &Inspected, now: Timestamp) -> DatabaseHealth {
    let judged = Judged::of(seen, (!connected).then_some(NO_DATABASE), now);
    let summary = DatabaseSummary {
        connections: judged.figure("connections_active", ""),
        cache_hit_ratio: judged.figure("cache_hit_ratio", "%"),
        slow_queries: judged.figure("slow_queries", ""),
        deadlocks: judged.figure("deadlocks", ""),
    };
    DatabaseHealth {
        driver: judged.driver(),
        status: judged.status,
        reason: judged.reason,
        connection_health: summary.connections.status,
        cache_health: summary.cache_hit_ratio.status,
        query_health: summary.slow_queries.status,
        figures: judged.figures,
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
    use qd_core::port::Figure;

    use super::*;

    fn seen(at: Timestamp) -> Inspected {
        let figures = vec![
            Figure::of("cache_hit_ratio", "Cache hit ratio, 5 min", "%", 85.0),
            Figure::missing("slow_queries", "Slow queries", "", "pg_stat_statements is not installed."),
        ];
        Inspected { driver: "Postgres", figures, taken_at: Some(at), fault: None }
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
        let failed = Inspected { fault: Some("Connection refused.".into()), ..seen(now) };
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
        let none = of(false, &Inspected::default(), now);
        assert_eq!((none.status, none.reason.as_deref(), none.driver), (Status::Unknown, Some(NO_DATABASE), None));
    }
}
