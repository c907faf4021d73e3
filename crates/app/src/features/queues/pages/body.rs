//! What actions are sent: by forms and by clients.

use qd_core::{Error, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use super::table::group;
use crate::features::queues::Rate;
use crate::features::queues::action::{Dials, QueueRef};
use crate::features::queues::read::Line;
use crate::features::queues::run::FilterQuery;

/// Several queues: named, those of a group, or all.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ManyBody {
    /// Named ones.
    pub queues: Vec<QueueRef>,
    /// Those whose names begin so.
    pub group: Option<String>,
    /// Every queue.
    pub all: bool,
    /// Only of this job system.
    pub source: Option<String>,
}

impl ManyBody {
    /// Which queues are meant. Those that are so already are left out of groups and of all.
    ///
    /// # Errors
    /// [`Error::Invalid`] when none is named, [`Error::Conflict`] when none is left.
    pub fn which(self, lines: &[Line], pause: bool) -> Result<Vec<QueueRef>> {
        if !self.queues.is_empty() {
            return Ok(self.queues);
        }
        if self.group.is_none() && self.source.is_none() && !self.all {
            return Err(Error::invalid("queues", "Name queues, a group or a job system, or say all."));
        }
        let found = meant(lines, self.group.as_deref(), self.source.as_deref(), pause);
        let word = if pause { "paused" } else { "running" };
        if found.is_empty() { Err(Error::Conflict(format!("All of them are {word} already. Nothing was changed."))) } else { Ok(found) }
    }
}

/// Queues of a group, a job system, or all that are not as asked yet.
pub fn meant(lines: &[Line], wanted: Option<&str>, source: Option<&str>, pause: bool) -> Vec<QueueRef> {
    let fits = |line: &&Line| {
        line.state.paused != pause
            && wanted.is_none_or(|wanted| group(&line.row.name) == Some(wanted))
            && source.is_none_or(|source| source == line.row.source)
    };
    lines.iter().filter(fits).map(|line| QueueRef { source: line.row.source.clone(), queue: line.row.name.clone() }).collect()
}

/// The dials of a queue. What is not given has no limit.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitsBody {
    /// Jobs that may run at once.
    pub concurrency: Option<u64>,
    /// Jobs that may start within a time.
    pub rate: Option<Rate>,
    /// Forms: how many of `rate`.
    pub rate_jobs: Option<u64>,
    /// Forms: milliseconds of `rate`; 1,000 if not given.
    pub rate_ms: Option<u64>,
}

impl LimitsBody {
    /// The dials.
    pub fn dials(self) -> Dials {
        let formed = self.rate_jobs.map(|jobs| Rate { jobs, per_ms: self.rate_ms.unwrap_or(1_000) });
        Dials { concurrency: self.concurrency, rate: self.rate.or(formed) }
    }
}

/// Chosen jobs.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChosenBody {
    /// Which, 1 to 500.
    pub ids: Vec<String>,
    /// Retry: with all their attempts.
    pub reset: bool,
    /// Priority in the job system's own numbers.
    pub priority: Option<i64>,
    /// Milliseconds from now.
    pub delay_ms: Option<u64>,
    /// Forms: seconds from now.
    pub delay_seconds: Option<u64>,
}

impl ChosenBody {
    /// Milliseconds from now.
    ///
    /// # Errors
    /// [`Error::Invalid`] without any.
    pub fn delay(&self) -> Result<u64> {
        let formed = self.delay_seconds.map(|seconds| seconds.saturating_mul(1_000));
        self.delay_ms.or(formed).ok_or_else(|| Error::invalid("delaySeconds", "Give seconds from now; 0 makes it due now."))
    }
}

/// Everything that a filter matches.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AllBody {
    /// `failed`, `waiting`, `delayed`, …; failed if not given.
    pub state: Option<String>,
    /// Name of the jobs.
    pub name: Option<String>,
    /// What the last error holds.
    pub reason_has: Option<String>,
    /// Fingerprint of the last error.
    pub fingerprint: Option<String>,
    /// RFC 3339: ended, or made, at this moment or later.
    pub from: Option<String>,
    /// RFC 3339: ended, or made, before this moment.
    pub to: Option<String>,
    /// `orderId=77`.
    pub field: Vec<String>,
    /// Purge: only those that ended so many hours ago or earlier.
    pub older_hours: Option<i64>,
    /// Retry: with all their attempts.
    pub reset: bool,
    /// At most so many a second.
    pub rate: Option<u32>,
    /// Cohort: how many go first, 1 to 50; 5 if not given.
    pub first: Option<u32>,
    /// Cohort: jobs that may run at once while the rest follows.
    pub concurrency: Option<u32>,
    /// Drain: those too that wait for their time.
    pub delayed: bool,
}

impl AllBody {
    /// The filter as a query.
    pub fn filter(&self, now: qd_core::Timestamp) -> FilterQuery {
        let older = self.older_hours.map(|hours| now.plus_seconds(-hours.max(0).saturating_mul(3_600)).rfc3339());
        FilterQuery {
            state: self.state.clone(),
            name: self.name.clone(),
            reason_has: self.reason_has.clone(),
            fingerprint: self.fingerprint.clone(),
            from: self.from.clone(),
            to: self.to.clone().or(older),
            field: self.field.clone(),
        }
    }
}

/// The old clients' one action.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionBody {
    /// Queue.
    pub queue_name: String,
    /// Its job system; needed when several have a queue of this name.
    pub source: Option<String>,
    /// pause | resume | retry | promote | remove
    pub action: String,
    /// The job of retry, promote and remove.
    pub job_id: Option<String>,
    /// Several jobs of retry, promote and remove.
    #[serde(default)]
    pub job_ids: Vec<String>,
}
