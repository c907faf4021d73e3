//! Pause and resume, as the clients of the queue do it, without losing a job.

use std::time::Instant;

use qd_core::{Error, Result};

use super::open;
use super::script::{self, PAUSE, RESUME};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::hazard::{QueueFacts, refuses_pause};
use crate::queue::bullmq::keys::Keys;

/// Jobs that one call moves from list to list.
const MOVE: usize = 2_000;
/// Calls until it is given up: twenty million jobs.
const CALLS: usize = 10_000;

/// Stops workers from taking jobs.
///
/// # Errors
/// [`Error::Conflict`] where that begins a sequence that loses jobs.
pub(in crate::queue::bullmq) async fn pause(bull: &BullMq, queue: &str) -> Result<()> {
    let keys = bull.keys(queue)?;
    let mut conn = open(bull, keys).await?;
    let facts = facts(bull, &mut conn, keys).await?;
    if facts.paused {
        return Ok(());
    }
    if let Some(why) = refuses_pause(&facts) {
        return Err(Error::Conflict(why));
    }
    for _ in 0..CALLS {
        let mut call = script::call(&PAUSE, keys);
        call.arg(MOVE);
        if script::run::<u64>(&mut conn, &call).await? == 0 {
            return Ok(());
        }
    }
    Err(unfinished())
}

/// Lets workers take jobs again; both lists become one.
pub(in crate::queue::bullmq) async fn resume(bull: &BullMq, queue: &str) -> Result<()> {
    let keys = bull.keys(queue)?;
    let mut conn = open(bull, keys).await?;
    for round in 0..CALLS {
        let mut call = script::call(&RESUME, keys);
        call.arg(MOVE).arg(u8::from(round > 0));
        if script::run::<u64>(&mut conn, &call).await? == 0 {
            return Ok(());
        }
    }
    Err(unfinished())
}

fn unfinished() -> Error {
    Error::Conflict("More jobs are added to the paused queue than can be moved. Try again; none is lost.".into())
}

async fn facts(bull: &BullMq, conn: &mut Conn, keys: Keys<'_>) -> Result<QueueFacts> {
    let mut look = redis::pipe();
    look.cmd("HMGET").arg(keys.of("meta")).arg(&["paused", "version"]);
    look.cmd("LLEN").arg(keys.of("wait")).cmd("LLEN").arg(keys.of("paused"));
    let ((paused, version), wait, set_aside): ((Option<String>, Option<String>), u64, u64) = look.query_async(conn).await.map_err(fault)?;
    let both_seen = bull.versions.saw(keys.queue, version.as_deref(), Instant::now());
    Ok(QueueFacts { paused: paused.is_some(), wait, set_aside, version, both_seen })
}
