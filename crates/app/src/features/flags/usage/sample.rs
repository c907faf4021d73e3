//! Every ten seconds: add what was counted to the tables, read back what everybody counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use qd_core::{App, Result, Timestamp};
use tracing::warn;

use super::count::Tally;
use super::{Known, Meter, Unknown, store};

/// Seconds between two flushes.
const EVERY: u64 = 10;
/// Keys of one transaction: others write too.
const CHUNK: usize = 200;
/// Minutes that are kept.
const MINUTES: i64 = 60;
/// Unknown keys that are kept and shown.
const UNKNOWN: i64 = 200;

/// What all replicas counted, as of the last flush.
#[derive(Debug)]
pub struct View {
    totals: HashMap<String, store::Total>,
    /// Counts of the minute, and of the one before.
    minutes: HashMap<String, (i64, i64)>,
    minute: i64,
    /// Keys that no flag has.
    pub unknown: Arc<[Unknown]>,
}

impl Default for View {
    fn default() -> Self {
        Self { totals: HashMap::new(), minutes: HashMap::new(), minute: 0, unknown: Arc::from([]) }
    }
}

impl View {
    /// What is known of a key.
    pub fn of(&self, key: &str, now: Timestamp) -> Known {
        let total = self.totals.get(key);
        Known {
            total: total.map_or(0, |total| total.evaluations),
            last_at: total.map(|total| Timestamp(total.last_at)),
            per_minute: self.per_minute(key, now),
        }
    }

    /// Evaluations within the last 60 seconds: those of this minute, and of the last one as many as its share of the 60 seconds.
    fn per_minute(&self, key: &str, now: Timestamp) -> i64 {
        let (current, before) = self.minutes.get(key).copied().unwrap_or_default();
        let (current, before) = match minute_of(now) - self.minute {
            0 => (current, before),
            1 => (0, current),
            _ => (0, 0),
        };
        current + before * (60 - now.seconds().rem_euclid(60)) / 60
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(60)
}

/// Flushes as long as the process lives.
pub async fn forever(app: App) {
    let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut unwritten = Vec::new();
    loop {
        tick.tick().await;
        if let Err(fault) = step(&app, &mut unwritten).await {
            warn!(%fault, "usage of flags not written; it is tried again");
        }
    }
}

/// Writes what was counted until now, and reads what everybody counted.
///
/// # Errors
/// Those of the database; what was counted and not written is lost then.
pub async fn flush(app: &App) -> Result<()> {
    step(app, &mut Vec::new()).await
}

/// As [`flush`]; what could not be written stays in `unwritten`, and goes with the next one.
async fn step(app: &App, unwritten: &mut Vec<(String, Tally)>) -> Result<()> {
    let (meter, now) = (app.state::<Meter>()?, app.now());
    let flags = super::super::snapshot(app)?;
    let known: HashSet<&str> = flags.keys().collect();
    for (key, tally) in meter.counts.take(|key| known.contains(key)) {
        match unwritten.iter_mut().find(|(known, _)| *known == key) {
            Some((_, waiting)) => *waiting = Tally { count: waiting.count + tally.count, last_at: waiting.last_at.max(tally.last_at) },
            None => unwritten.push((key, tally)),
        }
    }
    unwritten.sort_by(|(one, _), (other, _)| one.cmp(other));
    while !unwritten.is_empty() {
        let chunk: Vec<(String, Tally)> = unwritten.iter().take(CHUNK).cloned().collect();
        let written = chunk.len();
        write(app, chunk, now).await?;
        unwritten.drain(..written);
    }
    strays(app, &meter, now).await?;
    meter.view.store(Arc::new(view(app, now).await?));
    Ok(())
}

async fn write(app: &App, chunk: Vec<(String, Tally)>, now: Timestamp) -> Result<()> {
    let work = app.db.write(move |tx| {
        Box::pin(async move {
            for (key, tally) in &chunk {
                store::add(tx, key, minute_of(now), tally.count, tally.last_at).await?;
            }
            Ok(())
        })
    });
    Ok(work.await?)
}

/// Unknown keys are a hint: what can't be written of them is not kept for another try.
async fn strays(app: &App, meter: &Meter, now: Timestamp) -> Result<()> {
    let strays = meter.counts.take_strays();
    // The minutes are trimmed once in each.
    if strays.is_empty() && meter.view.load().minute == minute_of(now) {
        return Ok(());
    }
    let work = app.db.write(move |tx| {
        Box::pin(async move {
            for stray in &strays {
                store::add_unknown(tx, stray).await?;
            }
            store::trim(tx, minute_of(now) - MINUTES, UNKNOWN).await
        })
    });
    Ok(work.await?)
}

async fn view(app: &App, now: Timestamp) -> Result<View> {
    let minute = minute_of(now);
    let mut minutes: HashMap<String, (i64, i64)> = HashMap::new();
    for row in store::minutes(&app.db, minute - 1).await? {
        let counts = minutes.entry(row.key).or_default();
        match row.minute {
            of if of == minute => counts.0 += row.evaluations,
            of if of == minute - 1 => counts.1 += row.evaluations,
            // Another replica's clock is ahead.
            _ => {}
        }
    }
    let flags = super::super::snapshot(app)?;
    let known: HashSet<&str> = flags.keys().collect();
    let strays = store::unknown(&app.db, UNKNOWN).await?;
    let strays = strays.into_iter().filter(|stray| !known.contains(stray.key.as_str())).map(Unknown::from);
    let totals = store::totals(&app.db).await?.into_iter().map(|total| (total.key.clone(), total)).collect();
    Ok(View { totals, minutes, minute, unknown: strays.collect() })
}

impl From<store::Stray> for Unknown {
    fn from(stray: store::Stray) -> Self {
        Self {
            key: stray.key,
            requests: stray.requests,
            first_seen_at: Timestamp(stray.first_at),
            last_seen_at: Timestamp(stray.last_at),
            last_by: stray.last_by,
            last_by_name: stray.last_by_name,
        }
    }
}
