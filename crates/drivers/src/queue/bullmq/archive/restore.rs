//! Bringing deleted jobs back.

use qd_core::Result;
use qd_core::port::queue::{Acted, JobRecord};

use super::{calls, place};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::write::script::{self, RESTORE};
use crate::queue::bullmq::write::{self, Answer};

/// Brings jobs back in their state. Those of lists come before all that wait now, the first of `records` first: who restores more than one page
/// begins with the last page.
pub(in crate::queue::bullmq) async fn restore(bull: &BullMq, queue: &str, records: &[JobRecord]) -> Result<Vec<Acted>> {
    let keys = bull.keys(queue)?;
    let calls = calls(records, write::CHUNK)?;
    // A queue that lost its last job is no queue any more: it becomes one again.
    let mut conn = bull.connections.get().await?;
    let mut acted = Vec::with_capacity(records.len());
    // Each goes in front of those before, so the last begin.
    for jobs in calls.into_iter().rev() {
        let mut call = script::call(&RESTORE, keys);
        for (record, whole) in &jobs {
            call.arg(&record.id).arg(place(record.state)).arg(whole.score.as_deref().unwrap_or_default());
            call.arg(whole.unique_ms.map(|left| left.to_string()).unwrap_or_default()).arg(u8::from(whole.waited_for));
            for list in whole.lists() {
                call.arg(list.len()).arg(list);
            }
        }
        let answers: Vec<i64> = script::run(&mut conn, &call).await?;
        acted.extend(answers.into_iter().rev().map(|answer| Answer(answer).acted()));
    }
    acted.reverse();
    Ok(acted)
}
