//! What a caller may take: time for headers, live screens, bytes.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;

use crate::support::World;

/// A connection whose headers never end is closed, and does not keep others out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_headers_are_cut_off() {
    let world = World::sqlite().await;
    let address = world.url.trim_start_matches("http://").to_owned();
    let mut slow = std::net::TcpStream::connect(&address).unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let closed = tokio::task::spawn_blocking(move || slow.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(closed.is_ok(), "it was closed by the server: {closed:?}");
    world.anonymous().get("/livez").await.expect(200);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_holds_a_dozen_live_screens() {
    let world = World::sqlite().await;
    let client = world.admin().await;
    let mut open = Vec::new();
    for _ in 0..12 {
        let stream = client.request(reqwest::Method::GET, "/events").send().await.unwrap();
        assert_eq!(stream.status(), 200);
        open.push(stream);
    }
    client.get("/events").await.expect(503);
    assert_eq!(world.staff().await.request(reqwest::Method::GET, "/events").send().await.unwrap().status(), 200, "others are not kept out");
    drop(open);
    world.finish().await;
}

/// Text that Postgres can't store, and bodies that are too large, are refused by name.
async fn odd_input_is_refused(world: &World) {
    let admin = world.admin().await;
    admin.post("/api/admin/ops/incidents", json!({ "title": "a\0b", "severity": "SEV4" })).await.expect(422);
    admin.get("/api/admin/ops/logs/records?text=%00").await.expect(422);
    admin.get("/services/%00").await.expect(404);
    world.anonymous().post("/api/admin/ops/session", json!({ "email": "a\0b", "password": "x" })).await.expect(422);
    let digest = json!({ "title": "pd", "severity": "SEV4", "preview_digest": "A".repeat(1_000) });
    admin.post("/api/admin/ops/incidents", digest).await.expect(422);
    let large = json!({ "title": "x".repeat(2 * 1024 * 1024), "severity": "SEV4" });
    admin.post("/api/admin/ops/incidents", large).await.expect(422);
    admin.get("/incidents/INC-1/close?reason=prefilled+by+a+link&phrase=x").await.expect(404);
}

/// A link can't fill in what confirms an act.
async fn links_confirm_nothing(world: &World) {
    let admin = world.admin().await;
    admin.post("/api/admin/ops/incidents", json!({ "title": "Slow", "severity": "SEV4" })).await.expect(201);
    let dialog = admin.get("/incidents/INC-1/close?reason=prefilled+by+a+link&idempotency_key=theirs").await.expect(200);
    assert!(!dialog.text.contains("prefilled by a link") && !dialog.text.contains("theirs"));
}

crate::both!(odd_input_is_refused, links_confirm_nothing);
