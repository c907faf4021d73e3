//! What jobs say while they run, what they return, and why their attempts failed.

use std::time::Duration;

use engine::Db;
use engine::job::{self, Enqueue, Job, JobError, LOG_LINES, RunInfo, Worker};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::{TestDb, eventually};

crate::both!(progress_and_lines_are_seen_while_it_runs, each_failed_attempt_is_kept, the_last_lines_stay);

#[derive(Serialize, Deserialize)]
enum Talk {
    Steps,
    Fails(u32),
    Chatter(usize),
}

impl Job for Talk {
    const NAME: &'static str = "talk";
    const QUEUE: &'static str = "talks";
    const ATTEMPTS: u32 = 14;
    const BACKOFF: Duration = Duration::from_millis(1);
    type Context = watch::Receiver<bool>;

    async fn run(self, mut go: Self::Context, run: RunInfo) -> Result<(), JobError> {
        match self {
            Self::Steps => {
                run.log("one");
                run.progress(json!({ "step": 1 }));
                go.wait_for(|go| *go).await?;
                run.log("two");
                run.progress(json!({ "step": 2 }));
                run.result(json!({ "done": 2 }));
            }
            Self::Fails(times) if run.attempt <= times => {
                run.result("not kept: it failed");
                return Err(JobError::retry(format!("failure {}\0", run.attempt)));
            }
            Self::Fails(_) => {}
            Self::Chatter(lines) => (0..lines).for_each(|n| run.log(format!("line {n}"))),
        }
        Ok(())
    }
}

async fn put(db: &Db, talk: Talk) -> Uuid {
    db.write(move |tx| Box::pin(async move { job::enqueue(tx, &talk, Enqueue::default()).await })).await.unwrap()
}

async fn ended(db: &Db, id: Uuid) -> job::Whole {
    eventually("the end", || async { job::whole(db, "talks", id).await.unwrap().filter(|job| job.state == "completed") }).await
}

async fn start(db: &Db, go: &watch::Sender<bool>) -> job::WorkerHandle {
    Worker::new(db.clone(), go.subscribe()).register::<Talk>().queue("talks", 2).start().await.unwrap()
}

async fn progress_and_lines_are_seen_while_it_runs(t: &TestDb) {
    let go = watch::channel(false).0;
    let worker = start(&t.db, &go).await;
    let id = put(&t.db, Talk::Steps).await;
    let step = |job: job::Whole| job.progress.filter(|progress| progress.0 == json!({ "step": 1 }));
    eventually("the first step", || async { job::whole(&t.db, "talks", id).await.unwrap().and_then(step) }).await;
    assert_eq!(job::log(&t.db, id, 0).await.unwrap().0[0].text, "one");
    go.send_replace(true);
    let job = ended(&t.db, id).await;
    assert_eq!((job.progress.unwrap().0, job.result.unwrap().0), (json!({ "step": 2 }), json!({ "done": 2 })));
    let (lines, total) = job::log(&t.db, id, 1).await.unwrap();
    assert_eq!((lines.len(), lines[0].text.as_str(), total), (1, "two", 2));
    assert_eq!(job.worker, Some(worker.id()));
    worker.stop().await;
}

async fn each_failed_attempt_is_kept(t: &TestDb) {
    let go = watch::channel(true).0;
    let worker = start(&t.db, &go).await;
    let id = put(&t.db, Talk::Fails(12)).await;
    let job = ended(&t.db, id).await;
    let errors = job.errors.unwrap().0;
    assert_eq!(errors.len(), 10, "the last ten");
    assert_eq!((errors[0].attempt, errors[9].attempt, errors[9].error.as_str()), (3, 12, "failure 12"));
    assert!(errors.iter().all(|error| error.worker == Some(worker.id()) && error.at > 0));
    assert_eq!((job.error, job.result), (None, None));
    worker.stop().await;
}

async fn the_last_lines_stay(t: &TestDb) {
    let go = watch::channel(true).0;
    let worker = start(&t.db, &go).await;
    let id = put(&t.db, Talk::Chatter(LOG_LINES + 50)).await;
    ended(&t.db, id).await;
    let (lines, total) = job::log(&t.db, id, 0).await.unwrap();
    assert_eq!(lines.len(), LOG_LINES);
    assert_eq!(lines.last().map(|line| line.text.clone()), Some(format!("line {}", LOG_LINES + 49)));
    assert_eq!(total, i64::try_from(LOG_LINES).unwrap(), "those that were never stored have no number");
    // A log goes with its job.
    t.db.write(move |tx| Box::pin(async move { job::remove(tx, id).await })).await.unwrap();
    assert_eq!(job::log(&t.db, id, 0).await.unwrap(), (vec![], 0));
    worker.stop().await;
}
