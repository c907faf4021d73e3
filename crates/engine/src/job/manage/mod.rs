//! Looking at the jobs of a queue and acting on many of them at once, for operators: also from a process that runs no worker.

mod act;
mod archive;
mod list;
mod settings;
pub(super) mod sql;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

pub use act::{ACT_MAX, Act, Acted, Obliterated, act, obliterate};
pub use archive::{Archived, records, remove_recorded, restore, sizes};
pub use list::{IDS_MAX, Mark, Page, brief, ids, is_known, log, page, whole};
pub use settings::{Settings, revive, settings};
pub(super) use sql::{SET_CONCURRENCY, SET_RATE, STATEMENTS, TOUCH, WORKERS};

/// One job in a list: its data and its error cut, so that a page is never large.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Brief {
    /// Its id.
    pub id: Uuid,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub name: String,
    /// Its data as JSON text, at most 4,096 characters.
    pub data: String,
    /// Bytes that the data really has.
    pub data_bytes: i64,
    /// `waiting`, `delayed`, `active`, `completed` or `failed`.
    pub state: String,
    /// When it is due (waiting, delayed), was started (active) or ended (completed, failed), microseconds UTC.
    pub state_at: i64,
    /// Higher runs first.
    pub priority: i64,
    /// Attempts begun.
    pub attempts: i64,
    /// Attempts allowed.
    pub max_attempts: i64,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// When it was enqueued, microseconds UTC.
    pub created_at: i64,
    /// When it was last due, microseconds UTC.
    pub run_at: i64,
    /// When its last attempt began, microseconds UTC.
    pub started_at: Option<i64>,
    /// When it ended, microseconds UTC.
    pub finished_at: Option<i64>,
    /// Why its last failed attempt failed, at most 1,024 characters.
    pub error: Option<String>,
    /// Bytes that the error really has.
    pub error_bytes: Option<i64>,
    /// The worker of its last attempt.
    pub worker: Option<Uuid>,
}

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which attempt, from 1; an operator's retry may count anew.
    pub attempt: i64,
    /// When it ended, microseconds UTC.
    pub at: i64,
    /// The worker that ran it.
    pub worker: Option<Uuid>,
    /// Why it failed.
    pub error: String,
}

/// A line that a job logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct LogLine {
    /// Its number, from 0 for the first that the job ever logged; the oldest are thrown away.
    pub line: i64,
    /// When, microseconds UTC.
    pub at: i64,
    /// What.
    pub text: String,
}

/// Everything about one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Whole {
    /// Its id.
    pub id: Uuid,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub name: String,
    /// Its data.
    pub payload: Json<Value>,
    /// As [`Brief::state`].
    pub state: String,
    /// As [`Brief::state_at`].
    pub state_at: i64,
    /// Higher runs first.
    pub priority: i64,
    /// Attempts begun.
    pub attempts: i64,
    /// Attempts allowed.
    pub max_attempts: i64,
    /// While a job with this key waits or runs, no second one is made.
    pub unique_key: Option<String>,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// The occurrence it stands for, microseconds UTC.
    pub scheduled_for: Option<i64>,
    /// When it was enqueued, microseconds UTC.
    pub created_at: i64,
    /// When it was last due, microseconds UTC.
    pub run_at: i64,
    /// When its last attempt began, microseconds UTC.
    pub started_at: Option<i64>,
    /// When it ended, microseconds UTC.
    pub finished_at: Option<i64>,
    /// The worker of its last attempt.
    pub worker: Option<Uuid>,
    /// Why its last failed attempt failed.
    pub error: Option<String>,
    /// Why its last ten failed attempts failed, oldest first.
    pub errors: Option<Json<Vec<Failure>>>,
    /// How far it says it is.
    pub progress: Option<Json<Value>>,
    /// What it returned.
    pub result: Option<Json<Value>>,
    /// How often its worker vanished.
    pub stalled: i64,
    /// How long it was put off when it was made, microseconds.
    pub delay_us: i64,
}

/// Ids as the statements take them.
fn listed(ids: &[Uuid]) -> Value {
    ids.iter().map(|id| Value::from(id.simple().to_string())).collect()
}
