use qd_core::Error;
use qd_core::gate::{Confirmation, Role};
use serde_json::{Value, json};

use super::{actions, boss, mara, mode, on, plain, planned, step, sure, trail};
use crate::features::maintenance::bypass::{self, Issue};
use crate::features::maintenance::window::{
    Cancel, Edit, Enable, Extend, Filter, Reword, Times, Toggle, cancel, edit, enable, end, extend, find, list, reword, toggle,
};
use crate::features::maintenance::{Asked, Audience, Kind, Status, Terms, Verdict, state};
use crate::features::testing::{World, because, on_both, person};

on_both!(
    enabling_twice_and_ending_once_ends_it,
    enabling_takes_the_right_person_phrase_and_reason,
    ending_takes_one_click,
    the_switch_of_older_clients_works_both_ways,
    a_change_is_served_when_it_answers,
    words_are_looked_at,
    an_edit_of_an_old_version_is_refused,
    texts_can_be_changed_while_it_holds,
    the_same_key_enables_once,
    lists_are_filtered_and_paged,
    without_a_secret_no_bypass_is_made,
);

async fn enabling_twice_and_ending_once_ends_it(world: &World) {
    let first = on(world, Kind::VendorReadonly, 60).await;
    assert_eq!((first.status, first.actual_start, first.version), (Status::Active, Some(world.app.now()), 1));
    world.later(600);
    let again = on(world, Kind::VendorReadonly, 60).await;
    assert_eq!((again.id, again.scheduled_end, again.actual_start), (first.id, world.app.now().plus_seconds(3_600), first.actual_start));
    let shorter = on(world, Kind::VendorReadonly, 5).await;
    assert_eq!(shorter.scheduled_end, again.scheduled_end, "asking for less takes nothing away");
    assert_eq!(mode(world), "vendor_readonly");
    let over = end(&world.app, &mara(), first.id, plain()).await.unwrap().value;
    assert_eq!((over.status, over.actual_end), (Status::Completed, Some(world.app.now())));
    assert_eq!(mode(world), "none");
    let (rows, _) = list(&world.app, &Filter::default()).await.unwrap();
    assert_eq!(rows.len(), 1, "no second row outlives the end");
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.target_id), ("CONFIG_MAINTENANCE_MODE_TOGGLED", first.id.to_string()));
    let parsed = |text: Option<String>| -> Value { serde_json::from_str(&text.unwrap()).unwrap() };
    assert_eq!((parsed(row.before)["status"].clone(), parsed(row.after)["status"].clone()), (json!("ACTIVE"), json!("COMPLETED")));
    assert_eq!(trail(world).await[0].reason.as_deref(), Some("the database moves house"));
    let twice = end(&world.app, &mara(), first.id, plain()).await.unwrap_err().to_string();
    assert!(twice.starts_with("It is completed since 2026-11-22T12:10:00Z UTC."), "{twice}");
}

async fn enabling_takes_the_right_person_phrase_and_reason(world: &World) {
    let action = || Enable { kind: Kind::GlobalReadonly, minutes: None, terms: Terms::default() };
    let refused = enable(&world.app, &mara(), action(), sure()).await.unwrap_err();
    assert!(matches!(refused, Error::Forbidden(_)));
    assert_eq!(world.last().await.kind, "refused");
    for given in
        [because(), Confirmation { phrase: Some("enable maintenance".into()), ..because() }, Confirmation { reason: Some("short".into()), ..sure() }]
    {
        assert!(matches!(enable(&world.app, &boss(), action(), given).await.unwrap_err(), Error::Invalid(_)));
    }
    assert_eq!(mode(world), "none");
    let window = enable(&world.app, &boss(), action(), sure()).await.unwrap().value;
    assert_eq!(window.scheduled_end.since(window.scheduled_start), 3_600);
    let drain = Enable { kind: Kind::QueueDrain, ..action() };
    let drain = enable(&world.app, &boss(), drain, sure()).await.unwrap().value;
    assert_eq!(drain.scheduled_end.since(drain.scheduled_start), 1_800);
    assert_eq!(mode(world), "global_readonly", "the strongest");
}

async fn ending_takes_one_click(world: &World) {
    let window = on(world, Kind::GlobalReadonly, 60).await;
    let staff = end(&world.app, &person(Role::StaffAdmin), window.id, plain()).await.unwrap_err();
    assert!(matches!(staff, Error::Forbidden(_)));
    let bare = extend(&world.app, &mara(), Extend { window: window.id, minutes: 30 }, plain()).await.unwrap_err();
    assert!(matches!(bare, Error::Invalid(_)), "blocking longer takes a reason");
    let longer = extend(&world.app, &mara(), Extend { window: window.id, minutes: 30 }, because()).await.unwrap().value;
    assert_eq!(longer.scheduled_end, window.scheduled_end.plus_seconds(1_800));
    end(&world.app, &mara(), window.id, plain()).await.unwrap();
    assert!(extend(&world.app, &mara(), Extend { window: window.id, minutes: 30 }, because()).await.is_err());
}

async fn the_switch_of_older_clients_works_both_ways(world: &World) {
    let switch = |enabled| Toggle { kind: Kind::DatabaseMaintenance, enabled, minutes: None, terms: Terms::default() };
    assert!(toggle(&world.app, &mara(), switch(false), because()).await.unwrap().is_none(), "it was off");
    assert!(trail(world).await.is_empty());
    let window = toggle(&world.app, &boss(), switch(true), sure()).await.unwrap().unwrap().value;
    assert_eq!((window.kind, mode(world)), (Kind::DatabaseMaintenance, "database_maintenance"));
    let off = toggle(&world.app, &mara(), switch(false), plain()).await.unwrap().unwrap().value;
    assert_eq!((off.id, off.status, mode(world)), (window.id, Status::Completed, "none"));
}

async fn a_change_is_served_when_it_answers(world: &World) {
    world.app.published.refresh(&world.app).await.unwrap();
    let before = world.app.published.revision();
    let window = on(world, Kind::GlobalReadonly, 30).await;
    let served = state(&world.app).unwrap();
    assert!(served.revision > before && served.revision == world.app.published.revision());
    let asked = Asked { method: "POST", path: "/checkout", ..Asked::default() };
    assert!(matches!(served.verdict(&asked, world.app.now()), Verdict::Blocked(_)));
    let view = serde_json::to_value(served.view(world.app.now())).unwrap();
    assert_eq!(
        (view["mode"].clone(), view["blocksWrites"].clone(), view["retryAfterSeconds"].clone()),
        (json!("global_readonly"), json!("all"), json!(1_800))
    );
    assert_eq!(view["windows"][0]["phase"], json!("active"));
    assert_eq!(view["windows"][0].get("reason"), None, "the operators' reason is not for applications");
    end(&world.app, &mara(), window.id, plain()).await.unwrap();
    let view = serde_json::to_value(state(&world.app).unwrap().view(world.app.now())).unwrap();
    assert_eq!((view["mode"].clone(), view["retryAfterSeconds"].clone()), (json!("none"), Value::Null));
    world.later(1);
    assert_eq!(state(&world.app).unwrap().view(world.app.now()).blocks_writes, crate::features::maintenance::Blocks::None);
}

async fn words_are_looked_at(world: &World) {
    let bad =
        Terms { message: "x".repeat(501), vendors: Some(vec!["v".into()]), zone: "Mars/Olympus".into(), announce_minutes: -1, ..Terms::default() };
    let fault = enable(&world.app, &boss(), Enable { kind: Kind::GlobalReadonly, minutes: Some(0), terms: bad }, sure()).await.unwrap_err();
    let Error::Invalid(faults) = fault else { panic!("{fault}") };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["message", "vendors", "announceMinutes", "zone", "minutes"]);
    let now = world.app.now();
    for (start, end) in [(-120, 600), (600, 600), (600, 300), (600, 8 * 86_400), (900 * 86_400, 900 * 86_400 + 60)] {
        let times = Times::Once { start: now.plus_seconds(start), end: now.plus_seconds(end) };
        assert!(matches!(super::ahead(world, Kind::Deployment, times, Terms::default()).await, Err(Error::Invalid(_))), "{start} {end}");
    }
}

async fn an_edit_of_an_old_version_is_refused(world: &World) {
    let window = planned(world, Kind::Deployment, 7_200, 60, Terms::default()).await;
    let now = world.app.now();
    let moved = Times::Once { start: now.plus_seconds(600), end: now.plus_seconds(1_200) };
    let action = |version| Edit { window: window.id, times: Some(moved.clone()), terms: Terms::default(), version: Some(version) };
    assert!(matches!(edit(&world.app, &mara(), action(1), because()).await.unwrap_err(), Error::Forbidden(_)), "it could start it sooner");
    let after = edit(&world.app, &boss(), action(1), because()).await.unwrap().value;
    assert_eq!((after.scheduled_start, after.version), (now.plus_seconds(600), 2));
    assert!(matches!(edit(&world.app, &boss(), action(1), because()).await.unwrap_err(), Error::Conflict(_)));
    world.later(600);
    assert_eq!(step(world, &window).await.status, Status::Active);
    assert!(matches!(edit(&world.app, &boss(), action(3), because()).await.unwrap_err(), Error::Invalid(_) | Error::Conflict(_)));
    assert!(matches!(cancel(&world.app, &mara(), Cancel { window: window.id, series: false }, plain()).await.unwrap_err(), Error::Conflict(_)));
}

async fn texts_can_be_changed_while_it_holds(world: &World) {
    let window = on(world, Kind::GlobalReadonly, 60).await;
    let text = |message: &str| Reword { window: window.id, message: message.into(), audience: Audience::Vendors };
    reword(&world.app, &mara(), text("  Back at noon.\r\n"), plain()).await.unwrap();
    let view = state(&world.app).unwrap().view(world.app.now());
    assert_eq!((view.message.as_str(), view.windows[0].audience), ("Back at noon.", Audience::Vendors));
    reword(&world.app, &mara(), text(""), plain()).await.unwrap();
    assert_eq!(state(&world.app).unwrap().view(world.app.now()).message, Kind::GlobalReadonly.text());
}

async fn the_same_key_enables_once(world: &World) {
    let given = || Confirmation { idempotency_key: Some("k1".into()), ..sure() };
    let action = || Enable { kind: Kind::GlobalReadonly, minutes: None, terms: Terms::default() };
    let first = enable(&world.app, &boss(), action(), given()).await.unwrap();
    world.later(60);
    let again = enable(&world.app, &boss(), action(), given()).await.unwrap();
    assert!(again.replayed && again.value == first.value);
    assert_eq!(actions(world).await, ["maintenance.enable"]);
}

async fn lists_are_filtered_and_paged(world: &World) {
    for kind in Kind::ALL {
        planned(world, kind, 86_400, 60, Terms::default()).await;
        world.later(1);
    }
    let active = on(world, Kind::Deployment, 60).await;
    let page = async |filter: Filter| {
        let (rows, next) = list(&world.app, &filter).await.unwrap();
        (rows.into_iter().map(|row| row.kind).collect::<Vec<_>>(), next)
    };
    let (first, next) = page(Filter { limit: Some(4), ..Filter::default() }).await;
    let (rest, end) = page(Filter { limit: Some(4), after: next, ..Filter::default() }).await;
    assert_eq!((first.len(), rest.len(), end), (4, 2, None));
    assert_eq!(page(Filter { status: vec![Status::Active], ..Filter::default() }).await.0, [Kind::Deployment]);
    assert_eq!(page(Filter { kind: Some(Kind::Deployment), ..Filter::default() }).await.0.len(), 2);
    let both = Filter { status: vec![Status::Active, Status::Scheduled], kind: Some(Kind::Deployment), ..Filter::default() };
    assert_eq!(page(both).await.0.len(), 2);
    assert_eq!(find(&world.app, active.id).await.unwrap(), active);
    assert!(matches!(find(&world.app, uuid::Uuid::nil()).await.unwrap_err(), Error::NotFound(_)));
}

async fn without_a_secret_no_bypass_is_made(world: &World) {
    let asked = Issue { hours: 1, note: "repair".into() };
    let fault = bypass::issue(&world.app, &mara(), asked, because()).await.unwrap_err();
    assert!(matches!(fault, Error::Unsupported { .. }) && fault.to_string().contains("bypass_secret"), "{fault}");
    let served = state(&world.app).unwrap();
    assert!(!served.bypassed("", world.app.now()) && !served.bypassed("v1.99999999999.x.", world.app.now()));
}
