use qd_core::Timestamp;
use qd_core::gate::{Confirmation, Role};
use serde_json::json;

use super::{made, mara, parsed, patch, served};
use crate::features::flags::definition::{self, Percent, find, kill, lower, revert, set_rollout, update};
use crate::features::flags::ramp::{Ramp, RampState, RampStep, advance, cancel, current, history, pause, resume, start};
use crate::features::testing::{World, because, on_both, person};

on_both!(
    a_ramp_rises_step_by_step_and_only_adds,
    missed_steps_are_folded_into_one,
    a_step_that_ran_does_not_run_again,
    a_kill_pauses_a_ramp_and_is_never_held_up,
    while_it_runs_nobody_raises_by_hand,
    a_paused_ramp_keeps_the_rest_of_its_hold,
    steps_must_rise,
    a_ramp_of_an_archived_flag_is_over,
);

fn percent(points: i64) -> Percent {
    Percent::of_basis_points(points).unwrap()
}

fn steps(plan: &[(i64, i64)]) -> Vec<RampStep> {
    plan.iter().map(|(points, hold_seconds)| RampStep { percentage: percent(*points), hold_seconds: *hold_seconds }).collect()
}

async fn rollout(world: &World, key: &str) -> i64 {
    find(&world.app, key).await.unwrap().definition.rollout_percentage.basis_points()
}

async fn now_of(world: &World, key: &str) -> Ramp {
    history(&world.app, key).await.unwrap().remove(0)
}

/// What its job does.
async fn due(world: &World, ramp: &Ramp) -> Option<Ramp> {
    let job = person(Role::SuperAdmin);
    advance(&world.app, &job, ramp.id, ramp.next_at.unwrap_or(Timestamp(0))).await.unwrap().map(|done| done.value)
}

async fn members(world: &World, key: &str) -> Vec<usize> {
    (0..400).filter(|number| served(world, key, &format!("user-{number}")) == Some(json!(true))).collect()
}

async fn a_ramp_rises_step_by_step_and_only_adds(world: &World) {
    let flag = patch(json!({ "key": "f", "rolloutPercentage": 80 }));
    definition::create(&world.app, &mara(), flag, because()).await.unwrap();
    let begun = start(&world.app, &mara(), "f", steps(&[(500, 3_600), (2_500, 3_600), (10_000, 60)]), because()).await.unwrap().value;
    assert_eq!((begun.state, begun.next_step, begun.next_at), (RampState::Running, 1, Some(world.app.now().plus_seconds(3_600))));
    let row = world.last().await;
    assert_eq!(parsed(row.before), json!({ "enabled": false, "rolloutPercentage": 80, "ramp": null }));
    assert_eq!((parsed(row.after.clone())["enabled"].clone(), parsed(row.after)["ramp"]["steps"][1]["percentage"].clone()), (json!(true), json!(25)));
    let five = members(world, "f").await;
    assert!(due(world, &begun).await.is_none(), "too early: nothing is done");
    assert_eq!(rollout(world, "f").await, 500);
    world.later(3_600);
    let second = due(world, &begun).await.unwrap();
    assert_eq!((second.state, second.next_step, rollout(world, "f").await), (RampState::Running, 2, 2_500));
    let row = world.last().await;
    assert_eq!(
        (row.action.as_str(), row.reason.as_deref(), parsed(row.after)["rolloutPercentage"].clone()),
        ("flag.ramp.step", Some("The ramp that Mara began"), json!(25))
    );
    let quarter = members(world, "f").await;
    assert!(!five.is_empty() && five.len() < quarter.len() && five.iter().all(|one| quarter.contains(one)), "{} {}", five.len(), quarter.len());
    world.later(3_600);
    let last = due(world, &second).await.unwrap();
    assert_eq!((last.state, last.next_at, last.ended_at, rollout(world, "f").await), (RampState::Completed, None, Some(world.app.now()), 10_000));
    assert_eq!((current(&world.app, "f").await.unwrap(), members(world, "f").await.len()), (None, 400));
    let listed = definition::list(&world.app, &definition::Filter::default()).unwrap().0;
    assert_eq!(listed[0].ramp, None);
}

async fn missed_steps_are_folded_into_one(world: &World) {
    made(world, "f", 0).await;
    let begun = start(&world.app, &mara(), "f", steps(&[(100, 600), (500, 600), (2_500, 600), (10_000, 60)]), because()).await.unwrap().value;
    let version = find(&world.app, "f").await.unwrap().version;
    // Nothing ran for 25 minutes: the second and the third step are due, the fourth is not.
    world.later(25 * 60);
    let moved = due(world, &begun).await.unwrap();
    assert_eq!((moved.next_step, moved.state, rollout(world, "f").await), (3, RampState::Running, 2_500));
    assert_eq!(moved.next_at, Some(begun.started_at.plus_seconds(1_800)), "the plan keeps its times");
    assert_eq!(find(&world.app, "f").await.unwrap().version, version + 1, "one change");
    world.later(86_400);
    let over = due(world, &moved).await.unwrap();
    assert_eq!((over.state, rollout(world, "f").await), (RampState::Completed, 10_000));
}

async fn a_step_that_ran_does_not_run_again(world: &World) {
    made(world, "f", 0).await;
    let begun = start(&world.app, &mara(), "f", steps(&[(100, 60), (500, 60), (2_500, 60)]), because()).await.unwrap().value;
    world.later(60);
    due(world, &begun).await.unwrap();
    let (seq, version) = (world.last().await.seq, find(&world.app, "f").await.unwrap().version);
    for _ in 0..3 {
        assert!(due(world, &begun).await.is_none(), "its time is not the ramp's any more");
    }
    assert_eq!((world.last().await.seq, find(&world.app, "f").await.unwrap().version), (seq, version));
    assert_eq!(advance(&world.app, &mara(), uuid::Uuid::now_v7(), world.app.now()).await.unwrap().map(|done| done.audit_seq), None);
    // Two workers at once: one does it.
    let now = now_of(world, "f").await;
    world.later(60);
    let (actor, at) = (mara(), now.next_at.unwrap());
    let (one, other) = tokio::join!(advance(&world.app, &actor, now.id, at), advance(&world.app, &actor, now.id, at));
    let done = [one, other].into_iter().filter(|tried| matches!(tried, Ok(Some(_)))).count();
    assert_eq!((done, find(&world.app, "f").await.unwrap().version), (1, version + 1));
}

async fn a_kill_pauses_a_ramp_and_is_never_held_up(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    let begun = start(app, &mara(), "f", steps(&[(500, 600), (10_000, 60)]), because()).await.unwrap().value;
    world.later(200);
    kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    let row = world.last().await;
    assert_eq!(
        (parsed(row.before), parsed(row.after)),
        (json!({ "enabled": true, "ramp": "RUNNING" }), json!({ "enabled": false, "ramp": "PAUSED" }))
    );
    let paused = current(app, "f").await.unwrap().unwrap();
    assert_eq!((paused.state, paused.wait_seconds, paused.next_at), (RampState::Paused, Some(400), None));
    world.later(3_600);
    assert!(due(world, &begun).await.is_none());
    assert!(!find(app, "f").await.unwrap().definition.enabled && served(world, "f", "u") == Some(json!(false)));
    let text = resume(app, &mara(), "f", because()).await.unwrap_err().to_string();
    assert_eq!(text, "The flag is off. Turn it on first. Nothing was changed.");
    definition::toggle(app, &mara(), "f", Some(true), None, because()).await.unwrap();
    let resumed = resume(app, &mara(), "f", because()).await.unwrap().value;
    assert_eq!(resumed.next_at, Some(app.now().plus_seconds(400)));
}

async fn while_it_runs_nobody_raises_by_hand(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    start(app, &mara(), "f", steps(&[(500, 600), (10_000, 60)]), because()).await.unwrap();
    for fields in [json!({ "percentage": 6 }), json!({ "salt": "x" }), json!({ "scope": "VENDOR" })] {
        let fault = update(app, &mara(), "f", patch(fields), because()).await.unwrap_err();
        assert!(fault.code() == "conflict" && fault.to_string().starts_with("A ramp moves this flag's rollout."), "{fault}");
    }
    update(app, &mara(), "f", patch(json!({ "notes": "fine", "allow": ["u1"] })), because()).await.unwrap();
    assert_eq!(current(app, "f").await.unwrap().unwrap().state, RampState::Running);
    let again = start(app, &mara(), "f", steps(&[(700, 60)]), because()).await.unwrap_err().to_string();
    assert_eq!(again, "A ramp of f is running. Cancel it first. Nothing was changed.");
    lower(app, &mara(), "f", percent(100), None, Confirmation::default()).await.unwrap();
    assert_eq!(current(app, "f").await.unwrap().unwrap().state, RampState::Paused, "lowered by hand");
    // Paused: free to edit. Back to the first revision is 0 %, then by hand above the next step.
    revert(app, &mara(), "f", 1, None, because()).await.unwrap();
    set_rollout(app, &mara(), "f", percent(9_000), None, because()).await.unwrap();
    let resumed = resume(app, &mara(), "f", because()).await.unwrap().value;
    world.later(600);
    assert_eq!(due(world, &resumed).await.unwrap().state, RampState::Completed);
    assert_eq!(rollout(world, "f").await, 10_000);
    made(world, "g", 0).await;
    let low = start(app, &mara(), "g", steps(&[(100, 60), (500, 60)]), because()).await.unwrap().value;
    pause(app, &mara(), "g", because()).await.unwrap();
    set_rollout(app, &mara(), "g", percent(9_000), None, because()).await.unwrap();
    let resumed = resume(app, &mara(), "g", because()).await.unwrap().value;
    world.later(60);
    assert_eq!(
        (due(world, &resumed).await.unwrap().state, rollout(world, "g").await, low.next_step),
        (RampState::Completed, 9_000, 1),
        "a ramp never lowers"
    );
}

async fn a_paused_ramp_keeps_the_rest_of_its_hold(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    assert_eq!(pause(app, &mara(), "f", because()).await.unwrap_err().code(), "not-found");
    start(app, &mara(), "f", steps(&[(500, 600), (10_000, 60)]), because()).await.unwrap();
    world.later(150);
    let paused = pause(app, &mara(), "f", Confirmation::default()).await.unwrap().value;
    assert_eq!((paused.wait_seconds, world.last().await.action.as_str()), (Some(450), "flag.ramp.pause"));
    assert_eq!(pause(app, &mara(), "f", because()).await.unwrap_err().code(), "conflict");
    assert_eq!(definition::list(app, &definition::Filter::default()).unwrap().0[0].ramp.as_ref().map(|ramp| ramp.state), Some(RampState::Paused));
    world.later(10_000);
    let resumed = resume(app, &mara(), "f", because()).await.unwrap().value;
    assert_eq!((resumed.state, resumed.next_at, resumed.wait_seconds), (RampState::Running, Some(app.now().plus_seconds(450)), None));
    assert_eq!(resume(app, &mara(), "f", because()).await.unwrap_err().code(), "conflict");
    let over = cancel(app, &mara(), "f", Confirmation::default()).await.unwrap().value;
    assert_eq!((over.state, over.ended_at, rollout(world, "f").await), (RampState::Cancelled, Some(app.now()), 500));
    assert!(due(world, &resumed).await.is_none());
    start(app, &mara(), "f", steps(&[(500, 60), (600, 60)]), because()).await.unwrap();
    assert_eq!(history(app, "f").await.unwrap().len(), 2);
}

async fn steps_must_rise(world: &World) {
    let app = &world.app;
    made(world, "f", 50).await;
    let twenty_one: Vec<(i64, i64)> = (1..=21).map(|step| (step, 60)).collect();
    let bad: [&[(i64, i64)]; 6] = [&[], &[(0, 60)], &[(500, 60), (500, 60)], &[(500, 60), (100, 60)], &[(6_000, 0)], &twenty_one];
    for plan in bad {
        assert_eq!(start(app, &mara(), "f", steps(plan), because()).await.unwrap_err().code(), "invalid", "{plan:?}");
    }
    let low = start(app, &mara(), "f", steps(&[(500, 60)]), because()).await.unwrap_err().to_string();
    assert_eq!(low, "The rollout is 50 % already. Begin there or higher, or lower it first.");
    let one = start(app, &mara(), "f", steps(&[(5_000, 60)]), because()).await.unwrap().value;
    assert_eq!(one.state, RampState::Completed, "one step is all");
    assert_eq!(start(app, &mara(), "nothing", steps(&[(500, 60)]), because()).await.unwrap_err().code(), "not-found");
    assert_eq!(start(app, &mara(), "f", steps(&[(6_000, 60)]), Confirmation::default()).await.unwrap_err().code(), "invalid");
}

async fn a_ramp_of_an_archived_flag_is_over(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    let begun = start(app, &mara(), "f", steps(&[(500, 60), (10_000, 60)]), because()).await.unwrap().value;
    definition::archive(app, &mara(), "f", Confirmation { phrase: Some("ARCHIVE f".into()), ..because() }).await.unwrap();
    assert_eq!(now_of(world, "f").await.state, RampState::Cancelled);
    world.later(60);
    assert!(due(world, &begun).await.is_none());
    assert_eq!(parsed(world.last().await.after)["ramp"], "CANCELLED");
}
