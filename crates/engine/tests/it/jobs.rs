//! Jobs run once each, as often as they may, when they may, in order.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::job::{self, Enqueue, Job, JobError, QueueOptions, RunInfo, State, Worker, WorkerHandle};
use engine::{Db, Error};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{TestDb, eventually};

crate::both!(
    starts_at_once,
    a_rolled_back_job_does_not_exist,
    attempts_are_counted,
    errors_are_told_apart,
    delay_and_promotion,
    priority_then_age,
    one_pending_job_per_key,
    a_paused_queue_rests,
    many_workers_run_each_job_once,
    a_stolen_lease_cuts_the_attempt_off,
    stop_waits_for_running_jobs,
    an_attempt_that_is_given_back_does_not_count,
    unknown_kinds_wait_for_a_worker_that_knows_them,
    another_process_is_heard,
);

/// Remembers what ran.
#[derive(Clone, Default)]
pub struct Recorder {
    log: Arc<Mutex<Log>>,
    print: bool,
}

#[derive(Default)]
struct Log {
    started: Vec<(Uuid, u32)>,
    labels: Vec<String>,
    running: HashSet<Uuid>,
    overlaps: usize,
    cut_off: usize,
}

impl Recorder {
    pub fn printing() -> Self {
        Self { print: true, ..Self::default() }
    }

    pub fn started(&self) -> Vec<(Uuid, u32)> {
        self.log.lock().unwrap().started.clone()
    }

    fn labels(&self) -> Vec<String> {
        self.log.lock().unwrap().labels.clone()
    }

    /// Notes the attempt as running until the guard is dropped.
    fn enter(&self, run: &RunInfo, label: &str) -> Running {
        let mut log = self.log.lock().unwrap();
        log.started.push((run.id, run.attempt));
        log.labels.push(label.to_owned());
        if !log.running.insert(run.id) {
            log.overlaps += 1;
        }
        if self.print {
            println!("STARTED {} {}", run.id, run.attempt);
        }
        Running { log: Arc::clone(&self.log), id: run.id, whole: false }
    }
}

struct Running {
    log: Arc<Mutex<Log>>,
    id: Uuid,
    whole: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut log = self.log.lock().unwrap();
        log.running.remove(&self.id);
        log.cut_off += usize::from(!self.whole);
    }
}

/// Fails as often as it is told to.
#[derive(Serialize, Deserialize)]
pub struct Task {
    label: String,
    failures: u32,
    fatal: bool,
    hold_ms: u64,
    until_stop: bool,
    give_back: bool,
}

impl Task {
    fn new(label: &str) -> Self {
        Self { label: label.to_owned(), failures: 0, fatal: false, hold_ms: 0, until_stop: false, give_back: false }
    }
}

impl Job for Task {
    const NAME: &'static str = "task";
    const QUEUE: &'static str = "tasks";
    const BACKOFF: Duration = Duration::from_millis(20);
    type Context = Recorder;

    async fn run(self, ctx: Recorder, mut run: RunInfo) -> Result<(), JobError> {
        let mut running = ctx.enter(&run, &self.label);
        if self.hold_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.hold_ms)).await;
        }
        if self.until_stop {
            run.stopping().await;
        }
        running.whole = true;
        if self.give_back {
            return Err(JobError::given_back("another one goes on"));
        }
        if self.fatal {
            return Err(JobError::fatal("never again"));
        }
        if run.attempt <= self.failures {
            return Err(std::io::Error::other(format!("failure {}", run.attempt)).into());
        }
        Ok(())
    }
}

/// Never ends by itself.
#[derive(Serialize, Deserialize)]
pub struct Hang {
    pub whole: bool,
}

impl Job for Hang {
    const NAME: &'static str = "hang";
    const QUEUE: &'static str = "hang";
    type Context = Recorder;

    async fn run(self, ctx: Recorder, run: RunInfo) -> Result<(), JobError> {
        let _running = ctx.enter(&run, "hang");
        std::future::pending().await
    }
}

pub async fn put(db: &Db, task: Task, options: Enqueue) -> Uuid {
    db.write(move |tx| Box::pin(async move { job::enqueue(tx, &task, options).await })).await.unwrap()
}

pub async fn worker(db: &Db, recorder: &Recorder, concurrency: usize) -> WorkerHandle {
    let worker = Worker::new(db.clone(), recorder.clone()).register::<Task>().register::<Hang>();
    worker.queue("tasks", concurrency).queue("hang", 1).lease(Duration::from_secs(1)).start().await.unwrap()
}

pub async fn reaches(db: &Db, id: Uuid, state: State) -> job::JobRow {
    eventually(state.as_str(), || async { job::find(db, id).await.unwrap().filter(|row| row.state == state.as_str()) }).await
}

async fn starts_at_once(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    // Warm: connections, statements and the listener are there after the first.
    let first = put(&t.db, Task::new("warm"), Enqueue::default()).await;
    reaches(&t.db, first, State::Completed).await;
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let before = recorder.started().len();
        let at = Instant::now();
        put(&t.db, Task::new("quick"), Enqueue::default()).await;
        eventually("the start", || async { (recorder.started().len() > before).then_some(()) }).await;
        fastest = fastest.min(at.elapsed());
    }
    // Far below the poll of a second.
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    worker.stop().await;
}

async fn a_rolled_back_job_does_not_exist(t: &TestDb) {
    let task = Task::new("never");
    let outcome: Result<(), Error> =
        t.db.write(move |tx| {
            Box::pin(async move {
                job::enqueue(tx, &task, Enqueue::default()).await?;
                Err(Error::NotFound)
            })
        })
        .await;
    assert!(outcome.is_err());
    assert!(job::list(&t.db, "tasks", State::Waiting, None, 10).await.unwrap().is_empty());
}

async fn attempts_are_counted(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    let good = put(&t.db, Task { failures: 2, ..Task::new("third time lucky") }, Enqueue::default()).await;
    let bad = put(&t.db, Task { failures: 9, ..Task::new("hopeless") }, Enqueue::default()).await;
    let row = reaches(&t.db, good, State::Completed).await;
    assert_eq!((row.attempts, row.error), (3, None));
    let row = reaches(&t.db, bad, State::Failed).await;
    assert_eq!((row.attempts, row.error.as_deref()), (3, Some("failure 3")));
    assert!(row.finished_at.is_some());
    let attempts = |id| recorder.started().into_iter().filter(|(job, _)| *job == id).map(|(_, n)| n).collect::<Vec<_>>();
    assert_eq!(attempts(good), [1, 2, 3]);
    assert_eq!(attempts(bad), [1, 2, 3]);
    worker.stop().await;
}

async fn errors_are_told_apart(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    let id = put(&t.db, Task { fatal: true, ..Task::new("fatal") }, Enqueue::default()).await;
    let row = reaches(&t.db, id, State::Failed).await;
    assert_eq!((row.attempts, row.error.as_deref()), (1, Some("never again")));
    worker.stop().await;
}

async fn delay_and_promotion(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    let at = Instant::now();
    let soon = put(&t.db, Task::new("soon"), Enqueue::delayed(Duration::from_millis(300))).await;
    let late = put(&t.db, Task::new("late"), Enqueue::delayed(Duration::from_secs(3600))).await;
    reaches(&t.db, soon, State::Completed).await;
    assert!(at.elapsed() >= Duration::from_millis(300));
    assert_eq!(reaches(&t.db, late, State::Delayed).await.attempts, 0);
    t.db.write(move |tx| Box::pin(async move { job::promote(tx, late).await })).await.unwrap();
    reaches(&t.db, late, State::Completed).await;
    worker.stop().await;
}

async fn priority_then_age(t: &TestDb) {
    for (label, priority) in [("c", 0), ("a", 9), ("d", 0), ("b", 1), ("e", -1)] {
        put(&t.db, Task::new(label), Enqueue { priority, ..Enqueue::default() }).await;
    }
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 1).await;
    eventually("all five", || async { (recorder.labels().len() == 5).then_some(()) }).await;
    assert_eq!(recorder.labels(), ["a", "b", "c", "d", "e"]);
    worker.stop().await;
}

async fn one_pending_job_per_key(t: &TestDb) {
    let first = put(&t.db, Task::new("x"), Enqueue::unique("k")).await;
    assert_eq!(put(&t.db, Task::new("x"), Enqueue::unique("k")).await, first);
    assert_ne!(put(&t.db, Task::new("x"), Enqueue::unique("other")).await, first);
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    reaches(&t.db, first, State::Completed).await;
    let second = put(&t.db, Task::new("x"), Enqueue::unique("k")).await;
    assert_ne!(second, first);
    reaches(&t.db, second, State::Completed).await;
    worker.stop().await;
}

async fn a_paused_queue_rests(t: &TestDb) {
    t.db.write(|tx| Box::pin(async move { job::pause(tx, "tasks").await })).await.unwrap();
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 4).await;
    let id = put(&t.db, Task::new("x"), Enqueue::default()).await;
    // A job of another queue that is enqueued later runs: the worker had its chance.
    let hang = Hang { whole: false };
    t.db.write(move |tx| Box::pin(async move { job::enqueue(tx, &hang, Enqueue::default()).await })).await.unwrap();
    eventually("the other queue", || async { (recorder.labels() == ["hang"]).then_some(()) }).await;
    assert_eq!(job::find(&t.db, id).await.unwrap().unwrap().state, "waiting");
    assert!(job::counts(&t.db).await.unwrap().iter().any(|q| q.queue == "tasks" && q.paused && q.waiting == 1));
    t.db.write(|tx| Box::pin(async move { job::resume(tx, "tasks").await })).await.unwrap();
    reaches(&t.db, id, State::Completed).await;
    drop(worker);
}

async fn many_workers_run_each_job_once(t: &TestDb) {
    const JOBS: usize = 300;
    let recorder = Recorder::default();
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(worker(&t.other().await, &recorder, 8).await);
    }
    t.db.write(|tx| {
        Box::pin(async move {
            for n in 0..JOBS {
                let task = Task { hold_ms: u64::try_from(n % 7).unwrap(), ..Task::new(&n.to_string()) };
                job::enqueue(tx, &task, Enqueue::default()).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    eventually("all completed", || async {
        let counts = job::counts(&t.db).await.unwrap();
        counts.iter().any(|q| q.queue == "tasks" && q.completed == i64::try_from(JOBS).unwrap()).then_some(())
    })
    .await;
    let mut runs: HashMap<Uuid, usize> = HashMap::new();
    recorder.started().into_iter().for_each(|(id, _)| *runs.entry(id).or_default() += 1);
    assert_eq!(runs.len(), JOBS);
    assert!(runs.values().all(|n| *n == 1), "some job ran twice");
    assert_eq!(recorder.log.lock().unwrap().overlaps, 0);
    let counts = job::counts(&t.db).await.unwrap();
    let tasks = counts.iter().find(|q| q.queue == "tasks").unwrap();
    assert_eq!((tasks.completed_last_5m, tasks.failed_last_hour), (300, 0));
    assert!(tasks.avg_run_us_5m.is_some());
    for worker in workers {
        worker.stop().await;
    }
}

async fn a_stolen_lease_cuts_the_attempt_off(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 1).await;
    let hang = Hang { whole: false };
    let id = t.db.write(move |tx| Box::pin(async move { job::enqueue(tx, &hang, Enqueue::default()).await })).await;
    let id = id.unwrap();
    eventually("the start", || async { (recorder.started() == [(id, 1)]).then_some(()) }).await;
    t.db.write(move |tx| Box::pin(async move { tx.exec("UPDATE job SET worker = $1 WHERE id = $2", engine::args![Uuid::now_v7(), id]).await }))
        .await
        .unwrap();
    eventually("the cut", || async { (recorder.log.lock().unwrap().cut_off == 1).then_some(()) }).await;
    // The thief never renews: the job comes back after its lease, as a second attempt.
    eventually("the second attempt", || async { (recorder.started() == [(id, 1), (id, 2)]).then_some(()) }).await;
    assert_eq!(recorder.log.lock().unwrap().overlaps, 0);
    drop(worker);
}

async fn stop_waits_for_running_jobs(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 1).await;
    let running = put(&t.db, Task { until_stop: true, ..Task::new("slow") }, Enqueue::default()).await;
    let waiting = put(&t.db, Task::new("next"), Enqueue::default()).await;
    eventually("the start", || async { (recorder.started().len() == 1).then_some(()) }).await;
    worker.stop().await;
    assert_eq!(job::find(&t.db, running).await.unwrap().unwrap().state, "completed");
    assert_eq!(job::find(&t.db, waiting).await.unwrap().unwrap().state, "waiting");
}

async fn an_attempt_that_is_given_back_does_not_count(t: &TestDb) {
    let recorder = Recorder::default();
    let id = put(&t.db, Task { until_stop: true, give_back: true, ..Task::new("long") }, Enqueue::default()).await;
    // One more than it may be tried.
    for times in 1..=4 {
        let worker = worker(&t.db, &recorder, 1).await;
        eventually("the start", || async { (recorder.started().len() == times).then_some(()) }).await;
        worker.stop().await;
        let row = job::find(&t.db, id).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.attempts, row.error), ("waiting", 0, None));
    }
    assert_eq!(recorder.started(), vec![(id, 1); 4]);
}

async fn unknown_kinds_wait_for_a_worker_that_knows_them(t: &TestDb) {
    let id = put(&t.db, Task::new("x"), Enqueue::default()).await;
    let recorder = Recorder::default();
    let worker = Worker::new(t.db.clone(), recorder.clone()).queue_with("tasks", QueueOptions::new(1));
    let worker = worker.start().await.unwrap();
    let row = reaches(&t.db, id, State::Delayed).await;
    assert!(row.error.unwrap().contains("no handler for task"));
    worker.stop().await;
}

async fn another_process_is_heard(t: &TestDb) {
    let recorder = Recorder::default();
    let worker = worker(&t.db, &recorder, 1).await;
    let other = t.other().await;
    let id = put(&other, Task::new("x"), Enqueue::default()).await;
    reaches(&t.db, id, State::Completed).await;
    worker.stop().await;
}
