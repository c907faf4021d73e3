//! Who may ask, from where, and how often.

use qd_core::gate::Role;
use reqwest::Method;
use serde_json::json;

use super::{ALL, all, application, one, path};
use crate::support::client::Answer;
use crate::support::{Client, World};

const EVENTS: &str = "/ofrep/v1/events";

async fn a_token_with_the_scope_is_needed(world: &World) {
    let token = app::features::identity::create_token(&world.app, "shop", vec!["flags:read".into()], 1).await.unwrap();
    let by_key = world.anonymous().with("x-api-key", token.expose());
    all(&by_key, json!({})).await.expect(200);
    all(&world.anonymous().bearer(token.expose()), json!({})).await.expect(200);
    let strangers = [world.anonymous(), world.anonymous().bearer("qd_wrong"), world.anonymous().with("x-api-key", "wrong")];
    for stranger in &strangers {
        for refused in [all(stranger, json!({})).await, one(stranger, "x", json!({})).await, stranger.get(EVENTS).await] {
            let refused = refused.expect(401);
            assert_eq!((refused.header("www-authenticate"), refused.header("content-type")), (Some("Bearer"), Some("application/json")));
            assert!(refused.json()["errorDetails"].as_str().is_some_and(|text| text.contains("flags:read")));
        }
    }
    let others = [world.machine(&["ingest"]).await, world.signed_in(Role::SuperAdmin).await];
    for other in &others {
        for refused in [all(other, json!({})).await, one(other, "x", json!({})).await, other.get(EVENTS).await] {
            assert_eq!(refused.expect(403).json()["errorCode"], "GENERAL");
        }
    }
}

async fn a_revoked_token_is_refused(world: &World) {
    let client = application(world).await;
    let listen = all(&client, json!({})).await.expect(200).json()["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned();
    let browser = world.anonymous();
    assert_eq!(browser.request(Method::GET, &listen).send().await.unwrap().status(), 200);
    let admin = world.super_admin().await;
    let list = admin.get("/api/admin/ops/tokens").await.expect(200).json();
    let id = list["tokens"][0]["id"].as_str().unwrap_or_else(|| panic!("{list}")).to_owned();
    let revoke = admin.request(Method::DELETE, &format!("/api/admin/ops/tokens/{id}")).json(&json!({ "reason": "it leaked today" }));
    admin.send(revoke).await.expect(200);
    all(&client, json!({})).await.expect(401);
    let late = browser.get(&listen).await.expect(401).text;
    assert!(late.contains("has ended"), "nor does its ticket open a stream: {late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_flags_ask_nobody() {
    let world = World::with(|config| config.flags.public = true).await;
    let anybody = world.anonymous();
    all(&anybody, json!({})).await.expect(200);
    all(&anybody.bearer("qd_stale"), json!({})).await.expect(200);
    all(&world.machine(&["ingest"]).await, json!({})).await.expect(200);
    let stream = world.anonymous().request(Method::GET, EVENTS).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    world.finish().await;
}

async fn asked(client: &Client, method: Method, path: &str, origin: &str) -> Answer {
    let request = client.request(method.clone(), path).header("origin", origin);
    let request = if method == Method::POST { request.json(&json!({})) } else { request };
    client.send(request.header("access-control-request-method", "POST")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_configured_origins_may_ask() {
    const SHOP: &str = "https://shop.example";
    let world = World::with(|config| {
        config.flags.cors_origins = vec![format!("{SHOP}/"), "http://127.0.0.1:3000".into()];
        config.flags.requests_per_second = 3;
    })
    .await;
    let (anonymous, client) = (world.anonymous(), application(&world).await);
    for path in [ALL.to_owned(), path("x"), EVENTS.to_owned()] {
        let before = asked(&anonymous, Method::OPTIONS, &path, SHOP).await.expect(204);
        assert_eq!(before.header("access-control-allow-origin"), Some(SHOP));
        let allowed = before.header("access-control-allow-headers").unwrap().to_owned();
        for name in ["authorization", "content-type", "if-none-match", "x-api-key", "last-event-id"] {
            assert!(allowed.split(", ").any(|one| one == name), "{name} in {allowed}");
        }
        let method = if path == EVENTS { "GET" } else { "POST" };
        assert!(before.header("access-control-allow-methods").unwrap().contains(method));
        let other = asked(&anonymous, Method::OPTIONS, &path, "https://evil.example").await.expect(204);
        assert_eq!((other.header("access-control-allow-origin"), other.header("vary")), (None, Some("origin")));
    }
    // Errors too, or the page would not see what is wrong.
    let refused = asked(&anonymous, Method::POST, ALL, SHOP).await.expect(401);
    let good = asked(&client, Method::POST, ALL, "HTTPS://SHOP.EXAMPLE").await.expect(200);
    let unknown = asked(&client, Method::POST, &path("x"), SHOP).await.expect(404);
    let listening = asked(&anonymous, Method::GET, EVENTS, SHOP).await.expect(401);
    let tag = good.header("etag").unwrap();
    let not_modified = client.send(client.request(Method::POST, ALL).header("origin", SHOP).header("if-none-match", tag)).await.expect(304);
    let limited = until_limited(|| asked(&client, Method::POST, ALL, SHOP)).await;
    for answer in [&refused, &good, &unknown, &listening, &not_modified, &limited] {
        assert!(answer.header("access-control-allow-origin").unwrap().eq_ignore_ascii_case(SHOP), "{}", answer.status);
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("ETag") && exposed.contains("Retry-After"), "{exposed}");
    }
    let other = asked(&application(&world).await, Method::POST, ALL, "https://evil.example").await.expect(200);
    assert_eq!(other.header("access-control-allow-origin"), None);
    world.finish().await;
}

/// Asks until it is told to wait; a few requests are enough, however slow the machine.
async fn until_limited<F: Future<Output = Answer>>(mut ask: impl FnMut() -> F) -> Answer {
    for _ in 0..200 {
        let answer = ask().await;
        if answer.status == 429 {
            return answer;
        }
        answer.expect(200);
    }
    panic!("200 requests, and no limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_configured_origins_no_page_may_ask() {
    let world = World::sqlite().await;
    let client = application(&world).await;
    for answer in
        [asked(&client, Method::OPTIONS, ALL, "https://shop.example").await, asked(&client, Method::POST, ALL, "https://shop.example").await]
    {
        assert!(answer.status.is_success());
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    world.finish().await;
}

/// So many a second for each caller; then a whole number of seconds to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_has_so_many_requests_a_second() {
    let world = World::with(|config| config.flags.requests_per_second = 2).await;
    let (client, other) = (application(&world).await, application(&world).await);
    one(&client, "ops.read_only", json!({})).await.expect(200);
    let limited = until_limited(|| all(&client, json!({}))).await;
    let seconds: u32 = limited.header("retry-after").unwrap().parse().expect("a whole number");
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(limited.json()["errorCode"], "GENERAL");
    all(&other, json!({})).await.expect(200);
    world.finish().await;
}

crate::both!(a_token_with_the_scope_is_needed, a_revoked_token_is_refused);
