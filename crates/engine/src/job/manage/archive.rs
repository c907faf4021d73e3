//! Taking jobs out whole, so that they can be brought back as they were.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::enqueue::announce;
use super::super::sql as core;
use super::super::sql::on;
use super::act::{Acted, Standing, standing};
use super::{LogLine, Whole, listed, sql};
use crate::args;
use crate::db::{Db, Error, Result, Tx};

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
    if ids.len() > super::ACT_MAX {
        return Err(Error::invalid(format!("at most {} jobs at once", super::ACT_MAX)));
    }
    let jobs: Vec<Whole> = db.all(on(db.dialect(), sql::RECORDS_SQLITE, sql::RECORDS_POSTGRES), args![listed(ids), queue]).await?;
    let found: Vec<Uuid> = jobs.iter().map(|job| job.id).collect();
    let lines: Vec<Line> = db.all(on(db.dialect(), sql::LOGS_SQLITE, sql::LOGS_POSTGRES), args![listed(&found)]).await?;
    let mut logs: HashMap<Uuid, Vec<LogLine>> = HashMap::new();
    lines.into_iter().for_each(|Line { job, line }| logs.entry(job).or_default().push(line));
    Ok(jobs.into_iter().map(|job| Archived { log: logs.remove(&job.id).unwrap_or_default(), job }).collect())
}

impl Archived {
    fn is_as(&self, standing: &Standing) -> bool {
        let job = &self.job;
        (job.state.as_str(), job.state_at, job.attempts, job.priority, job.max_attempts)
            == (standing.state.as_str(), standing.state_at, standing.attempts, standing.priority, standing.max_attempts)
    }
}

/// Deletes each job that still is as it was recorded; one that changed is [`Acted::Gone`] and stays.
///
/// # Errors
/// [`Error::Invalid`] for more than 500.
pub async fn remove_recorded(tx: &mut Tx, queue: &str, records: &[Archived]) -> Result<Vec<Acted>> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.job.id).collect();
    let standing: HashMap<Uuid, Standing> = standing(tx, queue, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let answer = |record: &Archived| match standing.get(&record.job.id) {
        Some(job) if record.is_as(job) => job.removable(),
        _ => Acted::Gone,
    };
    let answers: Vec<Acted> = records.iter().map(answer).collect();
    let chosen: Vec<Uuid> = ids.iter().zip(&answers).filter(|(_, answer)| **answer == Acted::Done).map(|(id, _)| *id).collect();
    if !chosen.is_empty() {
        tx.exec(on(tx.dialect(), sql::ACT_REMOVE_SQLITE, sql::ACT_REMOVE_POSTGRES), args![listed(&chosen)]).await?;
    }
    Ok(answers)
}

/// Brings deleted jobs back as they were, in their state and order. One whose id exists, or whose unique key a pending job holds, is refused.
///
/// # Errors
/// [`Error::Invalid`] for more than 500.
pub async fn restore(tx: &mut Tx, queue: &str, records: &[Archived]) -> Result<Vec<Acted>> {
    if records.len() > super::ACT_MAX {
        return Err(Error::invalid(format!("at most {} jobs at once", super::ACT_MAX)));
    }
    tx.exec(core::QUEUE_KNOWN, args![queue, false, super::super::now()]).await?;
    let mut answers = Vec::with_capacity(records.len());
    let mut due: Option<i64> = None;
    for record in records {
        let back = insert(tx, queue, &record.job).await?;
        answers.push(if back {
            Acted::Done
        } else {
            Acted::Refused("A job with its id exists, or one with its unique key waits or runs.".to_owned())
        });
        if !back {
            continue;
        }
        for line in &record.log {
            tx.exec(sql::RESTORE_LOG, args![record.job.id, line.line, line.at, line.text.as_str()]).await?;
        }
        if record.job.state == "delayed" {
            due = Some(due.map_or(record.job.state_at, |known| known.min(record.job.state_at)));
        }
    }
    if let Some(due) = due {
        announce(tx, queue, Some(due)).await?;
    }
    announce(tx, queue, None).await?;
    Ok(answers)
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
