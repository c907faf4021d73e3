//! A job system in memory, for tests: the whole port, as faithful as its words. Waiting jobs are a list from which places shift, as in BullMQ.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use qd_core::gate::Warrant;
use qd_core::port::Queue;
use qd_core::port::queue::{
    Acted, Can, JobAct, JobDetail, JobPage, JobRecord, JobRow, JobState, Limits, LogPage, QueueState, Rate, ScheduleState, TextCut,
};
use qd_core::{Error, Result, Timestamp};
use serde_json::{Value, json};

use super::cadence;

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
    /// Place among those of its state.
    pub place: i64,
}

#[derive(Default)]
pub struct Inner {
    pub jobs: BTreeMap<String, Job>,
    pub known: bool,
    pub paused: bool,
    pub concurrency: Option<u64>,
    pub rate: Option<Rate>,
    pub schedules: BTreeMap<String, ScheduleState>,
    /// What stopped ones need to come back.
    pub stopped: BTreeMap<String, Value>,
    pub limits: Vec<Option<u64>>,
    /// Ids, in the order in which they came back.
    pub restored: Vec<String>,
    /// Rows of the largest page.
    pub largest: usize,
}

/// What becomes of a job that is let run: `None` leaves it waiting.
type Fate = Box<dyn Fn(&Job) -> Option<JobState> + Send + Sync>;

/// The job system, with one queue: `mail`.
pub struct Memory {
    pub inner: Mutex<Inner>,
    fate: Mutex<Option<Fate>>,
    clock: AtomicI64,
    /// Changing calls until one does its work and never answers: as when the process is killed there.
    hang_in: AtomicI64,
    /// Changing calls until some fail without doing anything.
    fail_in: AtomicI64,
}

pub const QUEUE: &str = "mail";

impl Memory {
    pub fn new() -> Self {
        let inner = Inner { known: true, ..Inner::default() };
        let (hang_in, fail_in) = (AtomicI64::new(i64::MAX), AtomicI64::new(i64::MAX));
        Self { inner: Mutex::new(inner), fate: Mutex::default(), clock: AtomicI64::new(1_000_000), hang_in, fail_in }
    }

    /// Adds `count` jobs in a state; job `n` has `{"n":n,"even":…}`.
    pub fn fill(&self, state: JobState, count: usize) {
        let mut inner = self.inner.lock().unwrap();
        for n in 0..count {
            let at = self.tick();
            let ended = matches!(state, JobState::Failed | JobState::Completed);
            let job = Job {
                id: format!("{}-{n}", state.word()),
                name: if n % 2 == 0 { "even" } else { "odd" }.into(),
                state,
                data: json!({ "n": n, "card": "4111-secret" }).to_string(),
                priority: 0,
                created: at,
                finished: ended.then_some(at),
                reason: (state == JobState::Failed).then(|| format!("Timeout of job {n}")),
                schedule: None,
                retried: 0,
                place: at,
            };
            inner.jobs.insert(job.id.clone(), job);
        }
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        change(self.inner.lock().unwrap().jobs.get_mut(id).unwrap());
    }

    pub fn fate(&self, fate: impl Fn(&Job) -> Option<JobState> + Send + Sync + 'static) {
        *self.fate.lock().unwrap() = Some(Box::new(fate));
    }

    pub fn hang_in(&self, calls: i64) {
        self.hang_in.store(calls, Ordering::SeqCst);
    }

    pub fn fail_in(&self, calls: i64) {
        self.fail_in.store(calls, Ordering::SeqCst);
    }

    /// A look that holds nothing.
    pub fn see<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.lock().unwrap())
    }

    pub fn count(&self, state: JobState) -> usize {
        self.inner.lock().unwrap().jobs.values().filter(|job| job.state == state).count()
    }

    pub fn all(&self) -> BTreeMap<String, Job> {
        self.inner.lock().unwrap().jobs.clone()
    }

    fn tick(&self) -> i64 {
        self.clock.fetch_add(1_000, Ordering::SeqCst)
    }

    fn known(&self, queue: &str) -> Result<()> {
        let known = queue == QUEUE && self.inner.lock().unwrap().known;
        if known { Ok(()) } else { Err(Error::NotFound(format!("The queue {queue}"))) }
    }

    fn sorted(&self, state: JobState) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.inner.lock().unwrap().jobs.values().filter(|job| job.state == state).cloned().collect();
        jobs.sort_by_key(|job| (job.finished.unwrap_or(job.place), job.id.clone()));
        jobs
    }

    /// A change, unless it is to fail or hang.
    fn act_with<T: Send + 'static>(&self, work: impl FnOnce(&Self, &mut Inner) -> Result<T>) -> BoxFuture<'static, Result<T>> {
        if self.fail_in.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Box::pin(async { Err(Error::Upstream { driver: "memory", detail: "It is away.".into() }) });
        }
        let done = work(self, &mut self.inner.lock().unwrap());
        if self.hang_in.fetch_sub(1, Ordering::SeqCst) == 0 { pending().boxed() } else { Box::pin(async { done }) }
    }

    /// A job begins to run, and its fate decides at once.
    fn let_run(&self, job: &mut Job) {
        (job.retried, job.finished, job.reason) = (job.retried + 1, None, None);
        let fate = self.fate.lock().unwrap().as_ref().and_then(|fate| fate(job));
        (job.state, job.place) = (fate.unwrap_or(JobState::Waiting), self.tick());
        if matches!(job.state, JobState::Failed | JobState::Completed) {
            job.finished = Some(job.place);
            job.reason = (job.state == JobState::Failed).then(|| "Failed again".into());
        }
    }

    fn one(&self, job: &mut Job, act: JobAct) -> Acted {
        match (act, job.state) {
            (JobAct::Retry { .. }, JobState::Failed | JobState::Completed)
            | (JobAct::RetryFailed { .. }, JobState::Failed)
            | (JobAct::Promote, JobState::Delayed) => self.let_run(job),
            (JobAct::Priority(priority), JobState::Waiting) => job.priority = priority,
            (JobAct::Delay(_), JobState::Delayed) => {}
            (_, JobState::Active) => return Acted::Refused("It runs.".into()),
            _ => return Acted::Gone,
        }
        Acted::Done
    }
}

fn row(job: &Job, cut: usize) -> JobRow {
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

fn detail(row: JobRow) -> JobDetail {
    let (options, log) = (TextCut::default(), LogPage::default());
    let (children, children_total, stalled, delay_ms) = (Vec::new(), 0, 0, 0);
    let (progress, result, parent, unique_key, stacks) = (None, None, None, None, Vec::new());
    JobDetail { row, options, progress, result, stacks, log, parent, children, children_total, stalled, delay_ms, unique_key }
}

/// Belongs to a schedule and is its next.
fn is_pending(job: &Job) -> bool {
    job.schedule.is_some() && !matches!(job.state, JobState::Failed | JobState::Completed)
}

fn whole(job: &Job) -> Value {
    json!({ "data": job.data, "created": job.created, "finished": job.finished, "reason": job.reason, "place": job.place, "priority": job.priority })
}

fn back(record: &JobRecord) -> Job {
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
        place: record.whole["place"].as_i64().unwrap(),
    }
}

fn page<T>(all: Vec<T>, after: Option<&str>, limit: usize) -> (Vec<T>, Option<String>) {
    let from: usize = after.map_or(0, |after| after.parse().unwrap());
    let next = (from + limit < all.len()).then(|| (from + limit).to_string());
    (all.into_iter().skip(from).take(limit).collect(), next)
}

impl Queue for Memory {
    fn driver(&self) -> &'static str {
        "memory"
    }

    fn can(&self) -> Can {
        Can { jobs: true, workers: false, limits: true, schedules: true, events: false, obliterate: true }
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        let count = |state| self.count(state) as u64;
        let mut state =
            QueueState { name: QUEUE.into(), failed: count(JobState::Failed), completed: count(JobState::Completed), ..Default::default() };
        (state.waiting, state.delayed, state.active) = (count(JobState::Waiting), count(JobState::Delayed), count(JobState::Active));
        let inner = self.inner.lock().unwrap();
        (state.paused, state.concurrency, state.rate) = (inner.paused, inner.concurrency, inner.rate);
        let states = if inner.known { vec![state] } else { Vec::new() };
        Box::pin(async { Ok(states) })
    }

    fn jobs<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<JobPage>> {
        Box::pin(async move {
            self.known(queue)?;
            let mut jobs = self.sorted(state);
            let ended = matches!(state, JobState::Failed | JobState::Completed);
            if !ended {
                let (jobs, next) = page(jobs, after, limit);
                return Ok(JobPage { jobs: jobs.iter().map(|job| row(job, 4_096)).collect(), next });
            }
            jobs.reverse();
            jobs.retain(|job| after.is_none_or(|after| job.finished.unwrap() < after.parse::<i64>().unwrap()));
            let more = jobs.len() > limit;
            jobs.truncate(limit);
            let mut inner = self.inner.lock().unwrap();
            inner.largest = inner.largest.max(jobs.len());
            let next = jobs.last().filter(|_| more).map(|job| job.finished.unwrap().to_string());
            Ok(JobPage { jobs: jobs.iter().map(|job| row(job, 4_096)).collect(), next })
        })
    }

    fn ids<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>) -> BoxFuture<'a, Result<(Vec<String>, Option<String>)>> {
        Box::pin(async move {
            self.known(queue)?;
            // Smaller than the port allows, so that tests see several.
            Ok(page(self.sorted(state).into_iter().map(|job| job.id).collect(), after, 700))
        })
    }

    fn find<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRow>>> {
        Box::pin(async move {
            self.known(queue)?;
            let inner = self.inner.lock().unwrap();
            Ok(ids.iter().filter_map(|id| inner.jobs.get(id)).map(|job| row(job, 4_096)).collect())
        })
    }

    fn job<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<JobDetail>>> {
        Box::pin(async move {
            self.known(queue)?;
            let found = self.inner.lock().unwrap().jobs.get(id).map(|job| row(job, TextCut::MAX));
            Ok(found.map(detail))
        })
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<ScheduleState>>> {
        Box::pin(async move { Ok(self.inner.lock().unwrap().schedules.values().take(100).cloned().collect()) })
    }

    fn pause<'a>(&'a self, _: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        let known = self.known(queue);
        self.act_with(move |_, inner| known.map(|()| inner.paused = true))
    }

    fn resume<'a>(&'a self, _: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        let known = self.known(queue);
        self.act_with(move |_, inner| known.map(|()| inner.paused = false))
    }

    fn act<'a>(&'a self, _: &'a Warrant, _: &'a str, act: JobAct, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        assert!((1..=500).contains(&ids.len()), "{} jobs at once", ids.len());
        self.act_with(|own, inner| Ok(ids.iter().map(|id| inner.jobs.get_mut(id).map_or(Acted::Gone, |job| own.one(job, act))).collect()))
    }

    fn records<'a>(&'a self, _: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRecord>>> {
        let inner = self.inner.lock().unwrap();
        let jobs = ids.iter().filter_map(|id| inner.jobs.get(id)).filter(|job| job.state != JobState::Active && !is_pending(job));
        let records = jobs.map(|job| JobRecord { id: job.id.clone(), name: job.name.clone(), state: job.state, whole: whole(job) }).collect();
        Box::pin(async { Ok(records) })
    }

    fn remove_recorded<'a>(&'a self, _: &'a Warrant, _: &'a str, records: &'a [JobRecord]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        self.act_with(|_, inner| {
            let mut answers = Vec::new();
            for record in records {
                let same = inner.jobs.get(&record.id).is_some_and(|job| job.state == record.state && whole(job) == record.whole);
                answers.push(if same { Acted::Done } else { Acted::Gone });
                if same {
                    inner.jobs.remove(&record.id);
                }
            }
            Ok(answers)
        })
    }

    fn restore<'a>(&'a self, _: &'a Warrant, _: &'a str, records: &'a [JobRecord]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        self.act_with(|_, inner| {
            inner.known = true;
            let mut answers = Vec::new();
            for record in records {
                if inner.jobs.contains_key(&record.id) {
                    answers.push(Acted::Refused("Its id exists again.".into()));
                    continue;
                }
                inner.jobs.insert(record.id.clone(), back(record));
                inner.restored.push(record.id.clone());
                answers.push(Acted::Done);
            }
            Ok(answers)
        })
    }

    fn limit<'a>(&'a self, _: &'a Warrant, _: &'a str, limits: Limits) -> BoxFuture<'a, Result<()>> {
        self.act_with(|_, inner| {
            if let Some(concurrency) = limits.concurrency {
                inner.concurrency = concurrency;
                inner.limits.push(concurrency);
            }
            inner.rate = limits.rate.unwrap_or(inner.rate);
            Ok(())
        })
    }

    fn obliterate<'a>(&'a self, _: &'a Warrant, _: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.act_with(|_, inner| {
            assert!(inner.paused, "only a paused queue is obliterated");
            // Two calls.
            let first = std::mem::replace(&mut inner.known, false);
            inner.jobs.clear();
            Ok(!first)
        })
    }

    fn run_schedule<'a>(&'a self, _: &'a Warrant, _: &'a str, id: &'a str) -> BoxFuture<'a, Result<String>> {
        let known = self.inner.lock().unwrap().schedules.contains_key(id);
        Box::pin(async move { if known { Ok(format!("{id}:now")) } else { Err(Error::NotFound(format!("The schedule {id}"))) } })
    }

    fn pause_schedule<'a>(&'a self, _: &'a Warrant, _: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        self.act_with(|_, inner| cadence::stop(inner, id, false))
    }

    fn resume_schedule<'a>(&'a self, _: &'a Warrant, _: &'a str, id: &'a str, kept: Option<&'a Value>) -> BoxFuture<'a, Result<()>> {
        let kept = kept.cloned();
        self.act_with(|_, inner| cadence::resume(inner, id, kept))
    }

    fn remove_schedule<'a>(&'a self, _: &'a Warrant, _: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        self.act_with(|_, inner| cadence::stop(inner, id, true))
    }
}
