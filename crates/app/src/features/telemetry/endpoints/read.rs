//! Reading figures: the verbs that cards and pages call.

use std::collections::{BTreeMap, HashMap};

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::live::Window;
use super::normal::Kind;
use super::store::{self, Grain};
use super::tally::Tally;
use crate::features::telemetry::ingest::Telemetry;

/// Beyond this many seconds figures come from hours instead of minutes.
const FINE: i64 = 3 * 3_600;
/// Rows of services that stand in for the live window.
const SERVICES: usize = 2_000;

/// Requests of the last seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowFigures {
    /// Median, milliseconds. `None`: no request.
    pub p50: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99: Option<f64>,
    /// Failed requests, percent.
    pub error_rate: Option<f64>,
    /// Requests a second. Silence is `None`: nobody can tell "no request" from "no report".
    pub throughput: Option<f64>,
    /// Requests.
    pub count: u64,
    /// Arrival of the last span, in the window or before; `None` when none came since the start of this process.
    pub last_span_at: Option<Timestamp>,
}

/// Requests of one minute (or hour).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinuteFigures {
    /// Begin.
    pub at: Timestamp,
    /// Median, milliseconds.
    pub p50: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99: Option<f64>,
    /// Failed requests, percent.
    pub error_rate: Option<f64>,
    /// Requests a second.
    pub throughput: f64,
    /// Requests.
    pub count: u64,
}

/// One endpoint over a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointFigures {
    /// Service.
    pub service: String,
    /// SERVER | CONSUMER
    pub kind: &'static str,
    /// HTTP method; empty when the spans had none.
    pub method: String,
    /// Route.
    pub route: String,
    /// Median, milliseconds.
    pub p50: f64,
    /// 95th percentile, milliseconds.
    pub p95: f64,
    /// 99th percentile, milliseconds.
    pub p99: f64,
    /// Mean, milliseconds.
    pub avg_duration: f64,
    /// Requests.
    pub request_count: u64,
    /// Failed requests, percent.
    pub error_rate: f64,
}

/// A service that was heard.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSeen {
    /// Name.
    pub service: String,
    /// Arrival of its last span.
    pub last_span_at: Timestamp,
    /// Requests and messages since the asked time.
    pub count: u64,
}

/// Two places are enough for milliseconds and percent.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn rate(count: u64, seconds: f64) -> f64 {
    round(count as f64 / seconds.max(1.0))
}

fn quantile(tally: &Tally, q: f64) -> Option<f64> {
    tally.quantile(q).map(round)
}

impl WindowFigures {
    fn of(window: &Window) -> Self {
        let all = &window.all;
        Self {
            p50: quantile(all, 0.5),
            p95: quantile(all, 0.95),
            p99: quantile(all, 0.99),
            error_rate: all.error_rate().map(round),
            throughput: (all.count() > 0).then(|| rate(all.count(), window.seconds)),
            count: all.count(),
            last_span_at: window.last_span_at,
        }
    }
}

/// Requests of the last `seconds` (5 to 120) of one service or of all, the open minute included.
///
/// Right after a start the stored minutes stand in until the first span arrives. With several replicas these are the spans that this one took.
///
/// # Errors
/// Those of the database.
pub async fn window(app: &App, service: Option<&str>, seconds: u32) -> Result<WindowFigures> {
    let live = app.state::<Telemetry>()?.live().window(service, seconds, app.now());
    if live.last_span_at.is_some() {
        return Ok(WindowFigures::of(&live));
    }
    Ok(WindowFigures::of(&stored(app, service, seconds).await?))
}

/// The last minutes as stored by this process or the one before it.
async fn stored(app: &App, service: Option<&str>, seconds: u32) -> Result<Window> {
    let now = app.now();
    let minute = Grain::ServiceMinute.micros();
    let from = now.0 - i64::from(seconds) * 1_000_000;
    let from = from - from.rem_euclid(minute);
    let rows = store::by_route(&app.db, Grain::ServiceMinute, (from, now.0), service.unwrap_or_default(), SERVICES).await?;
    #[expect(clippy::cast_precision_loss, reason = "some minutes")]
    let mut window = Window { seconds: (now.0 - from) as f64 / 1e6, ..Window::default() };
    for row in rows.into_iter().filter(|row| row.kind == Kind::Server.code()) {
        window.all.merge(&Tally::decode(&row.sketch, row.errors, row.last_at)?);
    }
    window.last_span_at = window.all.last_span_at();
    Ok(window)
}

/// The endpoint of the live window that is worst by `figure`, with its tally, among those with a figure.
///
/// # Errors
/// When the state is not wired.
pub fn worst(app: &App, seconds: u32, figure: fn(&Tally) -> Option<f64>) -> Result<Option<(String, Tally)>> {
    let window = app.state::<Telemetry>()?.live().window(None, seconds, app.now());
    let judged = window.routes.into_iter().filter_map(|(service, place, tally)| Some((figure(&tally)?, service, place, tally)));
    let worst = judged.max_by(|a, b| a.0.total_cmp(&b.0).then(a.3.count().cmp(&b.3.count())));
    Ok(worst.map(|(_, service, (method, route), tally)| (format!("{} of {service}", endpoint_name(method, &route)), tally)))
}

/// `GET /orders`, or the route alone.
pub fn endpoint_name(method: &str, route: &str) -> String {
    if method.is_empty() { route.to_owned() } else { format!("{method} {route}") }
}

/// Requests by minute, or by hour when more than three hours are asked; of one route, or of the whole service. Silent minutes are left out.
///
/// # Errors
/// Those of the database.
pub async fn minutes(app: &App, service: &str, route: Option<&str>, from: Timestamp, to: Timestamp) -> Result<Vec<MinuteFigures>> {
    let coarse = to.since(from) > FINE;
    let grain = match (route, coarse) {
        (None, false) => Grain::ServiceMinute,
        (None, true) => Grain::ServiceHour,
        (Some(_), false) => Grain::RouteMinute,
        (Some(_), true) => Grain::RouteHour,
    };
    let start = from.0 - from.0.rem_euclid(grain.micros());
    let rows = match route {
        None => store::of_service(&app.db, grain, start, to.0, service, Kind::Server.code()).await?,
        Some(route) => store::of_route(&app.db, grain, start, to.0, service, route).await?,
    };
    let mut sums: BTreeMap<i64, Tally> = BTreeMap::new();
    for row in rows {
        sums.entry(row.start_at).or_default().merge(&Tally::decode(&row.sketch, row.errors, row.last_at)?);
    }
    let now = app.now();
    Ok(sums.into_iter().map(|(at, tally)| minute(Timestamp(at), &tally, grain, now)).collect())
}

#[expect(clippy::cast_precision_loss, reason = "seconds of an hour")]
fn minute(at: Timestamp, tally: &Tally, grain: Grain, now: Timestamp) -> MinuteFigures {
    // The open stretch is measured by the time that it has had.
    let passed = (now.0 - at.0).clamp(5_000_000, grain.micros());
    MinuteFigures {
        at,
        p50: quantile(tally, 0.5),
        p95: quantile(tally, 0.95),
        p99: quantile(tally, 0.99),
        error_rate: tally.error_rate().map(round),
        throughput: rate(tally.count(), passed as f64 / 1e6),
        count: tally.count(),
    }
}

/// Endpoints of a stretch of time.
#[derive(Debug)]
pub struct Found {
    /// Slowest p95 first.
    pub endpoints: Vec<EndpointFigures>,
    /// Begin: as asked and rounded down, or later when it was cut.
    pub from: Timestamp,
    /// Whether older rows were left out.
    pub cut: bool,
}

/// Every endpoint between two times (rounded down to the minute, or to the hour beyond three hours), from the newest `most` rows.
///
/// # Errors
/// Those of the database.
pub async fn routes(app: &App, service: Option<&str>, from: Timestamp, to: Timestamp, most: usize) -> Result<Found> {
    // In stretches, so that a week of many endpoints is never in memory at once, and others get their turn in between.
    let (grain, step) = if to.since(from) > FINE { (Grain::RouteHour, 6 * 3_600_000_000) } else { (Grain::RouteMinute, 600_000_000) };
    let mut sums: HashMap<(String, i64, String, String), Tally> = HashMap::new();
    let (first, mut end, mut left, mut cut) = (from.0 - from.0.rem_euclid(grain.micros()), to.0, most, None);
    while end > first && cut.is_none() {
        let start = (end - step).max(first);
        let mut rows = store::by_route(&app.db, grain, (start, end), service.unwrap_or_default(), left + 1).await?;
        if rows.len() > left {
            rows.truncate(left);
            cut = Some(rows.last().map_or(end, |row| row.start_at));
        }
        left -= rows.len();
        for row in rows {
            let tally = Tally::decode(&row.sketch, row.errors, row.last_at)?;
            sums.entry((row.service, row.kind, row.method, row.route)).or_default().merge(&tally);
        }
        end = start;
    }
    let mut endpoints: Vec<EndpointFigures> = sums.into_iter().filter_map(|(key, tally)| figures(key, &tally)).collect();
    endpoints.sort_by(|a, b| b.p95.total_cmp(&a.p95).then_with(|| (&a.service, &a.route, &a.method).cmp(&(&b.service, &b.route, &b.method))));
    Ok(Found { endpoints, from: Timestamp(cut.unwrap_or(first)), cut: cut.is_some() })
}

fn figures((service, kind, method, route): (String, i64, String, String), tally: &Tally) -> Option<EndpointFigures> {
    Some(EndpointFigures {
        service,
        kind: Kind::of(kind)?.word(),
        method,
        route,
        p50: quantile(tally, 0.5)?,
        p95: quantile(tally, 0.95)?,
        p99: quantile(tally, 0.99)?,
        avg_duration: round(tally.average()?),
        request_count: tally.count(),
        error_rate: round(tally.error_rate()?),
    })
}

/// Services heard within the last day, by name; at most 200.
///
/// # Errors
/// Those of the database.
pub async fn services(app: &App) -> Result<Vec<ServiceSeen>> {
    let since = app.now().plus_seconds(-86_400);
    let rows = store::services(&app.db, since.0).await?;
    let seen =
        |row: store::Heard| ServiceSeen { service: row.service, last_span_at: Timestamp(row.last_at), count: u64::try_from(row.count).unwrap_or(0) };
    Ok(rows.into_iter().map(seen).collect())
}
