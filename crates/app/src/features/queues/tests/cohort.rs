//! A few first, then the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qd_core::port::queue::JobState;

use super::{Shop, failed};
use crate::features::queues::run::{RunStatus, Work};
use crate::features::testing::{World, on_both};

const COHORT: Work = Work::Cohort { first: 5, concurrency: Some(2), reset: true };

/// The first `good` jobs that run succeed, the others fail.
fn after(shop: &Shop, good: usize) -> Arc<AtomicUsize> {
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ran);
    shop.queue.fate(move |_| Some(if counted.fetch_add(1, Ordering::SeqCst) < good { JobState::Completed } else { JobState::Failed }));
    ran
}

async fn when_the_first_succeed_the_rest_follows_under_a_limit(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 300);
    shop.queue.inner.lock().unwrap().concurrency = Some(9);
    after(&shop, 1_000);
    let run = shop.done(COHORT, failed()).await;
    assert_eq!((run.status, run.done, shop.queue.count(JobState::Completed)), (RunStatus::Done, 300, 300), "{run:?}");
    assert_eq!(shop.queue.inner.lock().unwrap().limits, [Some(2), Some(9)]);
}

async fn when_one_of_the_first_fails_the_rest_is_left_alone(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 300);
    let ran = after(&shop, 4);
    let run = shop.done(COHORT, failed()).await;
    assert_eq!((run.status, ran.load(Ordering::SeqCst)), (RunStatus::Failed, 5));
    assert!(run.fault.unwrap().starts_with("1 of the first 5 failed again"));
    assert!(shop.queue.inner.lock().unwrap().limits.is_empty());
}

async fn it_stops_by_itself_when_they_fail_again(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 300);
    let ran = after(&shop, 30);
    let run = shop.done(COHORT, failed()).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.fault.clone().unwrap().contains("failed again. It stopped by itself"), "{run:?}");
    assert!(ran.load(Ordering::SeqCst) <= 65, "5, 20, 40: {}", ran.load(Ordering::SeqCst));
    assert_eq!(shop.queue.inner.lock().unwrap().limits, [Some(2), None], "the limit is put back");
}

async fn a_crash_leaves_no_limit_behind(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 60);
    after(&shop, 1_000);
    // The first five, then the limit: the process is killed when it is set.
    shop.queue.hang_in(1);
    let id = shop.start(COHORT, failed()).await.unwrap().id;
    assert!(tokio::time::timeout(Duration::from_secs(2), shop.execute(id)).await.is_err());
    assert_eq!(shop.queue.inner.lock().unwrap().limits, [Some(2)]);
    assert!(shop.execute(id).await.unwrap());
    let run = shop.run(id).await;
    assert_eq!((run.status, shop.queue.inner.lock().unwrap().limits.clone()), (RunStatus::Done, vec![Some(2), None]), "{run:?}");
    assert!(shop.queue.all().values().all(|job| job.retried == 1), "none twice");
}

async fn a_killed_cohort_lets_none_run_twice(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 60);
    after(&shop, 0);
    // The first five have run, and failed anew, when the process is killed.
    shop.queue.hang_in(0);
    let id = shop.start(COHORT, failed()).await.unwrap().id;
    assert!(tokio::time::timeout(Duration::from_millis(700), shop.execute(id)).await.is_err());
    assert!(shop.execute(id).await.unwrap());
    let run = shop.run(id).await;
    let times: Vec<u32> = shop.queue.all().values().map(|job| job.retried).filter(|times| *times > 0).collect();
    assert_eq!((times, run.status, run.done, run.gone), (vec![1; 5], RunStatus::Failed, 5, 0), "{run:?}");
    assert!(run.fault.unwrap().starts_with("5 of the first 5 failed again"));
}

async fn a_limit_that_somebody_set_meanwhile_stays(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 30);
    let queue = Arc::clone(&shop.queue);
    let ran = AtomicUsize::new(0);
    shop.queue.fate(move |_| {
        if ran.fetch_add(1, Ordering::SeqCst) == 5 {
            *queue.by_hand.lock().unwrap() = Some(7);
        }
        Some(JobState::Completed)
    });
    let run = shop.done(COHORT, failed()).await;
    assert_eq!((run.status, shop.queue.inner.lock().unwrap().concurrency), (RunStatus::Done, Some(7)));
    assert!(run.note.unwrap().contains("left as it is"));
}

on_both!(
    when_the_first_succeed_the_rest_follows_under_a_limit,
    when_one_of_the_first_fails_the_rest_is_left_alone,
    it_stops_by_itself_when_they_fail_again,
    a_crash_leaves_no_limit_behind,
    a_killed_cohort_lets_none_run_twice,
    a_limit_that_somebody_set_meanwhile_stays,
);
