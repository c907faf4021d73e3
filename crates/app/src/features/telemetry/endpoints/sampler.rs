//! Puts the API card's figures on the board every five seconds: `api.p95`, `api.error_rate`, `api.throughput`.

use std::time::Duration;

use qd_core::reading::{Reading, Status};
use qd_core::{App, Result, Timestamp};

use super::limit::{ERROR_RATE, Limit, P95};
use super::read::{self, WindowFigures};
use super::tally::Tally;
use crate::features::telemetry::ingest::Telemetry;

/// Where the figures come from.
const SOURCE: &str = "OTLP";
/// Seconds of the window.
const WINDOW: u32 = 60;
/// Seconds without a span after which the figures are STALE.
const FRESH: u32 = 45;
/// Requests that it takes to judge.
const ENOUGH: u64 = 20;

/// Samples for as long as the process lives.
pub async fn sample_forever(app: App) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        if let Err(error) = sample_once(&app).await {
            tracing::warn!(%error, "the API figures could not be read");
            let why = "The stored figures could not be read; the log says why.";
            unknown(&app, why, app.now());
        }
    }
}

/// Takes the readings once.
///
/// # Errors
/// Those of the database; the board is not touched then.
pub async fn sample_once(app: &App) -> Result<()> {
    let now = app.now();
    app.state::<Telemetry>()?.live().sweep(now);
    let window = read::window(app, None, WINDOW).await?;
    let Some(last) = window.last_span_at else {
        unknown(app, "No span since the start of this process.", now);
        return Ok(());
    };
    if window.count == 0 {
        // Silence: the last readings stay, and turn STALE by their own time.
        return Ok(());
    }
    let measured = |value: Option<f64>, unit| match value {
        Some(value) => Reading::measured(value, unit, SOURCE, last, FRESH),
        None => Reading::unknown(unit, SOURCE, "No request within the last minute."),
    };
    app.board.put("api.p95", judge(app, measured(window.p95, "ms"), &window, P95, slowest)?, now);
    app.board.put("api.error_rate", judge(app, measured(window.error_rate, "%"), &window, ERROR_RATE, most_failures)?, now);
    app.board.put("api.throughput", measured(window.throughput, "req/s"), now);
    Ok(())
}

fn unknown(app: &App, why: &str, now: Timestamp) {
    for (key, unit) in [("api.p95", "ms"), ("api.error_rate", "%"), ("api.throughput", "req/s")] {
        app.board.put(key, Reading::unknown(unit, SOURCE, why), now);
    }
}

type Culprit = fn(&App) -> Result<Option<String>>;

fn judge(app: &App, reading: Reading, window: &WindowFigures, limit: Limit, culprit: Culprit) -> Result<Reading> {
    let Some(value) = reading.value else { return Ok(reading) };
    // A handful of requests wakes nobody, but bad figures of them are not called fine either.
    let (few, judged) = (window.count < ENOUGH, limit.judge(value));
    let status = if few { judged.min(Status::Warn) } else { judged };
    if status == Status::Ok {
        return Ok(reading);
    }
    let limit = limit.passed(status);
    let culprit = culprit(app)?.map_or_else(String::new, |culprit| format!(" {culprit}"));
    let unit = reading.unit;
    let few = if few { format!(" Only {} in that time; CRIT takes {ENOUGH}.", requests(window.count)) } else { String::new() };
    let sentence = format!("{value:.1} {unit} over the last {WINDOW} s, limit {limit:.0} {unit}.{culprit}{few}");
    Ok(reading.judged(status, || sentence))
}

fn slowest(app: &App) -> Result<Option<String>> {
    let worst = read::worst(app, WINDOW, |tally| tally.quantile(0.95))?;
    Ok(worst.map(|(name, tally)| format!("Slowest: {name}, p95 {:.0} ms in {}.", tally.quantile(0.95).unwrap_or(0.0), requests(tally.count()))))
}

fn most_failures(app: &App) -> Result<Option<String>> {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let failures = |tally: &Tally| (tally.errors > 0).then_some(tally.errors as f64);
    let worst = read::worst(app, WINDOW, failures)?;
    Ok(worst.map(|(name, tally)| format!("Most failures: {name}, {} of {}.", tally.errors, requests(tally.count()))))
}

fn requests(count: u64) -> String {
    if count == 1 { "1 request".into() } else { format!("{count} requests") }
}
