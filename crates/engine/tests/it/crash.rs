//! Workers that are killed amid ten thousand jobs: none is lost, none runs twice at once, attempts are counted right.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::job::{self, Enqueue, Job, JobError, Keep, QueueOptions, RunInfo, Worker};
use engine::{Db, DbOptions, Dialect, args};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{TestDb, eventually};

crate::both!(a_killed_worker_loses_and_doubles_nothing);

const URL: &str = "ENGINE_TEST_CREW_URL";
const LOG: &str = "ENGINE_TEST_CREW_LOG";
const JOBS: usize = 10_000;

/// Where a process notes what it runs: `S job attempt micros`, `E job attempt micros`. What is written survives `kill -9`.
#[derive(Clone)]
struct Book(Arc<Mutex<std::fs::File>>);

impl Book {
    fn note(&self, what: char, job: Uuid, attempt: u32) {
        let line = format!("{what} {job} {attempt} {}\n", now());
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[derive(Serialize, Deserialize)]
struct Shift(u64);

impl Job for Shift {
    const NAME: &'static str = "shift";
    const QUEUE: &'static str = "crew";
    type Context = Book;

    async fn run(self, book: Book, run: RunInfo) -> Result<(), JobError> {
        book.note('S', run.id, run.attempt);
        let _end = End(book, run.id, run.attempt);
        tokio::time::sleep(Duration::from_millis(self.0)).await;
        Ok(())
    }
}

/// Notes the end, also of an attempt that is cut off.
struct End(Book, Uuid, u32);

impl Drop for End {
    fn drop(&mut self) {
        self.0.note('E', self.1, self.2);
    }
}

fn spawn(url: &str, log: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--include-ignored", "--nocapture"])
        .env(URL, url)
        .env(LOG, log)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test in this file"]
async fn child() {
    let (Ok(url), Ok(log)) = (std::env::var(URL), std::env::var(LOG)) else {
        return;
    };
    let db = Db::open(&url, DbOptions::default()).await.unwrap();
    let book = Book(Arc::new(Mutex::new(std::fs::File::options().create(true).append(true).open(log).unwrap())));
    let keep = Keep { count: 100_000, age: Duration::from_secs(3_600) };
    let options = QueueOptions { keep_completed: keep, ..QueueOptions::new(16) };
    let worker = Worker::new(db, book).register::<Shift>().queue_with("crew", options).lease(Duration::from_secs(3));
    let _running = worker.start().await.unwrap();
    std::future::pending::<()>().await;
}

async fn fill(db: &Db) {
    for batch in 0..JOBS / 500 {
        db.write(move |tx| {
            Box::pin(async move {
                for n in 0..500 {
                    let job = Shift(u64::try_from((batch + n) % 3).unwrap());
                    job::enqueue(tx, &job, Enqueue::default()).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    }
}

/// Waits until so many are done.
async fn done(db: &Db, count: i64) {
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let counts = job::counts(db).await.unwrap().remove(0);
        if counts.completed >= count {
            return;
        }
        assert!(Instant::now() < deadline, "gave up waiting: {counts:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Debug)]
struct Run {
    attempt: u32,
    begun: i64,
    ended: i64,
}

/// What a book tells by job; what had not ended when its process died at `died` ended then.
fn read(path: &Path, died: i64, runs: &mut HashMap<Uuid, Vec<Run>>) {
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, job, attempt, at] = words[..] else { continue };
        let (job, attempt, at): (Uuid, u32, i64) = (job.parse().unwrap(), attempt.parse().unwrap(), at.parse().unwrap());
        let of_job = runs.entry(job).or_default();
        match what {
            "S" => of_job.push(Run { attempt, begun: at, ended: died }),
            _ => of_job.iter_mut().filter(|run| run.attempt == attempt && run.ended == died).for_each(|run| run.ended = at),
        }
    }
}

async fn a_killed_worker_loses_and_doubles_nothing(t: &TestDb) {
    fill(&t.db).await;
    let books = tempfile::tempdir().unwrap();
    let book = |name: &str| -> PathBuf { books.path().join(name) };
    let mut dying = spawn(&t.url, &book("dying"));
    // On Postgres another process works beside it; on SQLite it is started again after its death.
    let beside = (t.db.dialect() == Dialect::Postgres).then(|| spawn(&t.url, &book("living")));
    done(&t.db, 2_000).await;
    let worked = || std::fs::metadata(book("dying")).is_ok_and(|book| book.len() > 10_000);
    eventually("the dying one worked, too", || async { worked().then_some(()) }).await;
    dying.kill().unwrap();
    dying.wait().unwrap();
    let died = now();
    let before = job::counts(&t.db).await.unwrap().remove(0).completed;
    assert!(before < i64::try_from(JOBS).unwrap(), "it was killed too late to tell anything");
    let mut living = beside.unwrap_or_else(|| spawn(&t.url, &book("living")));
    done(&t.db, i64::try_from(JOBS).unwrap()).await;
    living.kill().unwrap();
    living.wait().unwrap();

    let counts = job::counts(&t.db).await.unwrap().remove(0);
    assert_eq!((counts.waiting, counts.active, counts.delayed, counts.failed), (0, 0, 0, 0), "none is lost");
    let mut runs = HashMap::new();
    read(&book("dying"), died, &mut runs);
    read(&book("living"), now(), &mut runs);
    let rows: Vec<(Uuid, i64, i64)> = t.db.all("SELECT id, attempts, stalled FROM job", args![]).await.unwrap();
    assert_eq!(rows.len(), JOBS);
    let mut again = 0;
    for (id, attempts, stalled) in rows {
        let mut of_job = runs.remove(&id).unwrap_or_default();
        of_job.sort_by_key(|run| run.begun);
        assert!(!of_job.is_empty(), "{id} is done and never ran");
        assert!(of_job.windows(2).all(|two| two[0].ended <= two[1].begun), "{id} ran twice at once: {of_job:?}");
        assert!(of_job.windows(2).all(|two| two[0].attempt < two[1].attempt), "{id}: {of_job:?}");
        // The last run ended well; each before it was of a worker that vanished.
        assert_eq!(of_job.last().map(|run| i64::from(run.attempt)), Some(attempts), "{id}: {of_job:?}");
        assert_eq!(stalled, attempts - 1, "{id}: {of_job:?}");
        again += i64::from(attempts > 1);
    }
    println!("{again} of {JOBS} jobs were given back and ran again; {before} were done at the kill");
    assert!(again <= 64, "only what the dead worker held is run again");
}
