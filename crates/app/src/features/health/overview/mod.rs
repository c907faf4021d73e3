//! Everything that is measured, put together for screens and clients. Reads memory and nothing else.

mod cache;
mod database;
mod dial;
mod inspected;
mod queues;
mod sentence;

use qd_core::reading::{Reading, Status};
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

pub use cache::{CacheHealth, cache};
pub use database::{DatabaseHealth, database};
pub use dial::{Dial, dials};
pub use inspected::NamedFigure;
pub use queues::{QueueHealth, QueueRow, QueuesReply, queue_rows, queues};
pub use sentence::sentence;

use super::checks::{Check, Checks, Minute};
use super::judge::Verdict;

/// One figure on the wire: `value` is `null` unless it was measured and still counts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The figure; `null` when it is UNKNOWN.
    pub value: Option<f64>,
    /// The last figure that was measured, whatever the state.
    pub last_value: Option<f64>,
    /// Unit: `ms`, `%`, `req/s`, `bytes`, `s`, `min`, or empty for a count.
    pub unit: &'static str,
    /// Where it comes from.
    pub source: String,
    /// When it was measured; `null` when it never was.
    pub taken_at: Option<Timestamp>,
    /// State.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
}

impl From<Reading> for Measured {
    fn from(reading: Reading) -> Self {
        Self {
            value: reading.value.filter(|_| reading.status != Status::Unknown),
            last_value: reading.value,
            unit: reading.unit,
            source: reading.source,
            taken_at: reading.taken_at,
            status: reading.status,
            reason: reading.reason,
        }
    }
}

/// Requests to the platform, from telemetry.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiHealth {
    /// The worst of its figures.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// 95 % of requests were answered within this, in ms.
    pub latency_p95: Measured,
    /// Share of failed requests, in percent.
    pub error_rate: Measured,
    /// Requests a second.
    pub throughput: Measured,
}

/// The platform's mail.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailHealth {
    /// State.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// Names of the providers that are connected.
    pub providers: Vec<String>,
}

/// Incidents.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentHealth {
    /// State.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// Open ones.
    pub open: Measured,
    /// Mitigated ones that are not closed.
    pub mitigated: Measured,
    /// Mean minutes from start to closed, over 30 days.
    pub mttr: Measured,
}

/// A service or database that is probed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// Word in the URL of its page.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// State.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// Since when it is down, or up again; `null` when it never turned.
    pub since: Option<Timestamp>,
    /// Latency of the last answer.
    pub latency: Measured,
    /// Share of probes with an answer in the last 90 minutes, in percent; `null` without any probe.
    pub uptime90m: Option<f64>,
}

/// The whole picture.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The state in words.
    pub summary: String,
    /// Requests.
    pub api: ApiHealth,
    /// Job systems.
    pub queue: QueueHealth,
    /// The platform's database.
    pub database: DatabaseHealth,
    /// Cache.
    pub cache: CacheHealth,
    /// Mail.
    pub email: EmailHealth,
    /// Incidents.
    pub incidents: IncidentHealth,
    /// Probed services and databases.
    pub services: Vec<ServiceHealth>,
}

/// The whole picture as it stands at `now`.
pub fn overview(app: &App, now: Timestamp) -> Overview {
    let services = services(app, now);
    Overview {
        summary: sentence(&dials(app, now), &services),
        api: api(app, now),
        queue: queues(app, now),
        database: database(app, now),
        cache: cache(app, now),
        email: email(),
        incidents: incidents(app, now),
        services,
    }
}

/// When the oldest figure of the strip that still counts was measured: what the age of every page says. What is STALE or UNKNOWN says its own.
pub fn measured(app: &App, now: Timestamp) -> Option<Timestamp> {
    let dials = dials(app, now);
    let counts = dials.iter().map(|dial| &dial.reading).filter(|reading| !matches!(reading.status, Status::Unknown | Status::Stale));
    counts.filter_map(|reading| reading.taken_at).min()
}

/// A reading from the board; UNKNOWN with `why` when nobody ever put one there.
fn on_board(app: &App, key: &str, unit: &'static str, source: &str, why: &str, now: Timestamp) -> Reading {
    app.board.get(key, now).unwrap_or_else(|| Reading::unknown(unit, source, why))
}

fn worst<'r>(readings: impl IntoIterator<Item = &'r Reading>) -> Verdict {
    let mut verdict = Verdict::default();
    for reading in readings {
        let reason = reading.reason.clone().unwrap_or_default();
        // Several figures of one silent source tell the same.
        if verdict.reasons.contains(&reason) {
            verdict.status = verdict.status.max(reading.status);
        } else {
            verdict.add(reading.status, || reason);
        }
    }
    verdict
}

/// Requests: p95, errors, throughput.
pub fn api(app: &App, now: Timestamp) -> ApiHealth {
    const WHY: &str = "No request was reported yet. Send traces to /v1/traces by OTLP/HTTP.";
    let get = |key, unit| on_board(app, key, unit, "OTLP", WHY, now);
    let (latency, errors, throughput) = (get("api.p95", "ms"), get("api.error_rate", "%"), get("api.throughput", "req/s"));
    let verdict = worst([&latency, &errors, &throughput]);
    ApiHealth {
        status: verdict.status,
        reason: verdict.reason(),
        latency_p95: latency.into(),
        error_rate: errors.into(),
        throughput: throughput.into(),
    }
}

/// Why the cache reads UNKNOWN.
pub(super) const NO_CACHE: &str = "Not connected: no cache.url is configured.";
/// Why mail reads UNKNOWN.
pub(super) const NO_EMAIL: &str = "Not connected: no mail provider is configured.";
/// Why the platform's database reads UNKNOWN.
pub(super) const NO_DATABASE: &str = "Not connected: no platform.database_url is configured.";

fn email() -> EmailHealth {
    EmailHealth { status: Status::Unknown, reason: Some(NO_EMAIL.into()), providers: Vec::new() }
}

/// Incidents: open, mitigated, mean time to close.
pub fn incidents(app: &App, now: Timestamp) -> IncidentHealth {
    let get = |key, unit| on_board(app, key, unit, "Quarterdeck", "Incidents were not counted yet.", now);
    let open = get("incidents.open", "");
    IncidentHealth {
        status: open.status,
        reason: open.reason.clone(),
        open: open.into(),
        mitigated: get("incidents.mitigated", "").into(),
        mttr: get("incidents.mttr", "min").into(),
    }
}

/// All checks.
pub fn services(app: &App, now: Timestamp) -> Vec<ServiceHealth> {
    let Ok(checks) = app.state::<Checks>() else { return Vec::new() };
    checks.all().iter().map(|check| service(&checks, check, now)).collect()
}

/// One check.
pub fn service(checks: &Checks, check: &Check, now: Timestamp) -> ServiceHealth {
    let (reading, track) = (checks.reading(check, now), checks.track(&check.id));
    let counted = track.slots(now).into_iter().fold(Minute::default(), Minute::and);
    ServiceHealth {
        id: check.id.clone(),
        name: check.name.clone(),
        status: reading.status,
        reason: reading.reason.clone(),
        since: track.since,
        latency: reading.into(),
        uptime90m: counted.uptime(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::testing::World;

    #[tokio::test]
    async fn the_age_is_that_of_the_oldest_figure_that_still_counts() {
        let world = World::sqlite().await;
        let (app, now) = (&world.app, world.app.now());
        assert_eq!(measured(app, now), None);
        let put = |key: &str, ago: i64, fresh| app.board.put(key, Reading::measured(1.0, "", "test", now.plus_seconds(-ago), fresh), now);
        ["api.p95", "api.error_rate", "api.throughput"].iter().for_each(|key| put(key, 20, 45));
        put("incidents.open", 10, 45);
        assert_eq!(measured(app, now), Some(now.plus_seconds(-20)));
        assert_eq!(measured(app, now.plus_seconds(30)), Some(now.plus_seconds(-10)), "what is STALE does not count");
        world.end().await;
    }

    #[tokio::test]
    async fn the_incident_dial_says_limits_and_severity_and_a_gap_says_why() {
        let world = World::sqlite().await;
        let (app, now) = (&world.app, world.app.now());
        let dial = || dials(app, now).into_iter().find(|dial| dial.key == "incidents").unwrap();
        assert_eq!(dial().sub, "Incidents were not counted yet.");
        let put = |key: &str, value: f64, unit| app.board.put(format!("incidents.{key}"), Reading::measured(value, unit, "test", now, 45), now);
        [("open", 2.0), ("open.sev1", 1.0), ("mitigated", 1.0), ("sla_breaches", 2.0)].into_iter().for_each(|(key, value)| put(key, value, ""));
        put("mttr", 38.0, "min");
        assert_eq!((dial().unit.as_str(), dial().sub.as_str()), ("open · SEV1", "2 past a limit · 1 mitigated · MTTR 38 min in 30 days"));
        app.board.put("incidents.open", Reading::unknown("", "test", "It does not answer."), now);
        assert_eq!(dial().sub, "It does not answer.");
        world.end().await;
    }
}
