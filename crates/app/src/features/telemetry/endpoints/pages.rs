//! The panel of slow endpoints and the page of one service.

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limit::{ERROR_RATE, Limit, P95, P99};
use super::ranking::{self, HOUR, RANGES, ROWS, Ranking, Stretch};
use super::read::{self, EndpointFigures, MinuteFigures, WindowFigures, endpoint_name};
use crate::features::deploys;
use crate::features::telemetry::logs::{LogRecord, pages::record_rows, warnings};
use crate::ui::card::Card;
use crate::ui::chart::{Chart, Kind, Mark};
use crate::ui::stats::{Stat, stats_card};
use crate::ui::status::status_word;
use crate::ui::table::{Column, Priority, cell_number, row, row_name, table};
use crate::ui::tabs::{Tab, seg, tabs};
use crate::ui::{Empty, Tone, card, format, page_head};
use crate::web::{Ctx, Page, Place, Reply, Routes, View};

/// Seconds after which the ranking of the last hour is old: three were missed.
const FRESH: i64 = 60;

/// Adds the routes.
pub fn routes(routes: Routes) -> Routes {
    routes.page_at(Place::new("/logs/slow-endpoints", "/logs/slow-endpoints"), Access::READ, "Slowest endpoints", slow_endpoints).page_at(
        Place::new("/services/{service}", "/services/{service}"),
        Access::READ,
        "One service: figures, endpoints, warnings",
        service_page,
    )
}

/// What to show.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct Range {
    /// 15m | 1h | 6h | 24h | 7d; 1h if not given.
    pub timeframe: Option<String>,
    /// Only this service.
    pub service: Option<String>,
}

/// The slowest endpoints of a range.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowEndpoints {
    /// The range.
    pub timeframe: &'static str,
    /// Begin, rounded down; later when it was cut.
    pub from: Timestamp,
    /// End: when it was measured. An answer is up to 30 s old (5 min while others are measured).
    pub to: Timestamp,
    /// Whether there were too many rows to read: the figures are those since `from`.
    pub cut: bool,
    /// Service that was asked for.
    pub service: Option<String>,
    /// Endpoints heard in the range.
    pub total: usize,
    /// The slowest by p95, at most 50.
    pub endpoints: Vec<EndpointFigures>,
}

async fn slow_endpoints(ctx: Ctx, given: Range) -> Result<Reply<SlowEndpoints>> {
    Ok(Reply::ok(slow(&ctx.app, &given).await?))
}

/// The slowest endpoints of a range, for this page and for [`panel`] in other views.
///
/// # Errors
/// [`Error::Invalid`] for an unknown range, and those of the database.
pub async fn slow(app: &App, given: &Range) -> Result<SlowEndpoints> {
    let range = Stretch::of(given.timeframe.as_deref())?;
    let ranking = ranking::ranked(app, range, given.service.as_deref()).await?;
    Ok(SlowEndpoints::of(range, &ranking, given.service.clone(), ROWS))
}

/// The slowest endpoints of the last hour from memory, at most `rows`; `None` before they were ranked.
pub fn slowest(app: &App, rows: usize) -> Option<SlowEndpoints> {
    ranking::of_hour(app).map(|ranking| SlowEndpoints::of(HOUR, &ranking, None, rows))
}

impl SlowEndpoints {
    fn of(range: &Stretch, ranking: &Ranking, service: Option<String>, rows: usize) -> Self {
        let server = super::Kind::Server.word();
        let endpoints = ranking.endpoints.iter().filter(|endpoint| endpoint.kind == server).take(rows).cloned().collect();
        Self { timeframe: range.word, from: ranking.from, to: ranking.to, cut: ranking.cut, service, total: ranking.total, endpoints }
    }
}

impl View for SlowEndpoints {
    fn title(&self) -> String {
        "Slow endpoints".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let slow = self.endpoints.iter().filter(|endpoint| endpoint.p95 > P95.warn).count();
        let heard = format::count(count(self.total), "endpoint", "endpoints");
        let sentence = match (self.total, slow) {
            (0, _) => "No request was reported in this range.".to_owned(),
            (_, 0) => {
                format!("{heard} heard; all answer 95 % of their requests within {}.", P95.calm())
            }
            (_, slow) => format!("{slow} of {heard} over {} at p95.", P95.calm()),
        };
        html! { (page_head("Slow endpoints", &sentence, &html! { (ranges(page, self.timeframe)) })) (log_tabs("/logs/slow-endpoints")) (table_card(self, page.now)) }
    }
}

/// What there is to see of logs and endpoints.
pub fn log_tabs(current: &str) -> Markup {
    let all = [("Slow endpoints", "/logs/slow-endpoints"), ("Log records", "/logs/records")];
    tabs("Logs and endpoints", &all.map(|(label, href)| Tab::new(label, href, href == current)))
}

/// The card with the table, for other views: links to the page of its own. `None`: not ranked yet.
pub fn panel(found: Option<&SlowEndpoints>, now: Timestamp) -> Markup {
    let Some(found) = found else {
        let text = "Endpoints are ranked every 20 s from our own database, which has not answered yet.";
        return card("Slow endpoints").id("endpoints").fill(Empty::new("route", "Not ranked yet", text).render()).render();
    };
    let state = if now.since(found.to) > FRESH { Status::Stale } else { Status::Ok };
    table_card(found, now).stale(state).actions(html! { a href={ "/logs/slow-endpoints?timeframe=" (found.timeframe) } { "All ranges" } }).render()
}

fn table_card(found: &SlowEndpoints, now: Timestamp) -> Card {
    let cut =
        if found.cut { format!(" Too many rows to read: only those since {} UTC count.", format::moment(found.from, now)) } else { String::new() };
    let (rows, range, age) = (found.endpoints.len(), words(found.timeframe), format::age(found.to, now));
    let note = format!("The slowest {rows} by p95, last {range}, measured {age}.{cut}");
    card("Slow endpoints").id("endpoints").note(note).fill(endpoints("Slow endpoints", &found.endpoints, found.service.is_none()))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn words(timeframe: &str) -> &'static str {
    RANGES.iter().find(|range| range.word == timeframe).map_or(HOUR.text, |range| range.text)
}

fn ranges(page: &Page<'_>, current: &str) -> Markup {
    let kept =
        page.query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("timeframe=")).fold(String::new(), |all, pair| all + "&" + pair);
    let tabs = RANGES.each_ref().map(|range| Tab::new(range.text, format!("{}?timeframe={}{kept}", page.path, range.word), range.word == current));
    seg("Range", &tabs)
}

/// A figure with its state: shape and colour only where it is over a limit.
fn judged(value: f64, limit: Limit, text: &str) -> Markup {
    match limit.judge(value) {
        Status::Crit => status_word(Tone::Crit, text),
        Status::Warn => status_word(Tone::Warn, text),
        _ => html! { (text) },
    }
}

/// A table of endpoints.
fn endpoints(label: &str, found: &[EndpointFigures], with_service: bool) -> Markup {
    if found.is_empty() {
        let text = "Endpoints appear here as soon as the application sends SERVER spans to /v1/traces. Choose a longer range to see older ones.";
        return Empty::new("route", "No request in this range", text).render();
    }
    let columns = [
        Column::new("Endpoint"),
        Column::number("p50").priority(Priority::Medium),
        Column::number("p95"),
        Column::number("p99").priority(Priority::Medium),
        Column::number("Mean").priority(Priority::Large),
        Column::number("Requests"),
        Column::number("Errors"),
    ];
    let rows = html! { @for endpoint in found { (row(false, &endpoint_cells(endpoint, with_service))) } };
    table(label, &columns, &rows)
}

fn endpoint_cells(endpoint: &EndpointFigures, with_service: bool) -> Markup {
    let name = endpoint_name(&endpoint.method, &endpoint.route);
    let href = with_service.then(|| service_href(&endpoint.service));
    let sub = if with_service { Some(endpoint.service.as_str()) } else { (endpoint.kind == "CONSUMER").then_some("consumer") };
    let (p50, mean) = (format::millis(endpoint.p50), format::millis(endpoint.avg_duration));
    html! {
        (row_name(&name, href.as_deref(), sub))
        (number_at(Priority::Medium, "p50", &p50))
        (cell_number("p95", judged(endpoint.p95, P95, &format::millis(endpoint.p95))))
        (number_at(Priority::Medium, "p99", judged(endpoint.p99, P99, &format::millis(endpoint.p99))))
        (number_at(Priority::Large, "Mean", &mean))
        (cell_number("Requests", format::number(i64::try_from(endpoint.request_count).unwrap_or(i64::MAX))))
        (cell_number("Errors", judged(endpoint.error_rate, ERROR_RATE, &format::percent(endpoint.error_rate))))
    }
}

fn number_at(priority: Priority, label: &str, content: impl Render) -> Markup {
    html! { td class={ "num" (priority.class()) } data-label=(label) { (content) } }
}

/// The address of a service's page.
pub fn service_href(service: &str) -> String {
    let mut href = "/services/".to_owned();
    for byte in service.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            href.push(char::from(byte));
        } else {
            href.push_str(&format!("%{byte:02X}"));
        }
    }
    href
}

/// One service.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePage {
    /// Name.
    pub service: String,
    /// The range.
    pub timeframe: &'static str,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// Seconds of one point of the charts.
    pub step_seconds: i64,
    /// The last 60 seconds.
    pub window: WindowFigures,
    /// Figures by minute, or by hour beyond three hours; silent ones are left out.
    pub minutes: Vec<MinuteFigures>,
    /// Endpoints and consumers, slowest first, at most 50.
    pub endpoints: Vec<EndpointFigures>,
    /// The newest warnings and errors, at most 20.
    pub warnings: Vec<LogRecord>,
    /// Deploys within the range.
    #[serde(skip)]
    marks: Vec<Mark>,
}

async fn service_page(ctx: Ctx, given: Range) -> Result<Reply<ServicePage>> {
    let range = Stretch::of(given.timeframe.as_deref())?;
    let from = ctx.now.plus_seconds(-range.seconds);
    let service = ctx.param("service")?.to_owned();
    let window = read::window(&ctx.app, Some(&service), 60).await?;
    let minutes = read::minutes(&ctx.app, &service, None, from, ctx.now).await?;
    let ranking = ranking::ranked(&ctx.app, range, Some(&service)).await?;
    let endpoints: Vec<EndpointFigures> = ranking.endpoints.iter().take(ROWS).cloned().collect();
    let warnings = warnings(&ctx.app, &service, 20).await?;
    let silent = window.last_span_at.is_none() && minutes.is_empty() && endpoints.is_empty() && warnings.is_empty();
    if silent && !read::services(&ctx.app).await?.iter().any(|seen| seen.service == service) {
        return Err(Error::NotFound(format!("Service {service}")));
    }
    let step_seconds = if ctx.now.since(from) > 3 * 3_600 { 3_600 } else { 60 };
    let marks = deploys::marks(&ctx.app, Some(&service), from, ctx.now);
    Ok(Reply::ok(ServicePage { service, timeframe: range.word, from, to: ctx.now, step_seconds, window, minutes, endpoints, warnings, marks }))
}

impl View for ServicePage {
    fn title(&self) -> String {
        self.service.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            (page_head(&self.service, &self.sentence(page.now), &html! { (ranges(page, self.timeframe)) }))
            div class="stack stack--l" {
                (self.figures())
                (card("Latency").note("p50, p95 and p99 of all requests.").body(self.latency().render()))
                (card("Throughput").body(self.throughput().render()))
                (card("Error rate").note("Status 500 and above, or span status ERROR.").body(self.errors().render()))
                (card("Endpoints").note(format!("Slowest first, last {}.", words(self.timeframe))).fill(endpoints("Endpoints", &self.endpoints, false)))
                (card("Warnings and errors").actions(self.log_link()).fill(record_rows(&self.warnings, page.now, false)))
            }
        }
    }
}

impl ServicePage {
    fn sentence(&self, now: Timestamp) -> String {
        match (self.window.last_span_at, self.window.p95) {
            (Some(last), None) => format!("No request within the last minute; the last span came {}.", format::age(last, now)),
            (_, Some(p95)) => {
                format!("{} requests/s, p95 {} over the last minute.", format::figure(self.window.throughput), format::millis(p95))
            }
            (None, None) => "No span since the start of this process.".into(),
        }
    }

    fn figures(&self) -> Markup {
        let millis = |value: Option<f64>| value.map_or_else(|| format::UNKNOWN.to_owned(), format::millis);
        let errors = self.window.error_rate.map_or_else(|| format::UNKNOWN.to_owned(), format::percent);
        stats_card(&[
            Stat::new("p50", millis(self.window.p50), "", "last 60 s"),
            Stat::new("p95", millis(self.window.p95), "", P95.words()),
            Stat::new("p99", millis(self.window.p99), "", P99.words()),
            Stat::new("Error rate", errors, "", ERROR_RATE.words()),
            Stat::new("Throughput", format::figure(self.window.throughput), " req/s", "last 60 s"),
        ])
    }

    fn log_link(&self) -> Markup {
        let query = serde_urlencoded::to_string([("service", self.service.as_str()), ("severity", "WARN")]).unwrap_or_default();
        html! { a href={ "/logs/records?" (query) } { "All records" } }
    }

    /// A chart over every step of the range; steps without requests are gaps.
    fn chart(&self, id: &str, caption: &str, kind: Kind) -> Chart {
        Chart { x: self.steps(), marks: self.marks.clone(), ..Chart::new(id, format!("{} of {}", caption, self.service), kind) }
    }

    fn steps(&self) -> Vec<i64> {
        let step = self.step_seconds;
        let first = self.from.seconds() - self.from.seconds().rem_euclid(step);
        (0..).map(|n| first + n * step).take_while(|at| *at <= self.to.seconds()).collect()
    }

    fn points(&self, value: fn(&MinuteFigures) -> Option<f64>) -> Vec<Option<f64>> {
        let by_time: std::collections::HashMap<i64, Option<f64>> = self.minutes.iter().map(|minute| (minute.at.seconds(), value(minute))).collect();
        self.steps().iter().map(|at| by_time.get(at).copied().flatten()).collect()
    }

    fn latency(&self) -> Chart {
        let peak = self.minutes.iter().filter_map(|minute| minute.p95).fold(0.0, f64::max);
        let chart = self.chart("latency", "Latency", Kind::Line);
        let chart = chart.series("p50", self.points(|m| m.p50)).series("p95", self.points(|m| m.p95)).series("p99", self.points(|m| m.p99));
        let finding = format!("Latency over the last {}: highest p95 {}.", words(self.timeframe), format::millis(peak));
        Chart { unit: " ms".into(), finding, ..chart }
    }

    fn throughput(&self) -> Chart {
        let peak = self.minutes.iter().map(|minute| minute.throughput).fold(0.0, f64::max);
        let chart = self.chart("throughput", "Throughput", Kind::Area).series("Requests a second", self.points(|m| Some(m.throughput)));
        let finding = format!("Throughput over the last {}: highest {} requests a second.", words(self.timeframe), format::figure(Some(peak)));
        Chart { unit: " req/s".into(), finding, ..chart }
    }

    fn errors(&self) -> Chart {
        let peak = self.minutes.iter().filter_map(|minute| minute.error_rate).fold(0.0, f64::max);
        let chart = self.chart("error-rate", "Error rate", Kind::Area).series("Failed requests", self.points(|m| m.error_rate));
        let finding = format!("Error rate over the last {}: highest {}.", words(self.timeframe), format::percent(peak));
        Chart { unit: " %".into(), finding, ..chart }
    }
}
