//! What our own database knows of queues: their past, their failures by cause, and what a search finds.

use std::collections::BTreeMap;

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Asked, Listed, find};
use crate::features::queues::JobRow;
use crate::features::queues::failure::{self, Group};
use crate::features::queues::history::{self, Point};
use crate::features::queues::index::{self, Query};

/// One minute, hour or day of a queue. Figures are jobs a minute, times are milliseconds; `null`: nobody counted then.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its begin.
    pub at: Timestamp,
    /// Jobs that waited at its end.
    pub waiting: Option<f64>,
    /// Made, a minute.
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
    /// Part of it was not seen: rates mean "at least".
    pub partial: bool,
    /// So much happened at once that the times are of some jobs only.
    pub sampled: bool,
}

impl Step {
    fn of(point: &Point, to: Timestamp) -> Self {
        // The last one is not over: its rate would be too low.
        let over = point.at.plus_seconds(point.seconds) <= to;
        #[expect(clippy::cast_precision_loss, reason = "counts of jobs are small")]
        let rate = |count: Option<i64>| count.filter(|_| over).map(|count| count as f64 * 60.0 / point.seconds.max(1) as f64);
        let finished = match (point.completed, point.failed) {
            (None, None) => None,
            (done, failed) => Some(done.unwrap_or(0) + failed.unwrap_or(0)),
        };
        #[expect(clippy::cast_precision_loss, reason = "counts of jobs are small")]
        let waiting = point.waiting.map(|waiting| waiting as f64);
        Self {
            at: point.at,
            waiting,
            added: rate(point.added),
            finished: rate(finished),
            wait_p50: point.wait_p50,
            wait_p95: point.wait_p95,
            run_p50: point.run_p50,
            run_p95: point.run_p95,
            partial: point.partial,
            sampled: point.sampled,
        }
    }
}

/// A queue over time, from the first moment that was counted.
///
/// # Errors
/// Those of our own database.
pub async fn steps(app: &App, source: &str, queue: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Step>> {
    let points = history::series(app, source, queue, from, to).await?;
    let counted = |point: &&Point| point.waiting.is_some() || point.completed.is_some() || point.added.is_some();
    let first = points.iter().position(|point| counted(&point)).unwrap_or(points.len());
    Ok(points.iter().skip(first).map(|point| Step::of(point, to)).collect())
}

/// Jobs finished every five minutes of two hours; `None` where nobody counted.
pub fn spark(app: &App, source: &str, queue: &str) -> Vec<Option<f64>> {
    history::spark(app, source, queue)
}

/// Failures by cause, those with most jobs first. A cause without a job left is not among them.
///
/// # Errors
/// Those of our own database.
pub async fn causes(app: &App, source: Option<&str>, queue: Option<&str>, most: usize) -> Result<Vec<Group>> {
    let mut all: Vec<Group> = failure::groups(app, source, queue).await?.into_iter().filter(|group| group.count > 0).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then(b.last_seen.cmp(&a.last_seen)));
    all.truncate(most);
    Ok(all)
}

/// What a search finds in a queue, as the jobs stand now; a job of that very id is found without the index, too.
///
/// # Errors
/// As [`find`], [`qd_core::Error::Invalid`] for a question that is none, and those of our own database.
pub async fn search(app: &App, source: &str, queue: &str, text: &str, after: Option<&str>, limit: usize) -> Result<Asked<Listed>> {
    let query = Query { source: Some(source.into()), queue: Some(queue.into()), ..Query::new(text) };
    let found = index::search(app, &query, after, limit).await?;
    let mut ids: Vec<String> = found.jobs.iter().map(|hit| hit.id.clone()).collect();
    let named = text.trim().trim_start_matches("id:").trim();
    if after.is_none() && !named.is_empty() && !named.contains(char::is_whitespace) && !ids.iter().any(|id| id == named) {
        ids.insert(0, named.to_owned());
    }
    let jobs = match find(app, source, queue, &ids).await? {
        Asked::Told(jobs) => jobs,
        Asked::Away(why) => return Ok(Asked::Away(why)),
    };
    let mut known: BTreeMap<String, JobRow> = jobs.into_iter().map(|job| (job.id.clone(), job)).collect();
    let jobs: Vec<JobRow> = ids.iter().filter_map(|id| known.remove(id)).collect();
    Ok(Asked::Told(Listed { looked: jobs.len(), jobs, next: found.next, coverage: Some(found.coverage) }))
}
