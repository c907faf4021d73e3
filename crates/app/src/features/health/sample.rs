//! Samplers: each source on its own clock, with a time limit, into memory. Requests never wait for a source.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use qd_core::event::Event;
use qd_core::port::{Inspector, QueueSource};
use qd_core::reading::{Reading, Status};
use qd_core::{App, Timestamp};
use serde_json::json;
use tracing::{debug, warn};

use super::checks::{self, Outcome, Probe, probe};
use super::{Health, Inspected, Source, overview};
use crate::ui::format;

/// Seconds between looks at a job system, and how long what was seen counts as fresh.
pub const QUEUES_EVERY: u32 = 5;
pub const QUEUES_FRESH: u32 = 20;
/// The same for what is inspected: the platform's database and its cache.
pub const INSPECTED_EVERY: u32 = 15;
pub const INSPECTED_FRESH: u32 = 45;
/// Seconds between two states of the strip.
const STRIP_EVERY: u64 = 15;
/// A source that fails is asked less and less often, down to this.
const SLOWEST: Duration = Duration::from_secs(30);
/// The drivers have shorter limits of their own.
const LIMIT: Duration = Duration::from_secs(10);

/// The same duration, give or take a tenth, so that samplers do not march in step.
pub fn jitter(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.9..=1.1))
}

/// The wait before the next look, after so many failures in a row.
fn pause(every: u32, failures: u32) -> Duration {
    let every = Duration::from_secs(u64::from(every));
    jitter((every * 2_u32.pow(failures.min(6))).min(SLOWEST.max(every)))
}

/// Looks at one job system for as long as the process lives.
pub async fn watch_queues(app: App, source: QueueSource) {
    let mut failures = 0;
    loop {
        failures = if queues(&app, &source).await { 0 } else { failures + 1 };
        tokio::time::sleep(pause(QUEUES_EVERY, failures)).await;
    }
}

/// Looks at one job system once. False when it could not be seen.
pub async fn queues(app: &App, source: &QueueSource) -> bool {
    let seen = tokio::time::timeout(LIMIT, source.queue.states()).await;
    let seen = seen.map_err(|_| late()).and_then(|states| states.map_err(|fault| fault.to_string()));
    let Ok(health) = app.state::<Health>() else { return false };
    let (now, driver) = (app.now(), source.queue.driver());
    let fine = seen.is_ok();
    health.change_source(&source.name, |known| match seen {
        Ok(queues) => *known = Source { driver, queues, taken_at: Some(now), fault: None },
        Err(why) => {
            told(&source.name, known.fault.as_deref(), &why);
            known.driver = driver;
            known.fault = Some(why);
        }
    });
    fine
}

/// Looks at the platform's database for as long as the process lives.
pub async fn watch_database(app: App) {
    let mut failures = 0;
    loop {
        failures = if database(&app).await { 0 } else { failures + 1 };
        // Its check is made of these looks: a failure is confirmed soon.
        let wait = if failures == 1 { jitter(Duration::from_secs(5)) } else { pause(INSPECTED_EVERY, failures) };
        tokio::time::sleep(wait).await;
    }
}

/// Looks at the platform's database once, and tells its check. False when it did not answer.
pub async fn database(app: &App) -> bool {
    let (Some(inspector), Ok(health)) = (&app.ports.inspector, app.state::<Health>()) else { return true };
    let started = Instant::now();
    let fault = inspect(app, inspector.as_ref(), &health.database).await;
    let latency = started.elapsed();
    let fine = fault.is_none();
    let outcome = fault.map_or_else(|| probe::judge(latency, checks::DATABASE_SLOW), Outcome::Down);
    let told = checks::record(app, checks::PLATFORM, Probe { outcome, latency_us: probe::micros(latency) }).await;
    if let Err(fault) = told {
        warn!(%fault, "result of the platform database's check not stored");
    }
    fine
}

/// Looks at the platform's cache for as long as the process lives.
pub async fn watch_cache(app: App) {
    let mut failures = 0;
    loop {
        failures = if cache(&app).await { 0 } else { failures + 1 };
        tokio::time::sleep(pause(INSPECTED_EVERY, failures)).await;
    }
}

/// Looks at the platform's cache once. False when it did not answer.
pub async fn cache(app: &App) -> bool {
    let (Some(inspector), Ok(health)) = (&app.ports.cache, app.state::<Health>()) else { return true };
    inspect(app, inspector.as_ref(), &health.cache).await.is_none()
}

/// Looks once and keeps what was seen. Gives what went wrong; the last figures stay then.
async fn inspect(app: &App, inspector: &dyn Inspector, known: &RwLock<Inspected>) -> Option<String> {
    let seen = tokio::time::timeout(LIMIT, inspector.inspect()).await;
    let seen = seen.map_err(|_| late()).and_then(|figures| figures.map_err(|fault| fault.to_string()));
    let (now, driver) = (app.now(), inspector.driver());
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    let why = match seen {
        Ok(figures) => {
            *known = Inspected { driver, figures, taken_at: Some(now), fault: None };
            return None;
        }
        Err(why) => why,
    };
    told(driver, known.fault.as_deref(), &why);
    known.driver = driver;
    known.fault = Some(why.clone());
    Some(why)
}

fn late() -> String {
    format!("No answer within {} s.", LIMIT.as_secs())
}

/// Says once that a source fails, and again when it fails in another way.
fn told(source: &str, before: Option<&str>, why: &str) {
    if before == Some(why) {
        debug!(source, why, "source still fails");
    } else {
        warn!(source, why, "source fails");
    }
}

/// Tells live screens every fifteen seconds that there are new figures, and keeps the headlines for the sparklines.
pub async fn strip(app: App) {
    loop {
        tick(&app);
        // Samplers start with the process: the first strip follows soon.
        let young = app.now().since(app.started) < 10;
        tokio::time::sleep(Duration::from_secs(if young { 2 } else { STRIP_EVERY })).await;
    }
}

/// One state of the strip: headlines onto the board, and word to live screens.
pub fn tick(app: &App) {
    let now = app.now();
    for dial in overview::dials(app, now) {
        let key = dial.board_key();
        // What is not measured now is a gap in the line, not a flat continuation of the last figure.
        let counts = !matches!(dial.reading.status, Status::Unknown | Status::Stale);
        let value = dial.reading.value.filter(|_| counts);
        app.board.put(key, Reading { value, ..dial.reading }, now);
    }
    tell(app, now);
}

fn tell(app: &App, now: Timestamp) {
    app.bus.tell(Event::new("kpi.refreshed", "", json!({}), now));
    let measured = overview::measured(app, now).map(format::clock);
    app.bus.tell(Event::new("freshness.measured", "", json!({ "measured": measured }), now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_source_is_asked_less_often_but_within_half_a_minute() {
        for (failures, seconds) in [(0, 5.0), (1, 10.0), (2, 20.0), (3, 30.0), (60, 30.0)] {
            let wait = pause(5, failures).as_secs_f64();
            assert!((seconds * 0.89..=seconds * 1.11).contains(&wait), "{failures}: {wait}");
        }
        assert!(pause(15, 60) <= Duration::from_secs(33));
    }
}
