use serde_json::{Value, json};

use super::history;
use super::render::Render;
use crate::support::{World, until};

const OK: (&str, &str) = ("reason", "errors since the deploy");
const PHRASE: (&str, &str) = ("phrase", "ROLL BACK web");

/// What the trail keeps as text.
fn facts(value: &Value) -> Value {
    serde_json::from_str(value.as_str().unwrap()).unwrap()
}

/// Two deploys of Render are known; gives the path of the first.
async fn known(world: &World, fake: &Render) -> String {
    fake.add("dep-1", "aaaaaaa1", "deactivated", "2026-11-22T09:00");
    fake.add("dep-2", "bbbbbbb2", "live", "2026-11-22T10:00");
    let staff = world.staff().await;
    let hook = super::hooks::Hook::of(&json!({ "type": "deploy_ended", "data": { "serviceId": "srv-1" } }), "msg_1");
    hook.send(world).await.expect(202);
    until("both deploys are recorded", || async { history(&staff).await.len() == 2 }).await;
    let listed = history(&staff).await;
    let told: Vec<_> =
        listed.iter().map(|row| (row["sha"].as_str().unwrap(), row["status"].as_str().unwrap(), row["current"].as_bool().unwrap())).collect();
    assert_eq!(told, [("bbbbbbb2", "live", true), ("aaaaaaa1", "live", false)]);
    format!("/deployments/{}", listed[1]["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_turns_auto_deploy_off_and_says_so() {
    let (fake, url) = Render::start().await;
    let world = fake.world(&url).await;
    let path = known(&world, &fake).await;
    let (boss, admin) = (world.super_admin().await, world.admin().await);
    assert!(boss.get(&path).await.expect(200).text.contains("/rollback"));
    assert!(!admin.get(&path).await.expect(200).text.contains("/rollback"), "who may not is not offered it");
    let dialog = boss.get(&format!("{path}/rollback")).await.expect(200).text;
    assert!(dialog.contains("Auto-deploy of web is turned off") && dialog.contains("ROLL BACK web"), "{dialog}");
    admin.form(&format!("{path}/rollback"), &[OK, PHRASE]).await.expect(403);
    boss.form(&format!("{path}/rollback"), &[OK]).await.expect(422);
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "nothing was changed so far: {:?}", fake.calls());
    let back = format!("/api/admin/ops{path}/rollback");
    let asked = || boss.post(&back, json!({ "reason": OK.1, "phrase": PHRASE.1, "idempotency_key": "back-1" }));
    let done = asked().await.expect(200);
    let seq: i64 = done.header("quarterdeck-audit-seq").unwrap().parse().unwrap();
    let done = done.json();
    assert_eq!((done["autoDeployOff"].as_bool(), done["providerDeploy"].as_str()), (Some(true), Some("dep-back")));
    let changes: Vec<String> = fake.calls().into_iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(changes, ["POST srv-1/rollback {\"deployId\":\"dep-1\"}", "PATCH srv-1 {\"autoDeploy\":\"no\"}"], "rolled back first, then held");
    assert!(!fake.0.lock().unwrap().auto_deploy);
    let outcome = boss.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).json();
    assert_eq!((outcome["event"].as_str(), outcome["kind"].as_str()), (Some("OPS_DEPLOY_ROLLED_BACK"), Some("outcome")));
    let (before, after) = (facts(&outcome["before"]), facts(&outcome["after"]));
    assert_eq!((before["sha"].as_str(), after["sha"].as_str(), after["auto_deploy"].as_bool()), (Some("bbbbbbb2"), Some("aaaaaaa1"), Some(false)));
    let running = boss.get("/deployments/current").await.expect(200).text;
    assert!(running.contains("AUTO-DEPLOY OFF") && running.contains("/deployments/auto-deploy/srv-1?on=true"), "{running}");
    // The rollback goes live: what it replaced says so.
    fake.0.lock().unwrap().deploys[0]["status"] = json!("live");
    let hook = super::hooks::Hook::of(&json!({ "type": "deploy_ended", "data": { "serviceId": "srv-1" } }), "msg_2");
    hook.send(&world).await.expect(202);
    until("the rollback is live", || async { history(&boss).await.iter().any(|row| row["externalId"] == "dep-back" && row["status"] == "live") })
        .await;
    let listed = history(&boss).await;
    let bad = listed.iter().find(|row| row["sha"] == "bbbbbbb2").unwrap();
    assert!(bad["rolledBackAt"].is_string() && listed[0]["rollbackOf"] == bad["id"], "{listed:#?}");
    // Whoever asks again with the same key hears what was answered then, although that build is live now.
    let again = asked().await.expect(200);
    assert_eq!((again.header("quarterdeck-audit-seq").unwrap().parse(), again.json()), (Ok(seq), done));
    assert_eq!(fake.calls().iter().filter(|call| call.starts_with("POST")).count(), 1);
    boss.post(&format!("/api/admin/ops{path}/rollback"), json!({ "reason": OK.1, "phrase": PHRASE.1 })).await.expect(409);
    // And the reminder's own action ends it.
    admin.form("/deployments/auto-deploy/srv-1", &[("on", "true"), ("reason", "mended by the next build")]).await.expect(303);
    assert!(fake.0.lock().unwrap().auto_deploy);
    assert!(!boss.get("/deployments/current").await.expect(200).text.contains("AUTO-DEPLOY OFF"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_could_not_hold_auto_deploy_is_done_and_says_what_is_left() {
    let (fake, url) = Render::start().await;
    let world = fake.world(&url).await;
    let path = known(&world, &fake).await;
    fake.0.lock().unwrap().stubborn = true;
    let boss = world.super_admin().await;
    let done = boss.post(&format!("/api/admin/ops{path}/rollback"), json!({ "reason": OK.1, "phrase": PHRASE.1 })).await.expect(200);
    let seq: i64 = done.header("quarterdeck-audit-seq").unwrap().parse().unwrap();
    let done = done.json();
    assert_eq!(done["autoDeployOff"].as_bool(), Some(false));
    assert!(done["autoDeployFault"].as_str().unwrap().contains("500") && done["next"].as_str().unwrap().contains("STILL ON"), "{done}");
    let outcome = boss.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).json();
    assert_eq!((outcome["kind"].as_str(), facts(&outcome["after"])["auto_deploy"].as_bool()), (Some("outcome"), Some(true)), "{outcome}");
    let running = boss.get("/deployments/current").await.expect(200).text;
    assert!(running.contains("AUTO-DEPLOY STILL ON") && running.contains("srv-1?on=false"), "{running}");
    fake.0.lock().unwrap().stubborn = false;
    boss.form("/deployments/auto-deploy/srv-1", &[("on", "false"), ("reason", "second try by hand")]).await.expect(303);
    assert!(!fake.0.lock().unwrap().auto_deploy);
    assert!(boss.get("/deployments/current").await.expect(200).text.contains("AUTO-DEPLOY OFF"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_the_provider_refuses_is_a_failure_in_the_trail() {
    let (fake, url) = Render::start().await;
    let world = fake.world(&url).await;
    let path = known(&world, &fake).await;
    fake.0.lock().unwrap().deploys.retain(|deploy| deploy["id"] != "dep-1");
    let boss = world.super_admin().await;
    let no = boss.post(&format!("/api/admin/ops{path}/rollback"), json!({ "reason": OK.1, "phrase": PHRASE.1 })).await.expect(502).json();
    assert!(no["detail"].as_str().unwrap().contains("deploy not found"), "{no}");
    assert!(fake.0.lock().unwrap().auto_deploy, "nothing else was touched");
    let trail = boss.get("/api/admin/ops/audit?limit=1").await.expect(200).text;
    assert!(trail.contains("OPS_DEPLOY_ROLLED_BACK") && trail.contains("upstream"), "{trail}");
    let listed = history(&boss).await;
    let live = format!("/api/admin/ops/deployments/{}/rollback", listed[0]["id"].as_str().unwrap());
    boss.post(&live, json!({ "reason": OK.1, "phrase": PHRASE.1 })).await.expect(409);
    world.finish().await;
}
