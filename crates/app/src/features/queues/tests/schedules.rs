//! Schedules that are stopped, brought back, and missed.

use qd_core::gate::{Confirmation, Role};
use qd_core::port::queue::JobState;
use qd_core::{Error, event};

use super::{QUEUE, SOURCE, Shop, boss, failed, schedule};
use crate::features::queues::action::{PauseSchedule, RemoveSchedule, ResumeSchedule, RunSchedule};
use crate::features::queues::run::{self, RunStatus, Work};
use crate::features::queues::schedules::{self, Held};
use crate::features::queues::{self};
use crate::features::testing::{World, because, on_both, person};

fn names() -> (String, String, String) {
    (SOURCE.into(), QUEUE.into(), "tick".into())
}

fn ticking(world: &World) -> Shop {
    let shop = Shop::of(world);
    shop.queue.inner.lock().unwrap().schedules.insert("tick".into(), schedule("tick"));
    shop
}

fn fires(shop: &Shop) -> bool {
    shop.queue.inner.lock().unwrap().schedules.contains_key("tick")
}

async fn pause(shop: &Shop) -> qd_core::Result<()> {
    let (source, queue, schedule) = names();
    schedules::pause(&shop.app, &person(Role::Admin), PauseSchedule { source, queue, schedule }, because()).await.map(|_| ())
}

async fn resume(shop: &Shop) -> qd_core::Result<()> {
    let (source, queue, schedule) = names();
    schedules::resume(&shop.app, &person(Role::Admin), ResumeSchedule { source, queue, schedule }, because()).await.map(|_| ())
}

async fn remove(shop: &Shop) -> qd_core::Result<()> {
    let (source, queue, schedule) = names();
    let typed = Confirmation { phrase: Some("REMOVE tick".into()), ..because() };
    schedules::remove(&shop.app, &boss(), RemoveSchedule { source, queue, schedule }, typed).await.map(|_| ())
}

async fn a_schedule_is_paused_remembered_and_resumed(world: &World) {
    let shop = ticking(world);
    let (source, queue, schedule) = names();
    let job = schedules::run_now(&shop.app, &boss(), RunSchedule { source, queue, schedule }, because()).await.unwrap().value.job;
    assert_eq!(job.as_deref(), Some("tick:now"));
    pause(&shop).await.unwrap();
    assert!(!fires(&shop) && matches!(pause(&shop).await, Err(Error::Conflict(_))));
    let listed = schedules::list(&shop.app).await.unwrap().schedules;
    assert_eq!((listed.len(), listed[0].held, listed[0].state.job.as_str(), &listed[0].alarm), (1, Some(Held::Paused), "tick", &None));
    assert!(!serde_json::to_string(&listed).unwrap().contains("4111-secret"), "what is kept is not shown");
    resume(&shop).await.unwrap();
    assert!(fires(&shop) && matches!(resume(&shop).await, Err(Error::Conflict(_))));
    assert_eq!(schedules::list(&shop.app).await.unwrap().schedules[0].held, None);
}

async fn a_removed_one_comes_back_within_its_time(world: &World) {
    let shop = ticking(world);
    remove(&shop).await.unwrap();
    assert!(!fires(&shop));
    resume(&shop).await.unwrap();
    assert!(fires(&shop));
    pause(&shop).await.unwrap();
    remove(&shop).await.unwrap();
    assert_eq!(schedules::list(&shop.app).await.unwrap().schedules[0].held, Some(Held::Removed));
    world.later(72 * 3_600 + 1);
    queues::trim(&shop.app).await.unwrap();
    assert!(matches!(resume(&shop).await, Err(Error::NotFound(_))));
    assert!(schedules::list(&shop.app).await.unwrap().schedules.is_empty());
}

async fn a_paused_one_outlives_the_archive(world: &World) {
    let shop = ticking(world);
    pause(&shop).await.unwrap();
    world.later(90 * 86_400);
    queues::trim(&shop.app).await.unwrap();
    resume(&shop).await.unwrap();
    assert!(fires(&shop));
}

/// The driver stops it, and its answer never arrives.
async fn lost<T>(shop: &Shop, asked: impl Future<Output = qd_core::Result<T>>) {
    shop.queue.hang_in(0);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(500), asked).await.is_err());
    assert!(!fires(shop));
    let listed = schedules::list(&shop.app).await.unwrap().schedules;
    assert!(listed[0].held == Some(Held::Stopping) && listed[0].alarm.as_ref().unwrap().contains("answer was lost"), "{listed:?}");
}

async fn an_answer_that_is_lost_loses_no_schedule(world: &World) {
    let shop = ticking(world);
    lost(&shop, pause(&shop)).await;
    world.later(90 * 86_400);
    queues::trim(&shop.app).await.unwrap();
    resume(&shop).await.unwrap();
    assert!(fires(&shop), "however long ago");
    for again in [true, false] {
        lost(&shop, remove(&shop)).await;
        if again {
            pause(&shop).await.unwrap()
        } else {
            remove(&shop).await.unwrap()
        }
        assert!(shop.queue.see(|inner| inner.stopped.is_empty()), "stored here, and let go there");
        let held = schedules::list(&shop.app).await.unwrap().schedules[0].held;
        assert_eq!(held, Some(if again { Held::Paused } else { Held::Removed }));
        resume(&shop).await.unwrap();
        assert!(fires(&shop));
    }
}

async fn what_is_needed_is_stored_before_the_driver_lets_it_go(world: &World) {
    let shop = ticking(world);
    // The second call is the one that lets go.
    shop.queue.hang_in(1);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(500), pause(&shop)).await.is_err());
    assert!(shop.queue.see(|inner| inner.stopped.is_empty()));
    assert_eq!(schedules::list(&shop.app).await.unwrap().schedules[0].held, Some(Held::Paused));
    resume(&shop).await.unwrap();
    assert!(fires(&shop));
    shop.queue.fail_in(1);
    pause(&shop).await.unwrap();
    shop.queue.fail_in(i64::MAX);
    resume(&shop).await.unwrap();
    assert!(fires(&shop), "what it holds still does no harm");
}

async fn all_of_a_deleted_queue_come_back(world: &World) {
    let shop = Shop::of(world);
    let many: Vec<String> = (0..250).map(|n| format!("tick-{n}")).collect();
    shop.queue.inner.lock().unwrap().schedules.extend(many.iter().map(|id| (id.clone(), schedule(id))));
    shop.queue.fill(JobState::Failed, 1);
    shop.queue.inner.lock().unwrap().paused = true;
    let run = shop.done(Work::Obliterate, failed()).await;
    assert!(run.status == RunStatus::Done && shop.queue.see(|inner| inner.schedules.is_empty()), "{run:?}");
    let back = run::restore(&shop.app, &boss(), run.id, because()).await.unwrap().value;
    assert!(shop.execute(back.id).await.unwrap());
    assert_eq!(shop.queue.see(|inner| inner.schedules.len()), 250);
}

async fn one_that_should_have_fired_is_alarming_once(world: &World) {
    let shop = ticking(world);
    let due = shop.app.now();
    shop.queue.inner.lock().unwrap().schedules.get_mut("tick").unwrap().next_at = Some(due);
    schedules::look(&shop.app).await.unwrap();
    assert_eq!(event::pending(&shop.app.db).await.unwrap(), 0);
    world.later(301);
    schedules::look(&shop.app).await.unwrap();
    schedules::look(&shop.app).await.unwrap();
    assert_eq!(event::pending(&shop.app.db).await.unwrap(), 1, "told once");
    let badge = shop.app.board.get("queues.schedules.stopped", shop.app.now()).unwrap();
    assert!(badge.value == Some(1.0) && badge.reason.unwrap().contains("tick"));
    assert!(schedules::list(&shop.app).await.unwrap().schedules[0].alarm.is_some());
    shop.queue.inner.lock().unwrap().paused = true;
    schedules::look(&shop.app).await.unwrap();
    assert!(shop.app.board.get("queues.schedules.stopped", shop.app.now()).is_none(), "a paused queue is no dead schedule");
}

on_both!(
    a_schedule_is_paused_remembered_and_resumed,
    a_removed_one_comes_back_within_its_time,
    a_paused_one_outlives_the_archive,
    an_answer_that_is_lost_loses_no_schedule,
    what_is_needed_is_stored_before_the_driver_lets_it_go,
    all_of_a_deleted_queue_come_back,
    one_that_should_have_fired_is_alarming_once,
);
