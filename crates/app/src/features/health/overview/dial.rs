//! The six dials of the strip: headline, second line, state, source and age.

use qd_core::reading::{Reading, Status};
use qd_core::{App, Timestamp};

use super::super::judge;
use super::{Measured, NO_CACHE, NO_DATABASE, NO_EMAIL, api, cache, database, incidents, queues};
use crate::ui::format;

/// One dial of the strip.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Word within the board: "queues".
    pub key: &'static str,
    /// Name: "Queues".
    pub name: &'static str,
    /// Where it leads; empty when there is no view behind it.
    pub href: &'static str,
    /// The headline with the state of the whole dial.
    pub reading: Reading,
    /// The headline for people.
    pub value: String,
    /// Text behind it.
    pub unit: String,
    /// Second line; the reason when it is not OK.
    pub sub: String,
    /// Limit that the sparkline shows.
    pub limit: Option<f64>,
    /// Whether its source is configured.
    pub connected: bool,
}

impl Dial {
    /// Where its headline lies on the board: one line for each unit.
    pub fn board_key(&self) -> String {
        let other = if self.key == "cache" && self.reading.unit == "bytes" { ".used" } else { "" };
        format!("kpi.{}{other}", self.key)
    }
}

/// The strip, from left to right.
pub fn dials(app: &App, now: Timestamp) -> [Dial; 6] {
    [requests(app, now), jobs(app, now), database_dial(app, now), cache_dial(app, now), email(), incident_dial(app, now)]
}

/// The reading behind a figure on the wire, with the state of the whole dial.
fn headline(figure: Measured, status: Status, reason: Option<&String>) -> Reading {
    Reading {
        value: figure.last_value,
        unit: figure.unit,
        source: figure.source,
        taken_at: figure.taken_at,
        // Staleness was judged by the source.
        fresh_for: 0,
        status,
        reason: reason.cloned(),
    }
}

fn line(parts: &[Option<String>], reason: Option<&String>) -> String {
    let known: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    match reason {
        Some(reason) => reason.clone(),
        None => known.join(" · "),
    }
}

fn text(figure: &Measured) -> Option<String> {
    figure.value.map(|value| judge::shown_value(value, figure.unit))
}

fn requests(app: &App, now: Timestamp) -> Dial {
    let api = api(app, now);
    let errors = text(&api.error_rate).map(|rate| format!("{rate} errors"));
    let reading = headline(api.latency_p95, api.status, api.reason.as_ref());
    Dial {
        key: "api",
        name: "API",
        href: "/health#endpoints",
        value: format::figure(reading.value),
        unit: "ms p95".into(),
        sub: line(&[errors, text(&api.throughput)], api.reason.as_ref()),
        limit: None,
        // Until the first request it is not known whether anybody will ever report one.
        connected: reading.taken_at.is_some(),
        reading,
    }
}

fn jobs(app: &App, now: Timestamp) -> Dial {
    let queues = queues(app, now);
    let oldest = queues.oldest_job_age.map(|age| format!("oldest {}", judge::shown_value(age, "s")));
    let failed = queues.failed_jobs.value.map(|failed| format!("{} failed in 5 min", format::decimal(failed, 0)));
    let reading = headline(queues.total_jobs, queues.status, queues.reason.as_ref());
    Dial {
        key: "queues",
        name: "Queues",
        href: "/queues",
        value: reading.value.map_or_else(|| format::UNKNOWN.into(), |waiting| format::decimal(waiting, 0)),
        unit: "waiting".into(),
        sub: line(&[oldest, failed], queues.reason.as_ref()),
        limit: Some(judge::WAITING.warn),
        connected: !app.ports.queues.is_empty(),
        reading,
    }
}

fn database_dial(app: &App, now: Timestamp) -> Dial {
    let database = database(app, now);
    let shown = |key: &str, words: &str| {
        let figure = database.figure(key)?;
        text(&figure.measured).map(|value| format!("{words} {value}"))
    };
    let used = database.figure("connections_used").filter(|figure| figure.measured.last_value.is_some());
    let size = database.figure("database_size");
    let (figure, parts) = match used {
        Some(used) => (Some(used), [shown("cache_hit_ratio", "hits"), shown("connections_active", "active")]),
        None => (size, [shown("wal_size", "log"), shown("free_pages", "free")]),
    };
    let why = database.reason.clone().unwrap_or_else(|| NO_DATABASE.into());
    let none = || Measured::from(Reading::unknown("bytes", database.driver.unwrap_or("none"), why));
    let figure = figure.map_or_else(none, |figure| figure.measured.clone());
    let reading = headline(figure, database.status, database.reason.as_ref());
    let text = reading.value.map(|value| judge::shown_value(value, reading.unit)).unwrap_or_default();
    let (value, unit) = text.split_once(' ').unwrap_or((format::UNKNOWN, ""));
    let behind = if reading.unit == "%" { "% of connections" } else { unit };
    Dial {
        key: "database",
        name: "Database",
        href: "/health/database",
        value: value.to_owned(),
        unit: behind.to_owned(),
        sub: line(&parts, database.reason.as_ref()),
        limit: None,
        connected: app.ports.inspector.is_some(),
        reading,
    }
}

fn unconnected(key: &'static str, name: &'static str, unit: &'static str, why: &str) -> Dial {
    Dial {
        key,
        name,
        href: "",
        reading: Reading::unknown("%", "not connected", why),
        value: format::UNKNOWN.into(),
        unit: unit.into(),
        sub: why.into(),
        limit: None,
        connected: false,
    }
}

fn cache_dial(app: &App, now: Timestamp) -> Dial {
    if app.ports.cache.is_none() {
        return unconnected("cache", "Cache", "% hit rate", NO_CACHE);
    }
    let cache = cache(app, now);
    let memory = text(&cache.used_memory_percent).map(|used| format!("memory {used}"));
    let evicted = cache.figure("evicted").and_then(|figure| text(&figure.measured)).map(|keys| format!("{keys} evicted in 5 min"));
    // Where nobody looks anything up there is no rate: what is used is measured all the same.
    let used = cache.figure("used_memory").filter(|_| cache.hit_rate.last_value.is_none()).map(|figure| figure.measured.clone());
    let rate = used.is_none();
    let reading = headline(used.unwrap_or(cache.hit_rate), cache.status, cache.reason.as_ref());
    let text = if rate { format::figure(reading.value) } else { reading.value.map(|bytes| judge::shown_value(bytes, "bytes")).unwrap_or_default() };
    let (value, unit) = text.split_once(' ').unwrap_or((text.as_str(), ""));
    let (value, unit) = (value.to_owned(), if rate { "% hit rate".to_owned() } else { format!("{unit} used") });
    Dial {
        key: "cache",
        name: "Cache",
        href: "/health/cache",
        value,
        unit,
        sub: line(&[memory, evicted], cache.reason.as_ref()),
        limit: None,
        connected: true,
        reading,
    }
}

fn email() -> Dial {
    unconnected("email", "Email", "% delivered", NO_EMAIL)
}

fn incident_dial(app: &App, now: Timestamp) -> Dial {
    let incidents = incidents(app, now);
    let worst = ["SEV1", "SEV2", "SEV3", "SEV4"].into_iter().find(|severity| {
        let open = app.board.get(&format!("incidents.open.{}", severity.to_lowercase()), now);
        open.and_then(|open| open.value).is_some_and(|open| open > 0.0)
    });
    let late = app.board.get("incidents.sla_breaches", now).filter(|late| late.status != Status::Unknown).and_then(|late| late.value);
    let late = late.filter(|count| *count > 0.0).map(|count| format!("{} past a limit", format::decimal(count, 0)));
    let mitigated = incidents.mitigated.value.filter(|count| *count > 0.0).map(|count| format!("{} mitigated", format::decimal(count, 0)));
    let mean = incidents.mttr.value.map(|minutes| format!("MTTR {} in 30 days", judge::shown_value(minutes * 60.0, "s")));
    let mttr = mean.unwrap_or_else(|| "none closed in 30 days".into());
    // The unit names the severity that would be the reason; only a gap needs words of its own.
    let gap = incidents.reason.as_ref().filter(|_| matches!(incidents.status, Status::Unknown | Status::Stale));
    let sub = line(&[late, mitigated, Some(mttr)], gap);
    let reading = headline(incidents.open, incidents.status, incidents.reason.as_ref());
    Dial {
        key: "incidents",
        name: "Incidents",
        href: "/incidents",
        value: reading.value.map_or_else(|| format::UNKNOWN.into(), |open| format::decimal(open, 0)),
        unit: worst.filter(|_| reading.value.is_some()).map_or_else(|| "open".into(), |worst| format!("open · {worst}")),
        sub,
        limit: None,
        connected: true,
        reading,
    }
}
