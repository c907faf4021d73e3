//! Retry, promote, remove, priority, delay.

use qd_core::port::queue::{ACT_MAX, Acted, JobAct};
use qd_core::{Error, Result};
use redis::Script;

use super::script::{self, DELAY, PRIORITY, PROMOTE, REMOVE, RETRY};
use super::{Answer, CHUNK, is_job, open};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;

/// The lowest priority that BullMQ has.
const LOWEST: i64 = 2_097_152;
/// Longest delay: a hundred years. The score of a delayed job must stay exact.
const LONGEST_MS: u64 = 100 * 366 * 86_400_000;
/// Entries of a list that one call of a script may walk over.
const STEPS: usize = 100_000;

/// Does `act` to each of `ids`; the answers are in their order.
pub(in crate::queue::bullmq) async fn act(bull: &BullMq, queue: &str, act: JobAct, ids: &[String]) -> Result<Vec<Acted>> {
    if ids.len() > ACT_MAX {
        return Err(Error::invalid("ids", format!("At most {ACT_MAX} jobs at a time.")));
    }
    let (script, head) = plan(act)?;
    let keys = bull.keys(queue)?;
    let mut conn = open(bull, keys).await?;
    let size = match act {
        JobAct::Remove | JobAct::Priority(_) => chunk(&mut conn, keys).await?,
        _ => CHUNK,
    };
    let mut acted = Vec::with_capacity(ids.len());
    // What is no job is asked for as the job without a name, which nobody has.
    let ids: Vec<&str> = ids.iter().map(|id| if is_job(id) { id } else { "" }).collect();
    for ids in ids.chunks(size) {
        let mut call = script::call(script, keys);
        call.arg(&head).arg(ids);
        let answers: Vec<i64> = script::run(&mut conn, &call).await?;
        acted.extend(answers.into_iter().map(|answer| Answer(answer).acted()));
    }
    Ok(acted)
}

/// The script and its first arguments.
fn plan(act: JobAct) -> Result<(&'static Script, Vec<String>)> {
    Ok(match act {
        JobAct::Retry { reset } => (&RETRY, vec![if reset { "1" } else { "0" }.to_owned()]),
        JobAct::RetryFailed { reset } => (&RETRY, vec![if reset { "1f" } else { "0f" }.to_owned()]),
        JobAct::Promote => (&PROMOTE, Vec::new()),
        JobAct::Remove => (&REMOVE, vec!["now".to_owned()]),
        JobAct::Priority(priority) if (0..=LOWEST).contains(&priority) => (&PRIORITY, vec![priority.to_string()]),
        JobAct::Priority(_) => return Err(Error::invalid("priority", format!("Give a priority from 0 (first) to {LOWEST} (last)."))),
        JobAct::Delay(ms) if ms <= LONGEST_MS => (&DELAY, vec![ms.to_string()]),
        JobAct::Delay(_) => return Err(Error::invalid("delay", "Give a delay of at most a hundred years.")),
    })
}

/// How many jobs one call may take out of the lists: Redis walks over a list for each.
pub(in crate::queue::bullmq) async fn chunk(conn: &mut Conn, keys: Keys<'_>) -> Result<usize> {
    let mut lengths = redis::pipe();
    lengths.cmd("LLEN").arg(keys.of("wait")).cmd("LLEN").arg(keys.of("paused"));
    let (wait, paused): (usize, usize) = lengths.query_async(conn).await.map_err(fault)?;
    Ok((STEPS / (wait + paused).max(1)).clamp(1, CHUNK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(plan(JobAct::Priority(LOWEST)).is_ok() && plan(JobAct::Delay(LONGEST_MS)).is_ok());
        for wrong in [JobAct::Priority(-1), JobAct::Priority(LOWEST + 1), JobAct::Delay(u64::MAX)] {
            assert!(matches!(plan(wrong), Err(Error::Invalid(_))), "{wrong:?}");
        }
    }
}
