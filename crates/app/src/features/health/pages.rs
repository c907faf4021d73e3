//! The strip of key figures, the queues, the database, and "measure again".

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::overview::{CacheHealth, DatabaseHealth, Dial, Measured, NamedFigure, cache, database, dials};
use super::{checks, judge, measure};
use crate::features::deploys;
use crate::ui::kpi::{Kpi, Trend};
use crate::ui::table::{self, Column, Priority};
use crate::ui::tabs::crumbs;
use crate::ui::{Empty, card, format, page_head, pill, spark, status};
use crate::web::{Ctx, Nothing, Page, Place, Reply, Routes, View};

pub use checks::pages::panel as services_panel;

/// The routes of this feature.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .page("/kpis", Access::READ, "The six key figures", show_strip)
        .form("/health/refresh", Access::READ, "Measure everything again, now; at most once in 5 s", refresh)
        .page_at(Place::new("/health/database", "/db/health"), Access::READ, "The platform's database: every figure", show_database)
        .page_at(Place::new("/health/cache", "/cache/health"), Access::READ, "The platform's cache: every figure", show_cache);
    checks::pages::routes(routes)
}

/// One key figure.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct KeyFigure {
    /// Name: "Queues".
    name: &'static str,
    /// The headline.
    #[serde(flatten)]
    measured: Measured,
    /// The second line, for people.
    note: String,
}

/// The strip.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Strip {
    /// From left to right.
    figures: Vec<KeyFigure>,
}

fn figures(app: &App, now: Timestamp) -> Strip {
    let figure = |dial: Dial| KeyFigure { name: dial.name, measured: dial.reading.into(), note: dial.sub };
    Strip { figures: dials(app, now).into_iter().map(figure).collect() }
}

async fn show_strip(ctx: Ctx, _: Nothing) -> Result<Reply<Strip>> {
    Ok(Reply::ok(figures(&ctx.app, ctx.now)))
}

async fn refresh(ctx: Ctx, _: Nothing) -> Result<Reply<Strip>> {
    measure(&ctx.app).await?;
    let reply = Reply::ok(figures(&ctx.app, ctx.app.now()));
    // A plain form needs a page to come back to; script swaps what is on the screen.
    Ok(if ctx.header("hx-request").is_some() { reply } else { reply.go("/health") })
}

impl View for Strip {
    fn title(&self) -> String {
        "Key figures".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        // Live screens fetch the strip alone; as a page of its own it has a heading.
        html! { @if !page.htmx { h1 { "Key figures" } } (strip(page)) }
    }
}

/// The strip of six dials; live screens fetch it again with every `kpi` event.
pub fn strip(page: &Page<'_>) -> Markup {
    let shown: Vec<Kpi> = dials(page.app, page.now).into_iter().map(|dial| kpi(page, dial)).collect();
    crate::ui::kpi::strip(&shown, Some(("kpi", "/kpis")))
}

/// Where deploys stand on a sparkline of these values, as shares of its width.
fn deploys_within(page: &Page<'_>, history: &[(Timestamp, Option<f64>)]) -> Vec<f64> {
    let (Some((first, _)), Some((last, _))) = (history.first(), history.last()) else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "at most some hundred values")]
    let share = |mark: i64| history.iter().filter(|(at, _)| at.seconds() < mark).count() as f64 / history.len().saturating_sub(1).max(1) as f64;
    deploys::marks(page.app, None, *first, *last).into_iter().map(|mark| share(mark.x)).collect()
}

fn kpi(page: &Page<'_>, dial: Dial) -> Kpi {
    let history = page.app.board.history(&dial.board_key());
    let values: Vec<Option<f64>> = history.iter().map(|(_, value)| *value).collect();
    let span = history.first().map_or(0, |(first, _)| page.now.since(*first));
    // The cache's headline is good when high, and its state is that of the memory: a change of it is neither good nor bad.
    let judged = dial.key != "cache";
    let label = format!("{}, last {}", dial.name, format::duration(span.max(1)));
    let deployed = deploys_within(page, &history);
    let age = dial.reading.taken_at.map(|at| format::age(at, page.now).trim_end_matches(" ago").to_owned());
    Kpi {
        chart: spark::spark_marked(&label, &values, dial.limit, Some(dial.reading.status.into()), &deployed),
        trend: trend(&values, span, dial.reading.status).map(|trend| Trend { good: trend.good.filter(|_| judged), ..trend }),
        name: dial.name.into(),
        href: dial.href.into(),
        status: dial.reading.status,
        value: dial.value,
        unit: dial.unit,
        sub: dial.sub,
        source: age.map_or_else(|| dial.reading.source.clone(), |age| format!("{} · {age}", dial.reading.source)),
    }
}

/// Change from the first known value to the last; `None` before there is enough to tell.
fn trend(values: &[Option<f64>], span: i64, state: Status) -> Option<Trend> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let (first, last) = (*known.first()?, *known.last()?);
    if known.len() < 8 || first <= 0.0 {
        return None;
    }
    let times = last / first;
    let percent = (times - 1.0) * 100.0;
    let over = format::duration(span);
    let (icon, text) = match times {
        t if t >= 2.0 => ("trending-up", format!("{} × in {over}", format::decimal(t, 1))),
        _ if percent.abs() < 1.0 => return None,
        t if t > 1.0 => ("trending-up", format!("{} % in {over}", format::decimal(percent, 0))),
        _ => ("trending-down", format!("{} % in {over}", format::decimal(-percent, 0))),
    };
    // Headlines are bad when high; a rise within limits is neither good nor bad.
    let good = (matches!(state, Status::Warn | Status::Crit) && percent.abs() >= 5.0).then_some(percent < 0.0);
    Some(Trend { icon, text, good })
}

/// A head whose sentence is renewed with the figures under it.
fn live_head(id: &str, src: &str, title: &str, sentence: &str) -> Markup {
    html! { div id=(id) data-live="kpi" data-live-src=(src) { (page_head(title, sentence, &html! {})) } }
}

fn taken(source: &str, verb: &str, at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        Some(at) => format!("{source}, {verb} {}", format::age(at, now)),
        None => format!("{source}, never {verb}"),
    }
}

async fn show_database(ctx: Ctx, _: Nothing) -> Result<Reply<DatabaseHealth>> {
    Ok(Reply::ok(database(&ctx.app, ctx.now)))
}

impl View for DatabaseHealth {
    fn title(&self) -> String {
        "Database".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let name = format!("{} database", page.app.config.platform.name);
        Inspected {
            title: "Database",
            place: "database",
            name,
            status: self.status,
            reason: self.reason.as_deref(),
            driver: self.driver,
            figures: &self.figures,
        }
        .draw(page.now)
    }
}

async fn show_cache(ctx: Ctx, _: Nothing) -> Result<Reply<CacheHealth>> {
    Ok(Reply::ok(cache(&ctx.app, ctx.now)))
}

impl View for CacheHealth {
    fn title(&self) -> String {
        "Cache".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let name = format!("{} cache", page.app.config.platform.name);
        Inspected {
            title: "Cache",
            place: "cache",
            name,
            status: self.status,
            reason: self.reason.as_deref(),
            driver: self.driver,
            figures: &self.figures,
        }
        .draw(page.now)
    }
}

/// The page of a system that is inspected.
struct Inspected<'h> {
    title: &'static str,
    /// Word in ids and path; also its icon.
    place: &'static str,
    name: String,
    status: Status,
    reason: Option<&'h str>,
    driver: Option<&'static str>,
    figures: &'h [NamedFigure],
}

impl Inspected<'_> {
    fn draw(&self, now: Timestamp) -> Markup {
        let sentence = self.reason.unwrap_or("All figures that have limits are within them.");
        let taken_at = self.figures.iter().filter_map(|figure| figure.measured.taken_at).max();
        let (place, icon) = (self.place, if self.place == "cache" { "gauge" } else { "database" });
        html! {
            (crumbs(&[("Health & Incidents", "/health")], self.title))
            (live_head(&format!("{place}-head"), &format!("/health/{place}"), self.title, sentence))
            div id=(place) data-live="kpi" {
                @if self.figures.is_empty() {
                    (card(&self.name).actions(pill(self.status, None)).fill(Empty::new(icon, "Not measured", sentence).render()))
                } @else {
                    (card(&self.name).note(taken(self.driver.unwrap_or(self.title), "measured", taken_at, now)).actions(pill(self.status, None)).stale(self.status)
                        .fill(figure_table(self.title, self.figures)))
                }
            }
        }
    }
}

fn figure_table(title: &str, figures: &[NamedFigure]) -> Markup {
    let columns = [
        Column::new("Figure"),
        Column::new("State"),
        Column::number("Value"),
        Column::number("WARN").priority(Priority::Medium),
        Column::number("CRIT").priority(Priority::Medium),
    ];
    let body = html! { @for figure in figures { (figure_row(figure)) } };
    table::table_stacking(&format!("Figures of the {}", title.to_lowercase()), &columns, &body)
}

fn figure_row(figure: &NamedFigure) -> Markup {
    let measured = &figure.measured;
    let value = measured.last_value.map_or_else(|| format::UNKNOWN.into(), |value| judge::shown_value(value, measured.unit));
    let limits = judge::limit(figure.key);
    let shown = |of: fn(&judge::Limit) -> f64| match limits {
        Some((limit, low)) => format!("{} {}", if low { "under" } else { "over" }, judge::shown_value(of(&limit), measured.unit)),
        None => format::NONE.into(),
    };
    // A figure without limits can't be within them.
    let state = if limits.is_none() && measured.status == Status::Ok {
        html! { span.quiet { "no limit" } }
    } else {
        status(measured.status)
    };
    table::row(
        false,
        &html! {
            (table::row_name(figure.name, None, measured.reason.as_deref()))
            (table::cell_status(state))
            (table::cell_number("Value", value))
            td class="num col-md quiet" data-label="WARN" { (shown(|limit| limit.warn)) }
            td class="num col-md quiet" data-label="CRIT" { (shown(|limit| limit.crit)) }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_needs_enough_and_calls_a_rise_bad_only_over_a_limit() {
        let rising: Vec<Option<f64>> = (1..=10).map(|n| Some(f64::from(n))).collect();
        assert!(trend(&rising[..7], 100, Status::Ok).is_none());
        let calm = trend(&rising, 600, Status::Ok).unwrap();
        assert_eq!((calm.text.as_str(), calm.good), ("10 × in 10 min", None));
        assert_eq!(trend(&rising, 600, Status::Crit).unwrap().good, Some(false));
        let falling: Vec<Option<f64>> = rising.iter().rev().copied().collect();
        assert_eq!(trend(&falling, 600, Status::Warn).unwrap().good, Some(true));
        assert!(trend(&[None; 20], 600, Status::Unknown).is_none(), "nothing measured has no trend");
    }
}
