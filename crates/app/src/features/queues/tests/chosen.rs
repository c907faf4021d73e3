//! Queues and chosen jobs.

use qd_core::Error;
use qd_core::gate::Role;
use qd_core::port::queue::{JobState, Rate};

use super::{QUEUE, SOURCE, Shop, boss, json};
use crate::features::queues::action::{Dials, Pause, PauseMany, QueueRef, Resume, Retry, SetLimits};
use crate::features::queues::{source, verb};
use crate::features::testing::{World, because, on_both, person};

fn retry(ids: &[&str]) -> Retry {
    Retry { source: SOURCE.into(), queue: QUEUE.into(), ids: ids.iter().map(|id| (*id).to_owned()).collect(), reset: false }
}

async fn a_queue_is_paused_and_resumed_with_before_and_after(world: &World) {
    let shop = Shop::of(world);
    let (source, queue) = (SOURCE.to_owned(), QUEUE.to_owned());
    let paused = verb::pause(&shop.app, &person(Role::Admin), Pause { source: source.clone(), queue: queue.clone() }, because()).await.unwrap();
    assert!(paused.value.paused && !paused.value.was && shop.queue.inner.lock().unwrap().paused);
    let outcome = shop.trail(1).await.remove(0);
    assert_eq!((outcome.event.as_str(), outcome.target_id.as_str()), ("OPS_QUEUE_ACTION", "shop/mail"));
    assert_eq!((&json(&outcome.before)["paused"], &json(&outcome.after)["paused"]), (&false.into(), &true.into()));
    verb::resume(&shop.app, &boss(), Resume { source: source.clone(), queue }, because()).await.unwrap();
    assert!(!shop.queue.inner.lock().unwrap().paused);
    let nowhere = verb::pause(&shop.app, &boss(), Pause { source, queue: "nowhere".into() }, because()).await;
    assert!(matches!(nowhere, Err(Error::NotFound(_))));
    let several = vec![QueueRef { source: SOURCE.into(), queue: QUEUE.into() }, QueueRef { source: SOURCE.into(), queue: "nowhere".into() }];
    let many = verb::pause_many(&shop.app, &boss(), PauseMany { queues: several }, because()).await.unwrap().value;
    assert_eq!((many.queues.len(), many.failed[0].queue.as_str()), (1, "nowhere"), "one that fails does not hold up the others");
}

async fn a_reader_can_not_act_and_that_is_recorded(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1);
    let refused = verb::retry(&shop.app, &person(Role::StaffAdmin), retry(&["failed-0"]), because()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let row = shop.trail(1).await.remove(0);
    assert_eq!((row.kind.as_str(), row.action.as_str()), ("refused", "queue.retry"));
    assert_eq!(shop.queue.count(JobState::Failed), 1);
}

async fn chosen_jobs_are_counted_one_by_one(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    shop.queue.fill(JobState::Active, 1);
    let acted = verb::retry(&shop.app, &boss(), retry(&["failed-0", "failed-2", "active-0", "nobody"]), because()).await.unwrap().value;
    assert_eq!((acted.done, acted.gone, acted.refused, acted.refusals[0].why.as_str()), (2, 1, 1, "It runs."));
    let none = verb::retry(&shop.app, &boss(), retry(&["failed-0"]), because()).await;
    assert!(matches!(none, Err(Error::Conflict(why)) if why.contains("moved on")));
    assert_eq!(shop.trail(1).await[0].error.as_deref().map(|error| error.starts_with("conflict")), Some(true), "a failure is recorded as one");
    for ids in [vec![], vec!["x"; 0]] {
        assert!(matches!(verb::retry(&shop.app, &boss(), retry(&ids), because()).await, Err(Error::Invalid(_))));
    }
    let many: Vec<String> = (0..501).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(verb::retry(&shop.app, &boss(), retry(&many), because()).await, Err(Error::Invalid(_))));
    assert!(verb::retry(&shop.app, &boss(), retry(&["a\0b"]), because()).await.is_err());
}

async fn dials_are_set_and_taken_away(world: &World) {
    let shop = Shop::of(world);
    let set = |dials| SetLimits { source: SOURCE.into(), queue: QUEUE.into(), dials };
    let dials = Dials { concurrency: Some(4), rate: Some(Rate { jobs: 10, per_ms: 1_000 }) };
    assert_eq!(verb::limit(&shop.app, &boss(), set(dials), because()).await.unwrap().value.before, Dials::default());
    assert_eq!(shop.queue.see(|queue| (queue.concurrency, queue.rate)), (dials.concurrency, dials.rate));
    verb::limit(&shop.app, &boss(), set(Dials::default()), because()).await.unwrap();
    assert_eq!(shop.queue.inner.lock().unwrap().concurrency, None);
    let none = verb::limit(&shop.app, &boss(), set(Dials { concurrency: Some(0), rate: None }), because()).await;
    assert!(matches!(none, Err(Error::Invalid(faults)) if faults[0].field == "concurrency"));
}

async fn a_queue_is_found_by_its_name_alone(world: &World) {
    let shop = Shop::of(world);
    assert_eq!(source::find(&shop.app, None, QUEUE).await.unwrap().source, SOURCE);
    assert!(source::find(&shop.app, None, "nowhere").await.is_err() && source::find(&shop.app, Some("other"), QUEUE).await.is_err());
}

on_both!(
    a_queue_is_paused_and_resumed_with_before_and_after,
    a_reader_can_not_act_and_that_is_recorded,
    chosen_jobs_are_counted_one_by_one,
    dials_are_set_and_taken_away,
    a_queue_is_found_by_its_name_alone,
);
