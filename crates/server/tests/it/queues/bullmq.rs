//! Runs over real BullMQ queues, with the real library beside them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{figures, run, with};
use crate::support::World;

/// What the library says after a command.
async fn library(prefix: &str, command: &str, number: u32) -> Value {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set; run cargo xtask test"));
    let clients = std::env::var("QD_TEST_CLIENTS_NODE").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/node").into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/queues/fill.mjs");
    let mut node = tokio::process::Command::new(variable("QD_TEST_NODE"));
    node.args([script, &clients, &variable("QD_TEST_REDIS"), prefix, command, &number.to_string()]).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), node.output()).await.expect("the library answers").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(last).unwrap()
}

async fn world(prefix: &str) -> World {
    World::with(with("shop", "bullmq", &std::env::var("QD_TEST_REDIS").unwrap(), prefix)).await
}

fn prefix() -> String {
    format!("qd-{}", uuid::Uuid::now_v7().simple())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_REDIS and QD_TEST_NODE; cargo xtask test sets them"]
async fn what_failed_is_filtered_deleted_restored_and_retried_as_the_library_says() {
    let prefix = prefix();
    assert_eq!(library(&prefix, "fill", 900).await["failed"], 900);
    let world = world(&prefix).await;
    let (boss, admin) = (world.super_admin().await, world.admin().await);
    let odd = json!({ "state": "failed", "name": "odd", "phrase": "PURGE mail" });
    let gone = run(&boss, "/queues/shop/mail/purge", odd).await;
    assert_eq!((figures(&gone), library(&prefix, "counts", 0).await["failed"].as_i64()), (("DONE", 450, 0, 0), Some(450)));
    let back = run(&admin, &format!("/queues/runs/{}/restore", gone["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((figures(&back), library(&prefix, "counts", 0).await["failed"].as_i64()), (("DONE", 450, 0, 0), Some(900)));
    let one = run(&admin, "/queues/shop/mail/retry-all", json!({ "field": ["data.n = 9"] })).await;
    assert_eq!(figures(&one), ("DONE", 1, 0, 0));
    let all = run(&admin, "/queues/shop/mail/retry-all", json!({ "reset": true })).await;
    assert_eq!(figures(&all), ("DONE", 899, 0, 0));
    let counts = library(&prefix, "counts", 0).await;
    assert_eq!((counts["wait"].as_i64(), counts["prioritized"].as_i64()), (Some(600), Some(300)), "each with its priority");
    let drained = run(&boss, "/queues/shop/mail/drain", json!({ "phrase": "DRAIN mail" })).await;
    assert_eq!((figures(&drained), library(&prefix, "counts", 0).await["wait"].as_i64()), (("DONE", 900, 0, 0), Some(0)));
    let undrained = run(&admin, &format!("/queues/runs/{}/restore", drained["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(figures(&undrained), ("DONE", 900, 0, 0));
    assert_eq!(library(&prefix, "work", 0).await["completed"], 900, "the library's own worker runs every one");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_REDIS and QD_TEST_NODE; cargo xtask test sets them"]
async fn a_queue_is_obliterated_and_comes_back_whole() {
    let prefix = prefix();
    library(&prefix, "fill", 60).await;
    let world = world(&prefix).await;
    let boss = world.super_admin().await;
    let reason = json!({ "phrase": "OBLITERATE mail", "reason": "the pager said so" });
    boss.post("/api/admin/ops/queues/shop/mail/obliterate", reason).await.expect(409);
    boss.post("/api/admin/ops/queues/shop/mail/pause", json!({ "reason": "the pager said so" })).await.expect(200);
    let gone = run(&boss, "/queues/shop/mail/obliterate", json!({ "phrase": "OBLITERATE mail" })).await;
    assert_eq!(figures(&gone), ("DONE", 60, 0, 0), "{gone}");
    let back = run(&boss, &format!("/queues/runs/{}/restore", gone["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((figures(&back), library(&prefix, "counts", 0).await["failed"].as_i64()), (("DONE", 60, 0, 0), Some(60)));
    world.finish().await;
}
