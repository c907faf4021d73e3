//! One queue's past as it is read: what is not stored yet, and how far it goes.

use std::collections::BTreeMap;

use qd_core::port::queue::{EventPage, QueueMinute};
use qd_core::{App, Result};

use super::delta::Delta;
use super::flight::Flight;
use super::store::{self, Follow, Grain};

const MINUTE: i64 = 60_000_000;
/// Most minutes that are stored at once.
const MINUTES: i64 = 240;
/// What a driver counts itself may come in so much later, microseconds.
const SETTLED: i64 = 5_000_000;

/// One queue.
#[derive(Debug)]
pub(super) struct Line {
    /// As read; its version is the stored one.
    pub follow: Follow,
    /// By begin of the minute.
    pending: BTreeMap<i64, Delta>,
    gauged_at: i64,
    flushed_at: i64,
}

impl Line {
    /// Goes on where the past was read to.
    pub fn new(follow: Option<Follow>) -> Self {
        Self { follow: follow.unwrap_or_default(), pending: BTreeMap::new(), gauged_at: 0, flushed_at: 0 }
    }

    fn delta(&mut self, at: i64) -> &mut Delta {
        self.pending.entry(Grain::Minute.start(at)).or_default()
    }

    /// Jobs that waited at a moment.
    pub fn gauge(&mut self, at: i64, waiting: u64) {
        if at > self.gauged_at {
            self.gauged_at = at;
            self.delta(at).gauge(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
    }

    /// Takes one page of events over. False: there is no more for now.
    pub fn take(&mut self, queue: &str, page: &EventPage, flight: &mut Flight, now: i64) -> bool {
        let (covered, first) = (self.follow.covered_at, self.follow.position.is_none());
        let begin = page.events.first().map_or(now, |event| event.at.0);
        let end = page.events.last().map(|event| event.at.0);
        let mut from = covered;
        if first || page.gap {
            // Between then and now something may have happened that nobody told.
            if !first {
                self.delta(covered).partial = true;
                flight.forget(queue);
            }
            self.delta(begin).partial = true;
            from = begin;
        }
        let oldest = now - Grain::Minute.kept() * 1_000_000;
        for event in page.events.iter().filter(|event| event.at.0 > oldest) {
            flight.apply(queue, event, self.delta(event.at.0));
        }
        let from = from.max(oldest);
        // After a long pause of ours silence is written in steps, too.
        let to = end.unwrap_or(now).max(from).min(from + MINUTES * MINUTE);
        self.fill(from, to);
        self.follow.covered_at = to;
        self.follow.position.clone_from(&page.last);
        end.is_some() && self.pending.len() < 120
    }

    /// Silence between two moments that were read is a zero, not a gap.
    fn fill(&mut self, from: i64, to: i64) {
        let mut at = Grain::Minute.start(from);
        while at <= to {
            self.delta(at).counted();
            at += MINUTE;
        }
    }

    /// The first minute that the driver's own counts are asked for, microseconds; `None` while no minute has closed.
    pub fn due_minutes(&self, now: i64) -> Option<i64> {
        let closed = Grain::Minute.start(now - SETTLED);
        let from = Grain::Minute.start(self.follow.covered_at).max(Grain::Minute.start(now - Grain::Minute.kept() * 1_000_000) + MINUTE);
        (from < closed).then_some(from)
    }

    /// Takes minutes over that the driver counted itself; jobs that were made it does not count.
    pub fn take_minutes(&mut self, from: i64, minutes: &[QueueMinute], now: i64) {
        let count = |count: u64| Some(i64::try_from(count).unwrap_or(i64::MAX));
        let closed = Grain::Minute.start(now - SETTLED);
        // Before we were there the driver's past begins with its first minute.
        let known = self.follow.position.is_some();
        let begin = if known { Some(from) } else { minutes.iter().map(|minute| minute.minute * MINUTE).filter(|at| *at >= from).min() };
        let begin = begin.unwrap_or(closed - MINUTE).max(from);
        let to = closed.min(begin + MINUTES * MINUTE);
        let mut at = begin;
        while at < to {
            let delta = self.delta(at);
            for known in [&mut delta.completed, &mut delta.failed, &mut delta.retried] {
                known.get_or_insert(0);
            }
            at += MINUTE;
        }
        for minute in minutes.iter().filter(|minute| (begin..to).contains(&(minute.minute * MINUTE))) {
            let delta = self.delta(minute.minute * MINUTE);
            (delta.completed, delta.failed, delta.retried) = (count(minute.completed), count(minute.failed), count(minute.retried));
            minute.waits.iter().for_each(|(millis, count)| delta.waits.add_many(*millis, *count));
            minute.runs.iter().for_each(|(millis, count)| delta.runs.add_many(*millis, *count));
        }
        self.follow.covered_at = to;
        self.follow.position = Some("minutes".into());
    }

    /// Whether there is something worth a write: a minute that is over, or every so many microseconds what happened since.
    pub fn is_due(&self, now: i64, every: i64) -> bool {
        let over = self.pending.keys().next().is_some_and(|first| *first < Grain::Minute.start(now));
        let happened = self.pending.values().any(|delta| delta.finished().unwrap_or(0) > 0 || delta.added.unwrap_or(0) > 0);
        over || (happened && now - self.flushed_at >= every)
    }

    /// Stores what is read with how far it goes, in one transaction. Gives what ended by minute; `None` when another process was quicker: what was
    /// read is thrown away and read again from where that one is.
    ///
    /// # Errors
    /// Those of the database; everything stays to be stored.
    pub async fn flush(&mut self, app: &App, source: &str, queue: &str) -> Result<Option<Vec<(i64, i64)>>> {
        let (follow, pending) = (self.follow.clone(), self.pending.clone());
        let (source, queue) = (source.to_owned(), queue.to_owned());
        let ended = pending.iter().filter_map(|(at, delta)| Some((*at, delta.finished()?))).collect();
        let done = app.db.write_with(move |tx| Box::pin(async move { commit(tx, (&source, &queue), &follow, pending).await })).await?;
        if !done {
            return Ok(None);
        }
        self.pending.clear();
        self.follow.version += 1;
        self.flushed_at = app.now().0;
        Ok(Some(ended))
    }
}

async fn commit(tx: &mut engine::Tx, place: (&str, &str), follow: &Follow, pending: BTreeMap<i64, Delta>) -> Result<bool> {
    if !store::advance(tx, place, follow).await? {
        return Ok(false);
    }
    let mut sums: BTreeMap<(Grain, i64), Delta> = BTreeMap::new();
    for (at, delta) in &pending {
        for grain in Grain::ALL {
            sums.entry((grain, grain.start(*at))).or_default().merge(delta);
        }
    }
    for ((grain, start_at), delta) in sums {
        let mut whole = store::find(tx, grain, place, start_at).await?.map_or_else(|| Ok(Delta::default()), |row| Delta::of(&row))?;
        whole.merge(&delta);
        store::put(tx, grain, place, whole.row(start_at)).await?;
    }
    Ok(true)
}
