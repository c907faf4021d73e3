//! Checks: is a service there, how fast does it answer, and since when does it not?
//!
//! A check fetches a URL or asks a database, on its own clock. What it finds is kept by minute, shown as a bar of the last
//! ninety, and told as `check.failed` and `check.recovered` when the state turns ([`track`] has the rule).

pub mod pages;
pub mod probe;
mod store;
mod track;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use qd_core::config::{Config, ServiceConfig};
use qd_core::event::{self, Event};
use qd_core::reading::Reading;
use qd_core::{App, Result, Timestamp};
use serde_json::json;
use tracing::{error, info};

pub use store::STATEMENTS;
pub use track::{Minute, Outcome, Probe, Single, Track};

/// Id of the check of the platform's database.
pub const PLATFORM: &str = "platform-database";
/// Id of the check of our own database.
pub const OWN: &str = "quarterdeck-database";
/// Seconds between looks at a database.
const DATABASE_EVERY: u32 = 15;
/// A failed probe is confirmed or refuted after this long.
const CONFIRM: Duration = Duration::from_secs(5);
/// Our own database answers a ping within this.
const OWN_LIMIT: Duration = Duration::from_secs(3);
/// Over this a database answers slowly.
pub(super) const DATABASE_SLOW: Duration = Duration::from_secs(1);
/// Days that results are kept.
const KEEP_DAYS: i64 = 30;

/// What a check looks at.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A URL.
    Http(ServiceConfig),
    /// The platform's database; the database sampler looks and tells.
    Platform,
    /// Our own database.
    Own,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// Word in URLs, tables and events.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it looks at.
    pub kind: Kind,
    /// Seconds between two probes.
    pub every: u32,
}

impl Check {
    /// Seconds for which a result counts as fresh.
    fn fresh_for(&self) -> u32 {
        let limit = match &self.kind {
            Kind::Http(service) => u32::try_from(service.timeout_ms / 1_000).unwrap_or(60),
            Kind::Platform | Kind::Own => 5,
        };
        // A jitter of a tenth, and one probe that is late.
        self.every * 2 + self.every / 5 + limit + 1
    }

    /// Where its figures come from.
    pub fn source(&self) -> &'static str {
        match self.kind {
            Kind::Http(_) => "HTTP probe",
            Kind::Platform | Kind::Own => "Database probe",
        }
    }
}

/// All checks and what is known of them.
#[derive(Debug)]
pub struct Checks {
    checks: Vec<Check>,
    tracks: RwLock<BTreeMap<String, Track>>,
    client: reqwest::Client,
}

impl Checks {
    /// The checks of a configuration.
    ///
    /// # Errors
    /// [`qd_core::Error::Broken`] when TLS can't be set up.
    pub fn new(config: &Config) -> Result<Self> {
        let mut checks: Vec<Check> = Vec::new();
        for service in &config.services {
            let slug = slug(&service.name);
            let taken = |id: &str| id == PLATFORM || id == OWN || checks.iter().any(|check| check.id == id);
            let id = (1..).map(|n| if n == 1 { slug.clone() } else { format!("{slug}-{n}") }).find(|id| !taken(id)).unwrap_or(slug.clone());
            checks.push(Check { id, name: service.name.clone(), kind: Kind::Http(service.clone()), every: service.interval_seconds });
        }
        if config.platform.database_url.is_set() {
            let name = format!("{} database", config.platform.name);
            checks.push(Check { id: PLATFORM.into(), name, kind: Kind::Platform, every: DATABASE_EVERY });
        }
        checks.push(Check { id: OWN.into(), name: "Quarterdeck database".into(), kind: Kind::Own, every: DATABASE_EVERY });
        Ok(Self { checks, tracks: RwLock::default(), client: probe::client()? })
    }

    /// Every check, in the order of the configuration.
    pub fn all(&self) -> &[Check] {
        &self.checks
    }

    /// One check by its id.
    pub fn find(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// What is known of a check.
    pub fn track(&self, id: &str) -> Track {
        self.tracks.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default()
    }

    /// State and last latency of a check, as it stands at `now`.
    pub fn reading(&self, check: &Check, now: Timestamp) -> Reading {
        let tracks = self.tracks.read().unwrap_or_else(PoisonError::into_inner);
        match tracks.get(&check.id) {
            Some(track) => track.reading(check.source(), check.fresh_for(), now),
            None => Reading::unknown("ms", check.source(), "Not probed yet."),
        }
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Track) -> T) -> T {
        let mut tracks = self.tracks.write().unwrap_or_else(PoisonError::into_inner);
        change(tracks.entry(id.to_owned()).or_default())
    }
}

/// Lower-case letters and digits, everything else a hyphen.
fn slug(name: &str) -> String {
    let dashed: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "service".into() } else { words.join("-") }
}

/// Takes a probe in: memory first, then the minute, the turn and its event in one transaction. A turn that can't be stored
/// is stored and told with the next probe.
pub async fn record(app: &App, check: &str, probe: Probe) -> Result<()> {
    let (checks, now) = (app.state::<Checks>()?, app.now());
    let Some(name) = checks.find(check).map(|check| check.name.clone()) else { return Ok(()) };
    let minute = Minute::of(&probe);
    let track = checks.change(check, |track| {
        track.take(probe, now);
        track.clone()
    });
    let turned = track.down != track.told_down;
    let (id, down) = (check.to_owned(), track.down);
    let turn = turned.then(|| turn(&id, &name, &track, now));
    let write = app.db.write_with::<_, qd_core::Error, _>(move |tx| {
        Box::pin(async move {
            store::add(tx, &id, track::minute_of(now), minute).await?;
            if let Some((event, since, reason)) = turn {
                store::turn(tx, &id, down, since, reason).await?;
                event::emit(tx, event).await?;
            }
            Ok(())
        })
    });
    write.await?;
    if turned {
        checks.change(check, |track| track.told_down = down);
        info!(check, down, "check turned");
    }
    Ok(())
}

fn turn(id: &str, name: &str, track: &Track, now: Timestamp) -> (Event, Timestamp, Option<String>) {
    let reading = track.reading("", 0, now);
    let verb = if track.down { "check.failed" } else { "check.recovered" };
    let since = track.since.unwrap_or(now);
    let payload =
        json!({ "check": id, "name": name, "status": reading.status, "reason": reading.reason, "since": since, "latencyMs": reading.value });
    (Event::new(verb, id, payload, now), since, reading.reason)
}

/// Probes a check once, now. The platform's database is left to its sampler.
pub async fn look(app: &App, checks: &Checks, check: &Check) {
    let probe = match &check.kind {
        Kind::Platform => return,
        Kind::Http(service) => probe::http(&checks.client, service).await,
        Kind::Own => own(app).await,
    };
    if let Err(fault) = record(app, &check.id, probe).await {
        error!(check = check.id, %fault, "result of a check not stored");
    }
}

async fn own(app: &App) -> Probe {
    let started = Instant::now();
    let answer = tokio::time::timeout(OWN_LIMIT, app.db.ping()).await;
    let latency = started.elapsed();
    let outcome = match answer {
        Ok(Ok(())) => probe::judge(latency, DATABASE_SLOW),
        Ok(Err(fault)) => Outcome::Down(format!("{fault}.")),
        Err(_) => Outcome::Down(format!("No answer within {} s.", OWN_LIMIT.as_secs())),
    };
    Probe { outcome, latency_us: probe::micros(latency) }
}

/// Loads what was stored, then probes every check on its own clock for as long as the process lives.
pub async fn run(app: App) {
    let Ok(checks) = app.state::<Checks>() else { return };
    if let Err(fault) = load(&app, &checks).await {
        error!(%fault, "earlier results of checks not loaded");
    }
    let loops = checks.all().iter().filter(|check| !matches!(check.kind, Kind::Platform)).map(|check| {
        let (app, checks) = (&app, &checks);
        async move {
            loop {
                look(app, checks, check).await;
                let every = Duration::from_secs(u64::from(check.every));
                let wait = if checks.track(&check.id).is_suspect() { CONFIRM.min(every) } else { every };
                tokio::time::sleep(super::sample::jitter(wait)).await;
            }
        }
    });
    futures::future::join_all(loops).await;
}

async fn load(app: &App, checks: &Checks) -> Result<()> {
    let from = track::minute_of(app.now()) - track::MINUTES + 1;
    for state in store::states(&app.db).await? {
        checks.change(&state.check_id, |track| *track = Track::stored(state.down, Timestamp(state.since), []));
    }
    for row in store::since(&app.db, from).await? {
        checks.change(&row.check_id, |track| track.remember(row.minute, row.counted.into()));
    }
    Ok(())
}

/// Deletes results older than thirty days, at most 5,000 at a time. Returns how many.
pub async fn trim(app: &App) -> Result<u64> {
    let before = track::minute_of(app.now()) - KEEP_DAYS * 1_440;
    let mut gone = 0;
    loop {
        let deleted = app.db.write(move |tx| Box::pin(async move { store::trim(tx, before).await })).await?;
        gone += deleted;
        if deleted < 5_000 {
            return Ok(gone);
        }
    }
}

/// Results of a check over the last 24 hours.
pub async fn last_day(app: &App, check: &str) -> Result<Minute> {
    Ok(store::sum(&app.db, check, track::minute_of(app.now()) - 1_440).await?)
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn ids_are_words_for_urls() {
        assert_eq!(slug("Checkout & payments"), "checkout-payments");
        assert_eq!(slug("Žluťoučký"), "lu-ou-k");
        assert_eq!(slug("***"), "service");
    }
}
