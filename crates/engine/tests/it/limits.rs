//! One operator's limits hold for all workers of all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::job::{self, Enqueue, Job, JobError, Limits, Rate, RunInfo, Worker, WorkerHandle};
use engine::{Db, Error};
use serde::{Deserialize, Serialize};

use crate::support::{TestDb, eventually};

crate::both!(so_many_run_at_once_over_all_workers, so_many_start_in_a_window, a_lifted_limit_is_heard_at_once, limits_are_checked);

#[derive(Clone, Default)]
struct Crowd {
    here: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize)]
struct Visit(u64);

impl Job for Visit {
    const NAME: &'static str = "visit";
    const QUEUE: &'static str = "visits";
    type Context = Crowd;

    async fn run(self, crowd: Crowd, _run: RunInfo) -> Result<(), JobError> {
        let here = crowd.here.fetch_add(1, Ordering::SeqCst) + 1;
        crowd.most.fetch_max(here, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.0)).await;
        crowd.here.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn put(db: &Db, count: usize, hold_ms: u64) {
    db.write(move |tx| {
        Box::pin(async move {
            for _ in 0..count {
                job::enqueue(tx, &Visit(hold_ms), Enqueue::default()).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn workers(t: &TestDb, crowd: &Crowd) -> Vec<WorkerHandle> {
    let mut workers = Vec::new();
    for _ in 0..3 {
        let worker = Worker::new(t.other().await, crowd.clone()).register::<Visit>().queue("visits", 8);
        workers.push(worker.poll(Duration::from_millis(500)).start().await.unwrap());
    }
    workers
}

async fn limit(db: &Db, limits: Limits) -> engine::Result<()> {
    db.write(move |tx| Box::pin(async move { job::limit(tx, "visits", limits).await })).await
}

async fn completed(db: &Db, count: i64) {
    eventually("all are done", || async { (job::counts(db).await.unwrap()[0].completed >= count).then_some(()) }).await;
}

async fn so_many_run_at_once_over_all_workers(t: &TestDb) {
    put(&t.db, 30, 20).await;
    limit(&t.db, Limits { concurrency: Some(Some(2)), rate: None }).await.unwrap();
    let crowd = Crowd::default();
    let workers = workers(t, &crowd).await;
    completed(&t.db, 30).await;
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
    assert_eq!(job::counts(&t.db).await.unwrap()[0].concurrency, Some(2));
    assert_eq!(job::workers(&t.db).await.unwrap().len(), 3);
    limit(&t.db, Limits { concurrency: Some(None), rate: None }).await.unwrap();
    put(&t.db, 30, 50).await;
    completed(&t.db, 60).await;
    assert!(crowd.most.load(Ordering::SeqCst) > 2);
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(job::workers(&t.db).await.unwrap(), []);
}

async fn so_many_start_in_a_window(t: &TestDb) {
    let window = Duration::from_millis(400);
    put(&t.db, 20, 0).await;
    limit(&t.db, Limits { concurrency: None, rate: Some(Some(Rate { jobs: 5, per: window })) }).await.unwrap();
    let workers = workers(t, &Crowd::default()).await;
    completed(&t.db, 20).await;
    let rows: Vec<(i64,)> = t.db.all("SELECT started_at FROM job ORDER BY started_at", engine::args![]).await.unwrap();
    let starts: Vec<i64> = rows.into_iter().map(|(at,)| at).collect();
    let window = i64::try_from(window.as_micros()).unwrap();
    // Five in each window of their own.
    assert!(starts.windows(6).all(|six| six[5] > six[0]), "{starts:?}");
    assert!(starts.windows(11).all(|eleven| eleven[10] - eleven[0] >= window), "{starts:?}");
    assert!(starts[19] - starts[0] >= 3 * window - 50_000, "{starts:?}");
    for worker in workers {
        worker.stop().await;
    }
}

async fn a_lifted_limit_is_heard_at_once(t: &TestDb) {
    put(&t.db, 3, 0).await;
    limit(&t.db, Limits { concurrency: None, rate: Some(Some(Rate { jobs: 1, per: Duration::from_secs(3_600) })) }).await.unwrap();
    let workers = workers(t, &Crowd::default()).await;
    completed(&t.db, 1).await;
    assert_eq!(job::counts(&t.db).await.unwrap()[0].waiting, 2, "the next in an hour");
    limit(&t.db, Limits { concurrency: None, rate: Some(None) }).await.unwrap();
    completed(&t.db, 3).await;
    for worker in workers {
        worker.stop().await;
    }
}

async fn limits_are_checked(t: &TestDb) {
    let nothing = Limits { concurrency: Some(Some(0)), rate: None };
    assert!(matches!(limit(&t.db, nothing).await, Err(Error::Invalid(_))));
    let never = Limits { concurrency: None, rate: Some(Some(Rate { jobs: 1, per: Duration::ZERO })) };
    assert!(matches!(limit(&t.db, never).await, Err(Error::Invalid(_))));
    assert!(matches!(limit(&t.db, Limits::default()).await, Err(Error::NotFound)), "an unknown queue is not made");
    assert_eq!(job::counts(&t.db).await.unwrap(), []);
}
