//! How much there is to read, before it is read.

use qd_core::port::queue::ACT_MAX;
use qd_core::{Error, Result};

use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::write;

/// Jobs of one pipeline.
const PAGE: usize = 100;
/// Fields of any size.
const FIELDS: [&str; 6] = ["data", "opts", "returnvalue", "stacktrace", "failedReason", "progress"];
/// Further keys of a job, of any size.
const PARTS: [(&str, &str); 5] = [("logs", "LLEN"), ("dependencies", "SCARD"), ("processed", "HLEN"), ("failed", "HLEN"), ("unsuccessful", "ZCARD")];
/// The rest of a job: small fields, names of keys.
const REST: u64 = 1_024;
/// What an entry of a key is reckoned with where nobody may ask for more than their number.
const ENTRY: u64 = 1_024;
/// Entries of a key that are measured: its size is reckoned from these.
const SAMPLES: u64 = 20;

/// Bytes of each job, about; 0 for one that does not exist.
pub(in crate::queue::bullmq) async fn sizes(bull: &BullMq, queue: &str, ids: &[String]) -> Result<Vec<u64>> {
    if ids.len() > ACT_MAX {
        return Err(Error::invalid("ids", format!("At most {ACT_MAX} jobs at a time.")));
    }
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let mut sizes = Vec::with_capacity(ids.len());
    let mut measured = true;
    for ids in ids.chunks(PAGE) {
        let page = match page(&mut conn, keys, ids, measured).await {
            // Some hosts block the command that measures.
            Err(_) if measured => {
                measured = false;
                page(&mut conn, keys, ids, false).await
            }
            other => other,
        };
        sizes.extend(page.map_err(fault)?);
    }
    Ok(sizes)
}

async fn page(conn: &mut Conn, keys: Keys<'_>, ids: &[String], measured: bool) -> redis::RedisResult<Vec<u64>> {
    let mut look = redis::pipe();
    for id in ids {
        look.cmd("EXISTS").arg(keys.of(id));
        for field in FIELDS {
            look.cmd("HSTRLEN").arg(keys.of(id)).arg(field);
        }
        for (part, count) in PARTS {
            let key = keys.of_job(id, part);
            if measured {
                look.cmd("MEMORY").arg("USAGE").arg(key).arg("SAMPLES").arg(SAMPLES);
            } else {
                look.cmd(count).arg(key);
            }
        }
    }
    let answers: Vec<Option<u64>> = look.query_async(conn).await?;
    let sum = |numbers: &[Option<u64>]| numbers.iter().flatten().sum::<u64>();
    let size = |of_job: &[Option<u64>]| match of_job.split_first() {
        Some((Some(1), rest)) => {
            let (fields, parts) = rest.split_at(FIELDS.len().min(rest.len()));
            REST + sum(fields) + sum(parts) * if measured { 1 } else { ENTRY }
        }
        _ => 0,
    };
    Ok(answers.chunks_exact(1 + FIELDS.len() + PARTS.len()).map(size).collect())
}
