use qd_core::keys::mac;
use qd_core::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::history;
use super::render::Render;
use crate::support::client::Answer;
use crate::support::{World, until};

/// Of GitHub's hook.
const GITHUB: &str = "a secret of github";
/// 24 bytes in base64.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KEY: [u8; 24] =
    [0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0];
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = if place <= chunk.len() { char::from(ALPHABET[(n >> (18 - 6 * place) & 63) as usize]) } else { '=' };
            out.push(letter);
        }
    }
    out
}

/// A hook of Render.
pub struct Hook {
    pub id: String,
    pub at: i64,
    pub body: String,
    pub signature: String,
}

impl Hook {
    pub fn of(body: &Value, id: &str) -> Self {
        let at = qd_core::Clock::system().now().seconds();
        Self { id: id.into(), at, body: body.to_string(), signature: String::new() }.signed()
    }

    pub fn signed(mut self) -> Self {
        self.signature = format!("v1,{}", base64(&mac(&KEY, format!("{}.{}.{}", self.id, self.at, self.body).as_bytes())));
        self
    }

    pub async fn send(&self, world: &World) -> Answer {
        let client = world.anonymous();
        let request = client.request(Method::POST, "/hooks/render").header("content-type", "application/json").header("webhook-id", &self.id);
        let request = request.header("webhook-timestamp", self.at.to_string()).header("webhook-signature", &self.signature);
        client.send(request.body(self.body.clone())).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renders_hook_is_verified_and_taken_once() {
    let (fake, url) = Render::start().await;
    let world = fake.world(&url).await;
    let staff = world.staff().await;
    fake.add("dep-1", "aaaaaaa1", "update_failed", "2026-11-22T09:00");
    let event = json!({ "type": "deploy_ended", "timestamp": "2026-11-22T09:00:30Z", "data": { "id": "evt-1", "serviceId": "srv-1", "serviceName": "web", "status": "failed" } });
    let good = Hook::of(&event, "msg_1");
    for bad in [
        Hook { signature: String::new(), ..Hook::of(&event, "msg_1") },
        Hook { body: event.to_string().replace("srv-1", "srv-2"), ..Hook::of(&event, "msg_1") },
        Hook { at: good.at - 301, ..Hook::of(&event, "msg_1") }.signed(),
        Hook { id: String::new(), ..Hook::of(&event, "msg_1") }.signed(),
    ] {
        bad.send(&world).await.expect(401);
    }
    good.send(&world).await.expect(202);
    until("the failed deploy is recorded", || async { history(&staff).await.len() == 1 }).await;
    let deploy = history(&staff).await.remove(0);
    assert_eq!(
        (deploy["status"].as_str(), deploy["source"].as_str(), deploy["externalId"].as_str()),
        (Some("failed"), Some("render"), Some("dep-1"))
    );
    assert_eq!((deploy["service"].as_str(), deploy["commitAt"].as_str()), (Some("web"), Some("2026-11-22T08:00:00Z")));
    let before = fake.calls().len();
    assert!(good.send(&world).await.expect(200).text.contains("taken before"));
    assert_eq!(fake.calls().len(), before, "a replay asks nobody");
    let other = Hook::of(&json!({ "type": "postgres_restarted", "data": { "serviceId": "srv-1" } }), "msg_2");
    assert!(other.send(&world).await.expect(200).text.contains("not kept"));
    let foreign = Hook::of(&json!({ "type": "deploy_ended", "data": { "serviceId": "srv-9" } }), "msg_3");
    assert!(foreign.send(&world).await.expect(200).text.contains("not among"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_without_a_secret_are_closed() {
    let world = World::sqlite().await;
    Hook::of(&json!({ "type": "deploy_ended", "data": { "serviceId": "srv-1" } }), "msg_1").send(&world).await.expect(403);
    let client = world.anonymous();
    client.send(client.request(Method::POST, "/hooks/github").body("{}")).await.expect(403);
    world.finish().await;
    // A secret that can be guessed opens nothing either.
    let short = |config: &mut qd_core::config::Config| {
        config.deploys.github_webhook_secret = Secret::new("gh");
        config.deploys.render_webhook_secret = Secret::new("whsec_AAAA");
    };
    let world = World::with(short).await;
    let client = world.anonymous();
    for hook in ["/hooks/github", "/hooks/render"] {
        let no = client.send(client.request(Method::POST, hook).body("{}")).await.expect(403);
        assert!(no.text.contains("16 bytes"), "{}", no.text);
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn githubs_events_begin_and_end_a_deploy() {
    let world = World::with(|config| config.deploys.github_webhook_secret = Secret::new(GITHUB)).await;
    let staff = world.staff().await;
    let created = qd_core::Clock::system().now().plus_seconds(-300).rfc3339();
    let event = |state: &str| {
        json!({ "deployment": { "id": 42, "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "ref": "main", "environment": "test", "creator": { "login": "octocat" },
            "created_at": created, "payload": {} }, "deployment_status": { "state": state, "created_at": qd_core::Clock::system().now().rfc3339() }, "repository": { "name": "shop" } })
    };
    let send = |kind: &'static str, id: &'static str, body: Value, key: &'static [u8]| {
        let (client, body) = (world.anonymous(), body.to_string());
        async move {
            let signature = format!("sha256={}", mac(key, body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            let request = client.request(Method::POST, "/hooks/github").header("x-github-event", kind).header("x-github-delivery", id);
            client.send(request.header("x-hub-signature-256", signature).header("content-type", "application/json").body(body)).await
        }
    };
    send("deployment", "d1", event("pending"), b"wrong").await.expect(401);
    send("ping", "d0", json!({ "zen": "x" }), GITHUB.as_bytes()).await.expect(200);
    send("deployment", "d1", event("pending"), GITHUB.as_bytes()).await.expect(202);
    until("it has begun", || async { history(&staff).await.len() == 1 }).await;
    send("deployment_status", "d2", event("success"), GITHUB.as_bytes()).await.expect(202);
    send("deployment_status", "d2", event("failure"), GITHUB.as_bytes()).await.expect(200);
    until("it is live", || async { history(&staff).await[0]["status"] == "live" }).await;
    let deploy = history(&staff).await.remove(0);
    assert_eq!(
        (deploy["service"].as_str(), deploy["gitAuthor"].as_str(), deploy["tookSeconds"].as_i64().map(|took| took >= 299)),
        (Some("shop"), Some("octocat"), Some(true))
    );
    world.finish().await;
}
