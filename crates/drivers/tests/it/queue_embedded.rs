//! The embedded queue: our own database, another process's SQLite file, another Postgres database.

use std::sync::Arc;
use std::time::Duration;

use drivers::queue::Embedded;
use engine::job::{Enqueue, Job, JobError, RunInfo, Worker, enqueue};
use engine::{Db, DbOptions};
use qd_core::port::Queue;
use qd_core::secret::Secret;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::queue_suite::{Bench, queue_suite, state};
use crate::support::{eventually, postgres};

#[derive(Serialize, Deserialize)]
struct Errand {
    good: bool,
}

impl Job for Errand {
    const NAME: &'static str = "errand";
    const QUEUE: &'static str = "email";
    const ATTEMPTS: u32 = 1;
    type Context = ();

    async fn run(self, (): (), _run: RunInfo) -> Result<(), JobError> {
        if self.good { Ok(()) } else { Err(JobError::fatal("no such address")) }
    }
}

/// A database of jobs whose owner writes through `db` and that the driver looks at.
struct Jobs {
    db: Db,
    driver: Arc<dyn Queue>,
    _dir: Option<TempDir>,
}

impl Jobs {
    async fn add(&self, queue: &str, good: bool, delay: Option<Duration>) {
        let options = Enqueue { queue: Some(queue.into()), delay, ..Enqueue::default() };
        self.db.write(move |tx| Box::pin(async move { enqueue(tx, &Errand { good }, options).await })).await.unwrap();
    }

    async fn work(&self, queue: &str) {
        let worker = Worker::new(self.db.clone(), ()).register::<Errand>().queue(queue, 4).start().await.unwrap();
        eventually("the queue is worked off or paused", async || {
            let counts = engine::job::counts(&self.db).await.unwrap();
            let counts = counts.into_iter().find(|counts| counts.queue == queue)?;
            (counts.paused || counts.waiting + counts.active == 0).then_some(())
        })
        .await;
        worker.stop().await;
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
            async fn start() -> Self {
                Self($start.await)
            }

            fn queue(&self) -> Arc<dyn Queue> {
                Arc::clone(&self.0.driver)
            }

            async fn add(&self, queue: &str, good: bool) {
                self.0.add(queue, good, None).await;
            }

            async fn add_later(&self, queue: &str) {
                self.0.add(queue, true, Some(Duration::from_secs(3_600))).await;
            }

            async fn work(&self, queue: &str) {
                self.0.work(queue).await;
            }
        }
    };
}

bench!(Own, async {
    let (db, _, dir) = sqlite().await;
    Jobs { driver: Arc::new(Embedded::own(db.clone())), db, _dir: Some(dir) }
});

bench!(OtherFile, async {
    let (db, path, dir) = sqlite().await;
    Jobs { driver: Arc::new(Embedded::of(Secret::new(path))), db, _dir: Some(dir) }
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
    Jobs { driver: Arc::new(Embedded::of(Secret::new(url))), db, _dir: None }
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

    let jobs = Jobs { db: jobs_at(path.to_str().unwrap()).await, driver: Arc::new(Embedded::of(Secret::new("unused"))), _dir: None };
    jobs.add("email", true, None).await;
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
    Jobs { db, driver: Arc::new(Embedded::of(Secret::new("unused"))), _dir: None }.add("labels", true, None).await;
    assert_eq!(driver.states().await.unwrap().len(), 1, "the new file is read, not the old one");
}

#[tokio::test]
async fn a_reader_never_writes_into_the_other_database() {
    let bench = OtherFile::start().await;
    bench.add("email", true).await;
    assert_eq!(state(&bench, "email").await.waiting, 1);
    bench.work("email").await;
    assert_eq!(state(&bench, "email").await.completed, 1);
}
