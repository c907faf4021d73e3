//! What is deleted comes back.

use qd_core::Error;
use qd_core::gate::{Confirmation, Role};
use qd_core::port::queue::JobState;

use super::{QUEUE, SOURCE, Shop, boss, failed, json, named, schedule};
use crate::features::queues::action::Remove;
use crate::features::queues::run::{self, Filter, RunStatus, Work};
use crate::features::queues::{self, archive};
use crate::features::testing::{World, because, on_both, person};

async fn restored(shop: &Shop, id: uuid::Uuid) -> run::Run {
    let back = run::restore(&shop.app, &person(Role::Admin), id, because()).await.unwrap().value;
    assert!(shop.execute(back.id).await.unwrap());
    shop.run(back.id).await
}

async fn what_is_deleted_comes_back_as_it_was(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_100);
    let before = shop.queue.all();
    let run = shop.done(Work::Remove, named("odd")).await;
    assert_eq!((run.done, run.archived, shop.queue.count(JobState::Failed)), (550, 550, 550));
    assert!(run.is_restorable(shop.app.now()));
    let back = restored(&shop, run.id).await;
    assert_eq!((back.status, back.done, back.refused), (RunStatus::Done, 550, 0));
    assert_eq!(shop.queue.all(), before);
    assert_eq!(shop.run(run.id).await.archived, 0);
    let again = run::restore(&shop.app, &boss(), run.id, because()).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "nothing is left");
}

async fn one_whose_id_exists_again_stays_in_the_archive(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 4);
    let run = shop.done(Work::Remove, failed()).await;
    shop.queue.fill(JobState::Failed, 1);
    shop.queue.change("failed-0", |job| job.created += 1);
    let back = restored(&shop, run.id).await;
    assert_eq!((back.done, back.refused, back.refusals[0].id.as_str()), (3, 1, "failed-0"));
    assert_eq!(shop.run(run.id).await.archived, 1, "it can be restored when the other is gone");
}

async fn the_archive_is_forgotten_after_its_time(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    let run = shop.done(Work::Remove, failed()).await;
    assert_eq!(queues::trim(&shop.app).await.unwrap(), 0);
    world.later(archive::KEPT_SECONDS + 1);
    assert!(matches!(run::restore(&shop.app, &boss(), run.id, because()).await, Err(Error::Conflict(why)) if why.contains("72 h")));
    assert_eq!(queues::trim(&shop.app).await.unwrap(), 1);
    assert_eq!(shop.run(run.id).await.archived, 0);
    world.later(91 * 86_400);
    assert_eq!(queues::trim(&shop.app).await.unwrap(), 1, "the run itself");
    assert!(matches!(run::find(&shop.app, run.id).await, Err(Error::NotFound(_))));
}

async fn a_drain_takes_a_list_and_leaves_schedules_and_what_runs(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Waiting, 2_500);
    shop.queue.fill(JobState::Delayed, 5);
    shop.queue.fill(JobState::Active, 2);
    shop.queue.change("waiting-7", |job| job.schedule = Some("tick".into()));
    let before = shop.queue.all();
    let run = shop.done(Work::Drain { delayed: false }, failed()).await;
    assert_eq!((run.status, run.done, run.refused), (RunStatus::Done, 2_499, 1), "{run:?}");
    assert!(run.refusals[0].why.contains("schedule tick"), "{:?}", run.refusals);
    let left = |state| shop.queue.count(state);
    assert_eq!((left(JobState::Waiting), left(JobState::Delayed), left(JobState::Active)), (1, 5, 2));
    restored(&shop, run.id).await;
    assert_eq!(shop.queue.all(), before);
    assert_eq!(shop.done(Work::Drain { delayed: true }, failed()).await.done, 2_504);
}

async fn chosen_jobs_are_deleted_at_once_and_come_back(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 5);
    shop.queue.fill(JobState::Active, 1);
    shop.queue.change("failed-3", |job| job.data = format!("\"{}\"", "x".repeat(2 << 20)));
    let before = shop.queue.all();
    let ids = ["failed-0", "failed-1", "failed-3", "active-0", "nobody", "failed-0"].map(str::to_owned).to_vec();
    let action = Remove { source: SOURCE.into(), queue: QUEUE.into(), ids };
    let done = archive::remove(&shop.app, &person(Role::Admin), action.clone(), because()).await.unwrap();
    let acted = done.value;
    assert_eq!((acted.done, acted.gone, acted.refused), (2, 1, 2), "{acted:?}");
    let why = |id: &str| acted.refusals.iter().find(|one| one.id == id).unwrap().why.clone();
    assert!(why("failed-3").contains("2.0 MiB") && why("active-0").contains("runs"), "{acted:?}");
    let trail = shop.trail(2).await;
    assert_eq!((trail[0].kind.as_str(), trail[1].kind.as_str(), trail[0].action.as_str()), ("outcome", "intent", "queue.remove"));
    assert_eq!(json(&trail[0].after)["ids"].as_array().unwrap().len(), 5, "each id once");
    let back = restored(&shop, acted.run.unwrap()).await;
    assert_eq!((back.done, shop.queue.all()), (2, before));
    let gone = Remove { ids: vec!["nobody".into()], ..action };
    assert!(matches!(archive::remove(&shop.app, &boss(), gone, because()).await, Err(Error::Conflict(why)) if why.contains("moved on")));
}

async fn a_queue_is_obliterated_and_comes_back_with_its_schedules(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Waiting, 600);
    shop.queue.fill(JobState::Failed, 600);
    shop.queue.inner.lock().unwrap().schedules.insert("tick".into(), schedule("tick"));
    let before = shop.queue.all();
    let Err(Error::Conflict(why)) = shop.start(Work::Obliterate, failed()).await else { panic!("it is not paused") };
    assert!(why.contains("not paused"), "{why}");
    shop.queue.inner.lock().unwrap().paused = true;
    let preview = run::preview(&shop.app, SOURCE, QUEUE, Work::Obliterate, &failed()).await.unwrap();
    assert_eq!(preview.figures, [("jobs".to_owned(), 1_200), ("schedules".to_owned(), 1)]);
    let run = shop.done(Work::Obliterate, failed()).await;
    assert_eq!((run.status, run.done, run.archived), (RunStatus::Done, 1_200, 1_200), "{run:?}");
    assert!(shop.queue.see(|queue| !queue.known && queue.schedules.is_empty()));
    restored(&shop, run.id).await;
    assert_eq!(shop.queue.all(), before);
    assert_eq!(shop.queue.inner.lock().unwrap().schedules["tick"].job, "tick");
}

async fn an_obliterated_queue_comes_back_paused_and_limited(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Waiting, 3);
    (shop.queue.inner.lock().unwrap().paused, shop.queue.inner.lock().unwrap().concurrency) = (true, Some(3));
    let run = shop.done(Work::Obliterate, failed()).await;
    assert!(shop.queue.see(|queue| !queue.paused && queue.concurrency.is_none()), "nothing is left");
    let back = run::restore(&shop.app, &boss(), run.id, because()).await.unwrap().value;
    // Its settings, then its jobs: the process is killed when those are there.
    shop.queue.hang_in(1);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(700), shop.execute(back.id)).await.is_err());
    assert_eq!(shop.queue.see(|queue| (queue.paused, queue.concurrency, queue.jobs.len())), (true, Some(3), 3));
    assert!(shop.execute(back.id).await.unwrap());
    let back = shop.run(back.id).await;
    assert!(shop.queue.see(|queue| queue.paused) && back.note.unwrap().contains("its pause and its limits of then"));
}

async fn a_queue_that_is_used_again_keeps_its_own_settings(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Waiting, 3);
    shop.queue.inner.lock().unwrap().paused = true;
    let run = shop.done(Work::Obliterate, failed()).await;
    shop.queue.inner.lock().unwrap().known = true;
    shop.queue.fill(JobState::Failed, 1);
    let back = restored(&shop, run.id).await;
    assert!(shop.queue.see(|queue| !queue.paused) && back.note.unwrap().contains("those of now"));
}

async fn what_comes_after_the_walk_keeps_a_queue_from_being_obliterated(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    shop.queue.inner.lock().unwrap().paused = true;
    shop.queue.hang_in(0);
    let id = shop.start(Work::Obliterate, failed()).await.unwrap().id;
    assert!(tokio::time::timeout(std::time::Duration::from_millis(700), shop.execute(id)).await.is_err());
    // Those that wait were looked at already.
    shop.queue.fill(JobState::Waiting, 2);
    assert!(shop.execute(id).await.unwrap());
    let run = shop.run(id).await;
    assert_eq!((run.status, run.archived, shop.queue.count(JobState::Waiting)), (RunStatus::Failed, 3, 2), "{run:?}");
    assert!(run.fault.unwrap().starts_with("2 jobs came or changed meanwhile"));
}

async fn logs_of_any_size_are_measured_before_they_are_read(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 30);
    for n in 0..30 {
        shop.queue.change(&format!("failed-{n}"), |job| job.log = "x".repeat(if n == 7 { 50 << 20 } else { 900 << 10 }));
    }
    let before = shop.queue.all();
    let run = shop.done(Work::Remove, failed()).await;
    assert_eq!((run.done, run.refused), (29, 1), "{run:?}");
    assert!(run.refusals[0].id == "failed-7" && run.refusals[0].why.starts_with("It is 50.0 MiB."), "{run:?}");
    restored(&shop, run.id).await;
    assert_eq!(shop.queue.all(), before, "with their logs");
}

async fn what_can_not_be_archived_keeps_a_queue_from_being_obliterated(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    shop.queue.change("failed-1", |job| job.data = format!("\"{}\"", "x".repeat(2 << 20)));
    shop.queue.inner.lock().unwrap().paused = true;
    let run = shop.done(Work::Obliterate, failed()).await;
    assert!(run.status == RunStatus::Failed && run.fault.unwrap().contains("would be lost"));
    assert_eq!(shop.queue.all().keys().collect::<Vec<_>>(), ["failed-1"]);
}

async fn nothing_of_the_archive_is_in_a_reply(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    let run = shop.done(Work::Remove, Filter { reason: Some("timeout".into()), ..failed() }).await;
    assert_eq!(run.done, 3);
    assert!(!serde_json::to_string(&run).unwrap().contains("4111-secret"));
    let reader = run::restore(&shop.app, &person(Role::StaffAdmin), run.id, Confirmation::default()).await;
    assert!(matches!(reader, Err(Error::Forbidden(_))));
}

on_both!(
    what_is_deleted_comes_back_as_it_was,
    one_whose_id_exists_again_stays_in_the_archive,
    the_archive_is_forgotten_after_its_time,
    a_drain_takes_a_list_and_leaves_schedules_and_what_runs,
    chosen_jobs_are_deleted_at_once_and_come_back,
    a_queue_is_obliterated_and_comes_back_with_its_schedules,
    an_obliterated_queue_comes_back_paused_and_limited,
    a_queue_that_is_used_again_keeps_its_own_settings,
    what_comes_after_the_walk_keeps_a_queue_from_being_obliterated,
    logs_of_any_size_are_measured_before_they_are_read,
    what_can_not_be_archived_keeps_a_queue_from_being_obliterated,
    nothing_of_the_archive_is_in_a_reply,
);
