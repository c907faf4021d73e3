//! The maintenance gate, the state and the banner through their public faces, and real proxies that obey.

mod faces;
mod pages;
mod proxy;

use std::time::{Duration, Instant};

use qd_core::secret::Secret;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Client, World, until};
use proxy::{Proxy, Wire, visit};

pub const REASON: &str = "Postgres is upgraded tonight";
pub const PHRASE: &str = "ENABLE MAINTENANCE";

/// Turns a type on; what is given in `more` goes along.
pub async fn turn_on(sam: &Client, kind: &str, more: Value) -> Value {
    let mut body = json!({ "type": kind, "enabled": true, "reason": REASON, "phrase": PHRASE });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    sam.post("/api/admin/ops/maintenance/toggle", body).await.expect(200).json()
}

pub async fn turn_off(sam: &Client, kind: &str) {
    sam.post("/api/admin/ops/maintenance/toggle", json!({ "type": kind, "enabled": false })).await.expect(200);
}

/// A control center in which somebody can bypass.
pub async fn world() -> World {
    World::with(|config| config.maintenance.bypass_secret = Secret::new("a secret for the tests")).await
}

pub async fn bypass(sam: &Client) -> String {
    let body = json!({ "hours": 1, "note": "Look at the checkout", "reason": REASON });
    sam.post("/api/admin/ops/maintenance/bypass", body).await.expect(201).json()["token"].as_str().unwrap().to_owned()
}

fn mode(headers: &HeaderMap) -> &str {
    headers.get("x-maintenance-mode").map_or("", |value| value.to_str().unwrap())
}

/// What every proxy must do while the gate is there.
async fn obeys(proxy: &Proxy, sam: &Client) {
    for (method, path) in [("GET", "/a?b=1"), ("POST", "/checkout?b=1"), ("PATCH", "/vendor/7")] {
        let (status, headers, text) = visit(proxy, method, path, &[]).await;
        assert_eq!((status, mode(&headers), text), (200, "none", format!("shop: {method} {path}")));
    }
    assert_eq!(visit(proxy, "GET", "/forbidden", &[]).await.0, 403, "the shop's own answers stay");
    turn_on(sam, "GLOBAL_READONLY", json!({ "message": "Back at <three>" })).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        let (status, headers, text) = visit(proxy, method, "/checkout?b=1", &[]).await;
        assert_eq!((status, mode(&headers)), (503, "global_readonly"), "{method} {text}");
        let seconds: i64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3_500..=3_600).contains(&seconds) && headers["cache-control"] == "no-store", "{headers:?}");
        assert_eq!(headers["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((problem["status"].as_i64(), problem["detail"].as_str()), (Some(503), Some("Back at <three>")));
    }
    let (status, headers, page) = visit(proxy, "POST", "/checkout", &[("accept", "text/html,*/*")]).await;
    assert!(status == 503 && headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.contains("Back at &lt;three&gt;") && headers["content-security-policy"].to_str().unwrap().contains("sha256-"), "{page} {headers:?}");
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(visit(proxy, method, "/checkout", &[]).await.0, 200, "{method}");
    }
    until("reads tell the mode", || async { mode(&visit(proxy, "GET", "/a", &[]).await.1) == "global_readonly" }).await;
    assert_eq!(visit(proxy, "GET", "/forbidden", &[]).await.0, 403);
    assert_eq!(visit(proxy, "POST", "/webhooks/stripe", &[]).await.0, 200, "on the allow list");
    for path in ["/webhooks/..%2fcheckout", "/webhooks/%2e%2e/checkout", "/checkout%2f..%2fwebhooks%2fstripe", "/webhooks;/../checkout"] {
        assert_eq!(visit(proxy, "POST", path, &[]).await.0, 503, "{path}");
    }
    let lies = [
        ("x-forwarded-method", "GET"),
        ("x-original-method", "GET"),
        ("x-forwarded-uri", "/webhooks/x"),
        ("x-original-uri", "/webhooks/x"),
        ("x-original-url", "http://x/webhooks/x"),
    ];
    for lie in lies {
        assert_eq!(visit(proxy, "POST", "/checkout", &[lie]).await.0, 503, "{lie:?}");
    }
}

/// What passes with a bypass.
async fn lets_the_bearer_through(proxy: &Proxy, token: &str) {
    assert_eq!(visit(proxy, "POST", "/checkout", &[("x-admin-bypass-maintenance", token)]).await.0, 200);
    assert_eq!(visit(proxy, "POST", "/checkout", &[("cookie", &format!("session=1; qd_bypass={token}; x=y"))]).await.0, 200);
    for wrong in [&token[..token.len() - 1], "", "true"] {
        assert_eq!(visit(proxy, "POST", "/checkout", &[("x-admin-bypass-maintenance", wrong)]).await.0, 503, "{wrong}");
        assert_eq!(visit(proxy, "POST", "/checkout", &[("cookie", &format!("qd_bypass={wrong}"))]).await.0, 503, "{wrong}");
    }
}

async fn quickly(proxy: &Proxy, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let begun = Instant::now();
    let (status, headers, _) = visit(proxy, method, path, headers).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{method} {path} took {:?}", begun.elapsed());
    (status, mode(&headers).to_owned())
}

/// A proxy that remembers: slow and dead gates change nothing.
async fn remembers(proxy: &Proxy, wire: &Wire, sam: &Client, token: &str) {
    let held = (503, "global_readonly".to_owned());
    wire.slow();
    assert_eq!(quickly(proxy, "POST", "/checkout", &[]).await, held);
    assert_eq!(quickly(proxy, "POST", "/never/asked/before", &[]).await, held);
    assert_eq!(quickly(proxy, "GET", "/a", &[]).await.0, 200);
    wire.open();
    // A proxy may hold a slow gate for dead for a moment.
    until("it asks again", || async { quickly(proxy, "POST", "/x", &[]).await == held }).await;
    turn_off(sam, "GLOBAL_READONLY").await;
    until("writes pass again", || async { quickly(proxy, "POST", "/checkout", &[]).await.0 == 200 }).await;
    turn_on(sam, "GLOBAL_READONLY", json!({})).await;
    until("writes wait again", || async { quickly(proxy, "POST", "/checkout", &[]).await == held }).await;
    until("reads tell the mode", || async { quickly(proxy, "GET", "/a", &[]).await == (200, held.1.clone()) }).await;
    // What holds in general is asked for once a second: a slow gate shows what the proxy knows of it.
    let tries = std::sync::atomic::AtomicU32::new(0);
    until("what holds in general is known", || async {
        quickly(proxy, "POST", "/x", &[]).await;
        quickly(proxy, "GET", "/a", &[]).await;
        wire.slow();
        let path = format!("/tried/{}", tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let known = quickly(proxy, "POST", &path, &[]).await == held;
        wire.open();
        known
    })
    .await;
    until("the bearer is known", || async { quickly(proxy, "POST", "/a", &[("x-admin-bypass-maintenance", token)]).await.0 == 200 }).await;
    wire.cut().await;
    for path in ["/checkout", "/never/asked/either"] {
        assert_eq!(quickly(proxy, "POST", path, &[]).await, held, "{path}");
    }
    assert_eq!(quickly(proxy, "GET", "/a", &[]).await, (200, held.1));
    assert_eq!(quickly(proxy, "POST", "/a", &[("x-admin-bypass-maintenance", token)]).await.0, 200);
    let text = visit(proxy, "POST", "/checkout", &[("accept", "text/html")]).await.2;
    assert!(text.contains("Under maintenance"), "{text}");
}

async fn start() -> (World, Client, Wire, u16) {
    let world = world().await;
    let sam = world.super_admin().await;
    let wire = Wire::to(&world.url).await;
    (world, sam, wire, proxy::shop().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_NGINX; cargo xtask test sets it"]
async fn nginx_obeys_and_remembers() {
    let (world, sam, wire, shop) = start().await;
    let proxy = proxy::nginx(wire.port, shop).await;
    obeys(&proxy, &sam).await;
    let token = bypass(&sam).await;
    lets_the_bearer_through(&proxy, &token).await;
    remembers(&proxy, &wire, &sam, &token).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_NGINX; cargo xtask test sets it"]
async fn an_nginx_whose_gate_died_in_peace_lets_writes_pass() {
    let (world, _, wire, shop) = start().await;
    let proxy = proxy::nginx(wire.port, shop).await;
    assert_eq!(quickly(&proxy, "POST", "/checkout", &[]).await, (200, "none".into()));
    wire.cut().await;
    assert_eq!(quickly(&proxy, "POST", "/checkout", &[]).await, (200, "none".into()));
    assert_eq!(quickly(&proxy, "POST", "/never/asked", &[]).await.0, 200);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CADDY; cargo xtask test sets it"]
async fn caddy_obeys_and_fails_open_without_hanging() {
    let (world, sam, wire, shop) = start().await;
    let proxy = proxy::caddy(wire.port, shop, false).await;
    obeys(&proxy, &sam).await;
    lets_the_bearer_through(&proxy, &bypass(&sam).await).await;
    wire.slow();
    assert_eq!(quickly(&proxy, "GET", "/a", &[]).await, (200, "unknown".into()));
    assert_eq!(quickly(&proxy, "POST", "/checkout", &[]).await, (200, "unknown".into()), "as the manual says: open");
    wire.open();
    until("it asks again", || async { quickly(&proxy, "POST", "/checkout", &[]).await.0 == 503 }).await;
    wire.cut().await;
    assert_eq!(quickly(&proxy, "GET", "/a", &[]).await, (200, "unknown".into()));
    assert_eq!(quickly(&proxy, "POST", "/checkout", &[]).await, (200, "unknown".into()));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CADDY and QD_TEST_NGINX; cargo xtask test sets them"]
async fn caddy_behind_the_gate_cache_remembers() {
    let (world, sam, wire, shop) = start().await;
    let proxy = proxy::caddy(wire.port, shop, true).await;
    obeys(&proxy, &sam).await;
    let token = bypass(&sam).await;
    lets_the_bearer_through(&proxy, &token).await;
    remembers(&proxy, &wire, &sam, &token).await;
    world.finish().await;
}
