use std::process::Stdio;

use futures::StreamExt;
use reqwest::Method;
use serde_json::json;

use super::{ci, history};
use crate::support::{World, until};

crate::both!(by_api_from_start_to_end, instances_show_what_runs, pages_show_what_there_is, the_command_line_tells, a_change_reaches_open_screens,);

const DEPLOYMENTS: &str = "/api/admin/ops/deployments";

async fn by_api_from_start_to_end(world: &World) {
    let (ci, staff) = (ci(world).await, world.staff().await);
    let none = staff.get("/api/admin/ops/deployment/current").await.expect(200).json();
    assert_eq!((none["gitSha"].is_null(), none["deployedAt"].is_null(), none["status"].as_str()), (true, true, Some("UNKNOWN")));
    assert!(none["reason"].as_str().unwrap().contains("No deploy"), "{none}");
    let body = json!({ "service": "web", "sha": "4D7C3A9F00", "branch": "main", "author": "Jo", "message": "Fix", "url": "https://ci.example/7", "externalId": "run-7" });
    let begun = ci.post(DEPLOYMENTS, body.clone()).await.expect(201);
    let (seq, deploy) = (begun.header("quarterdeck-audit-seq").unwrap().to_owned(), begun.json());
    assert_eq!(
        (deploy["status"].as_str(), deploy["sha"].as_str(), deploy["environment"].as_str()),
        (Some("in_progress"), Some("4d7c3a9f00"), Some("test"))
    );
    let row = staff.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).json();
    assert_eq!((row["event"].as_str(), row["actor_kind"].as_str()), (Some("OPS_DEPLOY_RECORDED"), Some("TOKEN")));
    ci.post(DEPLOYMENTS, body).await.expect(200);
    let path = format!("{DEPLOYMENTS}/{}", deploy["id"].as_str().unwrap());
    ci.patch(&path, json!({ "status": "soon" })).await.expect(422);
    let live = ci.patch(&path, json!({ "status": "live" })).await.expect(200).json();
    assert!(live["finishedAt"].is_string());
    ci.patch(&path, json!({ "status": "live" })).await.expect(200);
    ci.patch(&path, json!({ "status": "failed" })).await.expect(409);
    let now = staff.get("/api/admin/ops/deployment/current").await.expect(200).json();
    assert_eq!((now["gitSha"].as_str(), now["gitBranch"].as_str(), now["gitAuthor"].as_str()), (Some("4d7c3a9f00"), Some("main"), Some("Jo")));
    assert_eq!((now["deployedAt"].clone(), now["deployedBy"].as_str()), (live["finishedAt"].clone(), Some("Jo")));
    let listed = history(&staff).await;
    assert_eq!((listed.len(), listed[0]["gitSha"].as_str(), listed[0]["current"].as_bool()), (1, Some("4d7c3a9f00"), Some(true)));
    let faults = ci.post(DEPLOYMENTS, json!({ "service": "a b", "sha": "x y", "status": "odd" })).await.expect(422).json();
    assert_eq!(faults["errors"][0]["field"], "status");
    staff.post(DEPLOYMENTS, json!({ "service": "web", "sha": "4d7c3a9" })).await.expect(403);
    world.machine(&["ingest"]).await.post(DEPLOYMENTS, json!({ "service": "web", "sha": "4d7c3a9" })).await.expect(403);
    world.admin().await.post(DEPLOYMENTS, json!({ "service": "web", "sha": "v2.418.0", "status": "success" })).await.expect(201);
    let metrics = staff.get("/api/admin/ops/deployment/metrics").await.expect(200).json();
    assert!(
        metrics["deploymentFrequency"]["value"].is_null() && metrics["deploymentFrequency"]["missing"].as_str().unwrap().starts_with("Not enough")
    );
    // Without a provider nothing can be rolled back, and that is said.
    let boss = world.super_admin().await;
    let no = boss.post(&format!("{path}/rollback"), json!({ "reason": "the pager said so", "phrase": "ROLL BACK web" })).await.expect(501).json();
    assert!(no["detail"].as_str().unwrap().contains("deploys.render_api_key"), "{no}");
}

async fn instances_show_what_runs(world: &World) {
    let (app, staff) = (world.machine(&["instances:write"]).await, world.staff().await);
    let beat = |name: &str, sha: &str| json!({ "instance": name, "service": "web", "sha": sha, "branch": "main", "revision": 0, "startedAt": "2026-11-01T10:00:00Z" });
    let heard = app.post("/api/v1/instances", beat("w1", "aaaaaaa1")).await.expect(200).json();
    assert_eq!((heard["heartbeatSeconds"].as_i64(), heard["fingerprintKey"].as_str().map(str::len)), (Some(15), Some(64)));
    until("the build that nobody told of is recorded", || async { history(&staff).await.len() == 1 }).await;
    let seen = history(&staff).await.remove(0);
    assert_eq!((seen["source"].as_str(), seen["status"].as_str(), seen["branch"].as_str()), (Some("boot"), Some("live"), Some("main")));
    app.post("/api/v1/instances", beat("w1", "aaaaaaa1")).await.expect(200);
    app.post("/api/v1/instances", beat("w2", "aaaaaaa1")).await.expect(200);
    super::ci(world).await.post(DEPLOYMENTS, json!({ "service": "web", "sha": "bbbbbbb2", "status": "live" })).await.expect(201);
    app.post("/api/v1/instances", beat("w2", "bbbbbbb2")).await.expect(200);
    let fleet = staff.get("/api/admin/ops/instances").await.expect(200).json();
    assert_eq!((fleet["alive"].as_i64(), fleet["services"][0]["state"].as_str()), (Some(2), Some("mixed")), "{fleet}");
    let config = json!({ "NODE_ENV": { "set": true, "value": "production" }, "DATABASE_URL": { "set": true, "value": "postgres://u:pw@h/d" }, "GONE": { "set": false } });
    let mut with = beat("w2", "bbbbbbb2");
    with["config"] = config;
    app.post("/api/v1/instances", with).await.expect(200);
    let env = staff.get("/api/admin/ops/config/env").await.expect(200);
    assert!(!env.text.contains("pw@"));
    let env = env.json();
    assert_eq!(env["env"], json!({ "NODE_ENV": "production", "DATABASE_URL": "[REDACTED]", "GONE": "not set" }));
    let diff = staff.get("/api/admin/ops/config/diff?from=env:test/web&to=instance:test/web/w2").await.expect(200).json();
    assert_eq!((diff["changed"].as_i64(), diff["keys"].as_array().map(Vec::len)), (Some(0), Some(0)));
    staff.get("/api/admin/ops/config/diff").await.expect(422);
    staff.get("/api/admin/ops/config/diff?from=env:test&to=nothing").await.expect(422);
    app.post("/api/v1/instances", json!({ "service": "web" })).await.expect(422);
    let broken = app.request(Method::POST, "/api/v1/instances").body("{");
    app.send(broken).await.expect(422);
    world.machine(&["ingest"]).await.post("/api/v1/instances", beat("w3", "aaaaaaa1")).await.expect(403);
    world.anonymous().post("/api/v1/instances", beat("w3", "aaaaaaa1")).await.expect(401);
    assert_eq!(history(&staff).await.len(), 2);
}

async fn pages_show_what_there_is(world: &World) {
    let staff = world.staff().await;
    for (path, text) in [
        ("/deployments", "No deploy is recorded"),
        ("/deployments/current", "deploy record"),
        ("/deployments/metrics", "Not enough data"),
        ("/instances", "/api/v1/instances"),
        ("/environment", "No configuration is known"),
        ("/environment/diff", "No configuration is known"),
        ("/deploys", "Now running"),
    ] {
        let page = staff.get(path).await.expect(200).text;
        assert!(page.contains(text), "{path}: {page}");
    }
    let ci = ci(world).await;
    let first =
        ci.post(DEPLOYMENTS, json!({ "service": "web", "sha": "aaaaaaa1", "status": "live", "message": "<b>One</b>" })).await.expect(201).json();
    ci.post(DEPLOYMENTS, json!({ "service": "web", "sha": "bbbbbbb2", "status": "failed", "error": "Health check" })).await.expect(201);
    let list = staff.get("/deployments?status=failed").await.expect(200).text;
    assert!(list.contains("bbbbbbb") && !list.contains("aaaaaaa1") && list.contains("FAILED"));
    assert!(staff.get("/deployments?q=nothing").await.expect(200).text.contains("No deploy fits the filter"));
    staff.get("/deployments?status=odd").await.expect(422);
    let page = staff.get(&format!("/deployments/{}", first["id"].as_str().unwrap())).await.expect(200).text;
    assert!(page.contains("&lt;b&gt;One") && page.contains("LIVE") && !page.contains("/rollback"), "{page}");
    staff.get("/deployments/nothing").await.expect(404);
}

/// The program itself, as CI runs it.
async fn the_command_line_tells(world: &World) {
    let token = app::features::identity::create_token(&world.app, "ci", vec!["deploys:write".into()], 1).await.unwrap();
    let run = |arguments: &'static [&'static str], token: Option<String>, url: String| async move {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        command.env_clear().env("PATH", std::env::var("PATH").unwrap_or_default()).stdin(Stdio::null());
        command.args(["deploy", "record", "--url", url.as_str()]).args(arguments).current_dir(std::env::temp_dir());
        if let Some(token) = token {
            command.env("QD_TOKEN", token);
        }
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_SHA", "4d7c3a9f00")
            .env("GITHUB_REF_NAME", "main")
            .env("GITHUB_ACTOR", "octocat")
            .env("GITHUB_RUN_ID", "7");
        let output = command.output().await.unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    };
    let good = || Some(token.expose().to_owned());
    let (code, text) = run(&["--service", "web", "--status", "in_progress"], good(), world.url.clone()).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("4d7c3a9f00 of web in test is recorded"), "{text}");
    let (code, text) = run(&["--service", "web"], good(), world.url.clone()).await;
    assert_eq!(code, 0, "{text}");
    let (code, text) = run(&["--service", "api", "--json"], good(), world.url.clone()).await;
    assert_eq!((code, serde_json::from_str::<serde_json::Value>(&text).unwrap()["branch"].as_str()), (0, Some("main")), "{text}");
    let listed = history(&world.staff().await).await;
    let told: Vec<_> =
        listed.iter().map(|row| (row["service"].as_str().unwrap(), row["status"].as_str().unwrap(), row["source"].as_str().unwrap())).collect();
    assert_eq!(told, [("api", "live", "cli"), ("web", "live", "cli")]);
    assert_eq!((run(&[], good(), world.url.clone()).await.0, run(&["--service", "web"], None, world.url.clone()).await.0), (3, 3));
    let (code, text) = run(&["--service", "web"], Some("qd_nobody".into()), world.url.clone()).await;
    assert!(code == 4 && !text.contains("qd_nobody"), "{code} {text}");
    assert_eq!(run(&["--service", "a b"], good(), world.url.clone()).await.0, 5);
    assert_eq!(run(&["--service", "web"], good(), "http://127.0.0.1:9".into()).await.0, 6);
}

async fn a_change_reaches_open_screens(world: &World) {
    let staff = world.staff().await;
    let stream = staff.request(Method::GET, "/events").send().await.unwrap();
    let mut bytes = stream.bytes_stream();
    ci(world).await.post(DEPLOYMENTS, json!({ "service": "web", "sha": "4d7c3a9f", "status": "live" })).await.expect(201);
    let mut heard = String::new();
    let listening = async {
        while !heard.contains("event: deploy\n") && !heard.contains("event:deploy\n") {
            heard.push_str(&String::from_utf8_lossy(&bytes.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), listening).await.unwrap();
}
