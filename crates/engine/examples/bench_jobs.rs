//! What the durable jobs do on a database: `bench_jobs URL`. Prints figures as JSON. The URL's database must be empty; it is left as it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::job::{self, Act, Enqueue, Job, JobError, RunInfo, State, Worker};
use engine::{Db, DbOptions, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

/// No-op jobs of one run, in so many transactions.
const JOBS: u64 = 30_000;
const PER_TRANSACTION: u64 = 500;
/// Jobs at once.
const CONCURRENCY: usize = 64;
/// Single jobs for a worker that waits.
const SINGLE: usize = 500;

#[derive(Clone, Default)]
struct Bench {
    ran: Arc<AtomicU64>,
    begun: Arc<Mutex<Option<Instant>>>,
    started: Arc<Notify>,
}

#[derive(Serialize, Deserialize)]
enum Nothing {
    Counted,
    Timed,
    Failing,
}

impl Job for Nothing {
    const NAME: &'static str = "nothing";
    const QUEUE: &'static str = "nothing";
    const ATTEMPTS: u32 = 1;
    type Context = Bench;

    async fn run(self, bench: Bench, _run: RunInfo) -> Result<(), JobError> {
        match self {
            Self::Counted => drop(bench.ran.fetch_add(1, Ordering::Relaxed)),
            Self::Timed => {
                if let Ok(mut begun) = bench.begun.lock() {
                    *begun = Some(Instant::now());
                }
                bench.started.notify_one();
            }
            Self::Failing => return Err(JobError::fatal("as asked")),
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "bench_jobs.db".to_owned());
    let db = Db::open(&url, DbOptions::default()).await?;
    engine::migrate(&db).await?;
    let (enqueued, worked) = throughput(&db).await?;
    let mut waits = idle(&db).await?;
    let retried = retry(&db).await?;
    db.close().await;
    waits.sort();
    let part = |share: usize| waits.get((waits.len() - 1) * share / 100).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3);
    let per_second = |time: Duration| JOBS as f64 / time.as_secs_f64();
    println!(
        "{}",
        json!({
            "jobs_per_second": per_second(worked), "enqueued_per_second": per_second(enqueued),
            "p50_ms": part(50), "p99_ms": part(99), "retry_of_10000_ms": retried.as_secs_f64() * 1e3,
        })
    );
    Ok(())
}

async fn put(db: &Db, jobs: u64, job: fn() -> Nothing) -> Result<()> {
    for _ in 0..jobs / PER_TRANSACTION {
        db.write(move |tx| {
            Box::pin(async move {
                for _ in 0..PER_TRANSACTION {
                    job::enqueue(tx, &job(), Enqueue::default()).await?;
                }
                Ok(())
            })
        })
        .await?;
    }
    Ok(())
}

fn worker(db: &Db, bench: &Bench, concurrency: usize) -> Worker<Bench> {
    Worker::new(db.clone(), bench.clone()).register::<Nothing>().queue("nothing", concurrency)
}

/// How long it takes to enqueue all, and to run all until the last outcome is durable; retention trims meanwhile.
async fn throughput(db: &Db) -> Result<(Duration, Duration)> {
    let started = Instant::now();
    put(db, JOBS, || Nothing::Counted).await?;
    let enqueued = started.elapsed();
    let bench = Bench::default();
    let started = Instant::now();
    let worker = worker(db, &bench, CONCURRENCY).start().await?;
    while bench.ran.load(Ordering::Relaxed) < JOBS {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    worker.stop().await;
    Ok((enqueued, started.elapsed()))
}

/// From the call that enqueues a job to its start, while the worker has nothing else to do.
async fn idle(db: &Db) -> Result<Vec<Duration>> {
    let bench = Bench::default();
    let worker = worker(db, &bench, 4).start().await?;
    let mut waits = Vec::new();
    for n in 0..SINGLE + 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let called = Instant::now();
        db.write(|tx| Box::pin(async move { job::enqueue(tx, &Nothing::Timed, Enqueue::default()).await })).await?;
        bench.started.notified().await;
        let begun = bench.begun.lock().ok().and_then(|begun| *begun);
        // The first ones prepare statements and connections.
        waits.extend(begun.filter(|_| n >= 20).map(|begun| begun.duration_since(called)));
    }
    worker.stop().await;
    Ok(waits)
}

/// How long it takes to let 10,000 failed jobs run again, chosen by their ids.
async fn retry(db: &Db) -> Result<Duration> {
    put(db, 10_000, || Nothing::Failing).await?;
    let bench = Bench::default();
    let worker = worker(db, &bench, CONCURRENCY).start().await?;
    while job::counts(db).await?.first().is_some_and(|counts| counts.failed < 10_000) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.stop().await;
    let marks = job::ids(db, "nothing", State::Failed, None, job::IDS_MAX).await?;
    let started = Instant::now();
    for chunk in marks.chunks(job::ACT_MAX) {
        let ids: Vec<_> = chunk.iter().map(|mark| mark.id).collect();
        db.write(move |tx| Box::pin(async move { job::act(tx, "nothing", Act::Retry { reset: true }, &ids).await })).await?;
    }
    Ok(started.elapsed())
}
