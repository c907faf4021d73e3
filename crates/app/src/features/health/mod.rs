//! Health: what is measured of the platform, how it is judged, and what it looks like.
//!
//! Samplers ([`sample`]) look at job systems and the platform's database, [`checks`] probe services; both write into memory.
//! [`judge`] holds the limits, [`overview`] puts everything together for screens and clients, without touching any source.
//! A figure that could not be measured is UNKNOWN or STALE with the reason: never zero, never green.

pub mod checks;
pub mod judge;
pub mod overview;
pub mod pages;
mod sample;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use qd_core::config::Config;
use qd_core::port::{Figure, QueueState};
use qd_core::{App, Error, Result, StateMap, Timestamp};

pub use overview::{measured, overview};
pub use pages::{services_panel, strip};
pub use sample::queues as recount;

use super::{incidents, telemetry};
use crate::web::{Feature, Starter};

/// Seconds between two measurements on demand.
const REFRESH_EVERY: i64 = 5;
/// A measurement on demand is answered after this at the latest; slower sources go on by themselves.
const REFRESH_LIMIT: Duration = Duration::from_secs(4);

/// The manifest. The page itself is a view: it composes panels of several features.
pub const FEATURE: Feature = Feature { state, start, statements: checks::STATEMENTS, ..Feature::new("health", pages::routes) };

/// What samplers saw last.
#[derive(Debug, Default)]
pub struct Health {
    sources: RwLock<BTreeMap<String, Source>>,
    database: RwLock<Inspected>,
    cache: RwLock<Inspected>,
    refreshed: Mutex<Option<Timestamp>>,
}

/// One job system as it was seen last.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Name of the driver.
    pub driver: &'static str,
    /// Its queues.
    pub queues: Vec<QueueState>,
    /// When they were counted; `None` when they never were.
    pub taken_at: Option<Timestamp>,
    /// Why the last look failed.
    pub fault: Option<String>,
}

/// A system of the platform (its database, its cache) as its inspector saw it last.
#[derive(Clone, Debug, Default)]
pub struct Inspected {
    /// Name of the driver.
    pub driver: &'static str,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// When they were measured; `None` when they never were.
    pub taken_at: Option<Timestamp>,
    /// Why the last look failed.
    pub fault: Option<String>,
}

impl Health {
    /// What was seen of a job system.
    pub fn source(&self, name: &str) -> Source {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// What was seen of the platform's database.
    pub fn database(&self) -> Inspected {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was seen of the platform's cache.
    pub fn cache(&self) -> Inspected {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change_source(&self, name: &str, change: impl FnOnce(&mut Source)) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        change(sources.entry(name.to_owned()).or_default());
    }

    /// Lets one measurement on demand through, unless there was one just now.
    fn may_refresh(&self, now: Timestamp) -> Result<()> {
        let mut last = self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        let left = last.map_or(0, |at| REFRESH_EVERY - now.since(at));
        if left > 0 {
            return Err(Error::Limited { retry_after: left.unsigned_abs() });
        }
        *last = Some(now);
        Ok(())
    }
}

fn state(config: &Config, map: &mut StateMap) -> Result<()> {
    map.insert(Health::default());
    map.insert(checks::Checks::new(config)?);
    Ok(())
}

fn start(starter: &mut Starter) {
    for source in starter.app.ports.queues.clone() {
        starter.keep("queues", move |app| sample::watch_queues(app, source.clone()));
    }
    if starter.app.ports.inspector.is_some() {
        starter.keep("platform's database", sample::watch_database);
    }
    if starter.app.ports.cache.is_some() {
        starter.keep("platform's cache", sample::watch_cache);
    }
    starter.keep("checks", checks::run);
    starter.keep("key figures", sample::strip);
}

/// Measures everything again, now; at most once in five seconds. Sources that take longer than four seconds are not waited for.
///
/// # Errors
/// [`Error::Limited`] when somebody did so just now.
pub async fn measure(app: &App) -> Result<()> {
    app.state::<Health>()?.may_refresh(app.now())?;
    let looking = tokio::spawn(look(app.clone()));
    // Late ones go on: what they find is shown by the next strip.
    let _late = tokio::time::timeout(REFRESH_LIMIT, looking).await;
    sample::tick(app);
    Ok(())
}

/// Looks at every source once.
async fn look(app: App) {
    let Ok(all) = app.state::<checks::Checks>() else { return };
    let queues = futures::future::join_all(app.ports.queues.iter().map(|source| sample::queues(&app, source)));
    let probes = futures::future::join_all(all.all().iter().map(|check| checks::look(&app, &all, check)));
    let requests = telemetry::endpoints::sample_once(&app);
    let ranking = telemetry::rank_once(&app);
    let systems = futures::future::join(sample::database(&app), sample::cache(&app));
    let (_, _, _, _, requests, ranking) = tokio::join!(queues, systems, probes, incidents::measure(&app), requests, ranking);
    if let Err(fault) = requests.and(ranking) {
        tracing::warn!(%fault, "requests not sampled");
    }
}

/// Deletes results of checks older than thirty days. Returns how many rows.
///
/// # Errors
/// Any fault of our database.
pub async fn trim(app: &App) -> Result<u64> {
    checks::trim(app).await
}
