//! Search over jobs, whatever runs them.
//!
//! In the background every job system's failed jobs, then the others that are not done, go into tables of ours: name, reason, and the scalars of the
//! data, scrubbed and cut. Events name what changed; where a driver has none, passes and comparisons find it within minutes, and a search says so.
//! A search goes through the database's indexes only, and tells how much of what there is it covers. Jobs that are done leave the index, and a queue
//! that was not seen for five minutes leaves it with its causes.

mod coverage;
mod entry;
mod fields;
mod query;
mod scan;
mod search;
pub(super) mod store;
mod touched;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use qd_core::port::queue::JobEvent;
use qd_core::{App, Result};

pub use coverage::{Coverage, coverage};
#[cfg(test)]
pub(super) use entry::Entry;
pub use query::Query;
pub use search::{Found, Hit, search};

use coverage::Covered;
use touched::{Touched, Waiting};

use crate::web::Starter;

/// Most jobs in the index over all queues.
pub const LIMIT: i64 = 2_000_000;
/// What the index is told, and how far it is. The index itself is in the database. In memory are at most 50,000 ids of jobs that events named (4 MB
/// with ids as BullMQ's, 30 MB at worst), a hundred bytes for each queue, and while a job system is read one page of 500 jobs of it, of which no more
/// than 4 KiB of data and 1 KiB of a reason each (8 MB with the fields at worst).
#[derive(Debug, Default)]
pub struct Index {
    waiting: Mutex<Waiting>,
    covered: Mutex<BTreeMap<(String, String), Covered>>,
    rows: AtomicI64,
}

impl Index {
    /// Takes over what events named.
    pub fn touch(&self, source: &str, queue: &str, events: &[JobEvent]) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take_over(source, queue, events);
    }

    /// What waits to be looked at.
    fn touched(&self, source: &str, queue: &str) -> Touched {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).of(source, queue)
    }

    fn rows(&self) -> i64 {
        self.rows.load(Ordering::Relaxed)
    }

    fn set_rows(&self, rows: i64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    fn more_rows(&self, rows: i64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    fn cover(&self, source: &str, queue: &str, what: Covered) {
        self.covered.lock().unwrap_or_else(PoisonError::into_inner).insert((source.to_owned(), queue.to_owned()), what);
    }

    fn covered(&self, source: &str, queue: &str) -> Covered {
        let covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        covered.get(&(source.to_owned(), queue.to_owned())).copied().unwrap_or_default()
    }

    /// A queue is gone.
    fn forget(&self, source: &str, queue: &str) {
        self.touched(source, queue);
        self.covered.lock().unwrap_or_else(PoisonError::into_inner).remove(&(source.to_owned(), queue.to_owned()));
    }
}

/// Starts a task for each job system.
pub fn watch(starter: &mut Starter) {
    for source in starter.app.ports.queues.clone() {
        starter.keep("index of jobs", move |app| scan::run(app, source.clone()));
    }
}

/// Forgets queues that nobody saw for a week: those of a job system that is not asked any more. Returns how many rows.
///
/// # Errors
/// Those of the database; what is deleted by then stays deleted.
pub async fn trim(app: &App) -> Result<u64> {
    let (keep, mut count) = (app.now().plus_seconds(-7 * 86_400).0, 0);
    for place in store::places(&app.db).await?.into_iter().filter(|place| place.seen_at < keep) {
        count += forget(app, &place.source, &place.queue, 200).await?.0;
    }
    Ok(count)
}

/// Takes a queue out, in so many steps at most. Gives how many rows, and whether that was all.
async fn forget(app: &App, source: &str, queue: &str, steps: usize) -> Result<(u64, bool)> {
    let (index, mut count) = (app.state::<Index>()?, 0);
    for _ in 0..steps {
        let (of, name) = (source.to_owned(), queue.to_owned());
        let (jobs, causes, done) = app.db.write(move |tx| Box::pin(async move { write::forget(tx, &of, &name).await })).await?;
        index.more_rows(-i64::try_from(jobs).unwrap_or(0));
        count += jobs + causes;
        if done {
            index.forget(source, queue);
            return Ok((count, true));
        }
    }
    Ok((count, false))
}
