//! Since when the oldest waiting job is ready.
//!
//! Without a priority that is the job at the tail of its list. Among those with one, the first of the highest and the first of the lowest priority
//! are looked at, not those between. BullMQ notes when a job was made, not when it became ready: the moment comes from the stream of events where
//! it was seen there, else from the slot of its schedule, the delay that it was made with, and its last attempt.

use qd_core::Result;
use qd_core::Timestamp;
use redis::{cmd, pipe};

use super::recent::Recent;
use super::rows::hashes;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::{Hash, moment, options, priority, slot};
use crate::queue::bullmq::reply::ask;

/// When the first of these jobs, all of which wait, became ready.
pub(super) async fn oldest(conn: &mut Conn, keys: Keys<'_>, mut ids: Vec<String>, lowest: Option<f64>, recent: &Recent) -> Result<Option<Timestamp>> {
    if let Some(lowest) = lowest.and_then(priority) {
        // The score up to 2^53 is exact: priorities end at 2^21.
        let from = lowest.saturating_mul(4_294_967_296);
        let mut asked = pipe();
        asked.add_command(cmd("ZRANGEBYSCORE").arg(keys.of("prioritized")).arg(from).arg("+inf").arg("LIMIT").arg(0).arg(1).to_owned());
        ids.extend(ask(conn, &mut asked).await?.names());
    }
    ids.sort();
    ids.dedup();
    let (seen, unseen): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| recent.ready(id).is_some());
    let told = seen.into_iter().filter_map(|id| recent.ready(id)).map(moment);
    let unseen: Vec<String> = unseen.into_iter().cloned().collect();
    let read = hashes(conn, keys, &unseen, &["opts"]).await?;
    let guessed = unseen.iter().zip(&read).filter_map(|(id, hash)| ready(id, hash.as_ref()?));
    Ok(told.chain(guessed).min())
}

fn ready(id: &str, hash: &Hash) -> Option<Timestamp> {
    let made = hash.number("timestamp")?;
    let delay = hash.get("opts").map_or(0, |opts| options(opts).delay);
    let due = made.saturating_add(i64::try_from(delay).unwrap_or(0));
    let slot = slot(id).map_or(made, |(_, ms)| ms);
    let ended = [hash.number("processedOn"), hash.number("finishedOn")].into_iter().flatten().max().unwrap_or(made);
    // One that was promoted is ready before it was due.
    let now = qd_core::Clock::system().now();
    [due, slot, ended].into_iter().max().map(moment).map(|at| if at > now { moment(made) } else { at })
}
