//! Deleting what was recorded, and only as it was recorded.

use qd_core::Result;
use qd_core::port::queue::{Acted, JobRecord};

use super::{calls, place};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::write::script::{self, REMOVE};
use crate::queue::bullmq::write::{self, Answer};

/// Deletes the jobs of `records` that still are as they were recorded.
pub(in crate::queue::bullmq) async fn remove_recorded(bull: &BullMq, queue: &str, records: &[JobRecord]) -> Result<Vec<Acted>> {
    let keys = bull.keys(queue)?;
    let mut acted = Vec::with_capacity(records.len());
    let calls = calls(records, write::CHUNK)?;
    let mut conn = write::open(bull, keys).await?;
    for jobs in calls {
        let mut call = script::call(&REMOVE, keys);
        call.arg("as recorded");
        for (record, whole) in &jobs {
            call.arg(&record.id).arg(place(record.state)).arg(whole.score.as_deref().unwrap_or_default());
            call.arg(whole.hash.len() / 2).arg(&whole.hash);
        }
        let answers: Vec<i64> = script::run(&mut conn, &call).await?;
        acted.extend(answers.into_iter().map(|answer| Answer(answer).acted()));
    }
    Ok(acted)
}
