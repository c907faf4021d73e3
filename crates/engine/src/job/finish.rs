//! Recording outcomes, many in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::types::Json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::dispatch::Claimed;
use super::enqueue::announce;
use super::handler::backoff;
use super::manage::Failure;
use super::run::{Said, store_lines};
use super::spread::Spread;
use super::worker::{Place, Shared};
use super::{JobError, MINUTE_US, micros, now, schedule, sql};
use crate::args;
use crate::db::{Result, Tx};

/// Failed attempts of a job that are kept, the last ones.
const ERRORS_KEPT: usize = 10;
/// Characters of an error that are kept.
const ERROR_MAX: usize = 4_000;

/// State of an attempt that does not count.
const GIVEN_BACK: &str = "waiting";

/// A job that has run. Its place stays taken until the outcome is durable, so that its lease is renewed until then.
pub(super) struct Done {
    pub job: Claimed,
    pub outcome: Result<(), JobError>,
    pub run_us: i64,
    pub backoff: Duration,
    pub said: Said,
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
    said: Said,
}

impl Outcome {
    /// It is done and there is nothing else to say: one statement serves many of these.
    fn is_plain(&self) -> bool {
        self.state == "completed" && self.said.result.is_none() && self.said.progress.is_none() && self.job.schedule.is_none()
    }
}

pub(super) struct Finisher {
    shared: Arc<Shared>,
    done: mpsc::Receiver<Done>,
    /// How times were spread in this minute, so far as it is stored.
    spreads: Spreads,
}

/// By queue and minute: from due to started, and run times.
type Spreads = BTreeMap<(String, i64), (Spread, Spread)>;

impl Finisher {
    pub(super) fn new(shared: Arc<Shared>, done: mpsc::Receiver<Done>) -> Self {
        Self { shared, done, spreads: Spreads::default() }
    }

    /// Ends when the dispatcher and the last job are gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        while self.done.recv_many(&mut batch, 256).await > 0 {
            let mut outcomes: Vec<Outcome> = batch.iter_mut().map(outcome).collect();
            // One order in all transactions that lock several jobs.
            outcomes.sort_by_key(|outcome| outcome.job.id);
            self.record(outcomes).await;
            batch.drain(..).for_each(|mut done: Done| done.place.quiet = true);
            self.shared.tell_freed();
        }
    }

    /// The spreads with `outcomes` counted, of this minute and the one before.
    fn counted(&self, outcomes: &[Outcome]) -> Spreads {
        let minute = now() / MINUTE_US;
        let mut spreads: Spreads =
            self.spreads.iter().filter(|((_, at), _)| *at >= minute - 1).map(|(key, both)| (key.clone(), both.clone())).collect();
        for outcome in outcomes {
            let (waits, runs) = spreads.entry((outcome.job.queue.clone(), outcome.at / MINUTE_US)).or_default();
            waits.add(outcome.waited());
            runs.add(outcome.run_us);
        }
        spreads
    }
}

impl Outcome {
    fn waited(&self) -> i64 {
        (self.job.started_at - self.job.run_at).max(0)
    }
}

fn outcome(done: &mut Done) -> Outcome {
    let at = now();
    let (job, said) = (done.job.clone(), std::mem::take(&mut done.said));
    let base = Outcome { job, state: "completed", at, again_at: None, error: None, run_us: done.run_us, said };
    let Err(error) = &done.outcome else {
        return base;
    };
    // Postgres stores no NUL.
    let text = Some(error.message.chars().filter(|c| *c != '\0').take(ERROR_MAX).collect());
    // A worker that goes on would take it up again at once, and again: there the attempt counts.
    if error.given_back && done.place.shared.is_stopping() {
        tracing::info!(job = %base.job.id, name = base.job.name, why = %error, "job is given back");
        return Outcome { state: GIVEN_BACK, ..base };
    }
    if !error.retry || base.job.attempts >= base.job.max_attempts {
        tracing::warn!(job = %base.job.id, name = base.job.name, error = %error, "job failed");
        return Outcome { state: "failed", error: text, ..base };
    }
    let attempt = u32::try_from(base.job.attempts).unwrap_or(u32::MAX);
    let wait = error.after.unwrap_or_else(|| backoff(done.backoff, attempt));
    tracing::info!(job = %base.job.id, name = base.job.name, error = %error, ?wait, "job will be tried again");
    Outcome { state: "delayed", again_at: Some(at.saturating_add(micros(wait))), error: text, ..base }
}

impl Finisher {
    /// Tries until the database takes it: the jobs' leases are renewed meanwhile. Gives up when the worker stops.
    async fn record(&mut self, outcomes: Vec<Outcome>) {
        let shared = Arc::clone(&self.shared);
        let spreads = self.counted(&outcomes);
        let mut wait = Duration::from_millis(100);
        loop {
            let (worker, batch, counted) = (Arc::clone(&shared), outcomes.clone(), spreads.clone());
            match shared.db.write(move |tx| Box::pin(write(tx, worker, batch, counted))).await {
                Ok(()) => {
                    self.spreads = spreads;
                    return;
                }
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
}

/// Sums of one queue in one minute.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub completed: i64,
    pub failed: i64,
    pub retried: i64,
    pub wait_us: i64,
    pub run_us: i64,
    pub waits: Option<Value>,
    pub runs: Option<Value>,
}

async fn write(tx: &mut Tx, shared: Arc<Shared>, outcomes: Vec<Outcome>, spreads: Spreads) -> Result<()> {
    let plain: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.is_plain()).collect();
    let mut ended = many(tx, shared.id, &plain).await?;
    for outcome in outcomes.iter().filter(|outcome| !outcome.is_plain()) {
        if one(tx, shared.id, outcome).await? {
            ended.insert(outcome.job.id);
        }
    }
    let mut sums: BTreeMap<(String, i64), Sums> = BTreeMap::new();
    for outcome in outcomes {
        if !ended.contains(&outcome.job.id) {
            tracing::warn!(job = %outcome.job.id, "the lease was lost: another worker's outcome counts");
            continue;
        }
        store_lines(tx, outcome.job.id, outcome.said.lines.clone()).await?;
        if outcome.state == GIVEN_BACK {
            continue;
        }
        let waited = outcome.waited();
        let sum = sums.entry((outcome.job.queue, outcome.at / MINUTE_US)).or_default();
        sum.wait_us += waited;
        sum.run_us += outcome.run_us;
        match outcome.state {
            "completed" => sum.completed += 1,
            "failed" => sum.failed += 1,
            _ => sum.retried += 1,
        }
    }
    for (key, sum) in &mut sums {
        if let Some((waits, runs)) = spreads.get(key) {
            (sum.waits, sum.runs) = (Some(waits.to_json()), Some(runs.to_json()));
        }
    }
    let queues: BTreeSet<&String> = sums.keys().map(|(queue, _)| queue).filter(|queue| shared.is_limited(queue)).collect();
    for queue in queues {
        announce(tx, queue, None).await?;
    }
    add_minutes(tx, shared.id, sums).await
}

pub(super) async fn add_minutes(tx: &mut Tx, worker: Uuid, sums: BTreeMap<(String, i64), Sums>) -> Result<()> {
    for ((queue, minute), sum) in sums {
        let Sums { completed, failed, retried, wait_us, run_us, waits, runs } = sum;
        let values = args![queue, minute, worker, completed, failed, retried, wait_us, run_us, waits, runs];
        tx.exec(sql::MINUTE, values).await?;
    }
    Ok(())
}

/// Ends plain ones in one statement; returns which of them were still ours.
async fn many(tx: &mut Tx, worker: Uuid, outcomes: &[&Outcome]) -> Result<HashSet<Uuid>> {
    let Some(at) = outcomes.iter().map(|outcome| outcome.at).max() else {
        return Ok(HashSet::new());
    };
    let list: Vec<Value> = outcomes.iter().map(|outcome| json!([outcome.job.id.simple().to_string(), outcome.job.attempts])).collect();
    let finish = sql::on(tx.dialect(), sql::FINISH_MANY_SQLITE, sql::FINISH_MANY_POSTGRES);
    let ended: Vec<(Uuid,)> = tx.all(finish, args![Value::from(list), worker, at]).await?;
    Ok(ended.into_iter().map(|(id,)| id).collect())
}

async fn one(tx: &mut Tx, worker: Uuid, outcome: &Outcome) -> Result<bool> {
    let Outcome { job, state, at, again_at, error, said, .. } = outcome;
    if *state == GIVEN_BACK {
        let given = tx.exec(sql::GIVE_BACK, args![job.id, worker, job.attempts, said.progress.clone()]).await? == 1;
        if given {
            announce(tx, &job.queue, None).await?;
        }
        return Ok(given);
    }
    let ended_at = again_at.is_none().then_some(*at);
    let result = said.result.clone().filter(|_| *state == "completed");
    let values =
        args![*state, again_at.unwrap_or(*at), *again_at, ended_at, error.clone(), result, said.progress.clone(), job.id, worker, job.attempts];
    if tx.exec(sql::FINISH, values).await? == 0 {
        return Ok(false);
    }
    if let Some(error) = error {
        failure(tx, job.id, Failure { attempt: job.attempts, at: *at, worker: Some(worker), error: error.clone() }).await?;
    }
    if let Some(again_at) = again_at {
        announce(tx, &job.queue, Some(*again_at)).await?;
    } else if let Some(schedule) = &job.schedule {
        schedule::ended(tx, schedule, job.id, state, error.as_deref(), *at).await?;
    }
    Ok(true)
}

/// Keeps why an attempt failed beside those before it.
pub(super) async fn failure(tx: &mut Tx, job: Uuid, failure: Failure) -> Result<()> {
    let kept: Option<(Option<Json<Vec<Failure>>>,)> = tx.maybe(sql::ERRORS, args![job]).await?;
    let mut errors = kept.and_then(|(errors,)| errors).map(|Json(errors)| errors).unwrap_or_default();
    errors.push(failure);
    let over = errors.len().saturating_sub(ERRORS_KEPT);
    errors.drain(..over);
    tx.exec(sql::SET_ERRORS, args![serde_json::to_value(errors)?, job]).await?;
    Ok(())
}
