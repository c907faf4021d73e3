//! Schedules of the job system in memory: as BullMQ, it forgets a stopped one only when it is told a second time.

use qd_core::port::queue::ScheduleState;
use qd_core::{Error, Result};
use serde_json::{Value, json};

use super::memory::Inner;

fn missing(id: &str) -> Error {
    Error::NotFound(format!("The schedule {id}"))
}

/// `forget`: one that is stopped already.
pub fn stop(inner: &mut Inner, id: &str, forget: bool) -> Result<Option<Value>> {
    if let Some(gone) = inner.schedules.remove(id) {
        inner.jobs.retain(|_, job| job.schedule.as_deref() != Some(id));
        inner.stopped.insert(id.to_owned(), json!({ "job": gone.job, "data": "4111-secret" }));
        return Ok(inner.stopped.get(id).cloned());
    }
    match forget {
        true => inner.stopped.remove(id).map(|_| None),
        false => inner.stopped.get(id).cloned().map(Some),
    }
    .ok_or_else(|| missing(id))
}

pub fn resume(inner: &mut Inner, id: &str, kept: Option<Value>) -> Result<()> {
    let kept = kept.or_else(|| inner.stopped.remove(id)).ok_or_else(|| missing(id))?;
    let job = kept["job"].as_str().unwrap().to_owned();
    inner.schedules.insert(id.to_owned(), ScheduleState { job, ..super::schedule(id) });
    Ok(())
}
