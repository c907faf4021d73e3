//! A process that is killed in the middle, and a job system that is away.

use std::time::Duration;

use qd_core::Error;
use qd_core::port::queue::JobState;

use super::{Shop, failed, named, system};
use crate::features::queues::run::{self, Filter, RunStatus, Work};
use crate::features::testing::{World, on_both};

/// Executes until a call of the job system never answers, as when the process is killed there; then another process goes on.
async fn killed_and_resumed(shop: &Shop, work: Work, filter: Filter, at: i64) -> run::Run {
    shop.queue.hang_in(at);
    let id = shop.start(work, filter).await.unwrap().id;
    let killed = tokio::time::timeout(Duration::from_millis(700), shop.execute(id)).await;
    assert!(killed.is_err(), "it hangs");
    assert_eq!(shop.run(id).await.status, RunStatus::Running);
    assert!(shop.execute(id).await.unwrap());
    shop.run(id).await
}

async fn a_killed_retry_goes_on_and_retries_nothing_twice(world: &World) {
    for filter in [failed(), named("even")] {
        let shop = Shop::of(world);
        shop.queue.fill(JobState::Failed, 2_200);
        shop.queue.fate(|_| Some(JobState::Failed));
        let all = filter.is_all();
        let run = killed_and_resumed(&shop, Work::Retry { reset: false }, filter, 2).await;
        assert_eq!(run.status, RunStatus::Done);
        let meant = |name: &str| all || name == "even";
        assert!(shop.queue.all().values().all(|job| job.retried == u32::from(meant(&job.name))), "each once");
        let intents = shop.trail(20).await.into_iter().filter(|row| row.action == "queue.execute" && row.target_id == run.id.to_string()).count();
        assert_eq!(intents, 3, "an intent without outcome, an intent, an outcome");
    }
}

async fn a_killed_deletion_loses_nothing(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_300);
    let before = shop.queue.all();
    let run = killed_and_resumed(&shop, Work::Remove, failed(), 1).await;
    assert_eq!((run.status, run.done, run.archived), (RunStatus::Done, 1_300, 1_300), "{run:?}");
    assert_eq!(shop.queue.count(JobState::Failed), 0);
    let back = run::restore(&shop.app, &super::boss(), run.id, crate::features::testing::because()).await.unwrap().value;
    assert!(shop.execute(back.id).await.unwrap());
    assert_eq!(shop.queue.all(), before, "every one, as it was");
}

async fn a_killed_restore_goes_on(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_300);
    let before = shop.queue.all();
    let run = shop.done(Work::Remove, failed()).await;
    shop.queue.hang_in(1);
    let back = run::restore(&shop.app, &super::boss(), run.id, crate::features::testing::because()).await.unwrap().value;
    assert!(tokio::time::timeout(Duration::from_millis(700), shop.execute(back.id)).await.is_err());
    assert!(shop.execute(back.id).await.unwrap());
    assert_eq!(shop.queue.all(), before);
    assert_eq!(shop.queue.inner.lock().unwrap().restored.len(), 1_300, "none twice");
}

async fn an_execution_that_lost_its_run_writes_nothing(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 40);
    let run = shop.start_at(Work::Retry { reset: false }, failed(), Some(10)).await.unwrap();
    let (app, id) = (shop.app.clone(), run.id);
    let old = tokio::spawn(async move { run::execute(&app, &system(), id, None).await });
    while shop.run(id).await.done == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(shop.execute(id).await.unwrap());
    let end = old.await.unwrap();
    assert!(matches!(end, Ok(true) | Err(Error::Outdated(_))), "{end:?}");
    assert_eq!(shop.run(id).await.status, RunStatus::Done);
    assert!(shop.queue.all().values().all(|job| job.retried == 1));
}

async fn a_job_system_that_is_away_is_waited_for_and_then_it_fails_with_the_reason(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_300);
    shop.queue.fail_in(1);
    let id = shop.start(Work::Retry { reset: false }, failed()).await.unwrap().id;
    // Without the worker each try is the last one.
    assert!(shop.execute(id).await.unwrap());
    let run = shop.run(id).await;
    assert_eq!((run.status, run.done, run.fault.as_deref()), (RunStatus::Failed, 500, Some("memory: It is away.")));
    let outcome = shop.trail(1).await.remove(0);
    assert!(outcome.error.unwrap().contains("Done: 500"), "the trail says how far it came");
    shop.queue.fail_in(i64::MAX);
    assert_eq!(shop.done(Work::Retry { reset: false }, failed()).await.done, 800, "its state is free again");
}

on_both!(
    a_killed_retry_goes_on_and_retries_nothing_twice,
    a_killed_deletion_loses_nothing,
    a_killed_restore_goes_on,
    an_execution_that_lost_its_run_writes_nothing,
    a_job_system_that_is_away_is_waited_for_and_then_it_fails_with_the_reason,
);
