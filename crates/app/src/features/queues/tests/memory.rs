//! A job system in memory, for tests: the whole port, as faithful as its words. Waiting jobs are a list from which places shift, as in BullMQ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use qd_core::gate::Warrant;
use qd_core::port::Queue;
use qd_core::port::queue::{
    Acted, Can, JobAct, JobDetail, JobPage, JobRecord, JobRow, JobState, Limits, Once, QueueState, Rate, ScheduleState, TextCut,
};
use qd_core::{Error, Result};
use serde_json::{Value, json};

use super::memory_rows::{Job, back, detail, is_pending, page, row, whole};

use super::cadence;

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
    /// What was done under a name.
    receipts: BTreeSet<(String, String)>,
}

/// What becomes of a job that is let run: `None` leaves it waiting.
type Fate = Box<dyn Fn(&Job) -> Option<JobState> + Send + Sync>;

/// The job system, with one queue: `mail`.
pub struct Memory {
    pub inner: Mutex<Inner>,
    fate: Mutex<Option<Fate>>,
    /// A concurrency that somebody sets by hand while a call runs.
    pub by_hand: Mutex<Option<u64>>,
    clock: AtomicI64,
    /// Changing calls until one does its work and never answers: as when the process is killed there.
    hang_in: AtomicI64,
    /// Changing calls until some fail without doing anything.
    fail_in: AtomicI64,
    /// Changing calls until some fail after they did their work: the answer is lost.
    lose_in: AtomicI64,
    /// Changing calls until one is never heard: nothing is done, and nothing answered.
    mute_in: AtomicI64,
}

pub const QUEUE: &str = "mail";

impl Memory {
    pub fn new() -> Self {
        let inner = Inner { known: true, ..Inner::default() };
        let never = || AtomicI64::new(i64::MAX);
        let (hang_in, fail_in, lose_in, mute_in) = (never(), never(), never(), never());
        Self {
            inner: Mutex::new(inner),
            fate: Mutex::default(),
            by_hand: Mutex::default(),
            clock: AtomicI64::new(1_000_000),
            hang_in,
            fail_in,
            lose_in,
            mute_in,
        }
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
                log: String::new(),
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

    pub fn lose_in(&self, calls: i64) {
        self.lose_in.store(calls, Ordering::SeqCst);
    }

    pub fn mute_in(&self, calls: i64) {
        self.mute_in.store(calls, Ordering::SeqCst);
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
        let away = || Box::pin(async { Err(Error::Upstream { driver: "memory", detail: "It is away.".into() }) });
        if self.fail_in.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return away();
        }
        if self.mute_in.fetch_sub(1, Ordering::SeqCst) == 0 {
            return pending().boxed();
        }
        let mut inner = self.inner.lock().unwrap();
        let done = work(self, &mut inner);
        inner.concurrency = self.by_hand.lock().unwrap().take().or(inner.concurrency);
        drop(inner);
        if self.lose_in.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return away();
        }
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
        let jobs: Vec<&Job> = jobs.collect();
        let held: usize = jobs.iter().map(|job| job.data.len() + job.log.len()).sum();
        assert!(held <= 9 << 20, "{held} bytes in memory at once");
        let records =
            jobs.into_iter().map(|job| JobRecord { id: job.id.clone(), name: job.name.clone(), state: job.state, whole: whole(job) }).collect();
        Box::pin(async { Ok(records) })
    }

    fn sizes<'a>(&'a self, _: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<u64>>> {
        let inner = self.inner.lock().unwrap();
        let sizes = ids.iter().map(|id| inner.jobs.get(id).map_or(0, |job| (job.data.len() + job.log.len() + 100) as u64)).collect();
        Box::pin(async { Ok(sizes) })
    }

    fn remove_recorded<'a>(&'a self, _: &'a Warrant, _: &'a str, records: &'a [JobRecord], once: Once<'a>) -> BoxFuture<'a, Result<Vec<Acted>>> {
        self.act_with(|_, inner| {
            let mut answers = Vec::new();
            for record in records {
                let receipt = (once.name.to_owned(), record.id.clone());
                let same = inner.jobs.get(&record.id).is_some_and(|job| job.state == record.state && whole(job) == record.whole);
                answers.push(if same || inner.receipts.contains(&receipt) { Acted::Done } else { Acted::Gone });
                if same {
                    inner.jobs.remove(&record.id);
                    inner.receipts.insert(receipt);
                }
            }
            Ok(answers)
        })
    }

    fn restore<'a>(&'a self, _: &'a Warrant, _: &'a str, records: &'a [JobRecord], once: Once<'a>) -> BoxFuture<'a, Result<Vec<Acted>>> {
        self.act_with(|_, inner| {
            inner.known = true;
            let mut answers = Vec::new();
            for record in records {
                let receipt = (once.name.to_owned(), record.id.clone());
                let there = inner.jobs.get(&record.id).map(|job| job.created);
                answers.push(match there {
                    _ if inner.receipts.contains(&receipt) => Acted::Done,
                    Some(created) if created == back(record).created => Acted::There,
                    Some(_) => Acted::Refused("Another job has its id.".into()),
                    None => {
                        inner.jobs.insert(record.id.clone(), back(record));
                        inner.restored.push(record.id.clone());
                        inner.receipts.insert(receipt);
                        Acted::Done
                    }
                });
            }
            Ok(answers)
        })
    }

    fn settings<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<Value>> {
        let known = self.known(queue);
        let settings = self.see(|inner| json!({ "paused": inner.paused, "concurrency": inner.concurrency }));
        Box::pin(async move { known.map(|()| settings) })
    }

    fn revive<'a>(&'a self, _: &'a Warrant, _: &'a str, settings: &'a Value) -> BoxFuture<'a, Result<bool>> {
        self.act_with(|_, inner| {
            let free = inner.jobs.is_empty();
            if free {
                (inner.paused, inner.concurrency) = (settings["paused"].as_bool().unwrap(), settings["concurrency"].as_u64());
            }
            Ok(free)
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
            if !inner.known && !inner.paused {
                return Err(Error::NotFound("The queue".into()));
            }
            assert!(inner.paused, "only a paused queue is obliterated");
            // Two calls.
            let first = std::mem::replace(&mut inner.known, false);
            inner.jobs.clear();
            (inner.paused, inner.concurrency) = if first { (true, inner.concurrency) } else { (false, None) };
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
