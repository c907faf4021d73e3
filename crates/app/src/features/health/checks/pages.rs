//! Cards of services and databases that are probed, and the page of one.

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::secret::mask_url;
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Check, Checks, Kind, Minute, Outcome, Track, last_day};
use crate::features::health::overview::{ServiceHealth, service, services};
use crate::ui::card::section;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::status::Tone;
use crate::ui::table::{self, Column};
use crate::ui::tabs::crumbs;
use crate::ui::{Empty, card, format, page_head, pill, spark, status};
use crate::web::{Ctx, Nothing, Page, Place, Reply, Routes, View};

/// The routes of checks.
pub fn routes(routes: Routes) -> Routes {
    routes.page_at(Place::new("/health/services", "/services"), Access::READ, "Every probed service and database", show_all).page_at(
        Place::new("/health/services/{id}", "/health/services/{id}"),
        Access::READ,
        "One probed service: reason, last results, uptime",
        show_one,
    )
}

/// `GET /services`
#[derive(Debug, Serialize, ToSchema)]
struct Services {
    /// Every check.
    services: Vec<ServiceHealth>,
}

async fn show_all(ctx: Ctx, _: Nothing) -> Result<Reply<Services>> {
    Ok(Reply::ok(Services { services: services(&ctx.app, ctx.now) }))
}

impl View for Services {
    fn title(&self) -> String {
        "Services".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let bad = self.services.iter().filter(|service| service.status != Status::Ok).count();
        let sentence = match bad {
            0 => "Everything that is probed answers in time.".to_owned(),
            n => format!("{n} of {} are not OK.", self.services.len()),
        };
        html! {
            (crumbs(&[("Health & Incidents", "/health")], "Services"))
            (page_head("Services", &sentence, &html! {}))
            (panel(page))
        }
    }
}

/// The cards of all checks; live screens fetch them again with every `kpi` event.
pub fn panel(page: &Page<'_>) -> Markup {
    let Ok(checks) = page.app.state::<Checks>() else { return html! {} };
    let cards = html! {
        div.svcs id="services" data-live="kpi check" data-live-src="/health/services" {
            @for check in checks.all() { (one_card(&checks, check, page.now)) }
        }
    };
    let none = !checks.all().iter().any(|check| matches!(check.kind, Kind::Http(_)));
    let note = none.then_some("No service is configured. Add [[services]] blocks to the configuration to probe URLs.");
    section("Services", note, None, &cards)
}

fn one_card(checks: &Checks, check: &Check, now: Timestamp) -> Markup {
    let (health, track) = (service(checks, check, now), checks.track(&check.id));
    let tone = Tone::from(health.status);
    html! {
        article.svc id={ "service-" (check.id) } data-status=(tone.key()) {
            div class="row row--between" { h3.truncate { a href={ "/health/services/" (check.id) } { (check.name) } } (pill(health.status, None)) }
            (bar(&health, &track, now))
            div class="row row--between small" { span.quiet { (measured(&track, now)) } span.strong { (uptime(health.uptime90m)) } }
            p class="small soft" { (note(&health)) }
            p class="micro quiet" { (check.source()) " · " (health.latency.taken_at.map_or_else(|| "never".into(), |at| format::age(at, now))) }
        }
    }
}

fn note(health: &ServiceHealth) -> String {
    match (&health.reason, health.latency.value) {
        (Some(reason), _) => reason.clone(),
        (None, Some(latency)) => format!("Answers in {}", format::millis(latency)),
        (None, None) => "Not probed yet.".into(),
    }
}

fn uptime(share: Option<f64>) -> String {
    share.map_or_else(|| format!("{} up", format::UNKNOWN), |share| format!("{} up", format::percent(share)))
}

/// How much of the last ninety minutes was measured.
fn measured(track: &Track, now: Timestamp) -> String {
    match track.slots(now).iter().filter(|slot| slot.status().is_some()).count() {
        90.. => "90 min".into(),
        minutes => format!("{minutes} min measured"),
    }
}

fn bar(health: &ServiceHealth, track: &Track, now: Timestamp) -> Markup {
    let slots = track.slots(now);
    let states: Vec<Option<Tone>> = slots.iter().map(|slot| slot.status().map(Tone::from)).collect();
    let trouble = slots.iter().filter(|slot| slot.status().is_some_and(|status| status != Status::Ok)).count();
    let empty = slots.iter().filter(|slot| slot.status().is_none()).count();
    let label = format!("{}: last 90 minutes, {}. {trouble} with trouble, {empty} without data.", health.name, uptime(health.uptime90m));
    spark::bars(&label, &states)
}

/// One check in full.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServicePage {
    /// State and latency.
    #[serde(flatten)]
    health: ServiceHealth,
    /// What is probed: the URL without its password, or the database.
    target: String,
    /// Seconds between probes.
    every: u32,
    /// Share of probes with an answer in the last 24 hours, in percent; `null` without any probe.
    uptime24h: Option<f64>,
    /// Mean latency of the last 24 hours in ms; `null` without any probe.
    mean24h: Option<f64>,
    /// The last results, newest first.
    results: Vec<ResultRow>,
    /// One state for each of the last 90 minutes, oldest first; `null` where nothing was measured.
    minutes: Vec<Option<Status>>,
    #[serde(skip)]
    track: Track,
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResultRow {
    /// When.
    at: Timestamp,
    /// OK, WARN for slow, CRIT for a failure.
    status: Status,
    /// Why it is not OK.
    reason: Option<String>,
    /// How long it took, in ms.
    latency_ms: f64,
}

async fn show_one(ctx: Ctx, _: Nothing) -> Result<Reply<ServicePage>> {
    let (checks, id) = (ctx.app.state::<Checks>()?, ctx.param("id")?);
    let check = checks.find(id).ok_or_else(|| Error::NotFound(format!("Service {id}")))?;
    let day = last_day(&ctx.app, &check.id).await?;
    Ok(Reply::ok(page_of(&ctx.app, &checks, check, day, ctx.now)))
}

#[expect(clippy::cast_precision_loss, reason = "latencies are small")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

fn page_of(app: &App, checks: &Checks, check: &Check, day: Minute, now: Timestamp) -> ServicePage {
    let track = checks.track(&check.id);
    let target = match &check.kind {
        Kind::Http(service) => mask_url(&service.url),
        Kind::Platform => mask_url(app.config.platform.database_url.expose()),
        Kind::Own => "our own database".into(),
    };
    let probes = day.ok + day.warn + day.crit;
    let row = |single: &super::Single| {
        let (status, reason) = match &single.probe.outcome {
            Outcome::Up => (Status::Ok, None),
            Outcome::Slow(why) => (Status::Warn, Some(why.clone())),
            Outcome::Down(why) => (Status::Crit, Some(why.clone())),
        };
        ResultRow { at: single.at, status, reason, latency_ms: millis(single.probe.latency_us) }
    };
    ServicePage {
        health: service(checks, check, now),
        target,
        every: check.every,
        uptime24h: day.uptime(),
        mean24h: (probes > 0).then(|| millis(day.latency_us_sum / probes.max(1))),
        results: track.recent().map(row).collect(),
        minutes: track.slots(now).into_iter().map(Minute::status).collect(),
        track,
    }
}

impl View for ServicePage {
    fn title(&self) -> String {
        self.health.name.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let sentence = self.health.reason.clone().unwrap_or_else(|| "It answers in time.".into());
        let since = self.health.since.map_or_else(|| "has never turned".into(), |at| format::moment(at, page.now));
        let mean = self.mean24h.map_or_else(|| format::UNKNOWN.into(), format::millis);
        let figures = [
            Stat::new("Last answer", self.health.latency.value.map_or_else(|| format::UNKNOWN.into(), format::millis), "", ""),
            Stat::new(format!("Up, {}", measured(&self.track, page.now)), percent(self.health.uptime90m), "", ""),
            Stat::new("Up, 24 h", percent(self.uptime24h), "", ""),
            Stat::new("Mean, 24 h", mean, "", ""),
        ];
        let facts = [("Probes", self.target.clone()), ("Every", format::duration(i64::from(self.every))), ("State since", since)];
        html! {
            (crumbs(&[("Health & Incidents", "/health"), ("Services", "/health/services")], &self.health.name))
            (page_head(&self.health.name, &sentence, &html! { (pill(self.health.status, None)) }))
            div.stack id="service" data-live="kpi check" {
                (stats_card(&figures))
                (card("Last 90 minutes").body(html! { div class="stack stack--s" { (bar(&self.health, &self.track, page.now)) (kv(facts)) } })
                    .foot(html! { "One failure is WARN, two in a row are CRIT, two good answers in a row end it; five when it failed three times within half an hour." }))
                (card("Last results").fill(results(&self.results, page.now)))
            }
        }
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| format::UNKNOWN.into(), format::percent)
}

fn results(rows: &[ResultRow], now: Timestamp) -> Markup {
    if rows.is_empty() {
        return Empty::new("activity", "No results yet", "The first probe runs within a few seconds of the start.").render();
    }
    let columns = [Column::new("When"), Column::new("State"), Column::number("Took")];
    let body = html! {
        @for row in rows {
            (table::row(false, &html! {
                th scope="row" { (format::time(row.at, now)) @if let Some(reason) = &row.reason { span.sub { (reason) } } }
                (table::cell_status(status(row.status)))
                (table::cell_number("Took", format::millis(row.latency_ms)))
            }))
        }
    };
    table::table_stacking("Last results", &columns, &body)
}
