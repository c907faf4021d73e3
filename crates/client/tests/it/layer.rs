//! The layer around an axum router.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{BypassKey, Maintenance, MaintenanceLayer, MaintenanceOptions, VendorId};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fake::{Fake, until};

const SECRET: &str = "sixteen bytes and more";

/// An application whose requests say who the vendor is, as an outer layer would.
async fn application(fake: &Fake, options: MaintenanceOptions) -> (String, Maintenance) {
    let maintenance = Maintenance::start(fake.endpoint(), options);
    assert!(maintenance.ready(Duration::from_secs(5)).await);
    let vendor = |request: &Request<Body>| request.headers().get("x-proved-vendor").map(|id| VendorId(id.to_str().unwrap().to_owned()));
    let layer = MaintenanceLayer::new(maintenance.clone(), vendor);
    let here = || async { "here" };
    let router = Router::new().fallback(here).route("/orders", get(here).post(here).put(here).patch(here).delete(here)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, maintenance)
}

async fn ask(url: &str, method: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method.parse().unwrap(), url);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

async fn status(url: &str, method: &str, headers: &[(&str, &str)]) -> u16 {
    ask(url, method, headers).await.status().as_u16()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token(secret: &str, expires: u64, id: &str) -> String {
    let signed = format!("v1.{expires}.{id}");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

async fn mode(fake: &Fake, maintenance: &Maintenance, state: Value) {
    let wanted = state["mode"].as_str().unwrap().to_owned();
    fake.change(|scene| scene.maintenance = state);
    until("the mode is heard", || async { maintenance.mode() == wanted }).await;
}

#[tokio::test]
async fn writes_are_refused_and_told_when_to_come_back() {
    let fake = Fake::start().await;
    let (url, maintenance) = application(&fake, MaintenanceOptions { allow: vec!["/healthz".into()], ..MaintenanceOptions::default() }).await;
    let calm = ask(&format!("{url}/orders"), "POST", &[]).await;
    assert_eq!((calm.status().as_u16(), calm.headers()["x-maintenance-mode"].to_str().unwrap()), (200, "none"));
    let state = json!({ "revision": 0, "mode": "database_maintenance", "blocksWrites": "all", "retryAfterSeconds": 600, "message": "Moving <house>",
        "endsAt": "2026-11-22T18:00:00Z", "allow": ["/sign-in", "/webhooks/*"] });
    mode(&fake, &maintenance, state).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
        let refused = ask(&format!("{url}/orders"), method, &[]).await;
        assert_eq!(refused.status().as_u16(), 503, "{method}");
        let header = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("x-maintenance-mode"), header("cache-control")), ("database_maintenance".into(), "no-store".into()));
        assert_eq!(header("content-type"), "application/problem+json");
        assert!((590..=600).contains(&header("retry-after").parse::<u64>().unwrap()));
        let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!((&body["status"], &body["detail"], &body["endsAt"]), (&json!(503), &json!("Moving <house>"), &json!("2026-11-22T18:00:00Z")));
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        let passed = ask(&format!("{url}/orders"), method, &[]).await;
        assert!(passed.status().as_u16() != 503, "{method}");
        assert_eq!(passed.headers()["x-maintenance-mode"], "database_maintenance");
    }
    for open in ["/sign-in", "/webhooks/stripe", "/healthz"] {
        assert_eq!(status(&format!("{url}{open}"), "POST", &[]).await, 200, "{open}");
    }
    assert_eq!(status(&format!("{url}/webhooks/..%2forders"), "POST", &[]).await, 503);
    let page = ask(&format!("{url}/orders"), "POST", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let text = page.text().await.unwrap();
    assert!(text.contains("Moving &lt;house&gt;") && text.contains("10 minutes"), "{text}");
}

#[tokio::test]
async fn vendors_are_stopped_and_customers_are_not() {
    let fake = Fake::start().await;
    let (url, maintenance) = application(&fake, MaintenanceOptions::default()).await;
    let url = format!("{url}/orders");
    let some = json!({ "revision": 0, "mode": "vendor_readonly", "blocksWrites": "vendors", "vendorReadonly": { "all": false, "vendors": ["v1"] } });
    mode(&fake, &maintenance, some).await;
    let (one, two) = ([("x-proved-vendor", "v1")], [("x-proved-vendor", "v2")]);
    assert_eq!((status(&url, "POST", &one).await, status(&url, "POST", &two).await, status(&url, "POST", &[]).await), (503, 200, 200));
    assert_eq!(status(&url, "GET", &one).await, 200);
    fake.change(|scene| scene.maintenance["vendorReadonly"] = json!({ "all": true, "vendors": [] }));
    until("all vendors are stopped", || async { status(&url, "POST", &two).await == 503 }).await;
    assert_eq!(status(&url, "POST", &[]).await, 200);
}

#[tokio::test]
async fn a_token_that_was_called_back_stays_so_while_the_server_is_away() {
    let mut fake = Fake::start().await;
    let bypass = BypassKey::new(SECRET).unwrap();
    let options = MaintenanceOptions { bypass, lost_after: Duration::from_millis(400), ..MaintenanceOptions::default() };
    let (url, maintenance) = application(&fake, options).await;
    let state = json!({ "revision": 0, "mode": "global_readonly", "blocksWrites": "all", "failMode": "closed",
        "bypass": { "header": "X-Pass", "cookie": "pass", "revoked": ["lost"] } });
    mode(&fake, &maintenance, state).await;
    fake.stop().await;
    until("the fail mode holds", || async { maintenance.mode() == "unknown" }).await;
    let url = format!("{url}/orders");
    let (lost, good) = (token(SECRET, now() + 60, "lost"), token(SECRET, now() + 60, "7f"));
    assert_eq!(status(&url, "POST", &[("x-pass", lost.as_str())]).await, 503, "called back is called back");
    assert_eq!(status(&url, "POST", &[("x-pass", good.as_str())]).await, 200, "in the header that was published");
}

#[tokio::test]
async fn operators_pass_with_a_living_token_and_only_then() {
    let fake = Fake::start().await;
    let bypass = BypassKey::new(SECRET).unwrap();
    let (url, maintenance) = application(&fake, MaintenanceOptions { bypass, ..MaintenanceOptions::default() }).await;
    let (secretless, other) = application(&fake, MaintenanceOptions::default()).await;
    let state = json!({ "revision": 0, "mode": "global_readonly", "blocksWrites": "all", "bypass": { "header": "X-Pass", "cookie": "pass", "revoked": ["lost"] } });
    mode(&fake, &maintenance, state).await;
    until("the other hears it too", || async { other.mode() == "global_readonly" }).await;
    let good = token(SECRET, now() + 60, "7f");
    let cookie = format!("a=b; pass={good}");
    let post = |url: String, headers: Vec<(&'static str, String)>| async move {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        status(&format!("{url}/orders"), "POST", &headers).await
    };
    assert_eq!(post(url.clone(), vec![("x-pass", good.clone())]).await, 200);
    assert_eq!(post(url.clone(), vec![("cookie", cookie.clone())]).await, 200);
    assert_eq!(post(secretless.clone(), vec![("x-pass", good.clone())]).await, 503, "no secret, no bypass");
    assert_eq!(post(secretless, vec![("x-pass", token("", now() + 60, "7f"))]).await, 503, "and none with an empty one");
    for bad in [token(SECRET, now() - 1, "7f"), token("another secret of length", now() + 60, "7f"), token(SECRET, now() + 60, "lost"), String::new()]
    {
        assert_eq!(post(url.clone(), vec![("x-pass", bad.clone())]).await, 503, "{bad}");
        assert_eq!(post(url.clone(), vec![("cookie", format!("pass={bad}"))]).await, 503, "{bad}");
    }
}
