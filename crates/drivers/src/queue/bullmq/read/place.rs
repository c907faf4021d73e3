//! In which state jobs are, by their ids. Sorted sets answer at once; lists are searched from both ends, so far and no further.

use std::collections::HashMap;

use qd_core::Result;
use qd_core::port::queue::JobState;
use redis::{cmd, pipe};

use super::rows::Placed;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::reply::ask;

const SETS: [(&str, JobState); 5] = [
    ("failed", JobState::Failed),
    ("completed", JobState::Completed),
    ("delayed", JobState::Delayed),
    ("prioritized", JobState::Prioritized),
    ("waiting-children", JobState::WaitingChildren),
];
const LISTS: [(&str, JobState); 3] = [("active", JobState::Active), ("wait", JobState::Waiting), ("paused", JobState::Paused)];
/// Ids of lists that are looked at from each end, for all jobs of one call together.
const REACH: usize = 200_000;

/// Where a job is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// There.
    At(Placed),
    /// In no list and no set: its hash is what a loss left over, or it is gone.
    Nowhere,
    /// Perhaps in the middle of a long list: this one, probably.
    Beyond(Placed),
}

impl Place {
    /// The place, also a probable one.
    pub fn likely(self) -> Option<Placed> {
        match self {
            Self::At(placed) | Self::Beyond(placed) => Some(placed),
            Self::Nowhere => None,
        }
    }
}

/// The places of jobs, in their order.
pub(super) async fn places(conn: &mut Conn, keys: Keys<'_>, ids: &[String]) -> Result<Vec<Place>> {
    let mut found = in_sets(conn, keys, ids).await?;
    let missing: Vec<String> = ids.iter().filter(|id| !found.contains_key(*id)).cloned().collect();
    let mut beyond = HashMap::new();
    if !missing.is_empty() {
        let reach = (REACH / missing.len()).clamp(200, 10_000);
        let lengths = in_lists(conn, keys, &missing, reach, &mut found).await?;
        let lost: Vec<String> = missing.into_iter().filter(|id| !found.contains_key(id)).collect();
        beyond = guessed(conn, keys, &lost, reach, lengths).await?;
    }
    let placed = |id: &String| match (found.remove(id), beyond.remove(id)) {
        (Some(placed), _) => Place::At(placed),
        (None, Some(placed)) => Place::Beyond(placed),
        (None, None) => Place::Nowhere,
    };
    Ok(ids.iter().map(placed).collect())
}

async fn in_sets(conn: &mut Conn, keys: Keys<'_>, ids: &[String]) -> Result<HashMap<String, Placed>> {
    let mut asked = pipe();
    for id in ids {
        for (set, _) in SETS {
            asked.add_command(cmd("ZSCORE").arg(keys.of(set)).arg(id).to_owned());
        }
    }
    let mut replies = ask(conn, &mut asked).await?;
    let mut found = HashMap::new();
    for id in ids {
        for (_, state) in SETS {
            if let Some(score) = replies.real() {
                found.insert(id.clone(), Placed { id: id.clone(), state, score: Some(score) });
            }
        }
    }
    Ok(found)
}

/// Searches the lists; returns how long each is.
async fn in_lists(conn: &mut Conn, keys: Keys<'_>, ids: &[String], reach: usize, found: &mut HashMap<String, Placed>) -> Result<[usize; 3]> {
    let mut asked = pipe();
    for (list, _) in LISTS {
        asked.add_command(cmd("LLEN").arg(keys.of(list)).to_owned());
    }
    for id in ids {
        for (list, _) in LISTS {
            for rank in [-1, 1] {
                asked.add_command(cmd("LPOS").arg(keys.of(list)).arg(id).arg("RANK").arg(rank).arg("MAXLEN").arg(reach).to_owned());
            }
        }
    }
    let mut replies = ask(conn, &mut asked).await?;
    let lengths = LISTS.map(|_| usize::try_from(replies.count()).unwrap_or(usize::MAX));
    for id in ids {
        for (_, state) in LISTS {
            let seen = [replies.real(), replies.real()];
            if seen.iter().any(Option::is_some) {
                found.insert(id.clone(), Placed { id: id.clone(), state, score: None });
            }
        }
    }
    Ok(lengths)
}

/// Jobs that may stand in the middle of a list: one with a lock runs; else the longest list has it.
async fn guessed(conn: &mut Conn, keys: Keys<'_>, ids: &[String], reach: usize, lengths: [usize; 3]) -> Result<HashMap<String, Placed>> {
    let unseen = lengths.map(|length| length.saturating_sub(reach.saturating_mul(2)));
    let [active, wait, paused] = unseen;
    if ids.is_empty() || active + wait + paused == 0 {
        return Ok(HashMap::new());
    }
    let mut asked = pipe();
    for id in ids {
        asked.add_command(cmd("EXISTS").arg(keys.of(id)).to_owned());
        asked.add_command(cmd("EXISTS").arg(keys.of_job(id, "lock")).to_owned());
    }
    let mut replies = ask(conn, &mut asked).await?;
    let mut guessed = HashMap::new();
    for id in ids {
        let (exists, locked) = (replies.count() > 0, replies.count() > 0);
        let state = match (locked, active, wait, paused) {
            (true, 1.., _, _) => JobState::Active,
            (_, _, 0, 0) => JobState::Active,
            (_, _, wait, paused) if paused > wait => JobState::Paused,
            _ => JobState::Waiting,
        };
        if exists {
            guessed.insert(id.clone(), Placed { id: id.clone(), state, score: None });
        }
    }
    Ok(guessed)
}
