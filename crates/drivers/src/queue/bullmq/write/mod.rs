//! The half that changes.

mod act;
mod answer;
mod limit;
mod obliterate;
mod pause;
pub(super) mod script;

use qd_core::Result;

use super::BullMq;
use super::connect::Conn;
use super::keys::Keys;
use super::read;

pub(super) use act::{act, chunk};
pub(super) use answer::Answer;
pub(super) use limit::limit;
pub(super) use obliterate::obliterate;
pub(super) use pause::{pause, resume};

/// Most jobs of one call of a script: such a call keeps Redis busy for less than five milliseconds.
pub(super) const CHUNK: usize = 100;

/// Keys of a queue that are no jobs, though they stand where jobs do.
const PARTS: [&str; 18] = [
    "id", "meta", "wait", "paused", "active", "prioritized", "delayed", "completed", "failed", "waiting-children", "repeat", "events", "marker",
    "pc", "limiter", "stalled", "stalled-check", "delay",
];
/// What follows a job's id in the names of its further keys.
const OF_JOBS: [&str; 6] = ["lock", "logs", "dependencies", "processed", "failed", "unsuccessful"];

/// Whether a job can have this id: not the name of another key of the queue.
pub(super) fn is_job(id: &str) -> bool {
    let Some((head, tail)) = id.rsplit_once(':') else { return !id.is_empty() && !PARTS.contains(&id) };
    match head.split(':').next() {
        Some("metrics" | "de" | "dn" | "quarterdeck") => false,
        // A schedule has no number behind its name, the job that it waits for has.
        Some("repeat") => head != "repeat" && tail.bytes().all(|byte| byte.is_ascii_digit()),
        _ => !OF_JOBS.contains(&tail),
    }
}

/// A connection that just answered, to a queue that exists: what is sent on it is sent once.
pub(super) async fn open(bull: &BullMq, keys: Keys<'_>) -> Result<Conn> {
    bull.connections
        .reading(|mut conn| async move {
            read::exists(&mut conn, keys).await?;
            Ok(conn)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_keys_are_no_jobs() {
        for id in ["1", "order-77", "9f0c", "repeat:tick:1795416059928", "a:b"] {
            assert!(is_job(id), "{id}");
        }
        for part in [
            "", "meta", "wait", "7:lock", "7:logs", "repeat:tick", "repeat:1795416059928", "metrics:failed", "metrics:failed:data", "de:x",
            "quarterdeck:out:7", "repeat:a:logs",
        ] {
            assert!(!is_job(part), "{part}");
        }
    }
}
