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
    let (origin, back) = (shop.run(run.id).await, shop.run(back.id).await);
    assert_eq!((back.status, back.done, back.refused, origin.archived), (RunStatus::Done, 1_300, 0, 0), "what is there is back: {back:?}");
}

async fn what_came_back_unheard_and_was_worked_off_does_not_come_back_again(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 600);
    let run = shop.done(Work::Remove, failed()).await;
    shop.queue.lose_in(0);
    let restore = async || run::restore(&shop.app, &super::boss(), run.id, crate::features::testing::because()).await.unwrap().value.id;
    let first = restore().await;
    assert!(shop.execute(first).await.unwrap());
    assert_eq!((shop.run(first).await.status, shop.run(run.id).await.archived), (RunStatus::Failed, 600));
    // They run, succeed, and are removed.
    shop.queue.inner.lock().unwrap().jobs.clear();
    shop.queue.lose_in(i64::MAX);
    let second = restore().await;
    assert!(shop.execute(second).await.unwrap());
    assert_eq!((shop.run(second).await.done, shop.run(run.id).await.archived), (600, 0));
    assert_eq!((shop.queue.all().len(), shop.queue.inner.lock().unwrap().restored.len()), (100, 600), "those of the answer that came");
}

async fn what_went_by_itself_is_not_taken_for_deleted(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 600);
    shop.queue.mute_in(0);
    let id = shop.start(Work::Remove, failed()).await.unwrap().id;
    assert!(tokio::time::timeout(Duration::from_millis(700), shop.execute(id)).await.is_err());
    // Archived, and not deleted: it is retried by hand, succeeds, and is removed.
    shop.queue.inner.lock().unwrap().jobs.remove("failed-599").unwrap();
    assert!(shop.execute(id).await.unwrap());
    let run = shop.run(id).await;
    assert_eq!((run.status, run.done, run.gone, run.archived), (RunStatus::Done, 599, 1, 599), "{run:?}");
    let back = run::restore(&shop.app, &super::boss(), id, crate::features::testing::because()).await.unwrap().value;
    assert!(shop.execute(back.id).await.unwrap());
    assert!(!shop.queue.all().contains_key("failed-599"), "it would run a second time");
}

async fn what_a_broken_deletion_archived_can_be_restored(world: &World) {
    for deleted in [true, false] {
        let shop = Shop::of(world);
        shop.queue.fill(JobState::Failed, 600);
        let before = shop.queue.all();
        if deleted {
            shop.queue.lose_in(0)
        } else {
            shop.queue.fail_in(0)
        }
        let id = shop.start(Work::Remove, failed()).await.unwrap().id;
        assert!(shop.execute(id).await.unwrap());
        let run = shop.run(id).await;
        assert_eq!((run.status, run.archived, shop.queue.all().len()), (RunStatus::Failed, 500, if deleted { 100 } else { 600 }));
        assert!(run.is_restorable(shop.app.now()) && run.note.as_ref().unwrap().contains("it is not known"), "{run:?}");
        shop.queue.lose_in(i64::MAX);
        shop.queue.fail_in(i64::MAX);
        let back = run::restore(&shop.app, &super::boss(), id, crate::features::testing::because()).await.unwrap().value;
        assert!(shop.execute(back.id).await.unwrap());
        assert_eq!((shop.queue.all(), shop.run(id).await.archived), (before, 0));
        assert_eq!(shop.queue.inner.lock().unwrap().restored.len(), if deleted { 500 } else { 0 });
    }
}

async fn an_obliteration_that_was_killed_after_its_last_step_is_done(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    shop.queue.inner.lock().unwrap().paused = true;
    // The jobs, then the queue in two steps.
    let run = killed_and_resumed(&shop, Work::Obliterate, failed(), 2).await;
    assert_eq!((run.status, run.done, run.archived, run.fault), (RunStatus::Done, 3, 3, None));
    assert!(shop.queue.see(|queue| !queue.known));
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
    what_came_back_unheard_and_was_worked_off_does_not_come_back_again,
    what_went_by_itself_is_not_taken_for_deleted,
    what_a_broken_deletion_archived_can_be_restored,
    an_obliteration_that_was_killed_after_its_last_step_is_done,
    an_execution_that_lost_its_run_writes_nothing,
    a_job_system_that_is_away_is_waited_for_and_then_it_fails_with_the_reason,
);
