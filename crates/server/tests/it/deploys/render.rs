//! A fake of Render's API: it records calls, and leaves auto-deploy on after a rollback, as the real one does.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use qd_core::secret::Secret;
use serde_json::{Value, json};

use crate::support::World;

/// What it knows, and what it was asked.
#[derive(Debug, Default)]
pub struct Facts {
    pub deploys: Vec<Value>,
    pub auto_deploy: bool,
    /// Whether it refuses to change the service.
    pub stubborn: bool,
    pub calls: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Render(pub Arc<Mutex<Facts>>);

impl Render {
    /// Starts it on a free port; gives its address too.
    pub async fn start() -> (Self, String) {
        let fake = Self::default();
        fake.0.lock().unwrap().auto_deploy = true;
        let router = Router::new()
            .route("/v1/services/{id}", get(service).patch(change))
            .route("/v1/services/{id}/deploys", get(deploys))
            .route("/v1/services/{id}/rollback", post(rollback))
            .with_state(fake.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (fake, url)
    }

    /// A control center that is connected to it.
    pub async fn world(&self, url: &str) -> World {
        let url = url.to_owned();
        World::with(move |config| {
            config.deploys.render_url = url;
            config.deploys.render_api_key = Secret::new("rnd_test");
            config.deploys.render_services = vec!["srv-1".into()];
            config.deploys.render_webhook_secret = Secret::new(super::hooks::SECRET);
        })
        .await
    }

    /// Adds a deploy; the newest is the first.
    pub fn add(&self, id: &str, sha: &str, status: &str, at: &str) {
        let deploy = json!({ "id": id, "status": status, "trigger": "new_commit", "startedAt": format!("{at}:00Z"), "finishedAt": format!("{at}:30Z"),
            "commit": { "id": sha, "message": format!("Build {sha}"), "createdAt": "2026-11-22T08:00:00Z" } });
        self.0.lock().unwrap().deploys.insert(0, deploy);
    }

    pub fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer, made once in a test")]
fn asked(facts: &mut Facts, headers: &HeaderMap, call: String) -> Result<(), Response> {
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some("Bearer rnd_test") {
        return Err((StatusCode::UNAUTHORIZED, Json(json!({ "message": "Unauthorized" }))).into_response());
    }
    facts.calls.push(call);
    Ok(())
}

fn shown(facts: &Facts, id: &str) -> Value {
    json!({ "id": id, "name": "web", "autoDeploy": if facts.auto_deploy { "yes" } else { "no" }, "branch": "main", "type": "web_service" })
}

async fn service(State(fake): State<Render>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut facts = fake.0.lock().unwrap();
    match asked(&mut facts, &headers, format!("GET {id}")) {
        Ok(()) => Json(shown(&facts, &id)).into_response(),
        Err(no) => no,
    }
}

async fn change(State(fake): State<Render>, Path(id): Path<String>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut facts = fake.0.lock().unwrap();
    if let Err(no) = asked(&mut facts, &headers, format!("PATCH {id} {body}")) {
        return no;
    }
    if facts.stubborn {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": "try later" }))).into_response();
    }
    facts.auto_deploy = body["autoDeploy"] == "yes";
    Json(shown(&facts, &id)).into_response()
}

async fn deploys(State(fake): State<Render>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut facts = fake.0.lock().unwrap();
    match asked(&mut facts, &headers, format!("GET {id}/deploys")) {
        Ok(()) => Json(facts.deploys.iter().map(|deploy| json!({ "cursor": "c", "deploy": deploy })).collect::<Vec<_>>()).into_response(),
        Err(no) => no,
    }
}

async fn rollback(State(fake): State<Render>, Path(id): Path<String>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut facts = fake.0.lock().unwrap();
    if let Err(no) = asked(&mut facts, &headers, format!("POST {id}/rollback {body}")) {
        return no;
    }
    let Some(old) = facts.deploys.iter().find(|deploy| deploy["id"] == body["deployId"]).cloned() else {
        return (StatusCode::NOT_FOUND, Json(json!({ "message": "deploy not found" }))).into_response();
    };
    let new = json!({ "id": "dep-back", "status": "created", "trigger": "rollback", "commit": old["commit"], "createdAt": "2026-11-22T12:00:00Z" });
    facts.deploys.insert(0, new.clone());
    (StatusCode::CREATED, Json(new)).into_response()
}
