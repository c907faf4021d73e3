use qd_core::gate::Role;
use serde_json::json;

use super::{minutes_ago, recorded, told};
use crate::features::deploys::environment::{self, Kind, Place};
use crate::features::deploys::instances::{self, Beat, Run, acknowledged, beat, fleet};
use crate::features::deploys::record::Record;
use crate::features::deploys::{config_panel, delivery_panel, dora, history_panel, load, marks, running_panel, sentence};
use crate::features::testing::{World, on_both, person};
use crate::web::Page;

on_both!(
    what_runs_stands_beside_what_is_recorded,
    instances_acknowledge_a_revision,
    the_silent_are_forgotten_and_the_many_are_bounded,
    secrets_never_come_back,
    configurations_are_compared,
    panels_say_what_is_and_what_is_missing,
);

fn says(instance: &str, service: &str, sha: &str) -> Beat {
    serde_json::from_value(json!({ "instance": instance, "service": service, "sha": sha, "revision": 3, "environment": "production" })).unwrap()
}

async fn what_runs_stands_beside_what_is_recorded(world: &World) {
    recorded(world, Record { started_at: minutes_ago(world, 60), finished_at: minutes_ago(world, 59), ..told("aaaaaaa1") }).await;
    recorded(world, Record { started_at: minutes_ago(world, 9), finished_at: minutes_ago(world, 8), ..told("bbbbbbb2") }).await;
    recorded(world, Record { service: "cron".into(), ..told("bbbbbbb2") }).await;
    for (name, service, sha) in [("w1", "web", "bbbbbbb2"), ("w2", "web", "bbbbbbb2ffff"), ("c1", "cron", "aaaaaaa1"), ("x1", "mail", "ccccccc3")] {
        beat(&world.app, says(name, service, sha)).await.unwrap();
    }
    let states = || async {
        let runs = fleet(&world.app, "production").await.unwrap();
        runs.into_iter().map(|run| (run.service, run.alive, run.state)).collect::<Vec<_>>()
    };
    let mine = |service: &str, alive, state| (service.to_owned(), alive, state);
    // cron never ran aaaaaaa1 by our records: nobody told of it there.
    assert_eq!(states().await, [mine("cron", 1, Run::NotRecorded), mine("mail", 1, Run::NotRecorded), mine("web", 2, Run::Recorded)]);
    beat(&world.app, says("w1", "web", "aaaaaaa1")).await.unwrap();
    assert_eq!(states().await[2], mine("web", 2, Run::Mixed));
    beat(&world.app, says("w2", "web", "aaaaaaa1")).await.unwrap();
    assert_eq!(states().await[2], mine("web", 2, Run::OldBuild));
    world.later(46);
    assert_eq!(states().await[2], mine("web", 0, Run::Silent), "three beats missed");
    for odd in
        [json!({ "service": "web" }), json!({ "instance": "a b", "service": "web" }), json!({ "instance": "a", "service": "web", "sha": "; rm" })]
    {
        assert_eq!(beat(&world.app, serde_json::from_value(odd).unwrap()).await.unwrap_err().code(), "invalid");
    }
}

async fn instances_acknowledge_a_revision(world: &World) {
    assert_eq!(acknowledged(&world.app, 1).await.unwrap(), (0, 0));
    for n in 0..7 {
        let revision = if n == 0 { 11 } else { 12 };
        beat(&world.app, Beat { revision, ..says(&format!("w{n}"), "web", "aaaaaaa1") }).await.unwrap();
    }
    assert_eq!(acknowledged(&world.app, 12).await.unwrap(), (6, 7));
    beat(&world.app, Beat { revision: 13, ..says("w0", "web", "aaaaaaa1") }).await.unwrap();
    assert_eq!(acknowledged(&world.app, 12).await.unwrap(), (7, 7));
    world.later(instances::ALIVE + 1);
    assert_eq!(acknowledged(&world.app, 12).await.unwrap(), (0, 0));
}

async fn the_silent_are_forgotten_and_the_many_are_bounded(world: &World) {
    beat(&world.app, configured("w1", "aaaaaaa1", "production", json!({ "A": { "set": true } }))).await.unwrap();
    world.later(24 * 3_600);
    crate::features::deploys::trim(&world.app).await.unwrap();
    assert_eq!(instances::all(&world.app, None).await.unwrap().len(), 1, "24 h and not a second more");
    world.later(1);
    assert!(crate::features::deploys::trim(&world.app).await.unwrap() >= 1);
    assert_eq!(instances::find(&world.app, "production", "web", "w1").await.unwrap_err().code(), "not-found");
    // Its configuration is nobody's now, and goes with its time.
    world.later(200 * 86_400);
    crate::features::deploys::trim(&world.app).await.unwrap();
    assert!(environment::across(&world.app, "production").await.unwrap().is_empty());
    for n in 0..50 {
        beat(&world.app, Beat { environment: Some(format!("a{n}")), ..says("w1", "web", "aaaaaaa1") }).await.unwrap();
    }
    let one_more = Beat { environment: Some("a50".into()), ..says("w1", "web", "aaaaaaa1") };
    let no = beat(&world.app, one_more.clone()).await.unwrap_err();
    assert!(no.code() == "overloaded" && no.to_string().contains("50 environments"), "{no}");
    beat(&world.app, Beat { environment: Some("a7".into()), ..says("w2", "web", "aaaaaaa1") }).await.unwrap();
    beat(&world.app, Beat { environment: None, ..says("w1", "web", "aaaaaaa1") }).await.unwrap();
    world.later(instances::ALIVE + 1);
    beat(&world.app, one_more).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_of_one_environment_hide_no_other() {
    let world = World::sqlite().await;
    let fill = "INSERT INTO app_instance (environment, service, instance, sha, started_at, first_beat_at, beat_at, revision) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT 'aaa', 'web', 'x' || i, 'aaaaaaa1', $1, $1, $1, 1 FROM n";
    world.tamper(fill, engine::args![world.app.now().0]).await;
    beat(&world.app, says("w1", "web", "aaaaaaa1")).await.unwrap();
    let all = instances::all(&world.app, None).await.unwrap();
    assert!(all.iter().any(|one| one.environment == "production") && all.len() <= 501, "{}", all.len());
    world.end().await;
}

fn configured(instance: &str, sha: &str, environment: &str, config: serde_json::Value) -> Beat {
    let mut said = says(instance, "web", sha);
    said.environment = Some(environment.into());
    said.config = Some(serde_json::from_value(config).unwrap());
    said
}

async fn secrets_never_come_back(world: &World) {
    let config = json!({
        "STRIPE_SECRET_KEY": { "set": true, "value": "sk_live_oops" },
        "DATABASE_URL": { "set": true, "value": "postgres://u:pw@db/x", "fingerprint": "ABCDEF12" },
        "CALLBACK": { "set": true, "value": "https://u:hunter2@example.com/" },
        "NODE_ENV": { "set": true, "value": "production" },
        "EMPTY": { "set": false, "value": "left over" },
    });
    let heard = beat(&world.app, configured("w1", "aaaaaaa1", "production", config)).await.unwrap();
    assert_eq!((heard.heartbeat_seconds, heard.fingerprint_key.len()), (15, 64));
    let kept = environment::across(&world.app, "production").await.unwrap().remove(0).entries;
    let text = serde_json::to_string(&kept).unwrap();
    for secret in ["sk_live", "pw@", "hunter2", "left over"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!((kept["NODE_ENV"].shown(), kept["DATABASE_URL"].shown(), kept["EMPTY"].shown()), ("production", "[REDACTED]", "not set"));
    assert_eq!(kept["DATABASE_URL"].fingerprint.as_deref(), Some("abcdef12"));
    // A fingerprint that we make is the one that an instance makes with the key.
    let key = hex::decode(&heard.fingerprint_key).unwrap();
    let print: String = hex::encode(qd_core::keys::mac(&key, b"sk_live_oops")).chars().take(8).collect();
    assert_eq!(kept["STRIPE_SECRET_KEY"].fingerprint.as_deref(), Some(print.as_str()));
    for odd in [json!({ "A B": { "set": true } }), json!({ "A": { "set": true, "fingerprint": "xyz" } })] {
        assert_eq!(beat(&world.app, configured("w1", "aaaaaaa1", "production", odd)).await.unwrap_err().code(), "invalid");
    }
}

async fn configurations_are_compared(world: &World) {
    let first = recorded(world, Record { started_at: minutes_ago(world, 30), finished_at: minutes_ago(world, 29), ..told("aaaaaaa1") }).await;
    beat(
        &world.app,
        configured("w1", "aaaaaaa1", "production", json!({ "POOL": { "set": true, "value": "shared" }, "OLD": { "set": true, "value": "1" } })),
    )
    .await
    .unwrap();
    world.later(600);
    let second = recorded(world, told("aaaaaaa1ffff")).await;
    assert_ne!(first.id, second.id);
    beat(
        &world.app,
        configured(
            "w1",
            "aaaaaaa1",
            "production",
            json!({ "POOL": { "set": true, "value": "own" }, "NEW": { "set": true, "fingerprint": "12345678" } }),
        ),
    )
    .await
    .unwrap();
    beat(&world.app, configured("s1", "aaaaaaa1", "staging", json!({ "POOL": { "set": true, "value": "own" } }))).await.unwrap();
    let kinds = |from: Place, to: Place| async move {
        let (_, _, rows) = environment::compare(&world.app, from, to).await.unwrap();
        rows.into_iter().map(|row| (row.key, row.kind)).collect::<Vec<_>>()
    };
    let key = |name: &str, kind| (name.to_owned(), kind);
    assert_eq!(
        kinds(Place::Deploy(first.id), Place::Deploy(second.id)).await,
        [key("NEW", Kind::Added), key("OLD", Kind::Removed), key("POOL", Kind::Changed)],
        "an environment-only deploy shows what changed"
    );
    let production = Place::parse("from", "env:production/web").unwrap();
    assert_eq!(kinds(production, Place::parse("to", "env:staging").unwrap()).await, [key("NEW", Kind::Removed), key("POOL", Kind::Same)]);
    let instance = Place::parse("to", "instance:staging/web/s1").unwrap();
    assert_eq!((instance.text().as_str(), kinds(instance.clone(), instance.clone()).await.len()), ("instance:staging/web/s1", 1));
    for odd in ["", "web", "deploy:7", "env:", "instance:a/b", "nothing:x"] {
        assert_eq!(Place::parse("from", odd).unwrap_err().code(), "invalid", "{odd}");
    }
    let required = [("web".to_owned(), vec!["POOL".to_owned(), "STRIPE_KEY".to_owned()])].into();
    let now = environment::across(&world.app, "production").await.unwrap().remove(0);
    assert_eq!(environment::missing(&required, "web", &now.entries), ["STRIPE_KEY"]);
}

async fn panels_say_what_is_and_what_is_missing(world: &World) {
    let mara = person(Role::Admin);
    let page = || Page { actor: &mara, now: world.app.now(), path: "/deploys", query: "", htmx: false, app: &world.app };
    let draw = |panels: &crate::features::deploys::Panels| {
        [running_panel(panels, &page()), delivery_panel(panels, &page()), history_panel(panels, &page()), config_panel(panels, &page())]
            .map(|panel| panel.into_string())
    };
    dora::measure(&world.app).await.unwrap();
    let empty = draw(&load(&world.app).await.unwrap());
    assert!(empty[0].contains("UNKNOWN") && empty[0].contains("deploy record") && empty[0].contains("/api/admin/ops/deployments"), "{}", empty[0]);
    assert!(empty[1].contains("No deploy is recorded") && empty[2].contains("No deploy is recorded") && empty[3].contains("/api/v1/instances"));
    assert_eq!(sentence(&world.app, world.app.now()), "No deploy to production is recorded yet.");
    let bad = "<script>alert(1)</script>";
    recorded(world, Record { started_at: minutes_ago(world, 60), finished_at: minutes_ago(world, 55), ..told("aaaaaaa1") }).await;
    recorded(world, Record { message: Some(bad.into()), author: Some(bad.into()), ..told("bbbbbbb2") }).await;
    beat(&world.app, configured("w1", "aaaaaaa1", "production", json!({ "X": { "set": true, "value": bad } }))).await.unwrap();
    dora::measure(&world.app).await.unwrap();
    let full = draw(&load(&world.app).await.unwrap());
    assert!(full.iter().all(|html| !html.contains("<script>")));
    assert!(full[0].contains("bbbbbbb") && full[0].contains("OLD BUILD") && !full[0].contains("/rollback"), "{}", full[0]);
    assert!(full[1].contains("Not enough data") && full[2].contains("LIVE"));
    assert!(sentence(&world.app, world.app.now()).starts_with("bbbbbbb of web runs since"));
    let now = world.app.now();
    let found = marks(&world.app, Some("web"), now.plus_seconds(-3_600), now);
    assert_eq!(found.iter().map(|mark| mark.label.as_str()).collect::<Vec<_>>(), ["aaaaaaa", "bbbbbbb"]);
    assert!(marks(&world.app, Some("api"), now.plus_seconds(-3_600), now).is_empty());
}
