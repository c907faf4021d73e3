//! Reading job systems for pages and clients: figures from memory, jobs by bounded calls. A source that does not answer is told as such,
//! never as empty.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use qd_core::config::Config;
use qd_core::port::QueueSource;
use qd_core::reading::Status;
use qd_core::{App, Error, Result, StateMap, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

mod listed;
mod past;

pub use listed::{Listed, listed};
pub use past::{Step, causes, spark, steps};

use super::{About, Can, JobDetail, JobPage, JobRow, JobState, LogPage, QueueState, ScheduleState, WorkerState, source::source};
use crate::features::health::overview::{self, QueueRow};
use crate::features::health::{self, Health};
use crate::web::Starter;

/// Longest wait for a job system on a request.
const LIMIT: Duration = Duration::from_secs(3);
/// Wait between two looks at what changes seldom.
const EVERY: Duration = Duration::from_secs(10);
/// Seconds after which such a look is old.
const FRESH: i64 = 45;

/// What a job system answered, or why it can't be asked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub enum Asked<T> {
    /// Its answer.
    Told(T),
    /// Why there is none.
    Away(String),
}

impl<T> Asked<T> {
    /// The answer, if there is one.
    pub fn told(&self) -> Option<&T> {
        match self {
            Self::Told(value) => Some(value),
            Self::Away(_) => None,
        }
    }

    /// The answer; else the failure, for clients.
    ///
    /// # Errors
    /// [`Error::Upstream`] when there is none.
    pub fn or_fail(self) -> Result<T> {
        match self {
            Self::Told(value) => Ok(value),
            Self::Away(detail) => Err(Error::Upstream { driver: "queues", detail }),
        }
    }
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self::Away("Not asked yet.".into())
    }
}

/// One job system.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Name in the configuration.
    pub name: String,
    /// Driver.
    pub driver: &'static str,
    /// What it can do.
    pub can: Can,
    /// The worst of its queues; UNKNOWN or STALE when it was not seen.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// When it was counted last.
    pub taken_at: Option<Timestamp>,
    /// Where it is, its version, how fast it answers; `null` when it did not say.
    pub about: Option<About>,
}

/// One queue: how it is judged, and what was counted.
#[derive(Clone, Debug)]
pub struct Line {
    /// How it is judged.
    pub row: QueueRow,
    /// What was counted.
    pub state: QueueState,
    /// What its driver can do.
    pub can: Can,
}

impl Line {
    /// Age of the oldest waiting job in seconds.
    pub fn oldest(&self, now: Timestamp) -> Option<i64> {
        self.state.oldest_waiting.map(|at| now.since(at).max(0))
    }

    /// Whether the figures are of now.
    pub fn lost(&self) -> bool {
        matches!(self.row.status, Status::Unknown | Status::Stale)
    }
}

/// What is seldom looked at: a job system as a whole, its workers and schedules.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The job system.
    pub about: Asked<About>,
    /// Its live workers.
    pub workers: Asked<Vec<WorkerState>>,
    /// Its recurring jobs.
    pub schedules: Asked<Vec<ScheduleState>>,
    /// When it was looked at.
    pub at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Looks(RwLock<BTreeMap<String, Look>>);

/// Makes the memory of looks.
///
/// # Errors
/// Never.
pub fn state(_: &Config, map: &mut StateMap) -> Result<()> {
    map.insert(Looks::default());
    Ok(())
}

/// Starts looking at every job system.
pub fn start(starter: &mut Starter) {
    for source in starter.app.ports.queues.clone() {
        starter.keep("workers and schedules", move |app| watch(app, source.clone()));
    }
}

async fn watch(app: App, source: QueueSource) {
    loop {
        look(&app, &source).await;
        tokio::time::sleep(EVERY.mul_f64(rand::random_range(0.9..=1.1))).await;
    }
}

async fn look(app: &App, source: &QueueSource) {
    let (queue, can) = (&source.queue, source.queue.can());
    let (about, workers, schedules) = tokio::join!(
        bounded(queue.about()),
        async { if can.workers { bounded(queue.workers()).await } else { Asked::Away(format!("{} can't list workers.", queue.driver())) } },
        async { if can.schedules { bounded(queue.schedules()).await } else { Asked::Away(format!("{} can't list schedules.", queue.driver())) } },
    );
    let seen = Look { about, workers, schedules, at: Some(app.now()) };
    if let Ok(looks) = app.state::<Looks>() {
        looks.0.write().unwrap_or_else(PoisonError::into_inner).insert(source.name.clone(), seen);
    }
}

/// Looks at one job system now, after somebody changed it, so that the next screen shows it.
pub async fn renew(app: &App, name: &str) {
    let Some(source) = app.ports.queues.iter().find(|source| source.name == name) else { return };
    tokio::join!(look(app, source), async {
        health::recount(app, source).await;
    });
}

async fn bounded<T>(asked: impl Future<Output = Result<T>>) -> Asked<T> {
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(value)) => Asked::Told(value),
        Ok(Err(fault)) => Asked::Away(fault.to_string()),
        Err(_) => Asked::Away(late()),
    }
}

fn late() -> String {
    format!("No answer within {} s.", LIMIT.as_secs())
}

/// As [`bounded`], but what does not exist stays a 404.
async fn asked<T>(asked: impl Future<Output = Result<T>>) -> Result<Asked<T>> {
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(value)) => Ok(Asked::Told(value)),
        Ok(Err(fault @ (Error::NotFound(_) | Error::Invalid(_)))) => Err(fault),
        Ok(Err(fault)) => Ok(Asked::Away(fault.to_string())),
        Err(_) => Ok(Asked::Away(late())),
    }
}

/// What a job system was like when it was looked at last.
pub fn seen(app: &App, name: &str) -> Look {
    let Ok(looks) = app.state::<Looks>() else { return Look::default() };
    looks.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
}

/// Whether a look is too old to be shown as of now.
pub fn is_old(look: &Look, now: Timestamp) -> bool {
    look.at.is_some_and(|at| now.since(at) > FRESH)
}

/// What a driver can do; nothing when there is no such source.
pub fn can(app: &App, name: &str) -> Can {
    source(app, name).map(|source| source.queue.can()).unwrap_or_default()
}

/// Every job system.
pub fn sources(app: &App, now: Timestamp) -> Vec<Known> {
    let told = overview::queues(app, now).sources;
    let of = |source: &QueueSource| {
        let health = told.iter().find(|known| known.name == source.name);
        Known {
            name: source.name.clone(),
            driver: source.queue.driver(),
            can: source.queue.can(),
            status: health.map_or(Status::Unknown, |known| known.status),
            reason: health.and_then(|known| known.reason.clone()),
            taken_at: health.and_then(|known| known.taken_at),
            about: seen(app, &source.name).about.told().cloned(),
        }
    };
    app.ports.queues.iter().map(of).collect()
}

/// Every queue, the worst first, then those that most wait in.
pub fn lines(app: &App, now: Timestamp) -> Vec<Line> {
    let Ok(health) = app.state::<Health>() else { return Vec::new() };
    let states: BTreeMap<(&str, String), QueueState> = app
        .ports
        .queues
        .iter()
        .flat_map(|source| health.source(&source.name).queues.into_iter().map(|state| ((source.name.as_str(), state.name.clone()), state)))
        .collect();
    let line = |row: QueueRow| {
        let state = states.get(&(row.source.as_str(), row.name.clone())).cloned()?;
        let can = can(app, &row.source);
        Some(Line { row, state, can })
    };
    let mut lines: Vec<Line> = overview::queue_rows(app, now).into_iter().filter_map(line).collect();
    lines.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.row.name.cmp(&b.row.name)).then_with(|| a.row.source.cmp(&b.row.source)));
    lines
}

/// Worse is higher.
fn key(line: &Line) -> (u8, u64) {
    let worst = match line.row.status {
        Status::Crit => 4,
        Status::Warn => 3,
        Status::Stale | Status::Unknown => 2,
        _ if line.state.paused => 1,
        _ => 0,
    };
    (worst, line.state.waiting)
}

/// One queue as it was counted last; `None` when it was not among those of its source.
///
/// # Errors
/// [`Error::NotFound`] for an unknown source.
pub fn line(app: &App, name: &str, queue: &str, now: Timestamp) -> Result<Option<Line>> {
    source(app, name)?;
    Ok(lines(app, now).into_iter().find(|line| line.row.source == name && line.row.name == queue))
}

/// The source of a queue whose name alone is given, as older clients do.
///
/// # Errors
/// [`Error::NotFound`] when there is none, [`Error::Invalid`] when several sources have one.
pub fn source_of(app: &App, queue: &str, given: Option<&str>, now: Timestamp) -> Result<String> {
    if let Some(name) = given {
        return source(app, name).map(|source| source.name.clone());
    }
    let found: Vec<String> = overview::queue_rows(app, now).into_iter().filter(|row| row.name == queue).map(|row| row.source).collect();
    match found.as_slice() {
        [] => Err(Error::NotFound(format!("The queue {queue}"))),
        [one] => Ok(one.clone()),
        many => Err(Error::invalid("source", format!("Several job systems have a queue {queue}. Say which: {}.", many.join(", ")))),
    }
}

/// One page of jobs in a state.
///
/// # Errors
/// [`Error::NotFound`] for an unknown source or queue.
pub async fn jobs(app: &App, name: &str, queue: &str, state: JobState, after: Option<&str>, limit: usize) -> Result<Asked<JobPage>> {
    asked(source(app, name)?.queue.jobs(queue, state, after, limit)).await
}

/// The jobs of these ids that exist.
///
/// # Errors
/// As [`jobs`].
pub async fn find(app: &App, name: &str, queue: &str, ids: &[String]) -> Result<Asked<Vec<JobRow>>> {
    asked(source(app, name)?.queue.find(queue, ids)).await
}

/// Everything about one job; `Told(None)` when it is gone.
///
/// # Errors
/// As [`jobs`].
pub async fn job(app: &App, name: &str, queue: &str, id: &str) -> Result<Asked<Option<JobDetail>>> {
    asked(source(app, name)?.queue.job(queue, id)).await
}

/// Log lines of a job from a line on.
///
/// # Errors
/// As [`jobs`].
pub async fn log(app: &App, name: &str, queue: &str, id: &str, from: u64) -> Result<Asked<LogPage>> {
    asked(source(app, name)?.queue.log(queue, id, from)).await
}

/// Foreign text with secrets and personal data masked.
pub fn scrubbed(text: &str) -> String {
    super::scrub::scrub(text)
}
