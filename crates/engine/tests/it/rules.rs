//! What becomes of occurrences that overlap or were missed, and of runs by hand.

use std::time::Duration;

use engine::job::{self, Job, JobError, Missed, Overlap, RunInfo, RunRow, Schedule, State, Worker, upsert_schedules};
use engine::{Db, Error, args};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::support::{TestDb, eventually};

crate::both!(one_waits_for_the_run_before, runs_may_overlap, what_was_missed_is_left_out_or_made_up, a_run_by_hand, a_schedule_is_put_back);

#[derive(Serialize, Deserialize)]
struct Round;

impl Job for Round {
    const NAME: &'static str = "round";
    const QUEUE: &'static str = "rounds";
    const ATTEMPTS: u32 = 1;
    type Context = watch::Receiver<bool>;

    async fn run(self, mut free: Self::Context, _run: RunInfo) -> Result<(), JobError> {
        free.wait_for(|free| *free).await?;
        Ok(())
    }
}

async fn worker(db: &Db, free: &watch::Sender<bool>) -> job::WorkerHandle {
    let worker = Worker::new(db.clone(), free.subscribe()).register::<Round>().queue("rounds", 4).poll(Duration::from_millis(500));
    worker.drain(Duration::ZERO).start().await.unwrap()
}

async fn make(db: &Db, cron: &str, overlap: Overlap, missed: Missed) {
    let schedule = Schedule::of("round", cron, "UTC", &Round).unwrap().overlap(overlap).missed(missed);
    upsert_schedules(db, &[schedule]).await.unwrap();
}

async fn outcomes(db: &Db) -> Vec<RunRow> {
    let mut runs = job::runs(db, "round", None, 100).await.unwrap();
    runs.reverse();
    runs
}

/// Makes the schedule due: its next occurrence was so many seconds ago.
async fn due(db: &Db, seconds: i64) {
    let at = Timestamp::now().as_microsecond() - seconds * 1_000_000;
    db.write(move |tx| Box::pin(async move { tx.exec("UPDATE job_schedule SET next_at = $1", args![at]).await })).await.unwrap();
}

async fn runs_are(db: &Db, count: usize) -> Vec<RunRow> {
    eventually("the runs", || async { Some(outcomes(db).await).filter(|runs| runs.len() >= count) }).await
}

async fn one_waits_for_the_run_before(t: &TestDb) {
    make(&t.db, "0 3 1 1 *", Overlap::Queue, Missed::Once).await;
    let free = watch::channel(false).0;
    let worker = worker(&t.db, &free).await;
    for count in 1..=3 {
        due(&t.db, 1).await;
        runs_are(&t.db, count).await;
    }
    let words = |runs: &[RunRow]| runs.iter().map(|run| run.outcome.clone()).collect::<Vec<_>>();
    assert_eq!(words(&outcomes(&t.db).await), ["running", "queued", "skipped"]);
    let schedule = job::schedules(&t.db).await.unwrap().remove(0);
    assert!(schedule.queued_for.is_some() && schedule.fired == 3);
    free.send_replace(true);
    let ended = |runs: Vec<RunRow>| Some(runs).filter(|runs| words(runs) == ["completed", "completed", "skipped"]);
    let runs = eventually("both end", || async { ended(outcomes(&t.db).await) }).await;
    assert_ne!(runs[0].job, runs[1].job);
    assert!(runs[0].ended_at <= runs[1].ended_at);
    let second = job::whole(&t.db, "rounds", runs[1].job.unwrap()).await.unwrap().unwrap();
    assert_eq!(second.scheduled_for, Some(runs[1].scheduled_for), "it stands for its own occurrence");
    assert_eq!(job::schedules(&t.db).await.unwrap()[0].queued_for, None);
    worker.stop().await;
}

async fn runs_may_overlap(t: &TestDb) {
    make(&t.db, "0 3 1 1 *", Overlap::Allow, Missed::Once).await;
    let free = watch::channel(false).0;
    let worker = worker(&t.db, &free).await;
    for count in 1..=2 {
        due(&t.db, 1).await;
        runs_are(&t.db, count).await;
    }
    eventually("both run", || async {
        let active = job::page(&t.db, "rounds", State::Active, None, 10).await.unwrap().jobs;
        (active.len() == 2).then_some(())
    })
    .await;
    worker.stop().await;
}

async fn what_was_missed_is_left_out_or_made_up(t: &TestDb) {
    let free = watch::channel(true).0;
    let worker = worker(&t.db, &free).await;
    make(&t.db, "*/5 * * * *", Overlap::Skip, Missed::Skip).await;
    due(&t.db, 3_600).await;
    let runs = runs_are(&t.db, 1).await;
    assert_eq!((runs[0].outcome.as_str(), runs[0].job), ("missed", None));
    let schedule = job::schedules(&t.db).await.unwrap().remove(0);
    assert!(schedule.next_at > Timestamp::now().as_microsecond() && schedule.last_error.unwrap().contains("missed"));
    make(&t.db, "*/5 * * * *", Overlap::Skip, Missed::Once).await;
    due(&t.db, 3_600).await;
    eventually("one run for all", || async { outcomes(&t.db).await.get(1).filter(|run| run.outcome == "completed").cloned() }).await;
    // A little late is not missed.
    make(&t.db, "*/5 * * * *", Overlap::Skip, Missed::Skip).await;
    due(&t.db, 5).await;
    eventually("the late run", || async { outcomes(&t.db).await.get(2).filter(|run| run.outcome == "completed").cloned() }).await;
    worker.stop().await;
}

async fn a_run_by_hand(t: &TestDb) {
    make(&t.db, "0 3 1 1 *", Overlap::Skip, Missed::Once).await;
    t.db.write(|tx| Box::pin(async move { job::pause_schedule(tx, "round").await })).await.unwrap();
    let before = job::schedules(&t.db).await.unwrap().remove(0);
    let run_now = async || t.db.write(|tx| Box::pin(async move { job::run_now(tx, "round").await })).await;
    let id = run_now().await.unwrap();
    assert!(matches!(run_now().await, Err(Error::Unique { .. })), "one at a time");
    let free = watch::channel(true).0;
    let worker = worker(&t.db, &free).await;
    let run = eventually("its end", || async { outcomes(&t.db).await.pop().filter(|run| run.outcome == "completed") }).await;
    assert!(run.by_hand && run.job == Some(id));
    let after = job::schedules(&t.db).await.unwrap().remove(0);
    assert_eq!((after.next_at, after.paused, after.fired), (before.next_at, true, 1));
    assert_eq!(after.last_outcome.as_deref(), Some("completed"));
    let unknown = t.db.write(|tx| Box::pin(async move { job::run_now(tx, "nosuch").await })).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    worker.stop().await;
}

async fn a_schedule_is_put_back(t: &TestDb) {
    make(&t.db, "0 3 1 1 *", Overlap::Queue, Missed::Skip).await;
    let row = job::schedules(&t.db).await.unwrap().remove(0);
    t.db.write(|tx| Box::pin(async move { job::run_now(tx, "round").await })).await.unwrap();
    t.db.write(|tx| Box::pin(async move { job::drop_schedule(tx, "round", "rounds").await })).await.unwrap();
    assert_eq!(job::schedules(&t.db).await.unwrap(), []);
    assert_eq!((outcomes(&t.db).await, job::counts(&t.db).await.unwrap()[0].waiting), (vec![], 0), "with its pending job and its runs");
    let kept = row.clone();
    t.db.write(move |tx| Box::pin(async move { job::put_back_schedule(tx, &kept).await })).await.unwrap();
    let back = job::schedules(&t.db).await.unwrap().remove(0);
    assert_eq!((back.cron, back.overlap, back.missed, back.next_at), (row.cron, row.overlap, row.missed, row.next_at));
}
