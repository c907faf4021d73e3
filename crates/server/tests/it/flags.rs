//! Feature flags with everything running: changes by the API, what applications are then given, and rollouts that move by themselves.

use std::time::{Duration, Instant};

use app::features::flags::definition::Percent;
use app::features::flags::{self, ramp};
use qd_core::config::Config;
use qd_core::gate::{Actor, Confirmation};
use qd_core::secret::Secret;
use qd_core::{App, Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use server::running::{Running, bind};
use server::wiring;

use crate::support::{Client, World, fresh_database, until};

crate::both!(
    the_first_flags_are_there_and_recorded,
    an_unknown_key_is_not_found_and_nothing_is_made,
    a_click_is_served_when_it_is_answered,
    each_role_does_what_it_may,
    a_change_can_be_looked_at_and_taken_back,
    a_ramp_rises_by_itself_and_a_kill_stops_it,
    a_change_comes_at_its_time,
);

const FLAGS: &str = "/api/admin/ops/feature-flags";

fn path(key: &str, verb: &str) -> String {
    format!("{FLAGS}/{key}{verb}")
}

fn because(mut body: Value) -> Value {
    body["reason"] = json!("asked for by the shop");
    body
}

async fn make(client: &Client, body: Value) -> Value {
    client.post(FLAGS, because(body)).await.expect(201).json()
}

/// What applications get from this process.
fn given(app: &App, key: &str, user: &str) -> Option<Value> {
    let context = json!({ "targetingKey": user }).as_object().unwrap().clone();
    let snapshot = flags::snapshot(app).unwrap();
    snapshot.evaluate(key, &context).map(|found| json!(found.value))
}

async fn the_first_flags_are_there_and_recorded(world: &World) {
    let staff = world.staff().await;
    let keys: Vec<String> =
        staff.get(FLAGS).await.expect(200).json()["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, ["ai_assist_parts", "label_studio_pro", "marketplace_v2", "sse_realtime", "vacation_fee_pause"]);
    let one = staff.get(&path("sse_realtime", "")).await.expect(200);
    let flag = one.json();
    assert_eq!((one.header("etag"), flag["enabled"].clone(), flag["rolloutPercentage"].clone()), (Some("\"1\""), json!(true), json!(100)));
    assert_eq!((flag["scope"].clone(), flag["updatedBy"]["id"].clone()), (json!("GLOBAL"), json!("system:housekeeping")));
    let trail = staff.get("/api/admin/ops/audit?action=flag.seed").await.expect(200).json();
    assert!(trail.to_string().contains("CONFIG_FEATURE_FLAG_CREATED"), "{trail}");
    assert_eq!(given(&world.app, "sse_realtime", "u"), Some(json!(true)));
    assert_eq!(given(&world.app, "marketplace_v2", "u"), Some(json!(false)));
}

async fn an_unknown_key_is_not_found_and_nothing_is_made(world: &World) {
    let mara = world.admin().await;
    let before = world.app.published.revision();
    for key in ["nothing", "markeplace_v2", "ops.read_only", "%00", "A"] {
        mara.patch(&path(key, ""), because(json!({ "enabled": true, "percentage": 100 }))).await.expect(404);
        for verb in ["/toggle", "/kill"] {
            mara.post(&path(key, verb), because(json!({}))).await.expect(404);
        }
        mara.get(&path(key, "/revisions")).await.expect(404);
    }
    assert_eq!((mara.get(FLAGS).await.expect(200).json()["flags"].as_array().unwrap().len(), world.app.published.revision()), (5, before));
    let wrong = mara.patch(&path("marketplace_v2", ""), because(json!({ "enabled": true, "percent": 5 }))).await.expect(422).json();
    assert!(wrong.to_string().contains("percent"), "{wrong}");
    for bad in [json!({ "percentage": 100.5 }), json!({ "percentage": -1 }), json!({ "percentage": 0.001 }), json!({ "enabled": "perhaps" })] {
        mara.patch(&path("marketplace_v2", ""), because(bad)).await.expect(422);
    }
    assert_eq!(mara.get(&path("marketplace_v2", "")).await.expect(200).json()["version"], 1);
}

async fn a_click_is_served_when_it_is_answered(world: &World) {
    let mara = world.admin().await;
    mara.patch(&path("marketplace_v2", ""), because(json!({ "enabled": true, "percentage": 100 }))).await.expect(200);
    for on in [false, true, false] {
        let answer = mara.post(&path("marketplace_v2", "/toggle"), because(json!({ "enabled": on }))).await.expect(200);
        assert_eq!((answer.json()["enabled"].clone(), given(&world.app, "marketplace_v2", "u")), (json!(on), Some(json!(on))));
    }
    mara.post(&path("marketplace_v2", "/toggle"), json!({ "enabled": true })).await.expect(422);
    mara.post(&path("sse_realtime", "/kill"), json!({})).await.expect(200);
    assert_eq!(given(&world.app, "sse_realtime", "u"), Some(json!(false)), "no reason, one request");
}

async fn each_role_does_what_it_may(world: &World) {
    let staff = world.staff().await;
    staff.get(FLAGS).await.expect(200);
    staff.post(&path("sse_realtime", "/kill"), json!({})).await.expect(403);
    staff.patch(&path("sse_realtime", ""), because(json!({ "enabled": false }))).await.expect(403);
    world.auditor().await.get(FLAGS).await.expect(403);
    world.anonymous().get(FLAGS).await.expect(401);
    world.machine(&["flags:read"]).await.get(FLAGS).await.expect(403);
    assert_eq!(given(&world.app, "sse_realtime", "u"), Some(json!(true)));
    let mara = world.admin().await;
    mara.post(&path("label_studio_pro", "/archive"), because(json!({}))).await.expect(422);
    mara.post(&path("label_studio_pro", "/archive"), because(json!({ "phrase": "ARCHIVE label_studio_pro" }))).await.expect(200);
    assert_eq!(given(&world.app, "label_studio_pro", "u"), None);
}

async fn a_change_can_be_looked_at_and_taken_back(world: &World) {
    let mara = world.admin().await;
    let rules = json!([{ "name": "Pro", "conditions": [{ "attribute": "plan", "operator": "eq", "value": "pro" }], "variant": "on" }]);
    make(&mara, json!({ "key": "checkout", "enabled": true, "rolloutPercentage": 0.5, "rules": rules })).await;
    let patched = mara.patch(&path("checkout", ""), because(json!({ "rules": [], "percentage": 100, "version": 1 }))).await.expect(200);
    assert_eq!((patched.header("etag"), given(&world.app, "checkout", "u")), (Some("\"2\""), Some(json!(true))));
    let stale = mara.request(Method::PATCH, &path("checkout", "")).header("if-match", "\"1\"").json(&because(json!({ "notes": "late" })));
    let stale = mara.send(stale).await;
    assert!([409, 412].contains(&stale.status.as_u16()), "{}", stale.text);
    let kept = mara.get(&path("checkout", "/revisions")).await.expect(200).json();
    assert_eq!((kept["revisions"][0]["number"].clone(), kept["revisions"].as_array().unwrap().len()), (json!(2), 2));
    let back = mara.post(&path("checkout", "/revert"), because(json!({ "revision": 1 }))).await.expect(200).json();
    assert_eq!((back["version"].clone(), back["rolloutPercentage"].clone(), back["rules"][0]["name"].clone()), (json!(3), json!(0.5), json!("Pro")));
    let context = "%7B%22plan%22%3A%22pro%22%2C%22targetingKey%22%3A%22u1%22%7D";
    let told = mara.get(&path("checkout", &format!("/explain?context={context}"))).await.expect(200).json();
    assert_eq!((told["decidedBy"].clone(), told["matchedRule"].clone(), told["hashed"].clone()), (json!("rules"), json!(0), json!("checkout::u1")));
}

async fn a_ramp_rises_by_itself_and_a_kill_stops_it(world: &World) {
    let mara = world.admin().await;
    make(&mara, json!({ "key": "slow" })).await;
    let steps = |last: i64| json!([{ "percentage": 5, "holdSeconds": 1 }, { "percentage": 25, "holdSeconds": last }, { "percentage": 100, "holdSeconds": 1 }]);
    let members = || (0..300).filter(|user| given(&world.app, "slow", &format!("user-{user}")) == Some(json!(true))).collect::<Vec<_>>();
    mara.post(&path("slow", "/ramp"), because(json!({ "steps": steps(3_600) }))).await.expect(201);
    let five = members();
    until("the second step comes by itself", || async { rollout(world, "slow") == 2_500 }).await;
    let quarter = members();
    assert!(!five.is_empty() && five.len() < quarter.len() && five.iter().all(|user| quarter.contains(user)));
    mara.patch(&path("slow", ""), because(json!({ "percentage": 50 }))).await.expect(409);
    mara.post(&path("slow", "/kill"), json!({})).await.expect(200);
    assert!(members().is_empty());
    let ramp = ramp::current(&world.app, "slow").await.unwrap().unwrap();
    assert_eq!((ramp.state.word(), ramp.next_step), ("PAUSED", 2));
    mara.post(&path("slow", "/ramp/cancel"), json!({})).await.expect(200);
    make(&mara, json!({ "key": "quick" })).await;
    mara.post(&path("quick", "/ramp"), because(json!({ "steps": steps(1) }))).await.expect(201);
    until("all steps come by themselves", || async { rollout(world, "quick") == 10_000 }).await;
    until("the ramp is over", || async { ramp::current(&world.app, "quick").await.unwrap().is_none() }).await;
    let kept = mara.get(&path("quick", "/revisions")).await.expect(200).json();
    let actions: Vec<_> = kept["revisions"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, ["flag.ramp.step", "flag.ramp.step", "flag.ramp.start", "flag.create"], "each step once");
}

fn rollout(world: &World, key: &str) -> i64 {
    let all = flags::flags(&world.app).unwrap();
    all.iter().find(|flag| flag.key == key).map_or(-1, |flag| flag.definition.rollout_percentage.basis_points())
}

async fn a_change_comes_at_its_time(world: &World) {
    let mara = world.admin().await;
    let soon = Timestamp(world.app.now().0 + 1_500_000).rfc3339();
    mara.post(&path("marketplace_v2", "/schedule"), because(json!({ "at": soon, "enabled": true, "rolloutPercentage": 100 }))).await.expect(201);
    assert_eq!(given(&world.app, "marketplace_v2", "u"), Some(json!(false)));
    until("the change comes", || async { given(&world.app, "marketplace_v2", "u") == Some(json!(true)) }).await;
    let late = Timestamp(world.app.now().0 + 3_600_000_000).rfc3339();
    let planned = mara.post(&path("marketplace_v2", "/schedule"), because(json!({ "at": late, "enabled": false }))).await.expect(201).json();
    let cancel = path("marketplace_v2", &format!("/schedule/{}/cancel", planned["id"].as_str().unwrap()));
    mara.post(&cancel, json!({})).await.expect(200);
    mara.post(&cancel, json!({})).await.expect(409);
}

/// A control center over the same files at a time of the test's choice.
async fn started(directory: &tempfile::TempDir, at: Timestamp) -> (App, Running) {
    let mut config = Config::load(&directory.path().join("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = directory.path().join("data");
    config.server.environment = "test".into();
    let app = wiring::assemble(config, Clock::fixed(at)).await.unwrap();
    let running = Running::start(app.clone(), bind("127.0.0.1:0").await.unwrap()).await.unwrap();
    (app, running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_due_while_nothing_ran_is_folded_after_a_restart() {
    let directory = tempfile::TempDir::new().unwrap();
    let begin = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
    let (app, running) = started(&directory, begin).await;
    let (cli, why) = (Actor::cli("mara"), || Confirmation::because("asked for by the shop"));
    let hour = |percent: f64| ramp::RampStep { percentage: Percent::of_percent(percent).unwrap(), hold_seconds: 3_600 };
    let steps = [1.0, 5.0, 25.0, 100.0].into_iter().map(hour).collect();
    ramp::start(&app, &cli, "marketplace_v2", steps, why()).await.unwrap();
    flags::definition::kill(&app, &cli, "sse_realtime", Confirmation::default()).await.unwrap();
    let on = ramp::NewSchedule { at: begin.plus_seconds(3_600), enabled: Some(true), rollout_percentage: None };
    ramp::schedule(&app, &cli, "label_studio_pro", on, why()).await.unwrap();
    let revision = app.published.revision();
    running.stop().await;
    let (app, running) = started(&directory, begin.plus_seconds(2 * 3_600 + 600)).await;
    assert!(app.published.revision() >= revision, "the revision survives");
    assert_eq!(given(&app, "sse_realtime", "u"), Some(json!(false)), "off stays off");
    let at = |key: &str| flags::flags(&app).unwrap().iter().find(|flag| flag.key == key).cloned().unwrap();
    until("the missed steps are folded", || async { at("marketplace_v2").definition.rollout_percentage == Percent::of_percent(25.0).unwrap() }).await;
    until("the missed change is done", || async { at("label_studio_pro").definition.enabled }).await;
    assert_eq!(at("marketplace_v2").version, 3, "the first step, and one for both that were missed");
    let ramp = ramp::current(&app, "marketplace_v2").await.unwrap().unwrap();
    assert_eq!((ramp.next_step, ramp.next_at), (3, Some(begin.plus_seconds(3 * 3_600))));
    running.stop().await;
    let (app, running) = started(&directory, begin.plus_seconds(86_400)).await;
    until("the last step comes", || async { given(&app, "marketplace_v2", "u") == Some(json!(true)) }).await;
    assert_eq!(ramp::current(&app, "marketplace_v2").await.unwrap(), None);
    running.stop().await;
}

/// Two control centers over one Postgres: what one changes, the other serves within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_change_made_in_one_replica_is_served_by_the_other() {
    let (directory, url) = (tempfile::TempDir::new().unwrap(), fresh_database().await);
    let replica = async || {
        let mut config = Config::load(&directory.path().join("none.toml"), false, &[]).unwrap();
        config.storage.data_dir = directory.path().join("data");
        config.storage.database_url = Secret::new(url.clone());
        config.server.environment = "test".into();
        let app = wiring::assemble(config, Clock::system()).await.unwrap();
        let running = Running::start(app.clone(), bind("127.0.0.1:0").await.unwrap()).await.unwrap();
        (app, running)
    };
    let (one, first) = replica().await;
    let (other, second) = replica().await;
    until("the other one serves the first flags", || async { given(&other, "sse_realtime", "u") == Some(json!(true)) }).await;
    let (cli, mut quickest, mut on) = (Actor::cli("mara"), Duration::MAX, true);
    // One of five: a loaded machine may hold any of them up.
    for _ in 0..5 {
        on = !on;
        let done = flags::definition::toggle(&one, &cli, "sse_realtime", Some(on), None, Confirmation::because("asked for by the shop")).await;
        let (answered, mut heard) = (Instant::now(), other.published.watch());
        let revision = one.published.revision();
        assert_eq!(done.unwrap().value.definition.enabled, on);
        tokio::time::timeout(Duration::from_secs(20), heard.wait_for(|served| *served >= revision)).await.unwrap().unwrap();
        quickest = quickest.min(answered.elapsed());
        assert_eq!(given(&other, "sse_realtime", "u"), Some(json!(on)));
    }
    assert!(quickest <= Duration::from_secs(1), "{quickest:?}");
    first.stop().await;
    second.stop().await;
}

/// The program itself, over the same files as a control center that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_is_explained_and_killed_at_the_command_line() {
    let world = World::sqlite().await;
    let command = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        command.current_dir(world.directory()).env("QD_STORAGE__DATA_DIR", world.directory().join("data")).args(args);
        async move { tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap() }
    };
    let listed = String::from_utf8(command(&["flags", "list"]).await.stdout).unwrap();
    assert!(listed.lines().count() == 5 && listed.contains("on      100 %  GLOBAL    BOOLEAN  sse_realtime"), "{listed}");
    // More than a page, and one that can't be read.
    let work = world.app.db.write(|tx| {
        Box::pin(async move {
            const ADD: &str = "INSERT INTO flag (key, definition, version, created_at, created_by, created_by_name, updated_at, updated_by, \
                 updated_by_name) VALUES ($1, $2, 1, 0, '', '', 0, '', '')";
            for number in 0..600 {
                tx.exec(ADD, engine::args![format!("many-{number:03}"), "{}"]).await?;
            }
            tx.exec(ADD, engine::args!["torn", r#"{"enabled":true,"kind":"MOON"}"#]).await
        })
    });
    work.await.unwrap();
    let listed = String::from_utf8(command(&["flags", "list"]).await.stdout).unwrap();
    assert_eq!((listed.lines().count(), listed.contains("many-599"), listed.contains("torn")), (605, true, false));
    let killed = command(&["flags", "kill", "torn"]).await;
    assert!(killed.status.success(), "{killed:?}");
    let told = command(&["--json", "flags", "explain", "sse_realtime", "--context", r#"{"targetingKey":"u1"}"#]).await.stdout;
    assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["hashed"], "sse_realtime::u1");
    let killed = String::from_utf8(command(&["flags", "kill", "sse_realtime"]).await.stdout).unwrap();
    assert!(killed.starts_with("sse_realtime is off for everybody (audit row "), "{killed}");
    until("what runs serves it", || async { given(&world.app, "sse_realtime", "u") == Some(json!(false)) }).await;
    let missing = command(&["flags", "kill", "nothing"]).await;
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("The flag nothing was not found."), "{missing:?}");
    let shown = command(&["--json", "flags", "show", "sse_realtime"]).await.stdout;
    assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap()["updatedBy"]["id"].as_str().unwrap().split(':').next(), Some("cli"));
    world.finish().await;
}
