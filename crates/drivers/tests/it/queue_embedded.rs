//! The embedded queue: our own database, another process's SQLite file, another Postgres database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use drivers::queue::Embedded;
use engine::job::{self, Enqueue, Job, JobError, RunInfo, Schedule, Worker, WorkerHandle, enqueue, upsert_schedules};
use engine::{Db, DbOptions};
use qd_core::port::Queue;
use qd_core::port::queue::{Acted, JobAct, JobState};
use qd_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::queue_suite::{Bench, act, permitted, queue_suite, state};
use crate::support::{eventually, postgres};

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Errand {
    Good,
    Bad,
    Held,
}

/// What ran, and whether the held may end.
#[derive(Clone)]
struct Log {
    ran: Arc<Mutex<Vec<String>>>,
    free: Arc<watch::Sender<bool>>,
}

impl Job for Errand {
    const NAME: &'static str = "errand";
    const QUEUE: &'static str = "email";
    const ATTEMPTS: u32 = 1;
    type Context = Log;

    async fn run(self, log: Log, run: RunInfo) -> Result<(), JobError> {
        log.ran.lock().unwrap().push(run.id.to_string());
        match self {
            Self::Good => {
                run.log("hello");
                run.progress(50);
                run.result(json!({ "ok": true }));
                Ok(())
            }
            Self::Bad => Err(JobError::fatal("no such address")),
            Self::Held => {
                log.free.subscribe().wait_for(|free| *free).await?;
                Ok(())
            }
        }
    }
}

/// A database of jobs whose owner writes through `db` and that the driver looks at.
struct Jobs {
    db: Db,
    driver: Arc<dyn Queue>,
    log: Log,
    holder: tokio::sync::Mutex<Option<WorkerHandle>>,
    _dir: Option<TempDir>,
}

impl Jobs {
    fn new(db: Db, driver: Embedded, dir: Option<TempDir>) -> Self {
        let log = Log { ran: Arc::default(), free: Arc::new(watch::channel(false).0) };
        Self { db, driver: Arc::new(driver), log, holder: Default::default(), _dir: dir }
    }

    async fn add(&self, queue: &str, errand: Errand, delay: Option<Duration>) -> String {
        let options = Enqueue { queue: Some(queue.into()), delay, ..Enqueue::default() };
        self.db.write(move |tx| Box::pin(async move { enqueue(tx, &errand, options).await })).await.unwrap().to_string()
    }

    async fn worker(&self, queue: &str) -> WorkerHandle {
        Worker::new(self.db.clone(), self.log.clone()).register::<Errand>().queue(queue, 1).start().await.unwrap()
    }

    async fn work(&self, queue: &str) {
        let worker = self.worker(queue).await;
        eventually("the queue is worked off or paused", async || {
            let counts = job::counts(&self.db).await.unwrap();
            let counts = counts.into_iter().find(|counts| counts.queue == queue)?;
            (counts.paused || counts.waiting + counts.active == 0).then_some(())
        })
        .await;
        worker.stop().await;
    }

    async fn hold(&self, queue: &str) -> String {
        let id = self.add(queue, Errand::Held, None).await;
        *self.holder.lock().await = Some(self.worker(queue).await);
        eventually("the job runs", async || self.log.ran.lock().unwrap().contains(&id).then_some(())).await;
        id
    }

    async fn release(&self) {
        self.log.free.send_replace(true);
        if let Some(worker) = self.holder.lock().await.take() {
            worker.stop().await;
        }
    }

    async fn schedule(&self, queue: &str, id: &str) -> String {
        let schedule = Schedule { queue: queue.into(), ..Schedule::of(id, "0 3 1 1 *", "Europe/Berlin", &Errand::Good).unwrap() };
        upsert_schedules(&self.db, &[schedule]).await.unwrap();
        let id = id.to_owned();
        self.db.write(move |tx| Box::pin(async move { job::run_now(tx, &id).await })).await.unwrap().to_string()
    }
}

async fn sqlite() -> (Db, String, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db").to_str().unwrap().to_owned();
    (jobs_at(&path).await, path, dir)
}

async fn jobs_at(path: &str) -> Db {
    let db = Db::open(path, DbOptions::default()).await.unwrap();
    engine::migrate(&db).await.unwrap();
    db
}

macro_rules! bench {
    ($name:ident, $start:expr) => {
        struct $name(Jobs);

        impl Bench for $name {
            const LATER: i64 = -5;

            async fn start() -> Self {
                Self($start.await)
            }

            fn queue(&self) -> Arc<dyn Queue> {
                Arc::clone(&self.0.driver)
            }

            async fn add(&self, queue: &str, good: bool) -> String {
                self.0.add(queue, if good { Errand::Good } else { Errand::Bad }, None).await
            }

            async fn add_later(&self, queue: &str) -> String {
                self.0.add(queue, Errand::Good, Some(Duration::from_secs(3_600))).await
            }

            async fn work(&self, queue: &str) {
                self.0.work(queue).await;
            }

            async fn hold(&self, queue: &str) -> String {
                self.0.hold(queue).await
            }

            async fn release(&self) {
                self.0.release().await;
            }

            async fn schedule(&self, queue: &str, id: &str) -> String {
                self.0.schedule(queue, id).await
            }

            fn ran(&self) -> Vec<String> {
                self.0.log.ran.lock().unwrap().clone()
            }
        }
    };
}

bench!(Own, async {
    let (db, _, dir) = sqlite().await;
    Jobs::new(db.clone(), Embedded::own(db), Some(dir))
});

bench!(OtherFile, async {
    let (db, path, dir) = sqlite().await;
    Jobs::new(db, Embedded::of(Secret::new(path)), Some(dir))
});

bench!(OtherServer, async {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let server = postgres();
    let name = format!("qd_queue_{}", uuid::Uuid::new_v4().simple());
    let mut conn = sqlx::PgConnection::connect(&server).await.unwrap();
    conn.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    let url = format!("{host}/{name}");
    let db = Db::open(&url, DbOptions::default()).await.unwrap();
    engine::migrate(&db).await.unwrap();
    Jobs::new(db, Embedded::of(Secret::new(url)), None)
});

queue_suite!(own, super::Own);
queue_suite!(other_file, super::OtherFile);
queue_suite!(other_server, super::OtherServer, #[ignore = "needs QD_TEST_POSTGRES"]);

#[tokio::test]
async fn a_file_that_is_away_is_told_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let driver = Embedded::of(Secret::new(path.to_str().unwrap()));
    let away = driver.states().await.unwrap_err();
    assert!(away.to_string().contains("There is no file"), "{away}");
    assert!(!path.exists(), "looking must not make the file");

    let jobs = Jobs::new(jobs_at(path.to_str().unwrap()).await, Embedded::of(Secret::new("unused")), None);
    jobs.add("email", Errand::Good, None).await;
    assert_eq!(driver.states().await.unwrap().len(), 1);
    jobs.db.close().await;
    assert_eq!(driver.states().await.unwrap().len(), 1, "a queue whose owner has stopped is still counted");

    let remove = || ["", "-wal", "-shm"].map(|tail| std::fs::remove_file(dir.path().join(format!("shop.db{tail}"))).ok());
    remove();
    assert!(driver.states().await.is_err(), "a removed file is not answered from the open one");
    jobs_at(path.to_str().unwrap()).await.close().await;
    assert_eq!(driver.states().await.unwrap(), vec![]);
    remove();
    let db = jobs_at(path.to_str().unwrap()).await;
    Jobs::new(db, Embedded::of(Secret::new("unused")), None).add("labels", Errand::Good, None).await;
    assert_eq!(driver.states().await.unwrap().len(), 1, "the new file is read, not the old one");
}

#[tokio::test]
async fn nothing_is_changed_in_a_file_that_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let driver: Arc<dyn Queue> = Arc::new(Embedded::of(Secret::new(path.to_str().unwrap())));
    let refused = permitted(driver, |queue, warrant| Box::pin(async move { queue.obliterate(warrant, "email").await })).await;
    assert!(refused.unwrap_err().to_string().contains("There is no file"));
    assert!(!path.exists(), "acting must not make the file");
}

#[tokio::test]
async fn a_reader_never_writes_into_the_other_database() {
    let bench = OtherFile::start().await;
    bench.add("email", true).await;
    assert_eq!(state(&bench, "email").await.waiting, 1);
    bench.work("email").await;
    assert_eq!(state(&bench, "email").await.completed, 1);
}

/// The other process writes while we act: each of us waits for the other's lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_wait_for_the_other_process() {
    let bench = OtherFile::start().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(bench.add_later("email").await);
    }
    let adding = async {
        for _ in 0..100 {
            bench.add("email", true).await;
        }
    };
    let acting = async {
        for id in &ids {
            assert_eq!(act(&bench, JobAct::Promote, &[id]).await, [Acted::Done]);
        }
    };
    tokio::join!(adding, acting);
    assert_eq!(state(&bench, "email").await.waiting, 120);
}

#[tokio::test]
async fn what_ended_is_told_by_minute_and_where_it_is() {
    let bench = Own::start().await;
    for good in [true, true, false] {
        bench.add("email", good).await;
    }
    bench.work("email").await;
    let minutes = bench.queue().minutes("email", qd_core::Timestamp(0)).await.unwrap();
    let sum = |of: fn(&qd_core::port::queue::QueueMinute) -> u64| minutes.iter().map(of).sum::<u64>();
    assert_eq!((sum(|minute| minute.completed), sum(|minute| minute.failed), sum(|minute| minute.retried)), (2, 1, 0));
    assert_eq!(sum(|minute| minute.runs.iter().map(|(_, count)| count).sum()), 3);
    assert_eq!(sum(|minute| minute.waits.iter().map(|(_, count)| count).sum()), 3);
    let about = bench.queue().about().await.unwrap();
    assert!(about.server.starts_with("SQLite 3.") && about.place == "shop.db", "{about:?}");
    assert!(!bench.queue().can().events);
}

#[tokio::test]
async fn runs_of_a_schedule_are_told() {
    let bench = Own::start().await;
    let pending = bench.schedule("reports", "yearly").await;
    let twice = permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.run_schedule(warrant, "reports", "yearly").await })).await;
    assert!(twice.unwrap_err().to_string().contains("may not overlap"));
    bench.work("reports").await;
    let runs = bench.queue().schedule_runs("reports", "yearly").await.unwrap();
    assert_eq!((runs.len(), runs[0].outcome.as_str(), runs[0].by_hand, runs[0].job.as_deref()), (1, "completed", true, Some(pending.as_str())));
    let found = bench.queue().schedules().await.unwrap().remove(0);
    assert_eq!((found.last_outcome.as_deref(), found.runs), (Some("completed"), Some(1)));
    assert_eq!(bench.queue().ids("reports", JobState::Completed, None).await.unwrap().0, [pending]);
}
