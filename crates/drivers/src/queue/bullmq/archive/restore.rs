//! Bringing deleted jobs back.

use qd_core::Result;
use qd_core::port::queue::{Acted, JobRecord, Once};
use redis::ScriptInvocation;

use super::{Text, Whole, calls, place, receipt};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::write::script::{self, RESTORE};
use crate::queue::bullmq::write::{self, Answer};

/// Brings jobs back in their state. A list of up to a thousand jobs is put in order by age. In a longer one those of lists, of whom the first of
/// `records` is the first to run, go before all that wait, or behind them when the next to run is older: pages of one archive keep their order,
/// whichever end they are restored from.
pub(in crate::queue::bullmq) async fn restore(bull: &BullMq, queue: &str, records: &[JobRecord], once: Once<'_>) -> Result<Vec<Acted>> {
    let keys = bull.keys(queue)?;
    let mut calls = calls(records, write::CHUNK)?;
    // A queue that lost its last job is no queue any more: it becomes one again.
    let mut conn = bull.connections.get().await?;
    let front = goes_first(&mut conn, keys, calls.iter().flatten()).await?;
    if front {
        calls.reverse();
    }
    let mut answers: Vec<Vec<i64>> = Vec::with_capacity(calls.len());
    for jobs in &calls {
        let mut call = script::call(&RESTORE, keys);
        call.arg(if front { "front" } else { "back" }).arg(receipt(once)?);
        for (record, whole) in jobs {
            arguments(&mut call, record, whole);
        }
        answers.push(script::run(&mut conn, &call).await?);
    }
    if front {
        answers.reverse();
    }
    Ok(answers.into_iter().flatten().map(|answer| Answer(answer).acted()).collect())
}

fn arguments(call: &mut ScriptInvocation<'static>, record: &JobRecord, whole: &Whole) {
    call.arg(&record.id).arg(place(record.state)).arg(whole.score.as_deref().unwrap_or_default());
    call.arg(whole.unique_ms.map(|left| left.to_string()).unwrap_or_default()).arg(u8::from(whole.waited_for));
    for list in whole.lists() {
        call.arg(list.len()).arg(list);
    }
}

/// Whether the first job of a list among `jobs` was made before the one that runs next.
async fn goes_first<'a>(conn: &mut Conn, keys: Keys<'_>, mut jobs: impl Iterator<Item = &'a (&'a JobRecord, Whole)>) -> Result<bool> {
    let Some((record, whole)) = jobs.find(|(_, whole)| whole.score.is_none()) else { return Ok(true) };
    let mut look = redis::pipe();
    look.cmd("LINDEX").arg(keys.of("paused")).arg(-1).cmd("LINDEX").arg(keys.of("wait")).arg(-1);
    let (aside, next): (Option<Text>, Option<Text>) = look.query_async(conn).await.map_err(fault)?;
    let Some(next) = aside.or(next).map(|id| String::from_utf8_lossy(&id.0).into_owned()) else { return Ok(true) };
    let made: Option<Text> = redis::cmd("HGET").arg(keys.of(&next)).arg("timestamp").query_async(conn).await.map_err(fault)?;
    Ok(age(whole.field("timestamp"), &record.id) < age(made.as_ref(), &next))
}

/// What orders jobs by age: when they were made, and within a millisecond the number that most have as their id.
fn age(made: Option<&Text>, id: &str) -> (i64, i64) {
    let made = made.and_then(|made| std::str::from_utf8(&made.0).ok()?.parse().ok());
    (made.unwrap_or(0), id.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_time_and_then_number() {
        let at = |text: &str| Text::from(text);
        assert!(age(Some(&at("9")), "7") < age(Some(&at("10")), "1"));
        assert!(age(Some(&at("9")), "7") < age(Some(&at("9")), "11"));
        assert!(age(Some(&at("9")), "7") < age(Some(&at("9")), "name"));
    }
}
