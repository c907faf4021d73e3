//! Jobs by their hashes. Sizes are asked for first: what is too large for the answer stays in Redis, and only its size is told.

use qd_core::Result;
use qd_core::port::queue::{JobRow, JobState};
use redis::{cmd, pipe};

use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::{Hash, row};
use crate::queue::bullmq::reply::ask;

/// Fields that are numbers and names.
const SMALL: [&str; 12] =
    ["timestamp", "delay", "priority", "processedOn", "finishedOn", "atm", "attemptsMade", "stc", "pb", "rjk", "deid", "parentKey"];
/// Fields of a row that can have any size.
const LARGE: [&str; 4] = ["name", "data", "opts", "failedReason"];
/// Bytes of one answer that are aimed at.
const BYTES: u64 = 16 << 20;
/// Bytes of one field in lists, and of one field of one job.
const FIELD: [u64; 2] = [64 << 10, 1 << 20];
/// Where data and reason are cut in lists.
const CUT: [usize; 2] = [4_096, 1_024];

/// A job where it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub id: String,
    pub state: JobState,
    /// Its score, where it has one.
    pub score: Option<f64>,
}

/// The rows of jobs that exist, in their order; those without a hash are left out, as BullMQ leaves them out.
pub(super) async fn rows(conn: &mut Conn, keys: Keys<'_>, placed: &[Placed]) -> Result<Vec<JobRow>> {
    let ids: Vec<String> = placed.iter().map(|job| job.id.clone()).collect();
    let read = hashes(conn, keys, &ids, &LARGE).await?;
    let found = placed.iter().zip(read).filter_map(|(job, hash)| Some(row(&job.id, job.state, job.score, &hash?, CUT)));
    Ok(found.collect())
}

/// The hashes of jobs, with those of their `large` fields that are not too large; `None` for those that don't exist.
pub(super) async fn hashes(conn: &mut Conn, keys: Keys<'_>, ids: &[String], large: &[&'static str]) -> Result<Vec<Option<Hash>>> {
    let mut asked = pipe();
    for id in ids {
        let key = keys.of(id);
        asked.add_command(cmd("HMGET").arg(&key).arg(&SMALL).to_owned());
        for field in large {
            asked.add_command(cmd("HSTRLEN").arg(&key).arg(*field).to_owned());
        }
    }
    let mut replies = ask(conn, &mut asked).await?;
    let mut found = Vec::with_capacity(ids.len());
    for _ in ids {
        let small = replies.texts();
        let fields = SMALL.iter().copied().zip(small).filter_map(|(field, value)| Some((field, value?)));
        let mut hash = Hash { fields: fields.collect(), sizes: Default::default() };
        hash.sizes = large.iter().map(|field| (*field, replies.count())).filter(|(_, bytes)| *bytes > 0).collect();
        found.push((!hash.fields.is_empty() || !hash.sizes.is_empty()).then_some(hash));
    }
    fill(conn, keys, ids, &mut found).await?;
    Ok(found)
}

/// Reads the large fields that fit.
async fn fill(conn: &mut Conn, keys: Keys<'_>, ids: &[String], found: &mut [Option<Hash>]) -> Result<()> {
    let [many, one] = FIELD;
    let wanted: u64 = found.iter().flatten().map(|hash| u64::try_from(hash.sizes.len()).unwrap_or(1)).sum();
    let limit = if ids.len() == 1 { one } else { (BYTES / wanted.max(1)).min(many) };
    let mut asked = pipe();
    for (id, hash) in ids.iter().zip(found.iter()).filter_map(|(id, hash)| Some((id, hash.as_ref()?))) {
        let fits: Vec<&str> = hash.sizes.iter().filter(|(_, bytes)| **bytes <= limit).map(|(field, _)| *field).collect();
        if !fits.is_empty() {
            asked.add_command(cmd("HMGET").arg(keys.of(id)).arg(fits).to_owned());
        }
    }
    let mut replies = ask(conn, &mut asked).await?;
    for hash in found.iter_mut().flatten() {
        let fits: Vec<&'static str> = hash.sizes.iter().filter(|(_, bytes)| **bytes <= limit).map(|(field, _)| *field).collect();
        if !fits.is_empty() {
            let read = fits.into_iter().zip(replies.texts());
            hash.fields.extend(read.filter_map(|(field, value)| Some((field, value?))));
        }
    }
    Ok(())
}
