//! Changes of the index: jobs and the counters of their causes in one transaction.

use engine::{Result, Tx};
use qd_core::App;
use qd_core::port::queue::JobState;

use super::entry::{Entry, key};
use super::store::{self, BATCH};
use crate::features::queues::failure::{Changes, Failure};

/// What a change did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Rows that were written or deleted.
    pub changed: usize,
    /// Rows more than before.
    pub rows: i64,
    /// Failed jobs more than before.
    pub failed: i64,
    /// Microseconds of the slowest transaction: how busy the writer is.
    pub slowest: u128,
}

impl Done {
    pub(super) fn and(&mut self, other: Self) {
        self.changed += other.changed;
        self.rows += other.rows;
        self.failed += other.failed;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Writes what is new or different, and takes out what is gone. `room`: how many rows may come in.
pub(super) async fn write(app: &App, source: &str, queue: &str, mut entries: Vec<Entry>, gone: &[String], mut room: i64) -> qd_core::Result<Done> {
    // One order of rows over all processes.
    entries.sort_by_key(|entry| entry.key);
    let mut keys: Vec<i64> = gone.iter().map(|job| key(source, queue, job)).collect();
    keys.sort_unstable();
    keys.dedup();
    entries.dedup_by_key(|entry| entry.key);
    let mut done = Done::default();
    let mut entries = entries.into_iter().peekable();
    let mut keys = keys.into_iter().peekable();
    while entries.peek().is_some() || keys.peek().is_some() {
        let (some, out): (Vec<_>, Vec<_>) = (entries.by_ref().take(BATCH).collect(), keys.by_ref().take(BATCH).collect());
        let (source, queue, now) = (source.to_owned(), queue.to_owned(), app.now().0);
        let started = std::time::Instant::now();
        let part = app.db.write(move |tx| Box::pin(async move { batch(tx, (&source, &queue), some, out, now, room).await })).await?;
        room -= part.rows;
        done.and(Done { slowest: started.elapsed().as_micros(), ..part });
    }
    Ok(done)
}

async fn batch(tx: &mut Tx, (source, queue): (&str, &str), entries: Vec<Entry>, gone: Vec<i64>, now: i64, room: i64) -> Result<Done> {
    store::seen(tx, source, queue, now).await?;
    let (mut done, mut causes) = (Done::default(), Changes::default());
    for (key, old) in store::olds(tx, &gone).await? {
        leave(&old, &mut causes);
        store::gone(tx, key).await?;
        (done.changed, done.rows) = (done.changed + 1, done.rows - 1);
    }
    let olds = store::olds(tx, &entries.iter().map(|entry| entry.key).collect::<Vec<_>>()).await?;
    for entry in entries {
        let old = olds.get(&entry.key);
        let same = old.is_some_and(|old| old.state == entry.state.word() && old.at == entry.at && old.fingerprint == entry.fingerprint);
        if same || (old.is_none() && done.rows >= room) {
            continue;
        }
        if let Some(old) = old {
            leave(old, &mut causes);
        }
        if entry.state == JobState::Failed {
            let failure = Failure { job: entry.job.clone(), name: entry.name.clone(), reason: entry.reason.clone(), at: entry.at };
            causes.more(&entry.fingerprint, failure);
        }
        (done.changed, done.rows) = (done.changed + 1, done.rows + i64::from(old.is_none()));
        store::put(tx, source, queue, entry, old.is_some()).await?;
    }
    done.failed = causes.balance();
    causes.write(tx, source, queue).await?;
    Ok(done)
}

fn leave(old: &store::Old, causes: &mut Changes) {
    if old.state == JobState::Failed.word() {
        causes.less(&old.fingerprint);
    }
}

/// Takes some jobs of a queue out that nobody sees any more; when none is left, its last trace. Gives how many jobs and causes, and whether that was
/// all.
pub(super) async fn forget(tx: &mut Tx, source: &str, queue: &str) -> Result<(u64, u64, bool)> {
    let keys = store::of_place(tx, source, queue, 500).await?;
    for (key,) in &keys {
        store::gone(tx, *key).await?;
    }
    if !keys.is_empty() {
        return Ok((u64::try_from(keys.len()).unwrap_or(0), 0, false));
    }
    store::place_gone(tx, source, queue).await?;
    let causes = crate::features::queues::failure::store::forget(tx, source, queue).await?;
    Ok((0, causes, true))
}
