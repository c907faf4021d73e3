//! What must hold whatever stands in the tables: a kill, a start, and what one flag does to the others.

use engine::args;
use qd_core::gate::Confirmation;
use serde_json::{Value, json};

use super::{context, made, mara, parsed, patch, served, snapshot_of};
use crate::features::flags::definition::{Percent, create, find, kill, revisions, set_rollout, toggle, trim, update};
use crate::features::flags::ramp::{self, NewSchedule, RampState, RampStep, ScheduleState};
use crate::features::testing::{World, because, on_both};

on_both!(
    a_kill_heeds_no_limit,
    a_kill_of_what_is_off_drops_what_would_turn_it_on,
    a_flag_that_cannot_be_read_stops_no_other,
    a_flag_that_cannot_be_read_is_killed,
    a_later_version_s_members_are_read_over,
    a_ramp_that_cannot_be_read_stops_no_other,
    what_is_done_is_done_though_it_is_not_served_yet,
    many_prerequisites_are_refused_and_looked_at_once,
    old_revisions_are_forgotten_but_not_the_newest,
);

const SPOIL: &str = "UPDATE flag SET definition = $2 WHERE key = $1";

/// Changes the stored definition past every check.
async fn spoiled(world: &World, key: &str, change: impl FnOnce(&mut Value)) {
    let mut definition = serde_json::to_value(find(&world.app, key).await.unwrap().definition).unwrap();
    change(&mut definition);
    world.tamper(SPOIL, args![key.to_owned(), definition.to_string()]).await;
}

/// As after somebody else's change.
async fn reloaded(world: &World) -> qd_core::Result<i64> {
    world.tamper("UPDATE published SET revision = revision + 1", args![]).await;
    world.app.published.refresh(&world.app).await
}

fn told(world: &World) -> String {
    crate::web::troubles(&world.app, world.app.now()).join(" ")
}

async fn ramped(world: &World, key: &str) {
    let steps = [5, 50].map(|share| RampStep { percentage: Percent::of_basis_points(share * 100).unwrap(), hold_seconds: 3_600 });
    ramp::start(&world.app, &mara(), key, steps.to_vec(), because()).await.unwrap();
}

async fn planned(world: &World, key: &str, enabled: bool) {
    let change = NewSchedule { at: world.app.now().plus_seconds(3_600), enabled: Some(enabled), rollout_percentage: None };
    ramp::schedule(&world.app, &mara(), key, change, because()).await.unwrap();
}

async fn states(world: &World, key: &str) -> Vec<(Option<bool>, ScheduleState)> {
    ramp::schedules(&world.app, key).await.unwrap().into_iter().map(|one| (one.enabled, one.state)).collect()
}

async fn a_kill_heeds_no_limit(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    ramped(world, "f").await;
    spoiled(world, "f", |definition| {
        definition["notes"] = json!("x".repeat(5_000));
        definition["variants"][0]["value"] = json!("not a boolean");
        definition["prerequisites"] = json!([{ "flag": "gone", "variant": "on" }]);
    })
    .await;
    let refused = set_rollout(app, &mara(), "f", Percent::NONE, None, because()).await;
    assert_eq!(refused.unwrap_err().code(), "invalid", "the limits still hold for others");
    let done = kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert!(!done.value.definition.enabled && done.value.definition.notes.len() == 5_000);
    assert_eq!((served(world, "f", "u"), ramp::current(app, "f").await.unwrap().unwrap().state), (Some(json!(false)), RampState::Paused));
    let after = parsed(world.last().await.after);
    assert_eq!((&after["enabled"], &after["ramp"]), (&json!(false), &json!("PAUSED")));
    assert_eq!(revisions(app, "f", None, 1).await.unwrap().0[0].action, "flag.kill");
}

async fn a_kill_of_what_is_off_drops_what_would_turn_it_on(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    ramped(world, "f").await;
    toggle(app, &mara(), "f", Some(false), None, because()).await.unwrap();
    planned(world, "f", true).await;
    planned(world, "f", false).await;
    world.tamper("UPDATE flag_ramp SET state = 'RUNNING', next_at = $1", args![app.now().plus_seconds(60).0]).await;
    let version = find(app, "f").await.unwrap().version;
    let done = kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert_eq!((done.value.version, done.value.definition.enabled), (version, false), "the flag itself stays as it is");
    let mut left = states(world, "f").await;
    left.sort_by_key(|(enabled, _)| *enabled);
    assert_eq!(left, [(Some(false), ScheduleState::Pending), (Some(true), ScheduleState::Cancelled)]);
    let ramp = ramp::current(app, "f").await.unwrap().unwrap();
    assert_eq!((ramp.state, ramp.wait_seconds, ramp.next_at), (RampState::Paused, Some(60), None));
    let row = world.last().await;
    assert_eq!((row.action.as_str(), parsed(row.after)), ("flag.kill", json!({ "ramp": "PAUSED", "scheduledChangesDropped": 1 })));
    let again = kill(app, &mara(), "f", Confirmation::default()).await.unwrap_err();
    assert_eq!((again.code(), again.to_string()), ("conflict", "f is off already. Nothing was changed.".into()));
}

async fn a_flag_that_cannot_be_read_stops_no_other(world: &World) {
    let app = &world.app;
    for key in ["bad", "good"] {
        made(world, key, 100).await;
    }
    spoiled(world, "bad", |definition| definition["kind"] = json!("FANCY")).await;
    reloaded(world).await.unwrap();
    assert_eq!(served(world, "bad", "u"), Some(json!(true)), "as it was last known");
    assert!(told(world).contains("bad") && !told(world).contains("good"), "{}", told(world));
    toggle(app, &mara(), "good", Some(false), None, because()).await.unwrap();
    assert_eq!((served(world, "good", "u"), served(world, "bad", "u")), (Some(json!(false)), Some(json!(true))));
    // One that this process has never known, as after a start.
    let sql = "INSERT INTO flag (key, definition, version, created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name) \
         SELECT 'never', '{\"enabled\":true,\"scope\":\"MOON\"}', 1, 0, '', '', 0, '', '' FROM flag WHERE key = $1";
    world.tamper(sql, args!["good"]).await;
    reloaded(world).await.unwrap();
    assert_eq!((served(world, "never", "u"), served(world, "bad", "u")), (None, Some(json!(true))));
    assert!(told(world).contains("bad, never"), "{}", told(world));
    kill(app, &mara(), "never", Confirmation::default()).await.unwrap();
    spoiled_back(world, "bad").await;
    world.tamper("DELETE FROM flag_revision WHERE flag_key = 'never'", args![]).await;
    world.tamper("DELETE FROM flag WHERE key = 'never'", args![]).await;
    reloaded(world).await.unwrap();
    assert_eq!(told(world), "");
}

async fn spoiled_back(world: &World, key: &str) {
    let sql = "UPDATE flag SET definition = (SELECT definition FROM flag_revision r WHERE r.flag_key = $1 AND r.number = 1) WHERE key = $1";
    world.tamper(sql, args![key.to_owned()]).await;
}

async fn a_flag_that_cannot_be_read_is_killed(world: &World) {
    let app = &world.app;
    made(world, "bad", 100).await;
    spoiled(world, "bad", |definition| {
        definition["kind"] = json!("FANCY");
        definition["later"] = json!({ "x": 10.0 });
    })
    .await;
    reloaded(world).await.unwrap();
    let done = kill(app, &mara(), "bad", Confirmation::default()).await.unwrap();
    assert_eq!((done.value.version, done.value.definition.enabled, served(world, "bad", "u")), (2, false, Some(json!(false))));
    let (text,): (String,) = app.db.one("SELECT definition FROM flag WHERE key = 'bad'", args![]).await.unwrap();
    let stored = parsed(Some(text.clone()));
    assert_eq!((&stored["enabled"], &stored["kind"]), (&json!(false), &json!("FANCY")), "the rest stays as it was");
    assert!(text.contains(r#""x":10.0"#), "{text}");
    assert_eq!(revisions(app, "bad", None, 9).await.unwrap().0.len(), 2);
    assert_eq!(kill(app, &mara(), "bad", Confirmation::default()).await.unwrap_err().code(), "conflict");
}

async fn a_later_version_s_members_are_read_over(world: &World) {
    made(world, "f", 0).await;
    spoiled(world, "f", |definition| {
        definition["rules"] = json!([{ "variant": "on", "weight": 1, "conditions": [{ "attribute": "a", "operator": "eq", "value": { "x": 1 }, "since": 2 }] },
            { "variant": "on", "conditions": [] }]);
        definition["variants"][0]["colour"] = json!("red");
        definition["later"] = json!(true);
    })
    .await;
    reloaded(world).await.unwrap();
    let found = find(&world.app, "f").await.unwrap().definition;
    assert_eq!((found.rules.len(), &found.rules[0].conditions[0].value), (2, &json!({ "x": 1 })), "values stay whole");
    assert_eq!((served(world, "f", "u"), told(world)), (Some(json!(true)), String::new()));
}

async fn a_ramp_that_cannot_be_read_stops_no_other(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    made(world, "g", 0).await;
    ramped(world, "f").await;
    world.tamper("UPDATE flag_ramp SET steps = '[{\"percentage\":\"many\"}]'", args![]).await;
    reloaded(world).await.unwrap();
    assert!(told(world).contains("Ramps that can't be read and stand still: f."), "{}", told(world));
    toggle(app, &mara(), "g", Some(false), None, because()).await.unwrap();
    kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    let (state,): (String,) = app.db.one("SELECT state FROM flag_ramp", args![]).await.unwrap();
    assert_eq!((state.as_str(), served(world, "f", "u")), ("PAUSED", Some(json!(false))));
}

async fn what_is_done_is_done_though_it_is_not_served_yet(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    app.db.write(|tx| Box::pin(async move { tx.exec("ALTER TABLE maintenance_bypass RENAME TO elsewhere", args![]).await })).await.unwrap();
    assert!(reloaded(world).await.is_err(), "what is published can't be loaded");
    set_rollout(app, &mara(), "f", Percent::ALL, None, because()).await.unwrap();
    create(app, &mara(), patch(json!({ "key": "g" })), because()).await.unwrap();
    ramped(world, "g").await;
    ramp::pause(app, &mara(), "g", Confirmation::default()).await.unwrap();
    kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert_eq!((find(app, "f").await.unwrap().version, world.last().await.action.as_str()), (3, "flag.kill"));
    app.db.write(|tx| Box::pin(async move { tx.exec("ALTER TABLE elsewhere RENAME TO maintenance_bypass", args![]).await })).await.unwrap();
    app.published.refresh(app).await.unwrap();
    assert_eq!(served(world, "f", "u"), Some(json!(false)));
}

/// `layers` of `width` flags, each needing all of the next layer.
fn layered(layers: usize, width: usize) -> Value {
    let needs = |layer: usize| (0..width).map(|at| json!({ "flag": format!("l{layer}-{at}"), "variant": "on" })).collect::<Vec<_>>();
    let one = |layer: usize| {
        let prerequisites = if layer + 1 < layers { needs(layer + 1) } else { Vec::new() };
        json!({ "enabled": true, "rolloutPercentage": 100, "prerequisites": prerequisites })
    };
    (0..layers).flat_map(|layer| (0..width).map(move |at| (layer, at))).map(|(layer, at)| (format!("l{layer}-{at}"), one(layer))).collect()
}

#[test]
fn each_prerequisite_is_decided_once() {
    let snapshot = snapshot_of(&layered(10, 10));
    let context = context(json!({ "targetingKey": "u" }));
    let began = std::time::Instant::now();
    assert_eq!(snapshot.evaluate("l0-0", &context).unwrap().value, Some(&json!(true)));
    assert!(snapshot.evaluate_all(&context).filter(|(key, _)| key.starts_with('l')).all(|(_, one)| one.value == Some(&json!(true))));
    assert!(snapshot.explain("l0-0", &context).unwrap().prerequisites.iter().all(|needs| needs.met));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

async fn many_prerequisites_are_refused_and_looked_at_once(world: &World) {
    let app = &world.app;
    let all = layered(7, 8);
    for (key, fields) in all.as_object().unwrap().iter().rev().filter(|(key, _)| !key.starts_with("l0")) {
        let mut fields = fields.clone();
        fields["key"] = json!(key);
        create(app, &mara(), patch(fields), because()).await.unwrap();
    }
    let needs = |keys: &[&str]| json!({ "prerequisites": keys.iter().map(|key| json!({ "flag": key, "variant": "on" })).collect::<Vec<_>>() });
    for key in ["above", "top", "extra"] {
        made(world, key, 100).await;
    }
    let first: Vec<String> = (0..8).map(|at| format!("l1-{at}")).collect();
    let began = std::time::Instant::now();
    // 48 flags below, then 49 with "extra" below them.
    update(app, &mara(), "top", patch(needs(&first.iter().map(String::as_str).collect::<Vec<_>>())), because()).await.unwrap();
    update(app, &mara(), "above", patch(needs(&["top", "extra"])), because()).await.unwrap();
    made(world, "one-more", 100).await;
    let longer = update(app, &mara(), "l6-0", patch(needs(&["one-more"])), because()).await.unwrap_err();
    assert_eq!(longer.to_string(), "The flag above would need more than 50 other flags, directly or by others that it needs.");
    let straight = update(app, &mara(), "above", patch(needs(&["top", "extra", "one-more"])), because()).await.unwrap_err();
    assert_eq!(straight.to_string(), "The flag above would need more than 50 other flags, directly or by others that it needs.");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

async fn old_revisions_are_forgotten_but_not_the_newest(world: &World) {
    let app = &world.app;
    for key in ["busy", "quiet"] {
        made(world, key, 0).await;
    }
    let copy = "INSERT INTO flag_revision (flag_key, number, at, action, actor_id, actor_name, reason, archived, definition) \
         SELECT flag_key, number + $2, at, action, actor_id, actor_name, reason, archived, definition FROM flag_revision WHERE flag_key = $1 AND number = 1";
    for number in 1..210_i64 {
        world.tamper(copy, args!["busy", number]).await;
    }
    world.tamper("UPDATE flag SET version = 210 WHERE key = 'busy'", args![]).await;
    world.later(365 * 86_400);
    assert_eq!(trim(app).await.unwrap(), 0, "a year is kept whole");
    world.later(1);
    assert_eq!((trim(app).await.unwrap(), trim(app).await.unwrap()), (10, 0));
    let oldest = revisions(app, "busy", Some(13), 200).await.unwrap().0;
    assert_eq!(oldest.iter().map(|one| one.number).collect::<Vec<_>>(), [12, 11]);
    assert_eq!(revisions(app, "quiet", None, 9).await.unwrap().0.len(), 1);
}
