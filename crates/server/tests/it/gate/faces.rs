//! The gate, the state and the banner as programs meet them.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::{bypass, turn_off, turn_on};
use crate::support::{Client, World, until};

crate::both!(the_gate_reads_headers_and_never_its_query, vendors_are_held_and_customers_are_not, the_state_is_asked_for_and_heard, visitors_are_told);

/// Asks the gate; each shape must say the same.
async fn ask(client: &Client, query: &str, headers: &[(&str, &str)]) -> u16 {
    let mut answers = Vec::new();
    for path in ["/gate", "/gate/shop/x", "/gate/nginx", "/gate/nginx/shop"] {
        let mut request = client.request(Method::GET, &format!("{path}{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = client.send(request).await;
        assert!(answer.header("x-maintenance-mode").is_some() && answer.header("cache-control") == Some("no-store"), "{answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), answer.status != 204, "{answer:?}");
        answers.push(match (path.contains("nginx"), answer.status.as_u16()) {
            (true, 403) => 503,
            (_, status) => status,
        });
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{headers:?}: {answers:?}");
    answers[0]
}

async fn the_gate_reads_headers_and_never_its_query(world: &World) {
    let (sam, nobody) = (world.super_admin().await, world.anonymous());
    let write = [("x-forwarded-method", "POST"), ("x-forwarded-uri", "/checkout")];
    assert_eq!(ask(&nobody, "", &write).await, 204);
    assert_eq!(ask(&nobody, "", &[]).await, 204);
    turn_on(&sam, "DEPLOYMENT", json!({ "minutes": 5 })).await;
    assert_eq!(ask(&nobody, "", &write).await, 503);
    assert_eq!(ask(&nobody, "?method=GET&X-Forwarded-Method=GET&uri=/login", &write).await, 503);
    assert_eq!(ask(&nobody, "", &[]).await, 503, "without a method nobody knows");
    assert_eq!(ask(&nobody, "", &[("x-forwarded-uri", "/a")]).await, 503);
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(ask(&nobody, "", &[("x-original-method", method)]).await, 204);
    }
    for method in ["get", "PATCH", "TRACE", "PROPFIND", "", "GET, POST"] {
        assert_eq!(ask(&nobody, "", &[("x-forwarded-method", method), ("x-forwarded-uri", "/")]).await, 503, "{method}");
    }
    // The stricter of two readings counts.
    assert_eq!(ask(&nobody, "", &[("x-forwarded-method", "GET"), ("x-original-method", "POST")]).await, 503);
    assert_eq!(ask(&nobody, "", &[("x-forwarded-method", "POST"), ("x-forwarded-uri", "/login"), ("x-original-uri", "/checkout")]).await, 503);
    assert_eq!(ask(&nobody, "", &[("x-forwarded-method", "POST"), ("x-original-url", "https://shop.example/login?next=/")]).await, 204);
    // What a visitor proves elsewhere is not looked at: it costs no lookup, and can't be wrong.
    let visitor = [("authorization", "Bearer nothing"), ("cookie", "qd_session=nothing"), ("x-api-key", "no"), ("x-forwarded-method", "GET")];
    assert_eq!(ask(&nobody, "", &visitor).await, 204);
    assert_eq!(ask(&nobody, "", &[("x-forwarded-method", "POST"), ("x-admin-bypass-maintenance", "true"), ("cookie", "qd_bypass=true")]).await, 503);
    turn_off(&sam, "DEPLOYMENT").await;
    assert_eq!(ask(&nobody, "", &write).await, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_passes_until_it_is_taken_back() {
    let world = super::world().await;
    let (sam, nobody) = (world.super_admin().await, world.anonymous());
    turn_on(&sam, "GLOBAL_READONLY", json!({})).await;
    let token = bypass(&sam).await;
    let write = ("x-forwarded-method", "POST");
    let cookie = format!("a=b; qd_bypass={token}");
    assert_eq!(ask(&nobody, "", &[write, ("x-admin-bypass-maintenance", &token)]).await, 204);
    assert_eq!(ask(&nobody, "", &[write, ("cookie", &cookie)]).await, 204);
    let listed = sam.get("/api/admin/ops/maintenance/bypass").await.expect(200);
    assert!(!listed.text.contains(&token) && listed.json()["configured"] == true);
    let id = listed.json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    sam.post(&format!("/api/admin/ops/maintenance/bypass/{id}/revoke"), json!({})).await.expect(200);
    assert_eq!(ask(&nobody, "", &[write, ("x-admin-bypass-maintenance", &token)]).await, 503);
    world.finish().await;
}

async fn vendors_are_held_and_customers_are_not(world: &World) {
    let (sam, nobody) = (world.super_admin().await, world.anonymous());
    let write = ("x-forwarded-method", "PATCH");
    turn_on(&sam, "VENDOR_READONLY", json!({})).await;
    for (path, status) in [("/checkout", 204), ("/vendor/products", 503), ("/api/vendor/x", 503), ("/x/../vendor/y", 503), ("/vendors", 204)] {
        assert_eq!(ask(&nobody, "", &[write, ("x-forwarded-uri", path)]).await, status, "{path}");
    }
    assert_eq!(ask(&nobody, "", &[write, ("x-forwarded-uri", "/checkout"), ("x-vendor-id", "v1")]).await, 503);
    turn_off(&sam, "VENDOR_READONLY").await;
    turn_on(&sam, "VENDOR_READONLY", json!({ "vendors": ["v1", "v2"] })).await;
    for (vendor, status) in [("v1", 503), ("v3", 204)] {
        assert_eq!(ask(&nobody, "", &[write, ("x-forwarded-uri", "/vendor/x"), ("x-vendor-id", vendor)]).await, status, "{vendor}");
    }
    assert_eq!(ask(&nobody, "", &[write, ("x-forwarded-uri", "/vendor/x")]).await, 204, "some vendors are the application's to hold");
    turn_off(&sam, "VENDOR_READONLY").await;
    turn_on(&sam, "QUEUE_DRAIN", json!({})).await;
    assert_eq!(ask(&nobody, "", &[write, ("x-forwarded-uri", "/checkout")]).await, 204);
    turn_off(&sam, "QUEUE_DRAIN").await;
}

async fn the_state_is_asked_for_and_heard(world: &World) {
    let sam = world.super_admin().await;
    let (path, events) = ("/api/v1/maintenance/state", "/api/v1/maintenance/events");
    for closed in [path, events] {
        world.anonymous().get(closed).await.expect(401);
        world.machine(&["ingest"]).await.get(closed).await.expect(403);
    }
    let app = world.machine(&["flags:read"]).await;
    let first = app.get(path).await.expect(200);
    assert_eq!((first.json()["mode"].as_str(), first.json()["blocksWrites"].as_str()), (Some("none"), Some("none")));
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with(&format!("\"rev-{}-", first.json()["revision"])));
    for same in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let answer = app.send(app.request(Method::GET, path).header("if-none-match", &same)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str(), answer.header("etag")), (304, "", Some(tag.as_str())), "{same}");
    }
    let mut heard = Stream::open(&app, events).await;
    assert_eq!(heard.state().await["mode"], "none");
    turn_on(&sam, "GLOBAL_READONLY", json!({ "minutes": 30 })).await;
    let told = tokio::time::timeout(Duration::from_secs(1), heard.state()).await.expect("within a second");
    assert_eq!(
        (told["mode"].as_str(), told["globalReadonly"].as_bool(), told["blocksWrites"].as_str()),
        (Some("global_readonly"), Some(true), Some("all"))
    );
    let window = &told["windows"][0];
    assert_eq!((window["type"].as_str(), window["phase"].as_str()), (Some("GLOBAL_READONLY"), Some("active")));
    let answer = app.send(app.request(Method::GET, path).header("if-none-match", &tag)).await.expect(200);
    assert_eq!(answer.json()["revision"], told["revision"]);
    turn_off(&sam, "GLOBAL_READONLY").await;
    assert_eq!(heard.state().await["windows"][0]["phase"], "ended");
}

/// Server-sent events.
struct Stream {
    bytes: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
}

impl Stream {
    async fn open(client: &Client, path: &str) -> Self {
        let answer = client.request(Method::GET, path).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        Self { bytes: Box::pin(answer.bytes_stream()), text: String::new() }
    }

    /// Data of the next event.
    async fn next(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
                self.text = rest.to_owned();
                if let Some(data) = data {
                    return data;
                }
                continue;
            }
            self.text.push_str(&String::from_utf8_lossy(&self.bytes.next().await.unwrap().unwrap()));
        }
    }

    async fn state(&mut self) -> Value {
        serde_json::from_str(&self.next().await).unwrap()
    }
}

async fn visitors_are_told(world: &World) {
    let (sam, visitor) = (world.super_admin().await, world.anonymous());
    let script = visitor.get("/banner.js").await.expect(200);
    assert!(script.text.len() < 3_000 && script.header("content-type").unwrap().starts_with("text/javascript"));
    assert_eq!(script.header("cross-origin-resource-policy"), Some("cross-origin"));
    let told = async |query: &str| {
        let answer = visitor.get(&format!("/api/v1/maintenance/banner{query}")).await.expect(200);
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("cache-control")), (Some("*"), Some("no-cache")));
        answer.json()["windows"].as_array().unwrap().clone()
    };
    assert!(told("").await.is_empty());
    let mut heard = Stream::open(&visitor, "/api/v1/maintenance/banner/events").await;
    let window = turn_on(&sam, "VENDOR_READONLY", json!({ "audience": "vendors", "vendors": ["v1"], "message": "Payouts <b>pause</b>" })).await;
    tokio::time::timeout(Duration::from_secs(1), heard.next()).await.expect("within a second");
    assert!(told("").await.is_empty() && told("?audience=customers").await.is_empty() && told("?audience=vendors&vendor=v2").await.is_empty());
    for query in ["?audience=vendors", "?audience=vendors&vendor=v1", "?audience=admins"] {
        let shown = told(query).await;
        assert_eq!((shown[0]["phase"].as_str(), shown[0]["message"].as_str()), (Some("active"), Some("Payouts <b>pause</b>")), "{query}");
        assert!(shown[0].get("reason").is_none() && shown[0].get("vendors").is_none());
    }
    let text = format!("/api/admin/ops/maintenance/windows/{}/text", window["id"].as_str().unwrap());
    world.admin().await.post(&text, json!({ "message": "Soon back", "audience": "all" })).await.expect(200);
    assert_eq!(told("").await[0]["message"], "Soon back");
    turn_off(&sam, "VENDOR_READONLY").await;
    assert_eq!(told("").await[0]["phase"], "ended");
    until("the page says that it is over", || async {
        let page = visitor.send(visitor.request(Method::GET, "/api/v1/maintenance/page").header("accept", "text/html")).await;
        page.status == 200 && page.text.contains("just ended")
    })
    .await;
}
