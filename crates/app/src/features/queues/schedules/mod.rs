//! Recurring jobs: what fires when, what was stopped, and the dead man's alarm for what should have fired and did not.
//!
//! A driver that can't remember a stopped schedule gives what it needs to bring it back, and that is kept here. A row is written before the driver
//! is asked; the driver holds what it needs until that is stored here, and is told then to let it go. So there is a way back whatever crashes and
//! whichever answer is lost.

mod alarm;
mod verb;

use qd_core::port::queue::{Cadence, ScheduleState};
use qd_core::{App, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::scrub::scrub;
use super::store;

#[cfg(test)]
pub(super) use alarm::look;
pub use alarm::overdue;
pub(super) use alarm::{Alarms, watch};
pub use verb::{ScheduleChange, pause, remove, resume, run_now};
pub(super) use verb::{put_back, take_away};

/// Why a schedule does not fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Held {
    /// Its driver was asked, and its answer was lost.
    Stopping,
    /// Somebody paused it.
    Paused,
    /// Somebody removed it.
    Removed,
}

impl Held {
    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stopping => "STOPPING",
            Self::Paused => "PAUSED",
            Self::Removed => "REMOVED",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Stopping, Self::Paused, Self::Removed].into_iter().find(|held| held.word() == word)
    }
}

/// What is known of a stopped schedule, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    pub job: String,
    pub cadence: Cadence,
    pub last_at: Option<i64>,
}

/// A stopped schedule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hold {
    pub source: String,
    pub queue: String,
    pub schedule: String,
    pub state: Held,
    pub known: Known,
    /// What the driver needs to bring it back. It may hold data of jobs: never shown.
    pub kept: Option<Value>,
    pub run: Option<Uuid>,
    pub at: Timestamp,
    pub actor_id: String,
    pub actor_name: String,
}

/// One schedule, as it fires or as it was stopped.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    /// Job system.
    pub source: String,
    /// What its driver says of it; of a stopped one, what it said last.
    #[serde(flatten)]
    pub state: ScheduleState,
    /// Why it does not fire, if somebody stopped it.
    pub held: Option<Held>,
    /// When it was stopped.
    pub held_at: Option<Timestamp>,
    /// Who stopped it.
    pub held_by: Option<String>,
    /// It should have fired and did not, and why, in a sentence.
    pub alarm: Option<String>,
}

/// The schedules of all job systems.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Schedules {
    /// Those that could be asked for, the alarming first, then by source, queue and id.
    pub schedules: Vec<Scheduled>,
    /// Job systems that did not tell: name, and why.
    pub unknown: Vec<(String, String)>,
}

/// Every schedule of every job system that has some.
///
/// # Errors
/// Those of our database; a job system that does not answer stands in the list.
pub async fn list(app: &App) -> Result<Schedules> {
    let mut all = Schedules::default();
    let names: Vec<&str> = app.ports.queues.iter().filter(|source| source.queue.can().schedules).map(|source| source.name.as_str()).collect();
    // At once: one that hangs must not keep the others waiting.
    let asked = futures::future::join_all(names.iter().map(|name| of_source(app, name))).await;
    for (name, told) in names.into_iter().zip(asked) {
        match told {
            Ok(found) => all.schedules.extend(found),
            Err(fault) => all.unknown.push((name.to_owned(), fault.to_string())),
        }
    }
    let key = |one: &Scheduled| (one.alarm.is_none(), one.source.clone(), one.state.queue.clone(), one.state.id.clone());
    all.schedules.sort_by_cached_key(key);
    Ok(all)
}

/// The schedules of one job system: those that fire, and those that were stopped.
///
/// # Errors
/// Those of the driver and of our database.
pub async fn of_source(app: &App, name: &str) -> Result<Vec<Scheduled>> {
    let driver = &super::source::source(app, name)?.queue;
    let (known, held) = (driver.schedules().await?, store::of_source(&app.db, name).await?);
    // A queue that stands still is no alarm: somebody paused it, and its badge says so.
    let paused: Vec<String> = driver.states().await?.into_iter().filter(|state| state.paused).map(|state| state.name).collect();
    let now = app.now();
    let mut all: Vec<Scheduled> = Vec::with_capacity(known.len() + held.len());
    for hold in held {
        // One that fires again was registered anew by its application.
        if !known.iter().any(|state| state.queue == hold.queue && state.id == hold.schedule) {
            all.push(stopped(hold));
        }
    }
    for mut state in known {
        // Of the job that failed last: foreign text, for screens and clients alike.
        state.last_error = state.last_error.map(|text| scrub(&text));
        let alarm = if paused.contains(&state.queue) { None } else { overdue(&state, now) };
        all.push(Scheduled { source: name.to_owned(), held: state.paused.then_some(Held::Paused), held_at: None, held_by: None, alarm, state });
    }
    Ok(all)
}

fn stopped(hold: Hold) -> Scheduled {
    let lost = "Its job system was told to stop it, and its answer was lost. Pause it again, to be sure, or resume it.";
    let state = ScheduleState {
        queue: hold.queue,
        id: hold.schedule,
        job: hold.known.job,
        cadence: hold.known.cadence,
        next_at: None,
        last_at: hold.known.last_at.map(Timestamp),
        last_outcome: None,
        last_error: None,
        last_finished_at: None,
        paused: hold.state == Held::Paused,
        runs: None,
        overlap: String::new(),
        missed: String::new(),
        stopped: None,
    };
    let alarm = (hold.state == Held::Stopping).then(|| lost.to_owned());
    Scheduled { source: hold.source, state, held: Some(hold.state), held_at: Some(hold.at), held_by: Some(hold.actor_name), alarm }
}
