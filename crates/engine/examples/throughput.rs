//! How many write transactions and jobs a second a database takes: `throughput URL [SECONDS]`.
//! The URL's database must be empty; it is filled and left as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::job::{self, Enqueue, Job, JobError, RunInfo, Worker};
use engine::{Db, DbOptions, Result, args};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const SELECT: &str = "SELECT count(*) FROM job_queue WHERE queue = $1";
const INSERT: &str = "INSERT INTO job_queue (queue, paused, created_at) VALUES ($1, $2, $3)";

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or_else(|| "throughput.db".to_owned());
    let time = Duration::from_secs(words.next().and_then(|text| text.parse().ok()).unwrap_or(3));
    let db = Db::open(&url, DbOptions::default()).await?;
    engine::migrate(&db).await?;
    for writers in [1, 8, 64] {
        writes(&db, writers, time).await?;
    }
    db.write(|tx| Box::pin(async move { tx.exec("DELETE FROM job_queue", args![]).await })).await?;
    for concurrency in [8, 64] {
        jobs(&db, concurrency, 5_000).await?;
    }
    db.close().await;
    Ok(())
}

/// One select and one insert in each transaction.
async fn one(db: &Db) -> Result<u64> {
    let id = Uuid::now_v7().to_string();
    db.write(move |tx| {
        Box::pin(async move {
            let _found: (i64,) = tx.one(SELECT, args![id.as_str()]).await?;
            tx.exec(INSERT, args![id, false, 0_i64]).await
        })
    })
    .await
}

async fn writes(db: &Db, writers: usize, time: Duration) -> Result<()> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                while started.elapsed() < time {
                    done += one(&db).await?;
                }
                Ok::<_, engine::Error>(done)
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += task.await.map_err(|error| engine::Error::Invalid(error.to_string()))??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let rate = total as f64 / seconds;
    println!("{writers:>3} writers: {rate:>8.0} tx/s, {:.2} ms each", writers as f64 * 1_000.0 / rate);
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Count;

impl Job for Count {
    const NAME: &'static str = "count";
    const QUEUE: &'static str = "count";
    type Context = Arc<AtomicU64>;

    async fn run(self, ctx: Self::Context, _run: RunInfo) -> Result<(), JobError> {
        ctx.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn jobs(db: &Db, concurrency: usize, total: u64) -> Result<()> {
    let started = Instant::now();
    db.write(move |tx| {
        Box::pin(async move {
            for _ in 0..total {
                job::enqueue(tx, &Count, Enqueue::default()).await?;
            }
            Ok(())
        })
    })
    .await?;
    let filled = started.elapsed();
    let ran = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let worker = Worker::new(db.clone(), Arc::clone(&ran)).register::<Count>().queue("count", concurrency);
    let worker = worker.start().await?;
    while ran.load(Ordering::Relaxed) < total {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let rate = total as f64 / started.elapsed().as_secs_f64();
    worker.stop().await;
    println!("jobs: {total} enqueued in {filled:.1?}; {concurrency:>3} at once: {rate:>6.0} jobs/s");
    Ok(())
}
