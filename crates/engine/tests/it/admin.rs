//! Figures and operators' acts on queues of many jobs.

use std::time::{Duration, Instant};

use engine::job::{self, Enqueue, Job, JobError, Keep, QueueOptions, RunInfo, State, Worker};
use engine::{Db, Dialect, args};
use serde::{Deserialize, Serialize};

use crate::support::{TestDb, eventually};

crate::both!(counts_of_many_are_quick, retention_trims, pages_and_acts, retry_all_respects_keys);

#[derive(Serialize, Deserialize)]
struct Note(i64);

impl Job for Note {
    const NAME: &'static str = "note";
    const QUEUE: &'static str = "notes";
    const ATTEMPTS: u32 = 1;
    type Context = ();

    async fn run(self, (): (), _run: RunInfo) -> Result<(), JobError> {
        if self.0 < 0 { Err(JobError::retry("negative")) } else { Ok(()) }
    }
}

async fn put(db: &Db, number: i64, options: Enqueue) -> uuid::Uuid {
    db.write(move |tx| Box::pin(async move { job::enqueue(tx, &Note(number), options).await })).await.unwrap()
}

/// `count` jobs in `state`, made by the database itself.
async fn fill(db: &Db, state: &'static str, count: i64) {
    let sql = match db.dialect() {
        Dialect::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
             INSERT INTO job (id, queue, name, payload, state, state_at, priority, attempts, max_attempts, created_at, run_at,
                finished_at, error)
             SELECT randomblob(16), 'notes', 'note', '-1', $1, $3 - i, 0, 1, 1, 1, 1, $3 - i, 'why' FROM n"
        }
        Dialect::Postgres => {
            "INSERT INTO job (id, queue, name, payload, state, state_at, priority, attempts, max_attempts, created_at, run_at,
                finished_at, error)
             SELECT gen_random_uuid(), 'notes', 'note', '-1', $1, $3::bigint - i, 0, 1, 1, 1, 1, $3::bigint - i, 'why'
             FROM generate_series(1, $2::bigint) i"
        }
    };
    let now = jiff::Timestamp::now().as_microsecond();
    db.write(move |tx| Box::pin(async move { tx.exec(sql, args![state, count, now]).await })).await.unwrap();
    db.write(|tx| {
        Box::pin(async move {
            tx.exec("INSERT INTO job_queue (queue, paused, created_at) VALUES ('notes', $1, 0) ON CONFLICT DO NOTHING", args![false]).await
        })
    })
    .await
    .unwrap();
}

async fn counts_of_many_are_quick(t: &TestDb) {
    fill(&t.db, "failed", 100_000).await;
    fill(&t.db, "waiting", 20_000).await;
    job::counts(&t.db).await.unwrap();
    let started = Instant::now();
    let counts = job::counts(&t.db).await.unwrap();
    let took = started.elapsed();
    let notes = &counts[0];
    assert_eq!((notes.failed, notes.waiting, notes.active), (100_000, 20_000, 0));
    assert!(notes.oldest_waiting_at.is_some());
    let started = Instant::now();
    let page = job::list(&t.db, "notes", State::Failed, None, 50).await.unwrap();
    let page_took = started.elapsed();
    assert_eq!(page.len(), 50);
    let started = Instant::now();
    let retried = t.db.write(|tx| Box::pin(async move { job::retry_all(tx, "notes", 10_000).await })).await.unwrap();
    let retry_took = started.elapsed();
    assert_eq!(retried, 10_000);
    println!("counts {took:?}, page {page_took:?}, retry of 10,000 {retry_took:?}");
    // Bounds for a loaded machine; the figures themselves are printed.
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(page_took < Duration::from_millis(200), "{page_took:?}");
    assert!(retry_took < Duration::from_secs(8), "{retry_took:?}");
}

async fn retention_trims(t: &TestDb) {
    fill(&t.db, "completed", 3_000).await;
    fill(&t.db, "failed", 50).await;
    let keep = QueueOptions {
        keep_completed: Keep { count: 10, age: Duration::from_secs(3600) },
        keep_failed: Keep { count: 1_000, age: Duration::ZERO },
        ..QueueOptions::new(1)
    };
    let worker = Worker::new(t.db.clone(), ()).register::<Note>().queue_with("notes", keep).start().await.unwrap();
    eventually("ten completed, none failed", || async {
        let counts = job::counts(&t.db).await.unwrap();
        (counts[0].completed == 10 && counts[0].failed == 0).then_some(())
    })
    .await;
    worker.stop().await;
}

async fn pages_and_acts(t: &TestDb) {
    for number in 0..5 {
        put(&t.db, number, Enqueue::default()).await;
    }
    let first = job::list(&t.db, "notes", State::Waiting, None, 2).await.unwrap();
    let second = job::list(&t.db, "notes", State::Waiting, Some(first[1].cursor()), 10).await.unwrap();
    let numbers: Vec<i64> = first.iter().chain(&second).map(|row| row.payload.0.as_i64().unwrap()).collect();
    assert_eq!(numbers, [4, 3, 2, 1, 0]);
    let id = first[0].id;
    t.db.write(move |tx| Box::pin(async move { job::remove(tx, id).await })).await.unwrap();
    let again = t.db.write(move |tx| Box::pin(async move { job::remove(tx, id).await })).await;
    assert!(matches!(again, Err(engine::Error::NotFound)));
    let gone = t.db.write(|tx| Box::pin(async move { job::purge(tx, "notes", State::Waiting, 3).await })).await.unwrap();
    assert_eq!(gone, 3);
    assert_eq!(job::list(&t.db, "notes", State::Waiting, None, 10).await.unwrap().len(), 1);
}

async fn retry_all_respects_keys(t: &TestDb) {
    let worker = Worker::new(t.db.clone(), ()).register::<Note>().queue("notes", 4).start().await.unwrap();
    let mut last = None;
    for _ in 0..3 {
        let id = put(&t.db, -1, Enqueue::unique("same")).await;
        eventually("failed", || async { job::find(&t.db, id).await.unwrap().filter(|row| row.state == "failed") }).await;
        last = Some(id);
    }
    worker.stop().await;
    let counts = job::counts(&t.db).await.unwrap();
    assert_eq!((counts[0].failed_last_5m, counts[0].failed_last_hour, counts[0].completed_last_5m), (3, 3, 0));
    assert_eq!(job::minutes(&t.db, "notes", 0).await.unwrap().iter().map(|m| m.failed).sum::<i64>(), 3);
    assert_eq!(t.db.write(|tx| Box::pin(async move { job::retry_all(tx, "notes", 100).await })).await.unwrap(), 1);
    let waiting = job::list(&t.db, "notes", State::Waiting, None, 10).await.unwrap();
    assert_eq!((waiting.len(), Some(waiting[0].id), waiting[0].attempts), (1, last, 0));
    // Its key is pending now: the older ones stay where they are.
    assert_eq!(t.db.write(|tx| Box::pin(async move { job::retry_all(tx, "notes", 100).await })).await.unwrap(), 0);
    let older = job::list(&t.db, "notes", State::Failed, None, 10).await.unwrap()[0].id;
    let refused = t.db.write(move |tx| Box::pin(async move { job::retry(tx, older).await })).await.unwrap_err();
    assert!(refused.is_unique("job_unique_key_key"), "{refused:?}");
}
