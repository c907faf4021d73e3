//! Recording outcomes, many in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::dispatch::Claimed;
use super::enqueue::announce;
use super::handler::backoff;
use super::worker::{Place, Shared};
use super::{JobError, MINUTE_US, micros, now, sql};
use crate::args;
use crate::db::{Result, Tx};

/// A job that has run. Its place stays taken until the outcome is durable, so that its lease is renewed until then.
pub(super) struct Done {
    pub job: Claimed,
    pub outcome: Result<(), JobError>,
    pub run_us: i64,
    pub backoff: Duration,
    #[expect(dead_code, reason = "held for its drop")]
    pub place: Place,
}

/// What is to be written about one job.
#[derive(Debug, Clone)]
struct Outcome {
    job: Claimed,
    state: &'static str,
    at: i64,
    /// When it is due again.
    again_at: Option<i64>,
    error: Option<String>,
    run_us: i64,
}

pub(super) struct Finisher {
    pub shared: Arc<Shared>,
    pub done: mpsc::Receiver<Done>,
}

impl Finisher {
    /// Ends when the dispatcher and the last job are gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        while self.done.recv_many(&mut batch, 128).await > 0 {
            let outcomes: Vec<Outcome> = batch.iter().map(outcome).collect();
            record(&self.shared, outcomes).await;
            batch.clear();
        }
    }
}

fn outcome(done: &Done) -> Outcome {
    let at = now();
    let job = done.job.clone();
    let base = Outcome { job, state: "completed", at, again_at: None, error: None, run_us: done.run_us };
    let Err(error) = &done.outcome else {
        return base;
    };
    let text = Some(error.message.chars().take(4_000).collect());
    if !error.retry || base.job.attempts >= base.job.max_attempts {
        tracing::warn!(job = %base.job.id, name = base.job.name, error = %error, "job failed");
        return Outcome { state: "failed", error: text, ..base };
    }
    let attempt = u32::try_from(base.job.attempts).unwrap_or(u32::MAX);
    let wait = error.after.unwrap_or_else(|| backoff(done.backoff, attempt));
    tracing::info!(job = %base.job.id, name = base.job.name, error = %error, ?wait, "job will be tried again");
    Outcome { state: "delayed", again_at: Some(at.saturating_add(micros(wait))), error: text, ..base }
}

/// Tries until the database takes it: the jobs' leases are renewed meanwhile. Gives up when the worker stops.
async fn record(shared: &Shared, outcomes: Vec<Outcome>) {
    let mut wait = Duration::from_millis(100);
    loop {
        let (worker, batch) = (shared.id, outcomes.clone());
        match shared.db.write(move |tx| Box::pin(write(tx, worker, batch))).await {
            Ok(()) => return,
            Err(error) if shared.is_stopping() && wait > Duration::from_secs(2) => {
                tracing::error!(%error, jobs = outcomes.len(), "outcomes were not recorded: the jobs run again");
                return;
            }
            Err(error) => tracing::warn!(%error, jobs = outcomes.len(), "recording outcomes failed, trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

/// Sums of one queue in one minute.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub completed: i64,
    pub failed: i64,
    pub retried: i64,
    pub wait_us: i64,
    pub run_us: i64,
}

async fn write(tx: &mut Tx, worker: Uuid, outcomes: Vec<Outcome>) -> Result<()> {
    let mut sums: BTreeMap<(String, i64), Sums> = BTreeMap::new();
    for outcome in outcomes {
        if !one(tx, worker, &outcome).await? {
            tracing::warn!(job = %outcome.job.id, "the lease was lost: another worker's outcome counts");
            continue;
        }
        let sum = sums.entry((outcome.job.queue, outcome.at / MINUTE_US)).or_default();
        sum.wait_us += (outcome.job.started_at - outcome.job.run_at).max(0);
        sum.run_us += outcome.run_us;
        match outcome.state {
            "completed" => sum.completed += 1,
            "failed" => sum.failed += 1,
            _ => sum.retried += 1,
        }
    }
    add_minutes(tx, worker, sums).await
}

pub(super) async fn add_minutes(tx: &mut Tx, worker: Uuid, sums: BTreeMap<(String, i64), Sums>) -> Result<()> {
    for ((queue, minute), sum) in sums {
        let Sums { completed, failed, retried, wait_us, run_us } = sum;
        let values = args![queue, minute, worker, completed, failed, retried, wait_us, run_us];
        tx.exec(sql::MINUTE, values).await?;
    }
    Ok(())
}

async fn one(tx: &mut Tx, worker: Uuid, outcome: &Outcome) -> Result<bool> {
    let Outcome { job, state, at, again_at, error, .. } = outcome;
    let ended_at = again_at.is_none().then_some(*at);
    let values = args![*state, again_at.unwrap_or(*at), *again_at, ended_at, error.clone(), job.id, worker, job.attempts];
    if tx.exec(sql::FINISH, values).await? == 0 {
        return Ok(false);
    }
    if let Some(again_at) = again_at {
        announce(tx, &job.queue, Some(*again_at)).await?;
    } else if let Some(schedule) = &job.schedule {
        let values = args![*state, error.clone(), *at, schedule.as_str(), job.id];
        tx.exec(sql::SCHEDULE_ENDED, values).await?;
    }
    Ok(true)
}
