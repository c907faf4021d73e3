//! The state of one queue.

use std::time::Instant;

use qd_core::port::queue::{QueueState, Rate};
use qd_core::{Clock, Result};
use redis::{Pipeline, cmd, pipe};

use super::oldest::oldest;
use super::recent::{Counts, Recent, WINDOW_MS};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::hazard::{QueueFacts, hazard};
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::version;
use crate::queue::bullmq::reply::{Replies, ask};

/// What stands in a queue's keys.
#[derive(Debug, Default)]
struct Keeps {
    /// The queue has or had jobs: `meta` alone is left by a look with BullMQ's own client.
    real: bool,
    meta: Meta,
    wait: u64,
    set_aside: u64,
    prioritized: u64,
    active: u64,
    delayed: u64,
    waiting_children: u64,
    failed: u64,
    completed: u64,
    failed_recently: u64,
    completed_recently: u64,
    /// Jobs that may be the oldest that waits.
    candidates: Vec<String>,
    /// The score of the last of the prioritized.
    lowest: Option<f64>,
}

#[derive(Debug, Default)]
struct Meta {
    version: Option<String>,
    paused: bool,
    concurrency: Option<u64>,
    rate: Option<Rate>,
}

/// The state of a queue; `None` when it is none.
pub(super) async fn state(bull: &BullMq, conn: &mut Conn, keys: Keys<'_>, recent: &mut Recent, workers: Option<u64>) -> Result<Option<QueueState>> {
    let now_ms = Clock::system().now().micros() / 1_000;
    let keeps = read(ask(conn, &mut questions(keys, now_ms)).await?);
    if !keeps.real {
        return Ok(None);
    }
    recent.follow(conn, keys, now_ms).await?;
    let waiting = keeps.wait + keeps.set_aside + keeps.prioritized;
    let oldest_waiting = if waiting == 0 { None } else { oldest(conn, keys, keeps.candidates.clone(), keeps.lowest, recent).await? };
    let Counts { completed, failed, retried, .. } = recent.counts();
    Ok(Some(QueueState {
        name: keys.queue.to_owned(),
        waiting,
        prioritized: keeps.prioritized,
        active: keeps.active,
        delayed: keeps.delayed,
        waiting_children: keeps.waiting_children,
        failed: keeps.failed,
        completed: keeps.completed,
        count_limit: None,
        paused: keeps.meta.paused,
        oldest_waiting,
        recent_seconds: None,
        // Both count from below: sets lose jobs that are removed or run again, the stream is trimmed.
        failed_recently: failed.max(keeps.failed_recently),
        retried_recently: retried,
        completed_recently: completed.max(keeps.completed_recently),
        average_wait: recent.counts().average_wait(),
        workers,
        concurrency: keeps.meta.concurrency,
        rate: keeps.meta.rate,
        version: keeps.meta.version.as_deref().and_then(version),
        hazard: hazard(&facts(bull, keys.queue, &keeps)),
    }))
}

fn facts(bull: &BullMq, queue: &str, keeps: &Keeps) -> QueueFacts {
    let version = keeps.meta.version.clone();
    let both_seen = bull.versions.saw(queue, version.as_deref(), Instant::now());
    QueueFacts { paused: keeps.meta.paused, wait: keeps.wait, set_aside: keeps.set_aside, version, both_seen }
}

fn questions(keys: Keys<'_>, now_ms: i64) -> Pipeline {
    let mut asked = pipe();
    asked.add_command(cmd("EXISTS").arg(Keys::REAL.map(|part| keys.of(part)).as_slice()).to_owned());
    asked.add_command(cmd("HMGET").arg(keys.of("meta")).arg(&["version", "paused", "concurrency", "max", "duration"]).to_owned());
    for list in ["wait", "paused"] {
        asked.add_command(cmd("LLEN").arg(keys.of(list)).to_owned());
        asked.add_command(cmd("LRANGE").arg(keys.of(list)).arg(-2).arg(-1).to_owned());
    }
    asked.add_command(cmd("ZCARD").arg(keys.of("prioritized")).to_owned());
    asked.add_command(cmd("ZRANGE").arg(keys.of("prioritized")).arg(0).arg(0).arg("WITHSCORES").to_owned());
    asked.add_command(cmd("ZRANGE").arg(keys.of("prioritized")).arg(-1).arg(-1).arg("WITHSCORES").to_owned());
    asked.add_command(cmd("LLEN").arg(keys.of("active")).to_owned());
    for set in ["delayed", "waiting-children", "failed", "completed"] {
        asked.add_command(cmd("ZCARD").arg(keys.of(set)).to_owned());
    }
    for set in ["failed", "completed"] {
        asked.add_command(cmd("ZCOUNT").arg(keys.of(set)).arg(now_ms - WINDOW_MS).arg("+inf").to_owned());
    }
    asked
}

fn read(mut replies: Replies) -> Keeps {
    let mut keeps = Keeps { real: replies.count() > 0, meta: meta(&replies.texts()), ..Keeps::default() };
    for list in ["wait", "paused"] {
        let (length, tail) = (replies.count(), replies.names());
        // Releases before 5 put markers among the jobs.
        let markers = tail.iter().filter(|id| is_marker(id)).count();
        let jobs = length.saturating_sub(u64::try_from(markers).unwrap_or(0));
        if list == "wait" {
            keeps.wait = jobs
        } else {
            keeps.set_aside = jobs
        }
        keeps.candidates.extend(tail.into_iter().rev().find(|id| !is_marker(id)));
    }
    keeps.prioritized = replies.count();
    let (first, last) = (replies.scored().pop(), replies.scored().pop());
    keeps.lowest = last.as_ref().map(|(_, score)| *score);
    keeps.candidates.extend(first.into_iter().chain(last).map(|(id, _)| id));
    keeps.active = replies.count();
    keeps.delayed = replies.count();
    keeps.waiting_children = replies.count();
    keeps.failed = replies.count();
    keeps.completed = replies.count();
    keeps.failed_recently = replies.count();
    keeps.completed_recently = replies.count();
    keeps
}

fn meta(fields: &[Option<String>]) -> Meta {
    let [version, paused, concurrency, max, duration] = fields else { return Meta::default() };
    let number = |field: &Option<String>| field.as_deref().and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
    let rate = number(max).zip(number(duration)).map(|(jobs, per_ms)| Rate { jobs, per_ms });
    Meta { version: version.clone(), paused: paused.is_some(), concurrency: number(concurrency), rate }
}

/// Whether this is no job, but a mark of an old release.
pub(super) fn is_marker(id: &str) -> bool {
    id.starts_with("0:")
}
