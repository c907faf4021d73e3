//! Concurrency and rate of a queue over all its workers.

use qd_core::port::queue::Limits;
use qd_core::{Error, Result};

use super::open;
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::fault;

/// Sets and clears limits. Workers obey them with the next job that they take.
pub(in crate::queue::bullmq) async fn limit(bull: &BullMq, queue: &str, limits: Limits) -> Result<()> {
    check(limits)?;
    let keys = bull.keys(queue)?;
    let mut conn = open(bull, keys).await?;
    let (meta, mut change) = (keys.of("meta"), redis::pipe());
    change.atomic();
    match limits.concurrency {
        Some(Some(most)) => _ = change.cmd("HSET").arg(&meta).arg("concurrency").arg(most).ignore(),
        Some(None) => _ = change.cmd("HDEL").arg(&meta).arg("concurrency").ignore(),
        None => {}
    }
    match limits.rate {
        Some(Some(rate)) => _ = change.cmd("HSET").arg(&meta).arg("max").arg(rate.jobs).arg("duration").arg(rate.per_ms).ignore(),
        Some(None) => _ = change.cmd("HDEL").arg(&meta).arg("max").arg("duration").ignore(),
        None => {}
    }
    change.query_async(&mut conn).await.map_err(fault)
}

fn check(limits: Limits) -> Result<()> {
    if limits.concurrency == Some(Some(0)) {
        return Err(Error::invalid("concurrency", "Give at least 1. To let no job run, pause the queue."));
    }
    match limits.rate {
        Some(Some(rate)) if rate.jobs == 0 || rate.per_ms == 0 => {
            Err(Error::invalid("rate", "Give at least one job and one millisecond. To let no job run, pause the queue."))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use qd_core::port::queue::Rate;

    use super::*;

    #[test]
    fn nothing_at_all_is_a_pause_and_no_limit() {
        let none = Limits { concurrency: Some(Some(0)), ..Limits::default() };
        let rate = Limits { rate: Some(Some(Rate { jobs: 0, per_ms: 1 })), ..Limits::default() };
        assert!(check(none).is_err() && check(rate).is_err() && check(Limits::default()).is_ok());
    }
}
