//! Recurring jobs: what BullMQ calls job schedulers, and the repeatable jobs of releases before them.
//!
//! BullMQ keeps one pending job of each schedule, and makes the next when a worker takes that one. If the pending job is lost, the schedule never
//! fires again and nothing says so: here it is called stopped.

use std::collections::HashMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use qd_core::Result;
use qd_core::port::queue::{Cadence, JobState, ScheduleState};
use qd_core::{Clock, Timestamp};
use redis::{cmd, pipe};

use super::fired::{Fired, fired};
use super::place::{Place, places};
use super::states::{AT_ONCE, names};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::{millis, moment};
use crate::queue::bullmq::reply::ask;

/// Most schedules of a queue.
const MOST: usize = 1_000;
/// Milliseconds after which a pending job that ended without a successor is a stop: a worker makes the next one right after it took the last.
const GRACE_MS: i64 = 15_000;
const OVERLAP: &str = "The next job is made when a worker takes the one before, so that two may run at once.";
const MISSED: &str = "What was missed while no worker ran is run once, not made up.";
const LEGACY: &str = "A repeatable job of BullMQ 5: BullMQ 6 refuses to work with it.";

/// A schedule as it stands in Redis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub id: String,
    /// Milliseconds of the next time.
    pub next: i64,
    name: String,
    cadence: Cadence,
    runs: Option<u64>,
    /// The name of its jobs' keys is known: it has a hash.
    has_hash: bool,
}

/// The schedules of all queues.
pub(in crate::queue::bullmq) async fn schedules(bull: &BullMq, conn: &mut Conn) -> Result<Vec<ScheduleState>> {
    bull.discovery.step(conn, &bull.prefix).await?;
    let look = |queue: String| {
        let mut conn = conn.clone();
        async move { of_queue(&mut conn, bull.keys(&queue)?).await }
    };
    stream::iter(names(bull)).map(look).buffered(AT_ONCE).try_concat().await
}

async fn of_queue(conn: &mut Conn, keys: Keys<'_>) -> Result<Vec<ScheduleState>> {
    let found = found(conn, keys).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let stopped = stopped(conn, keys, &found).await?;
    let fired = fired(conn, keys, &found).await?;
    Ok(found.into_iter().map(|schedule| told(keys.queue, schedule, &stopped, &fired)).collect())
}

async fn found(conn: &mut Conn, keys: Keys<'_>) -> Result<Vec<Found>> {
    let mut asked = pipe();
    asked.add_command(cmd("ZRANGE").arg(keys.of("repeat")).arg(0).arg(MOST - 1).arg("WITHSCORES").to_owned());
    let members = ask(conn, &mut asked).await?.scored();
    let mut asked = pipe();
    for (id, _) in &members {
        asked.add_command(cmd("HMGET").arg(keys.of_job("repeat", id)).arg(&["name", "pattern", "every", "tz", "ic"]).to_owned());
    }
    let mut replies = ask(conn, &mut asked).await?;
    let read = members.into_iter().filter_map(|(id, score)| schedule(id, score, &replies.texts()));
    Ok(read.collect())
}

/// A schedule from its hash, or, from releases that had none, from its name: `name:id:end:zone:pattern`.
fn schedule(id: String, score: f64, fields: &[Option<String>]) -> Option<Found> {
    let next = millis(&score.to_string()).unwrap_or(0);
    let [name, pattern, every, zone, runs] = fields else { return legacy(id, next) };
    let every = every.as_deref().and_then(millis).and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
    let cadence = match (pattern.as_deref().filter(|pattern| !pattern.is_empty()), every) {
        (Some(pattern), _) => Cadence::Cron { pattern: pattern.to_owned(), zone: zone.clone().unwrap_or_default() },
        (None, Some(ms)) => Cadence::Every(ms),
        (None, None) => return legacy(id, next),
    };
    let runs = runs.as_deref().and_then(|runs| runs.parse().ok());
    Some(Found { id, next, name: name.clone().unwrap_or_default(), cadence, runs, has_hash: true })
}

fn legacy(id: String, next: i64) -> Option<Found> {
    let mut parts = id.rsplitn(5, ':');
    let (suffix, zone, _, _, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let cadence = match suffix.parse::<u64>() {
        Ok(ms) => Cadence::Every(ms),
        Err(_) => Cadence::Cron { pattern: suffix.to_owned(), zone: zone.to_owned() },
    };
    let name = name.to_owned();
    Some(Found { id, next, name, cadence, runs: None, has_hash: false })
}

/// Which schedules will not fire again by themselves, and why.
async fn stopped(conn: &mut Conn, keys: Keys<'_>, found: &[Found]) -> Result<HashMap<String, String>> {
    let known: Vec<&Found> = found.iter().filter(|schedule| schedule.has_hash).collect();
    let mut asked = pipe();
    for schedule in &known {
        asked.add_command(cmd("ZSCORE").arg(keys.of("delayed")).arg(pending(schedule)).to_owned());
    }
    let mut replies = ask(conn, &mut asked).await?;
    let suspects: Vec<&&Found> = known.iter().filter(|_| replies.real().is_none()).collect();
    let ids: Vec<String> = suspects.iter().map(|schedule| pending(schedule)).collect();
    let places = places(conn, keys, &ids).await?;
    // A time that moved on meanwhile is that of another pending job.
    let mut asked = pipe();
    for (schedule, id) in suspects.iter().zip(&ids) {
        asked.add_command(cmd("ZSCORE").arg(keys.of("repeat")).arg(&schedule.id).to_owned());
        asked.add_command(cmd("HGET").arg(keys.of(id)).arg("finishedOn").to_owned());
    }
    let mut replies = ask(conn, &mut asked).await?;
    let now = Clock::system().now();
    let mut stopped = HashMap::new();
    for (schedule, place) in suspects.into_iter().zip(places) {
        let next = replies.real().and_then(|score| millis(&score.to_string()));
        let ended = replies.text().as_deref().and_then(millis);
        if let Some(why) = (next == Some(schedule.next)).then(|| why(schedule, &place, ended, now)).flatten() {
            stopped.insert(schedule.id.clone(), why);
        }
    }
    Ok(stopped)
}

fn pending(schedule: &Found) -> String {
    format!("repeat:{}:{}", schedule.id, schedule.next)
}

fn why(schedule: &Found, place: &Place, ended: Option<i64>, now: Timestamp) -> Option<String> {
    let now_ms = now.micros() / 1_000;
    // Releases before schedulers write the time first and the job after it.
    let settled = schedule.runs.is_some() || schedule.next + GRACE_MS < now_ms;
    match place {
        Place::Nowhere if settled => Some("Its pending job is gone, and BullMQ makes the next one only when that one runs.".into()),
        Place::At(placed) if matches!(placed.state, JobState::Completed | JobState::Failed) => {
            let long_ago = ended.is_none_or(|ended| ended + GRACE_MS < now_ms) && schedule.next + GRACE_MS < now_ms;
            let word = placed.state.word();
            long_ago.then(|| format!("Its last job has {word} and no next one was made."))
        }
        _ => None,
    }
}

fn told(queue: &str, schedule: Found, stopped: &HashMap<String, String>, fired: &HashMap<String, Fired>) -> ScheduleState {
    let last = fired.get(&schedule.id);
    ScheduleState {
        queue: queue.to_owned(),
        job: schedule.name,
        next_at: (schedule.next > 0).then(|| moment(schedule.next)),
        last_at: last.map(|last| last.at),
        last_outcome: last.map(|last| last.outcome.to_owned()),
        last_error: last.and_then(|last| last.error.clone()),
        last_finished_at: last.and_then(|last| last.finished_at),
        paused: false,
        runs: schedule.runs,
        overlap: if schedule.runs.is_some() { OVERLAP } else { LEGACY }.into(),
        missed: MISSED.into(),
        stopped: stopped.get(&schedule.id).cloned(),
        cadence: schedule.cadence,
        id: schedule.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::bullmq::read::rows::Placed;

    fn of(id: &str, fields: [Option<&str>; 5]) -> Option<Found> {
        schedule(id.into(), 1_795_420_800_000.0, &fields.map(|field| field.map(str::to_owned)))
    }

    #[test]
    fn schedules_of_every_release_are_read() {
        let new = of("nightly", [Some("job"), Some("0 3 * * *"), None, Some("America/New_York"), Some("4")]).unwrap();
        assert_eq!((new.next, new.runs, pending(&new).as_str()), (1_795_420_800_000, Some(4), "repeat:nightly:1795420800000"));
        assert_eq!(new.cadence, Cadence::Cron { pattern: "0 3 * * *".into(), zone: "America/New_York".into() });
        assert_eq!(of("mykey", [Some("job"), None, Some("5000"), None, None]).unwrap().cadence, Cadence::Every(5_000));
        let old = of("report::::*/5 * * * *", [None, None, None, None, None]).unwrap();
        assert_eq!((old.name.as_str(), old.has_hash), ("report", false));
        assert_eq!(old.cadence, Cadence::Cron { pattern: "*/5 * * * *".into(), zone: String::new() });
        assert_eq!(of("a:b", [None, None, None, None, None]), None);
    }

    #[test]
    fn a_schedule_without_a_pending_job_is_stopped() {
        let schedule = of("nightly", [None, Some("* * * * *"), None, None, Some("4")]).unwrap();
        let later = |ms: i64| moment(schedule.next + ms);
        let at = |state| Place::At(Placed { id: "x".into(), state, score: None });
        assert!(why(&schedule, &Place::Nowhere, None, later(-60_000)).is_some(), "also before its time");
        assert!(why(&schedule, &at(JobState::Waiting), None, later(3_600_000)).is_none(), "nobody took it yet");
        assert!(why(&schedule, &at(JobState::Failed), Some(schedule.next), later(20_000)).unwrap().contains("failed"));
        assert!(why(&schedule, &at(JobState::Failed), Some(schedule.next), later(5_000)).is_none(), "the worker may be about to make the next");
        let old = Found { runs: None, ..schedule.clone() };
        assert!(why(&old, &Place::Nowhere, None, later(0)).is_none() && why(&old, &Place::Nowhere, None, later(20_000)).is_some());
    }
}
