//! The past of queues: how many jobs came, ended and failed, how long they waited and ran, how many stood there, by minute, hour and day.
//!
//! A sampler for each job system follows the driver's events, or takes the minutes that a driver counts itself; the gauge is health's own reading. What
//! was read is stored with how far it was read in one transaction, so that nothing counts twice, whatever happens to the process, and with several
//! processes only one counts. Where events were thrown away before they were read there is a gap, not a zero. Minutes are kept for 48 hours, hours
//! for 90 days, days for two years.

mod delta;
mod flight;
mod line;
mod sample;
mod series;
pub(super) mod store;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use qd_core::{App, Result};

pub use series::{Point, series};

#[cfg(test)]
pub(in crate::features::queues) use sample::Follower;

use crate::web::Starter;

/// Length of a sparkline's step and of the sparkline, in minutes.
const STEP: i64 = 5;
const SPAN: i64 = 120;
const MINUTE: i64 = 60_000_000;

type Minutes = BTreeMap<i64, i64>;

/// What ended in the last two hours, in memory.
#[derive(Debug, Default)]
pub struct Past(RwLock<HashMap<(String, String), Minutes>>);

impl Past {
    fn change(&self, source: &str, queue: &str, change: impl FnOnce(&mut Minutes)) {
        let mut past = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let minutes = past.entry((source.to_owned(), queue.to_owned())).or_default();
        change(minutes);
        while minutes.len() > usize::try_from(SPAN + 2 * STEP).unwrap_or(usize::MAX) {
            minutes.pop_first();
        }
    }

    /// The whole of one minute.
    fn know(&self, source: &str, queue: &str, at: i64, jobs: i64) {
        self.change(source, queue, |minutes| {
            minutes.insert(at, jobs);
        });
    }

    /// More of one minute.
    fn add(&self, source: &str, queue: &str, at: i64, jobs: i64) {
        self.change(source, queue, |minutes| *minutes.entry(at).or_default() += jobs);
    }
}

/// Jobs that ended every five minutes of the last two hours, oldest first; `None` where nobody counted. From memory.
pub fn spark(app: &App, source: &str, queue: &str) -> Vec<Option<f64>> {
    let (step, now) = (STEP * MINUTE, app.now().0);
    let last = now - now.rem_euclid(step);
    let Ok(past) = app.state::<Past>() else { return Vec::new() };
    let past = past.0.read().unwrap_or_else(PoisonError::into_inner);
    let Some(minutes) = past.get(&(source.to_owned(), queue.to_owned())) else { return vec![None; usize::try_from(SPAN / STEP).unwrap_or(0)] };
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let sum = |from: i64| minutes.range(from..from + step).map(|(_, jobs)| *jobs as f64).reduce(|one, other| one + other);
    (0..SPAN / STEP).rev().map(|back| sum(last - back * step)).collect()
}

/// Starts a sampler for each job system.
pub fn watch(starter: &mut Starter) {
    for source in starter.app.ports.queues.clone() {
        starter.keep("past of queues", move |app| sample::follow(app, source.clone()));
    }
}

/// Deletes what is older than it is kept for, in bounded steps. Returns how many rows.
///
/// # Errors
/// Those of the database; what is deleted by then stays deleted.
pub async fn trim(app: &App) -> Result<u64> {
    let mut count = 0;
    for grain in store::Grain::ALL {
        let keep = app.now().plus_seconds(-grain.kept()).0;
        for _ in 0..200 {
            let Some(oldest) = store::oldest(&app.db, grain).await?.filter(|oldest| oldest + grain.micros() <= keep) else { break };
            let before = (oldest + 60 * grain.micros()).min(keep);
            count += app.db.write(move |tx| Box::pin(store::trim(tx, grain, before))).await?;
        }
    }
    let gone = app.now().plus_seconds(-30 * 86_400).0;
    count += app.db.write(move |tx| Box::pin(store::forget(tx, gone))).await?;
    Ok(count)
}
