use engine::args;
use qd_core::event;

use super::{actions, boss, mara, mode, on, plain, planned, program, step, sure, trail};
use crate::features::maintenance::window::{Extend, Step, advance, end, extend, sweep};
use crate::features::maintenance::{Kind, Phase, Status, Terms, state, trim};
use crate::features::testing::{World, because, on_both};

on_both!(
    a_window_is_announced_started_and_ended_by_itself,
    two_at_once_take_a_step_once,
    what_was_missed_is_made_up_or_noted,
    one_that_starts_while_one_holds_becomes_part_of_it,
    one_without_an_end_of_its_own_alerts_once,
    the_net_finds_what_a_job_missed,
    jobs_are_planned_with_the_change,
    what_is_long_over_is_forgotten,
);

async fn a_window_is_announced_started_and_ended_by_itself(world: &World) {
    let window = planned(world, Kind::GlobalReadonly, 3_600, 60, Terms::default()).await;
    assert_eq!((step(world, &window).await, mode(world)), (window.clone(), "none"));
    world.later(1_800);
    let told = step(world, &window).await;
    assert_eq!((told.announced_at, told.phase(world.app.now()), mode(world)), (Some(world.app.now()), Phase::Announced, "announced"));
    world.later(1_500);
    assert_eq!(state(&world.app).unwrap().view(world.app.now()).windows[0].phase, Phase::Starting);
    world.later(300);
    let held = step(world, &window).await;
    assert_eq!((held.status, held.actual_start, held.note.as_deref(), mode(world)), (Status::Active, Some(world.app.now()), None, "global_readonly"));
    world.later(3_599);
    assert_eq!(step(world, &window).await.status, Status::Active);
    world.later(1);
    let over = step(world, &window).await;
    assert_eq!((over.status, over.actual_end, mode(world)), (Status::Completed, Some(world.app.now()), "none"));
    let phases: Vec<Phase> = state(&world.app).unwrap().view(world.app.now()).windows.iter().map(|window| window.phase).collect();
    assert_eq!(phases, [Phase::Ended]);
    world.later(600);
    assert!(state(&world.app).unwrap().view(world.app.now()).windows.is_empty());
    assert_eq!(actions(world).await, ["maintenance.schedule", "maintenance.announce", "maintenance.start", "maintenance.finish"]);
    let rows = trail(world).await;
    assert!(rows[1..].iter().all(|row| row.actor_id == "system:housekeeping" && row.kind == "done"));
    assert!(rows[2].before.as_deref().unwrap().contains("SCHEDULED") && rows[2].after.as_deref().unwrap().contains("ACTIVE"));
}

async fn two_at_once_take_a_step_once(world: &World) {
    let window = planned(world, Kind::GlobalReadonly, 60, 60, Terms { announce_minutes: 0, ..Terms::default() }).await;
    world.later(60);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move { advance(&app, &program(), window.id).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(actions(world).await, ["maintenance.schedule", "maintenance.start"]);
    assert!(trail(world).await.iter().all(|row| row.kind == "done"));
}

async fn what_was_missed_is_made_up_or_noted(world: &World) {
    let passed = planned(world, Kind::Deployment, 600, 30, Terms::default()).await;
    let running = planned(world, Kind::GlobalReadonly, 3_600, 120, Terms::default()).await;
    world.later(2 * 3_600);
    let passed = step(world, &passed).await;
    assert_eq!((passed.status, passed.actual_end), (Status::Completed, Some(world.app.now())));
    assert!(passed.note.unwrap().starts_with("It never held"));
    let running = step(world, &running).await;
    assert_eq!((running.status, running.note.as_deref()), (Status::Active, Some("Started 1 h late: nothing ran at its time.")));
    assert_eq!(mode(world), "global_readonly");
    world.later(3 * 3_600);
    let running = step(world, &running).await;
    assert!(running.status == Status::Completed && running.note.unwrap().starts_with("Ended 2 h"));
}

async fn one_that_starts_while_one_holds_becomes_part_of_it(world: &World) {
    let vendors = |ids: &[&str]| Terms { vendors: Some(ids.iter().map(|id| (*id).to_owned()).collect()), announce_minutes: 0, ..Terms::default() };
    let later = planned(world, Kind::VendorReadonly, 600, 120, vendors(&["v2"])).await;
    let first = planned(world, Kind::VendorReadonly, 60, 30, vendors(&["v1"])).await;
    world.later(60);
    let first = step(world, &first).await;
    world.later(540);
    let folded = step(world, &later).await;
    assert_eq!(folded.status, Status::Completed);
    assert!(folded.note.unwrap().contains("became part of that one"));
    let served = state(&world.app).unwrap();
    let held = served.active_of(Kind::VendorReadonly).unwrap();
    assert_eq!((held.id, held.scheduled_end), (first.id, later.scheduled_end));
    assert_eq!(served.view(world.app.now()).vendor_readonly.vendors, ["v1", "v2"]);
    let row = trail(world).await.into_iter().rev().find(|row| row.action == "maintenance.start").unwrap();
    let fact = |text: Option<String>| serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap();
    let (was, is) = (fact(row.before), fact(row.after));
    assert_eq!((was["status"].as_str(), is["status"].as_str()), (Some("SCHEDULED"), Some("COMPLETED")));
    let held = serde_json::json!(first.id);
    assert_eq!(
        (&was["holding"]["id"], &was["holding"]["vendors"], &is["holding"]["vendors"]),
        (&held, &serde_json::json!(["v1"]), &serde_json::json!(["v1", "v2"]))
    );
    assert_eq!(is["holding"]["scheduledEnd"], serde_json::json!(later.scheduled_end), "the longer end stands in the trail");
    end(&world.app, &mara(), first.id, plain()).await.unwrap();
    assert_eq!(mode(world), "none", "ended once, it is over");
}

async fn one_without_an_end_of_its_own_alerts_once(world: &World) {
    let by_hand = Terms { auto_end: false, announce_minutes: 0, ..Terms::default() };
    let window = planned(world, Kind::GlobalReadonly, 60, 30, by_hand).await;
    world.later(60);
    step(world, &window).await;
    world.later(1_800);
    let late = step(world, &window).await;
    assert_eq!((late.status, late.overrun_at, late.due(world.app.now())), (Status::Active, Some(world.app.now()), None));
    world.later(600);
    step(world, &window).await;
    sweep(&world.app, &program()).await.unwrap();
    assert_eq!(actions(world).await.iter().filter(|name| *name == "maintenance.overrun").count(), 1);
    let (told,): (i64,) = world.app.db.one("SELECT count(*) FROM event_outbox WHERE name = 'maintenance.overrun'", args![]).await.unwrap();
    assert_eq!((told, event::pending(&world.app.db).await.unwrap() > 0), (1, true));
    let view = state(&world.app).unwrap().view(world.app.now());
    assert!(view.windows[0].overrun && view.mode == "global_readonly" && view.retry_after_seconds == Some(60));
    let longer = extend(&world.app, &mara(), Extend { window: window.id, minutes: 10 }, because()).await.unwrap().value;
    assert_eq!((longer.scheduled_end, longer.overrun_at), (world.app.now().plus_seconds(600), None), "from now, not from the end that passed");
    world.later(600);
    assert_eq!(longer.due(world.app.now()), Some(Step::Overrun), "it alerts again");
}

async fn the_net_finds_what_a_job_missed(world: &World) {
    planned(world, Kind::GlobalReadonly, 3_600, 60, Terms::default()).await;
    on(world, Kind::VendorReadonly, 20).await;
    let (jobs,): (i64,) = world.app.db.one("SELECT count(*) FROM job WHERE name = 'maintenance-step'", args![]).await.unwrap();
    assert_eq!(jobs, 2);
    world.tamper("DELETE FROM job WHERE name = 'maintenance-step'", args![]).await;
    world.later(1_800);
    sweep(&world.app, &program()).await.unwrap();
    assert_eq!(mode(world), "announced");
    world.later(1_800);
    sweep(&world.app, &program()).await.unwrap();
    sweep(&world.app, &program()).await.unwrap();
    assert_eq!(mode(world), "global_readonly");
    let names = ["maintenance.schedule", "maintenance.enable", "maintenance.finish", "maintenance.announce", "maintenance.start"];
    let mut said = actions(world).await;
    said[2..4].sort_by(|a, b| b.cmp(a));
    assert_eq!(said, names);
    let _the_boss_may_too = (boss(), sure());
}

async fn what_is_long_over_is_forgotten(world: &World) {
    let now = world.app.now().0;
    let token = "INSERT INTO maintenance_bypass (id, note, created_at, created_by, created_by_name, expires_at) VALUES ($1, 'n', $2, 'x', 'x', $2)";
    world.tamper(token, args![uuid::Uuid::from_u128(1), now]).await;
    let window = on(world, Kind::QueueDrain, 60).await;
    let row = "INSERT INTO maintenance_drain (window_id, source, queue, state, attempts, next_at) VALUES ($1, 's', $2, $3, 0, 0)";
    world.tamper(row, args![window.id, "done", "RESUMED"]).await;
    world.tamper(row, args![window.id, "stuck", "PAUSED"]).await;
    end(&world.app, &mara(), window.id, plain()).await.unwrap();
    world.later(90 * 86_400);
    assert_eq!(trim(&world.app).await.unwrap(), 0);
    world.later(1);
    assert_eq!(trim(&world.app).await.unwrap(), 2, "the token and the queue that works again; what is still held is not forgotten");
    let (left,): (String,) = world.app.db.one("SELECT queue FROM maintenance_drain", args![]).await.unwrap();
    assert_eq!(left, "stuck");
    assert_eq!(trim(&world.app).await.unwrap(), 0);
}

async fn jobs_are_planned_with_the_change(world: &World) {
    let count = async || {
        let (jobs,): (i64,) = world.app.db.one("SELECT count(*) FROM job WHERE name = 'maintenance-step'", args![]).await.unwrap();
        jobs
    };
    let window = on(world, Kind::GlobalReadonly, 60).await;
    assert_eq!(count().await, 1);
    extend(&world.app, &mara(), Extend { window: window.id, minutes: 0 }, because()).await.unwrap_err();
    assert_eq!(count().await, 1, "nothing is planned for what did not happen");
    extend(&world.app, &mara(), Extend { window: window.id, minutes: 5 }, because()).await.unwrap();
    assert_eq!(count().await, 2);
    world.later(3_600);
    assert_eq!(step(world, &window).await.status, Status::Active, "the job of the earlier end finds nothing to do");
    world.later(300);
    assert_eq!(step(world, &window).await.status, Status::Completed);
}
