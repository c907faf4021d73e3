//! Jobs of the job system in memory, as the port tells them.

use qd_core::Timestamp;
use qd_core::port::queue::{JobDetail, JobRecord, JobRow, JobState, LogPage, TextCut};
use serde_json::{Value, json};

/// One job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: String,
    pub name: String,
    pub state: JobState,
    pub data: String,
    pub priority: i64,
    pub created: i64,
    pub finished: Option<i64>,
    pub reason: Option<String>,
    pub schedule: Option<String>,
    /// How often it was let run by hand.
    pub retried: u32,
    /// What it logged.
    pub log: String,
    /// Place among those of its state.
    pub place: i64,
}

pub fn row(job: &Job, cut: usize) -> JobRow {
    JobRow {
        id: job.id.clone(),
        name: job.name.clone(),
        state: job.state,
        data: TextCut::of(&job.data, cut),
        priority: job.priority,
        attempts: 3,
        attempts_max: Some(3),
        created_at: Some(Timestamp(job.created)),
        due_at: None,
        started_at: None,
        finished_at: job.finished.map(Timestamp),
        reason: job.reason.as_ref().map(|reason| TextCut::of(reason, 1_024)),
        worker: None,
        schedule: job.schedule.clone(),
    }
}

pub fn detail(row: JobRow) -> JobDetail {
    let (options, log) = (TextCut::default(), LogPage::default());
    let (children, children_total, stalled, delay_ms) = (Vec::new(), 0, 0, 0);
    let (progress, result, parent, unique_key, stacks) = (None, None, None, None, Vec::new());
    JobDetail { row, options, progress, result, stacks, log, parent, children, children_total, stalled, delay_ms, unique_key }
}

/// Belongs to a schedule and is its next.
pub fn is_pending(job: &Job) -> bool {
    job.schedule.is_some() && !matches!(job.state, JobState::Failed | JobState::Completed)
}

pub fn whole(job: &Job) -> Value {
    json!({ "data": job.data, "created": job.created, "finished": job.finished, "reason": job.reason, "place": job.place, "priority": job.priority, "log": job.log })
}

pub fn back(record: &JobRecord) -> Job {
    let text = |key: &str| record.whole[key].as_str().map(str::to_owned);
    Job {
        id: record.id.clone(),
        name: record.name.clone(),
        state: record.state,
        data: text("data").unwrap(),
        priority: record.whole["priority"].as_i64().unwrap(),
        created: record.whole["created"].as_i64().unwrap(),
        finished: record.whole["finished"].as_i64(),
        reason: text("reason"),
        schedule: None,
        retried: 0,
        log: text("log").unwrap(),
        place: record.whole["place"].as_i64().unwrap(),
    }
}

pub fn page<T>(all: Vec<T>, after: Option<&str>, limit: usize) -> (Vec<T>, Option<String>) {
    let from: usize = after.map_or(0, |after| after.parse().unwrap());
    let next = (from + limit < all.len()).then(|| (from + limit).to_string());
    (all.into_iter().skip(from).take(limit).collect(), next)
}
