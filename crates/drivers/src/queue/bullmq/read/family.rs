//! The jobs that a job waits for, and the one that waits for it.

use std::collections::BTreeMap;

use qd_core::Result;
use qd_core::port::queue::{Child, JobRef, JobState};
use redis::{cmd, pipe};

use super::place::{Place, places};
use super::rows::hashes;
use super::states::has_tag;
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::reference;
use crate::queue::bullmq::reply::ask;

/// Most children that are shown.
const MOST: usize = 100;

/// The job that waits for this one.
pub(super) fn parent(key: &str, prefix: &str) -> Option<JobRef> {
    reference(key, prefix)
}

/// The children of a job, at most 100, and how many there are. Those that it still waits for come first.
pub(super) async fn children(bull: &BullMq, conn: &mut Conn, keys: Keys<'_>, id: &str) -> Result<(Vec<Child>, u64)> {
    let key = |part: &str| keys.of_job(id, part);
    let mut asked = pipe();
    for (count, part) in [("SCARD", "dependencies"), ("HLEN", "processed"), ("HLEN", "failed"), ("ZCARD", "unsuccessful")] {
        asked.add_command(cmd(count).arg(key(part)).to_owned());
    }
    // Values of the hashes are results of any size: only names are read.
    asked.add_command(cmd("SRANDMEMBER").arg(key("dependencies")).arg(MOST).to_owned());
    asked.add_command(cmd("ZRANGE").arg(key("unsuccessful")).arg(0).arg(MOST - 1).to_owned());
    asked.add_command(cmd("HRANDFIELD").arg(key("failed")).arg(MOST).to_owned());
    asked.add_command(cmd("HRANDFIELD").arg(key("processed")).arg(MOST).to_owned());
    let mut replies = ask(conn, &mut asked).await?;
    let total = (0..4).map(|_| replies.count()).sum();
    let mut found: Vec<JobRef> = Vec::new();
    for _ in 0..4 {
        let mut some: Vec<JobRef> = replies.names().iter().filter_map(|key| reference(key, keys.prefix)).collect();
        some.sort();
        found.extend(some);
    }
    found.truncate(MOST);
    Ok((told(bull, conn, found).await?, total))
}

/// Names and states, asked for queue by queue: in a cluster each may lie on another server.
async fn told(bull: &BullMq, conn: &mut Conn, found: Vec<JobRef>) -> Result<Vec<Child>> {
    let mut by_queue: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for job in &found {
        by_queue.entry(&job.queue).or_default().push(job.id.clone());
    }
    let mut known: BTreeMap<JobRef, (Option<String>, Option<JobState>)> = BTreeMap::new();
    for (queue, ids) in by_queue {
        let Ok(keys) = bull.keys(queue) else { continue };
        if bull.connections.is_cluster() && !bull.has_tag() && !has_tag(queue) {
            continue;
        }
        let read = hashes(conn, keys, &ids, &["name"]).await?;
        let placed = places(conn, keys, &ids).await?;
        for ((id, hash), place) in ids.into_iter().zip(read).zip(placed) {
            let name = hash.and_then(|hash| hash.text("name", 512)).map(|name| name.text);
            let state = name.is_some().then(|| Place::likely(place)).flatten().map(|placed| placed.state);
            known.insert(JobRef { queue: queue.to_owned(), id }, (name, state));
        }
    }
    let child = |job: JobRef| {
        let (name, state) = known.remove(&job).unwrap_or_default();
        Child { job, name, state }
    };
    Ok(found.into_iter().map(child).collect())
}
