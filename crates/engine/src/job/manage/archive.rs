//! Taking jobs out whole, so that they can be brought back as they were.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::enqueue::announce;
use super::super::sql as core;
use super::super::sql::on;
use super::act::{Acted, Standing, standing};
use super::{LogLine, Whole, listed, sql};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

/// Log lines of one statement: each has at most a kilobyte.
const LINES: usize = 1_000;

/// A job with its log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    /// The job.
    #[serde(flatten)]
    pub job: Whole,
    /// Its log lines that are kept.
    pub log: Vec<LogLine>,
}

#[derive(sqlx::FromRow)]
struct Line {
    job: Uuid,
    #[sqlx(flatten)]
    line: LogLine,
}

/// Those of `ids` in `queue` that exist and could be removed, whole, at most 500: neither what runs nor the pending jobs of schedules.
///
/// # Errors
/// [`Error::Invalid`] for more ids.
pub async fn records(db: &Db, queue: &str, ids: &[Uuid]) -> Result<Vec<Archived>> {
    bounded(ids.len())?;
    let jobs: Vec<Whole> = db.all(on(db.dialect(), sql::RECORDS_SQLITE, sql::RECORDS_POSTGRES), args![listed(ids), queue]).await?;
    let found: Vec<Uuid> = jobs.iter().map(|job| job.id).collect();
    let lines: Vec<Line> = db.all(on(db.dialect(), sql::LOGS_SQLITE, sql::LOGS_POSTGRES), args![listed(&found)]).await?;
    let mut logs: HashMap<Uuid, Vec<LogLine>> = HashMap::new();
    lines.into_iter().for_each(|Line { job, line }| logs.entry(job).or_default().push(line));
    Ok(jobs.into_iter().map(|job| Archived { log: logs.remove(&job.id).unwrap_or_default(), job }).collect())
}

#[derive(sqlx::FromRow)]
struct Size {
    id: Uuid,
    bytes: i64,
}

/// Bytes that those of `ids` in `queue` that exist hold, about, at most 500.
///
/// # Errors
/// [`Error::Invalid`] for more ids.
pub async fn sizes(db: &Db, queue: &str, ids: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
    bounded(ids.len())?;
    let sizes: Vec<Size> = db.all(on(db.dialect(), sql::SIZES_SQLITE, sql::SIZES_POSTGRES), args![listed(ids), queue]).await?;
    Ok(sizes.into_iter().map(|size| (size.id, size.bytes)).collect())
}

fn bounded(jobs: usize) -> Result<()> {
    if jobs > super::ACT_MAX { Err(Error::invalid(format!("at most {} jobs at once", super::ACT_MAX))) } else { Ok(()) }
}

impl Archived {
    fn is_as(&self, standing: &Standing) -> bool {
        let job = &self.job;
        (job.state.as_str(), job.state_at, job.attempts, job.priority, job.max_attempts)
            == (standing.state.as_str(), standing.state_at, standing.attempts, standing.priority, standing.max_attempts)
    }
}

/// Deletes each job that still is as it was recorded; one that changed is [`Acted::Gone`] and stays. `again`: a transaction with these records may
/// have been committed before, unheard of. It was when none of them is left as it was, and then those that don't exist were deleted by it.
///
/// # Errors
/// [`Error::Invalid`] for more than 500.
pub async fn remove_recorded(tx: &mut Tx, queue: &str, records: &[Archived], again: bool) -> Result<Vec<Acted>> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.job.id).collect();
    let standing: HashMap<Uuid, Standing> = standing(tx, queue, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let answer = |record: &Archived| match standing.get(&record.job.id) {
        Some(job) if record.is_as(job) => job.removable(),
        _ => Acted::Gone,
    };
    let mut answers: Vec<Acted> = records.iter().map(answer).collect();
    if again && !answers.contains(&Acted::Done) {
        let running: Vec<(Uuid,)> = tx.all(on(tx.dialect(), sql::RUNNING_SQLITE, sql::RUNNING_POSTGRES), args![listed(&ids), queue]).await?;
        let exists = |id: &Uuid| standing.contains_key(id) || running.iter().any(|(running,)| running == id);
        for (_, answer) in ids.iter().zip(&mut answers).filter(|(id, _)| !exists(id)) {
            *answer = Acted::Done;
        }
        return Ok(answers);
    }
    let chosen: Vec<Uuid> = ids.iter().zip(&answers).filter(|(_, answer)| **answer == Acted::Done).map(|(id, _)| *id).collect();
    if !chosen.is_empty() {
        tx.exec(on(tx.dialect(), sql::ACT_REMOVE_SQLITE, sql::ACT_REMOVE_POSTGRES), args![listed(&chosen)]).await?;
    }
    Ok(answers)
}

/// Brings deleted jobs back as they were, in their state and order. One that is there is [`Acted::There`]; one whose unique key a pending job holds
/// is refused.
///
/// # Errors
/// [`Error::Invalid`] for more than 500.
pub async fn restore(tx: &mut Tx, queue: &str, records: &[Archived]) -> Result<Vec<Acted>> {
    bounded(records.len())?;
    tx.exec(core::QUEUE_KNOWN, args![queue, false, super::super::now()]).await?;
    let mut answers = Vec::with_capacity(records.len());
    for record in records {
        answers.push(if insert(tx, queue, &record.job).await? {
            Acted::Done
        } else if tx.maybe::<(Uuid,)>(sql::IS_THERE, args![record.job.id, queue]).await?.is_some() {
            Acted::There
        } else {
            Acted::Refused("A job with its id is in another queue, or one with its unique key waits or runs.".to_owned())
        });
    }
    let back: Vec<&Archived> = records.iter().zip(&answers).filter(|(_, answer)| **answer == Acted::Done).map(|(record, _)| record).collect();
    insert_logs(tx, &back).await?;
    if let Some(due) = back.iter().filter(|record| record.job.state == "delayed").map(|record| record.job.state_at).min() {
        announce(tx, queue, Some(due)).await?;
    }
    announce(tx, queue, None).await?;
    Ok(answers)
}

/// Log lines of all of them, many in a statement.
async fn insert_logs(tx: &mut Tx, back: &[&Archived]) -> Result<()> {
    let mut all: Vec<Value> = Vec::new();
    for record in back {
        let job = record.job.id.simple().to_string();
        all.extend(record.log.iter().map(|line| json!([job, line.line, line.at, line.text])));
    }
    for lines in all.chunks(LINES) {
        tx.exec(on(tx.dialect(), sql::RESTORE_LOGS_SQLITE, sql::RESTORE_LOGS_POSTGRES), args![Value::from(lines)]).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, queue: &str, job: &Whole) -> Result<bool> {
    if job.queue != queue || job.state == "active" {
        return Ok(false);
    }
    let errors = job.errors.as_ref().map(|errors| serde_json::to_value(&errors.0)).transpose()?;
    let values = args![
        job.id,
        queue,
        job.name.as_str(),
        job.payload.0.clone(),
        job.state.as_str(),
        job.state_at,
        job.priority,
        job.attempts,
        job.max_attempts,
        job.unique_key.clone(),
        job.schedule.clone(),
        job.scheduled_for,
        job.created_at,
        job.run_at,
        job.started_at,
        job.finished_at,
        job.worker,
        job.error.clone(),
        errors,
        job.progress.as_ref().map(|progress| progress.0.clone()),
        job.result.as_ref().map(|result| result.0.clone()),
        job.stalled,
        job.delay_us
    ];
    Ok(tx.exec(sql::RESTORE, values).await? == 1)
}
