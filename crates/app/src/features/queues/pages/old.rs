//! A failed job under the names of older clients.

use qd_core::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::queues::JobRow;

/// A failed job.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OldJob {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data as JSON text, cut and masked.
    pub data: String,
    /// Attempts that ended.
    pub attempts_made: u64,
    /// When the last attempt began.
    pub processed_on: Option<Timestamp>,
    /// When it failed.
    pub finished_on: Option<Timestamp>,
    /// Why.
    pub failed_reason: Option<String>,
}

impl OldJob {
    /// Of a row that is masked already.
    pub fn of(job: &JobRow) -> Self {
        Self {
            id: job.id.clone(),
            name: job.name.clone(),
            data: job.data.text.clone(),
            attempts_made: job.attempts,
            processed_on: job.started_at,
            finished_on: job.finished_at,
            failed_reason: job.reason.as_ref().map(|reason| reason.text.clone()),
        }
    }
}
