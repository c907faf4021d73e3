//! What our own database knows of queues: their past, their failures by cause, what is indexed, and schedules that were stopped here.

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Asked, Listed, find};
use crate::features::queues::pages::Cause;

/// One minute, hour or day of a queue. Figures are jobs a minute, times are milliseconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its begin.
    pub at: Timestamp,
    /// Jobs that waited at its end.
    pub waiting: Option<f64>,
    /// Made ready, a minute.
    pub added: Option<f64>,
    /// Done or failed for good, a minute.
    pub finished: Option<f64>,
    /// Half of the jobs waited shorter.
    pub wait_p50: Option<f64>,
    /// 95 % of the jobs waited shorter.
    pub wait_p95: Option<f64>,
    /// Half of the jobs ran shorter.
    pub run_p50: Option<f64>,
    /// 95 % of the jobs ran shorter.
    pub run_p95: Option<f64>,
}

/// A queue over time.
///
/// # Errors
/// Those of our own database.
pub async fn steps(_app: &App, _source: &str, _queue: &str, _from: Timestamp, _to: Timestamp) -> Result<Vec<Step>> {
    Ok(Vec::new())
}

/// Jobs finished every five minutes of two hours.
pub fn spark(_app: &App, _source: &str, _queue: &str) -> Vec<Option<f64>> {
    Vec::new()
}

/// Failures by cause.
///
/// # Errors
/// Those of our own database.
pub async fn causes(_app: &App, _source: Option<&str>, _queue: Option<&str>, _most: usize) -> Result<Vec<Cause>> {
    Ok(Vec::new())
}

/// What a search finds in a queue.
///
/// # Errors
/// As [`find`], and those of our own database.
pub async fn search(app: &App, source: &str, queue: &str, text: &str, _after: Option<&str>, _limit: usize) -> Result<Asked<Listed>> {
    let id = text.trim().trim_start_matches("id:").to_owned();
    Ok(match find(app, source, queue, &[id]).await? {
        Asked::Told(jobs) => Asked::Told(Listed { looked: jobs.len(), jobs, ..Listed::default() }),
        Asked::Away(why) => Asked::Away(why),
    })
}
