//! When schedules last fired: the newest of their jobs among those that run and those that ended lately and are kept.

use std::collections::HashMap;

use qd_core::port::queue::JobState;
use qd_core::{Result, Timestamp};
use redis::{cmd, pipe};

use super::rows::{Placed, hashes};
use super::schedules::Found;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::{moment, slot};
use crate::queue::bullmq::reply::ask;

/// Jobs of each state that are looked through.
const LOOK: usize = 200;

/// The last run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fired {
    pub at: Timestamp,
    pub outcome: &'static str,
    pub error: Option<String>,
    pub finished_at: Option<Timestamp>,
}

/// The last run of each schedule, where it is known.
pub(super) async fn fired(conn: &mut Conn, keys: Keys<'_>, schedules: &[Found]) -> Result<HashMap<String, Fired>> {
    let mut asked = pipe();
    asked.add_command(cmd("LRANGE").arg(keys.of("active")).arg(0).arg(LOOK - 1).to_owned());
    for set in ["completed", "failed"] {
        asked.add_command(cmd("ZREVRANGE").arg(keys.of(set)).arg(0).arg(LOOK - 1).to_owned());
    }
    let mut replies = ask(conn, &mut asked).await?;
    let mut newest: HashMap<String, (i64, Placed)> = HashMap::new();
    for state in [JobState::Active, JobState::Completed, JobState::Failed] {
        for id in replies.names() {
            let Some((schedule, ms)) = slot(&id) else { continue };
            if newest.get(schedule).is_none_or(|(known, _)| *known < ms) {
                newest.insert(schedule.to_owned(), (ms, Placed { id: id.clone(), state, score: None }));
            }
        }
    }
    newest.retain(|id, _| schedules.iter().any(|schedule| schedule.id == *id));
    let (names, runs): (Vec<String>, Vec<(i64, Placed)>) = newest.into_iter().unzip();
    let ids: Vec<String> = runs.iter().map(|(_, job)| job.id.clone()).collect();
    let read = hashes(conn, keys, &ids, &["failedReason"]).await?;
    let told = names.into_iter().zip(runs).zip(read).map(|((name, (ms, job)), hash)| {
        let hash = hash.unwrap_or_default();
        let outcome = match job.state {
            JobState::Active => "running",
            JobState::Completed => "completed",
            _ => "failed",
        };
        let error = hash.text("failedReason", 1_024).map(|reason| reason.text);
        let at = hash.moment("processedOn").unwrap_or_else(|| moment(ms));
        (name, Fired { at, outcome, error, finished_at: hash.moment("finishedOn") })
    });
    Ok(told.collect())
}
