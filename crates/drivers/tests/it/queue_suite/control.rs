//! Queues and schedules that are stopped, limited and deleted.

use qd_core::port::queue::{JobState, Limits, Rate, ScheduleState};
use qd_core::{Error, Result};

use super::{Bench, listed, permitted, state};

async fn pause(bench: &impl Bench, name: &'static str) -> Result<()> {
    permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.pause(warrant, name).await })).await
}

async fn resume(bench: &impl Bench, name: &'static str) -> Result<()> {
    permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.resume(warrant, name).await })).await
}

pub async fn a_paused_queue_keeps_its_jobs_and_a_resumed_one_works(bench: &impl Bench) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.add("email", true).await);
    }
    pause(bench, "email").await.unwrap();
    pause(bench, "email").await.unwrap();
    ids.push(bench.add("email", true).await);
    bench.work("email").await;
    let held = state(bench, "email").await;
    assert!(held.paused);
    assert_eq!((held.waiting, held.completed), (4, 0));
    let kept = [listed(bench, JobState::Waiting).await, listed(bench, JobState::Paused).await].concat();
    assert_eq!(kept.len(), 4, "whichever list they are in");
    resume(bench, "email").await.unwrap();
    bench.work("email").await;
    let done = state(bench, "email").await;
    assert_eq!((done.paused, done.waiting, done.completed), (false, 0, 4));
    let mut ran = bench.ran();
    ran.sort();
    ids.sort();
    assert_eq!(ran, ids, "each once");
}

pub async fn an_unknown_queue_is_not_found_and_not_made(bench: &impl Bench) {
    bench.add("email", true).await;
    for refused in [pause(bench, "nosuch").await, resume(bench, "nosuch").await, limit(bench, "nosuch", Limits::default()).await] {
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
    assert!(bench.queue().states().await.unwrap().iter().all(|state| state.name != "nosuch"));
}

async fn limit(bench: &impl Bench, name: &'static str, limits: Limits) -> Result<()> {
    permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.limit(warrant, name, limits).await })).await
}

pub async fn limits_are_set_told_and_taken_away(bench: &impl Bench) {
    bench.add("email", true).await;
    let rate = Rate { jobs: 100, per_ms: 60_000 };
    limit(bench, "email", Limits { concurrency: Some(Some(3)), rate: Some(Some(rate)) }).await.unwrap();
    let email = state(bench, "email").await;
    assert_eq!((email.concurrency, email.rate), (Some(3), Some(rate)));
    limit(bench, "email", Limits { concurrency: Some(None), rate: None }).await.unwrap();
    let email = state(bench, "email").await;
    assert_eq!((email.concurrency, email.rate), (None, Some(rate)), "the other one stays");
    limit(bench, "email", Limits { concurrency: None, rate: Some(None) }).await.unwrap();
    assert_eq!(state(bench, "email").await.rate, None);
    assert!(limit(bench, "email", Limits { concurrency: Some(Some(0)), rate: None }).await.is_err(), "none at once is a pause");
}

async fn obliterate(bench: &impl Bench) -> Result<bool> {
    permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.obliterate(warrant, "email").await })).await
}

pub async fn only_a_paused_and_idle_queue_is_deleted(bench: &impl Bench) {
    bench.add_later("email").await;
    bench.hold("email").await;
    let refused = obliterate(bench).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert!(!state(bench, "email").await.paused, "a refusal does not pause it");
    pause(bench, "email").await.unwrap();
    assert!(matches!(obliterate(bench).await, Err(Error::Conflict(_))), "a job runs");
    bench.release().await;
    while !obliterate(bench).await.unwrap() {}
    assert!(bench.queue().states().await.unwrap().iter().all(|state| state.name != "email"));
    assert!(matches!(bench.queue().jobs("email", JobState::Delayed, None, 1).await, Err(Error::NotFound(_))));
}

async fn one(bench: &impl Bench) -> Option<ScheduleState> {
    bench.queue().schedules().await.unwrap().into_iter().find(|schedule| (schedule.queue.as_str(), schedule.id.as_str()) == ("reports", "yearly"))
}

pub async fn a_schedule_is_run_paused_and_removed(bench: &impl Bench) {
    bench.schedule("reports", "yearly").await;
    bench.work("reports").await;
    let made = one(bench).await.unwrap();
    assert!(made.next_at.is_some() && !made.paused && made.stopped.is_none(), "{made:?}");
    let ran = permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.run_schedule(warrant, "reports", "yearly").await }));
    let ran = ran.await.unwrap();
    bench.work("reports").await;
    assert!(bench.ran().contains(&ran));
    assert_eq!(one(bench).await.unwrap().next_at, made.next_at, "its cadence stays");

    let held = permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.pause_schedule(warrant, "reports", "yearly").await }));
    let held = held.await.unwrap();
    assert!(one(bench).await.is_none_or(|schedule| schedule.paused));
    let go = permitted(bench.queue(), move |queue, warrant| {
        Box::pin(async move { queue.resume_schedule(warrant, "reports", "yearly", held.as_ref()).await })
    });
    go.await.unwrap();
    let back = one(bench).await.unwrap();
    assert_eq!((back.paused, back.cadence, back.job), (false, made.cadence.clone(), made.job.clone()));

    let kept = permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.remove_schedule(warrant, "reports", "yearly").await }));
    let kept = kept.await.unwrap();
    assert!(one(bench).await.is_none());
    let gone = permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.run_schedule(warrant, "reports", "yearly").await })).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    let put_back = permitted(bench.queue(), move |queue, warrant| {
        Box::pin(async move { queue.resume_schedule(warrant, "reports", "yearly", kept.as_ref()).await })
    });
    put_back.await.unwrap();
    assert_eq!(one(bench).await.unwrap().cadence, made.cadence);
}
