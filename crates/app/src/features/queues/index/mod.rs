//! Search over jobs, whatever runs them.
//!
//! In the background every job system's failed jobs, then the others that are not done, go into tables of ours: name, reason, and the scalars of the
//! data, scrubbed and cut. Events name what changed; where a driver has none, passes and comparisons find it within minutes, and a search says so.
//! A search goes through the database's indexes only, and tells how much of what there is it covers. Jobs that are done leave the index.

mod entry;
mod fields;
mod query;
mod scan;
mod search;
pub(super) mod store;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use qd_core::port::queue::{EventKind, JobEvent};
use qd_core::{App, Result};

pub use query::Query;
pub use search::{Found, Hit, search};

use crate::ui::format;
use crate::web::Starter;

/// Most jobs in the index over all queues.
pub const LIMIT: i64 = 2_000_000;
/// Jobs of one queue that events named and that wait to be looked at; beyond it passes find them.
const TOUCHED: usize = 5_000;

/// What the index is told, and how far it is.
#[derive(Debug, Default)]
pub struct Index {
    touched: Mutex<HashMap<(String, String), Touched>>,
    covered: Mutex<BTreeMap<(String, String), Covered>>,
    rows: AtomicI64,
}

/// Jobs that events named.
#[derive(Debug, Default)]
struct Touched {
    look: BTreeSet<String>,
    gone: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Covered {
    indexed: i64,
    total: i64,
}

/// How much of what there is can be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Failed jobs in the index.
    pub indexed: i64,
    /// Failed jobs that there are.
    pub total: i64,
    /// The index holds as many jobs as it may.
    pub full: bool,
    /// No events tell what changed: it is noticed within minutes.
    pub lags: bool,
}

impl Coverage {
    /// "Indexed 98.2 % of 12,000 failed jobs."
    pub fn sentence(&self) -> String {
        let mut text = match (self.total, self.indexed.min(self.total)) {
            (0, _) => "No job has failed.".to_owned(),
            (total, indexed) if indexed == total => format!("Indexed all {} failed jobs.", format::number(total)),
            (total, indexed) => {
                #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
                // Rounded down: 100 % would say that all are.
                let share = (indexed as f64 * 1_000.0 / total as f64).floor() / 10.0;
                format!("Indexed {share} % of {} failed jobs.", format::number(total))
            }
        };
        if self.full {
            text.push_str(&format!(" The index is full: it holds {} jobs, the newest failures of each queue.", format::number(LIMIT)));
        }
        if self.lags {
            text.push_str(" Jobs that came or left within the last minutes may be missing or still shown.");
        }
        text
    }
}

impl Index {
    /// Takes over what events named.
    pub fn touch(&self, source: &str, queue: &str, events: &[JobEvent]) {
        if events.is_empty() {
            return;
        }
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = touched.entry((source.to_owned(), queue.to_owned())).or_default();
        for event in events.iter().filter(|event| !event.job.is_empty()) {
            let (into, from, most) = match event.kind {
                EventKind::Removed | EventKind::Completed => (&mut waiting.gone, &mut waiting.look, 4 * TOUCHED),
                // The failed come first.
                EventKind::Failed => (&mut waiting.look, &mut waiting.gone, TOUCHED),
                EventKind::Added | EventKind::Waiting | EventKind::Delayed | EventKind::Retrying => {
                    (&mut waiting.look, &mut waiting.gone, TOUCHED / 10)
                }
                _ => continue,
            };
            from.remove(&event.job);
            if into.len() < most {
                into.insert(event.job.clone());
            }
        }
    }

    /// What waits to be looked at.
    fn touched(&self, source: &str, queue: &str) -> Touched {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.remove(&(source.to_owned(), queue.to_owned())).unwrap_or_default()
    }

    fn rows(&self) -> i64 {
        self.rows.load(Ordering::Relaxed)
    }

    fn set_rows(&self, rows: i64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    fn cover(&self, place: &store::Place) {
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        covered.insert((place.source.clone(), place.queue.clone()), Covered { indexed: place.failed, total: place.total });
    }
}

/// How much of what there is can be searched, in one queue or over all.
///
/// # Errors
/// When the state is not wired.
pub fn coverage(app: &App, source: Option<&str>, queue: Option<&str>) -> Result<Coverage> {
    let index = app.state::<Index>()?;
    let covered = index.covered.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = |name: &(String, String)| source.is_none_or(|source| source == name.0) && queue.is_none_or(|queue| queue == name.1);
    let mut sum = Coverage { full: index.rows() >= LIMIT, ..Coverage::default() };
    for (_, one) in covered.iter().filter(|(name, _)| wanted(name)) {
        sum.indexed += one.indexed.min(one.total);
        sum.total += one.total;
    }
    sum.lags = app.ports.queues.iter().any(|known| source.is_none_or(|source| source == known.name) && !known.queue.can().events);
    Ok(sum)
}

/// Starts a task for each job system.
pub fn watch(starter: &mut Starter) {
    for source in starter.app.ports.queues.clone() {
        starter.keep("index of jobs", move |app| scan::run(app, source.clone()));
    }
}

/// Forgets queues that nobody saw for a week, in bounded steps. Returns how many rows.
///
/// # Errors
/// Those of the database; what is deleted by then stays deleted.
pub async fn trim(app: &App) -> Result<u64> {
    let (keep, mut count) = (app.now().plus_seconds(-7 * 86_400).0, 0);
    for place in store::places(&app.db).await?.into_iter().filter(|place| place.seen_at < keep) {
        for _ in 0..200 {
            let (source, queue) = (place.source.clone(), place.queue.clone());
            let (rows, done) = app.db.write(move |tx| Box::pin(async move { write::forget(tx, &source, &queue).await })).await?;
            count += rows;
            if done {
                break;
            }
        }
    }
    Ok(count)
}
