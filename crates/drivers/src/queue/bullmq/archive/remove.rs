//! Deleting what was recorded, and only as it was recorded.

use qd_core::Result;
use qd_core::port::queue::{Acted, JobRecord, Once};

use super::{calls, place, receipt};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::write::script::{self, REMOVE};
use crate::queue::bullmq::write::{self, Answer};

/// Deletes the jobs of `records` that still are as they were recorded, or were deleted under this name before.
pub(in crate::queue::bullmq) async fn remove_recorded(bull: &BullMq, queue: &str, records: &[JobRecord], once: Once<'_>) -> Result<Vec<Acted>> {
    let keys = bull.keys(queue)?;
    let mut acted = Vec::with_capacity(records.len());
    let mut conn = write::open(bull, keys).await?;
    // What was recorded in a sorted set is found there at once, or not touched.
    let listed = records.iter().any(|record| matches!(place(record.state), "wait" | "paused"));
    let most = if listed { write::chunk(&mut conn, keys).await? } else { write::CHUNK };
    for jobs in calls(records, most)? {
        let mut call = script::call(&REMOVE, keys);
        call.arg("as recorded").arg(receipt(once)?);
        for (record, whole) in &jobs {
            call.arg(&record.id).arg(place(record.state)).arg(whole.score.as_deref().unwrap_or_default());
            call.arg(whole.hash.len() / 2).arg(&whole.hash);
        }
        let answers: Vec<i64> = script::run(&mut conn, &call).await?;
        acted.extend(answers.into_iter().map(|answer| Answer(answer).acted()));
    }
    Ok(acted)
}
