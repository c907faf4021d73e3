use qd_core::gate::{Confirmation, Role};
use serde_json::json;
use uuid::Uuid;

use super::{made, mara, parsed, served};
use crate::features::flags::definition::{self, Percent, find, kill};
use crate::features::flags::ramp::{
    NewSchedule, RampState, RampStep, ScheduleState, Scheduled, advance, cancel_schedule, current, run_schedule, schedule, schedules, start,
};
use crate::features::testing::{World, because, on_both, person};

on_both!(
    a_change_comes_at_its_time_once,
    times_and_changes_are_checked,
    a_change_can_be_taken_back,
    whoever_kills_a_flag_does_not_find_it_on_again,
    what_a_ramp_forbids_fails_and_is_told,
    what_cannot_be_saved_any_more_stops_and_is_told,
);

fn at(world: &World, seconds: i64, enabled: Option<bool>, points: Option<i64>) -> NewSchedule {
    NewSchedule { at: world.app.now().plus_seconds(seconds), enabled, rollout_percentage: points.and_then(Percent::of_basis_points) }
}

async fn planned(world: &World, new: NewSchedule) -> Scheduled {
    schedule(&world.app, &mara(), "f", new, because()).await.unwrap().value
}

async fn due(world: &World, id: Uuid) -> Option<Scheduled> {
    run_schedule(&world.app, &person(Role::SuperAdmin), id).await.unwrap().map(|done| done.value)
}

async fn a_change_comes_at_its_time_once(world: &World) {
    made(world, "f", 100).await;
    let off = planned(world, at(world, 600, Some(false), None)).await;
    let on = planned(world, at(world, 1_200, Some(true), Some(50))).await;
    assert!(due(world, off.id).await.is_none(), "too early");
    assert_eq!(served(world, "f", "u"), Some(json!(true)));
    world.later(600);
    let done = due(world, off.id).await.unwrap();
    assert_eq!((done.state, done.ended_at, served(world, "f", "u")), (ScheduleState::Done, Some(world.app.now()), Some(json!(false))));
    let row = world.last().await;
    assert_eq!((row.action.as_str(), row.reason.as_deref()), ("flag.schedule.run", Some("Scheduled by Mara: the pager said so")));
    assert_eq!((parsed(row.before)["enabled"].clone(), parsed(row.after)["enabled"].clone()), (json!(true), json!(false)));
    assert!(due(world, off.id).await.is_none(), "once");
    // Late, as after a long stop: it is done all the same.
    world.later(86_400);
    due(world, on.id).await.unwrap();
    let flag = find(&world.app, "f").await.unwrap();
    assert_eq!((flag.definition.enabled, flag.definition.rollout_percentage.basis_points(), flag.version), (true, 50, 3));
    assert_eq!(schedules(&world.app, "f").await.unwrap().iter().map(|one| one.state).collect::<Vec<_>>(), [ScheduleState::Done; 2]);
    let same = planned(world, at(world, 60, Some(true), None)).await;
    world.later(60);
    assert_eq!(
        (due(world, same.id).await.unwrap().state, find(&world.app, "f").await.unwrap().version),
        (ScheduleState::Done, 3),
        "nothing to change"
    );
}

async fn times_and_changes_are_checked(world: &World) {
    made(world, "f", 0).await;
    for new in
        [at(world, 0, Some(true), None), at(world, -60, Some(true), None), at(world, 400 * 86_400, Some(true), None), at(world, 60, None, None)]
    {
        assert_eq!(schedule(&world.app, &mara(), "f", new, because()).await.unwrap_err().code(), "invalid", "{new:?}");
    }
    assert_eq!(schedule(&world.app, &mara(), "nothing", at(world, 60, Some(true), None), because()).await.unwrap_err().code(), "not-found");
    for _ in 0..20 {
        planned(world, at(world, 60, Some(true), None)).await;
    }
    assert_eq!(schedule(&world.app, &mara(), "f", at(world, 60, Some(true), None), because()).await.unwrap_err().code(), "conflict");
    assert_eq!(due(world, Uuid::now_v7()).await, None);
}

async fn a_change_can_be_taken_back(world: &World) {
    made(world, "f", 0).await;
    let plan = planned(world, at(world, 60, None, Some(5_000))).await;
    assert_eq!(cancel_schedule(&world.app, &mara(), "g", plan.id, because()).await.unwrap_err().code(), "not-found");
    let back = cancel_schedule(&world.app, &mara(), "f", plan.id, Confirmation::default()).await.unwrap().value;
    assert_eq!(back.state, ScheduleState::Cancelled);
    assert_eq!(cancel_schedule(&world.app, &mara(), "f", plan.id, because()).await.unwrap_err().code(), "conflict");
    world.later(60);
    assert_eq!((due(world, plan.id).await, find(&world.app, "f").await.unwrap().version), (None, 1));
}

async fn whoever_kills_a_flag_does_not_find_it_on_again(world: &World) {
    made(world, "f", 100).await;
    let on = planned(world, at(world, 600, Some(true), None)).await;
    let more = planned(world, at(world, 600, None, Some(100))).await;
    kill(&world.app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert_eq!(parsed(world.last().await.after), json!({ "enabled": false, "scheduledChangesDropped": 1 }));
    world.later(600);
    assert!(due(world, on.id).await.is_none() && due(world, more.id).await.is_some());
    assert!(!find(&world.app, "f").await.unwrap().definition.enabled);
    let told = schedules(&world.app, "f").await.unwrap().into_iter().find(|one| one.id == on.id).unwrap();
    assert_eq!((told.state, told.fault.as_deref()), (ScheduleState::Cancelled, Some("The flag was killed.")));
    let last = planned(world, at(world, 60, Some(true), None)).await;
    definition::archive(&world.app, &mara(), "f", Confirmation { phrase: Some("ARCHIVE f".into()), ..because() }).await.unwrap();
    world.later(60);
    assert_eq!(due(world, last.id).await, None);
}

async fn what_a_ramp_forbids_fails_and_is_told(world: &World) {
    made(world, "f", 0).await;
    let steps = vec![
        RampStep { percentage: Percent::of_basis_points(500).unwrap(), hold_seconds: 86_400 },
        RampStep { percentage: Percent::ALL, hold_seconds: 60 },
    ];
    start(&world.app, &mara(), "f", steps, because()).await.unwrap();
    let raise = planned(world, at(world, 60, None, Some(9_000))).await;
    let off = planned(world, at(world, 120, Some(false), None)).await;
    world.later(60);
    let failed = due(world, raise.id).await.unwrap();
    assert!(failed.state == ScheduleState::Failed && failed.fault.unwrap().starts_with("A ramp moves this flag's rollout."));
    assert_eq!(find(&world.app, "f").await.unwrap().definition.rollout_percentage.basis_points(), 500);
    world.later(60);
    due(world, off.id).await.unwrap();
    assert_eq!((parsed(world.last().await.after)["ramp"].clone(), served(world, "f", "u")), (json!("PAUSED"), Some(json!(false))));
}

/// A newer program may know stricter limits than the one that saved the flag.
async fn what_cannot_be_saved_any_more_stops_and_is_told(world: &World) {
    made(world, "f", 0).await;
    let step = |points| RampStep { percentage: Percent::of_basis_points(points).unwrap(), hold_seconds: 60 };
    let ramp = start(&world.app, &mara(), "f", vec![step(500), step(600)], because()).await.unwrap().value;
    let off = planned(world, at(world, 60, Some(false), None)).await;
    let odd =
        serde_json::to_string(&definition::Definition { on_variant: "gone".into(), ..find(&world.app, "f").await.unwrap().definition }).unwrap();
    world.tamper("UPDATE flag SET definition = $1", engine::args![odd]).await;
    world.later(60);
    let job = person(Role::SuperAdmin);
    assert_eq!(advance(&world.app, &job, ramp.id, ramp.next_at.unwrap()).await.unwrap_err().code(), "invalid");
    assert_eq!(current(&world.app, "f").await.unwrap().unwrap().state, RampState::Paused);
    assert!(world.last().await.reason.unwrap().starts_with("Its next step can't be done: Name one of the variants."));
    assert!(advance(&world.app, &job, ramp.id, ramp.next_at.unwrap()).await.unwrap().is_none(), "not tried again");
    let failed = due(world, off.id).await.unwrap();
    assert_eq!((failed.state, failed.fault.as_deref()), (ScheduleState::Failed, Some("Name one of the variants.")));
}
