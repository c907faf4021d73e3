//! Reading all of a job. Plain commands; nothing changes.

use std::collections::HashSet;

use qd_core::port::queue::{ACT_MAX, JobRecord, JobState};
use qd_core::{Error, Result};

use super::{Text, Whole};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::write;

/// Jobs of one pipeline.
const PAGE: usize = 50;
/// Running jobs that are known by name; more do not run at once.
const ACTIVE: isize = 20_000;
/// Sorted sets of jobs.
const SETS: [JobState; 5] = [JobState::Completed, JobState::Failed, JobState::Delayed, JobState::Prioritized, JobState::WaitingChildren];

/// What one pipeline tells of one job.
type Told = (Vec<Text>, Vec<Text>, Vec<Text>, Vec<Text>, Vec<Text>, Vec<Text>, bool, Scores);
type Scores = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

/// What holds for the queue as a whole.
struct Around {
    active: HashSet<Vec<u8>>,
    wait: u64,
    paused: u64,
}

/// Everything of the jobs of `ids`, in their order; those that don't exist, run, or are the next of a schedule are left out.
pub(in crate::queue::bullmq) async fn records(bull: &BullMq, queue: &str, ids: &[String]) -> Result<Vec<JobRecord>> {
    if ids.len() > ACT_MAX {
        return Err(Error::invalid("ids", format!("At most {ACT_MAX} jobs at a time.")));
    }
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let around = around(&mut conn, keys).await?;
    let mut records = Vec::with_capacity(ids.len());
    let ids: Vec<&str> = ids.iter().map(String::as_str).filter(|id| write::is_job(id)).collect();
    for ids in ids.chunks(PAGE) {
        for (id, told) in ids.iter().zip(page(&mut conn, keys, ids).await?) {
            if let Some(record) = record(&mut conn, keys, &around, id, told).await? {
                records.push(record);
            }
        }
    }
    Ok(records)
}

async fn around(conn: &mut Conn, keys: Keys<'_>) -> Result<Around> {
    let mut look = redis::pipe();
    look.cmd("LRANGE").arg(keys.of("active")).arg(0).arg(ACTIVE);
    look.cmd("LLEN").arg(keys.of("wait")).cmd("LLEN").arg(keys.of("paused"));
    let (active, wait, paused): (Vec<Text>, u64, u64) = look.query_async(conn).await.map_err(fault)?;
    Ok(Around { active: active.into_iter().map(|id| id.0).collect(), wait, paused })
}

async fn page(conn: &mut Conn, keys: Keys<'_>, ids: &[&str]) -> Result<Vec<Told>> {
    let mut look = redis::pipe();
    for id in ids {
        look.cmd("HGETALL").arg(keys.of(id));
        look.cmd("LRANGE").arg(keys.of_job(id, "logs")).arg(0).arg(-1);
        look.cmd("SMEMBERS").arg(keys.of_job(id, "dependencies"));
        look.cmd("HGETALL").arg(keys.of_job(id, "processed"));
        look.cmd("HGETALL").arg(keys.of_job(id, "failed"));
        look.cmd("ZRANGE").arg(keys.of_job(id, "unsuccessful")).arg(0).arg(-1).arg("WITHSCORES");
        look.cmd("EXISTS").arg(keys.of_job(id, "lock"));
        for set in SETS {
            look.cmd("ZSCORE").arg(keys.of(super::place(set))).arg(*id);
        }
    }
    let answers: Vec<redis::Value> = look.query_async(conn).await.map_err(fault)?;
    answers.chunks_exact(7 + SETS.len()).map(told).collect::<redis::RedisResult<_>>().map_err(fault)
}

/// The answers for one job, as [`page`] asked.
fn told(answers: &[redis::Value]) -> redis::RedisResult<Told> {
    fn take<T: redis::FromRedisValue>(answers: &[redis::Value], at: usize) -> redis::RedisResult<T> {
        Ok(redis::from_redis_value_ref(answers.get(at).unwrap_or(&redis::Value::Nil))?)
    }
    let scores = (take(answers, 7)?, take(answers, 8)?, take(answers, 9)?, take(answers, 10)?, take(answers, 11)?);
    let mut counted: Vec<Text> = take(answers, 5)?;
    // Redis tells key and score, and takes score and key.
    for pair in counted.chunks_exact_mut(2) {
        pair.reverse();
    }
    Ok((take(answers, 0)?, take(answers, 1)?, take(answers, 2)?, take(answers, 3)?, take(answers, 4)?, counted, take(answers, 6)?, scores))
}

async fn record(conn: &mut Conn, keys: Keys<'_>, around: &Around, id: &str, told: Told) -> Result<Option<JobRecord>> {
    let (hash, logs, awaited, done, failed, counted, locked, scores) = told;
    if hash.is_empty() || locked || around.active.contains(id.as_bytes()) {
        return Ok(None);
    }
    let (completed, failed_at, delayed, prioritized, waiting) = scores;
    let scored = SETS.into_iter().zip([completed, failed_at, delayed, prioritized, waiting]);
    let found = scored.into_iter().find_map(|(state, score)| Some((state, score?)));
    let (state, score) = match found {
        Some((state, score)) => (state, Some(score)),
        None => match list(conn, keys, around, id).await? {
            Some(state) => (state, None),
            None => return Ok(None),
        },
    };
    let mut whole = Whole { form: Whole::FORM, hash, score, logs, awaited, done, failed, counted, ..Whole::default() };
    if is_pending(conn, keys, id, &whole).await? {
        return Ok(None);
    }
    complete(conn, keys, id, &mut whole).await?;
    let name = whole.field("name").map(|name| String::from_utf8_lossy(&name.0).into_owned()).unwrap_or_default();
    let whole = serde_json::to_value(whole).map_err(|fault| Error::Broken(fault.to_string()))?;
    Ok(Some(JobRecord { id: id.to_owned(), name, state, whole }))
}

/// The list of a job that is in no sorted set and does not run. Where both lists hold jobs Redis has to look.
async fn list(conn: &mut Conn, keys: Keys<'_>, around: &Around, id: &str) -> Result<Option<JobState>> {
    if around.wait > 0 && around.paused > 0 {
        let at: Option<u64> = redis::cmd("LPOS").arg(keys.of("paused")).arg(id).arg("RANK").arg(-1).query_async(conn).await.map_err(fault)?;
        return Ok(Some(if at.is_some() { JobState::Paused } else { JobState::Waiting }));
    }
    Ok(if around.wait > 0 { Some(JobState::Waiting) } else { (around.paused > 0).then_some(JobState::Paused) })
}

/// Whether a schedule waits for this job.
async fn is_pending(conn: &mut Conn, keys: Keys<'_>, id: &str, whole: &Whole) -> Result<bool> {
    let Some((named, due)) = id.strip_prefix("repeat:").and_then(|rest| rest.rsplit_once(':')) else { return Ok(false) };
    let schedule = whole.field("rjk").map_or(named.as_bytes(), |field| field.0.as_slice());
    let next: Option<String> = redis::cmd("ZSCORE").arg(keys.of("repeat")).arg(schedule).query_async(conn).await.map_err(fault)?;
    Ok(next.is_some_and(|next| next == due))
}

/// What only some jobs have: a key of uniqueness, a parent.
async fn complete(conn: &mut Conn, keys: Keys<'_>, id: &str, whole: &mut Whole) -> Result<()> {
    if let Some(unique) = whole.field("deid").map(|unique| String::from_utf8_lossy(&unique.0).into_owned()) {
        let (owner, follower) = (keys.of(&format!("de:{unique}")), keys.of(&format!("dn:{unique}")));
        let mut look = redis::pipe();
        look.cmd("GET").arg(&owner).cmd("PTTL").arg(&owner).cmd("HGETALL").arg(follower);
        let (owner, left, follower): (Option<Text>, i64, Vec<Text>) = look.query_async(conn).await.map_err(fault)?;
        if owner.is_some_and(|owner| owner.0 == id.as_bytes()) {
            whole.unique_ms = Some(left);
            whole.follower = follower;
        }
    }
    if let Some(parent) = whole.field("parentKey").filter(|parent| !parent.0.is_empty()) {
        let dependencies = [parent.0.as_slice(), b":dependencies"].concat();
        whole.waited_for = redis::cmd("SISMEMBER").arg(dependencies).arg(keys.of(id)).query_async(conn).await.map_err(fault)?;
    }
    Ok(())
}
