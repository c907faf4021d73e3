//! A server of OFREP, of the maintenance state, and for heartbeats. It can be stopped and started again on its port.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::Endpoint;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What the server answers, and what it was asked.
#[derive(Default)]
pub struct Scene {
    /// Values by flag; a string starting with `@` gives that attribute of the context.
    pub flags: BTreeMap<String, Value>,
    pub maintenance: Value,
    /// Status instead of an answer.
    pub status: Option<u16>,
    /// No streams are offered.
    pub streamless: bool,
    /// Requests hang.
    pub hang: bool,
    /// Requests by "METHOD path", with query.
    pub asked: HashMap<String, usize>,
    /// `Last-Event-ID` of every stream that was opened.
    pub resumed: Vec<Option<String>>,
    /// Bodies of heartbeats and deploys.
    pub told: Vec<Value>,
    pub authorized: bool,
}

pub struct Fake {
    pub scene: Arc<Mutex<Scene>>,
    revision: watch::Sender<i64>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Scene>>, watch::Sender<i64>);

impl Fake {
    pub async fn start() -> Self {
        let scene = Scene { maintenance: json!({ "revision": 1, "mode": "none", "blocksWrites": "none" }), ..Scene::default() };
        let scene = Arc::new(Mutex::new(scene));
        let mut fake = Self { scene, revision: watch::Sender::new(1), address: ([127, 0, 0, 1], 0).into(), runtime: None };
        fake.resume().await;
        fake
    }

    /// Serves again, on the same port. In a runtime of its own: all connections end with it.
    pub async fn resume(&mut self) {
        let listener = loop {
            match tokio::net::TcpListener::bind(self.address).await {
                Ok(listener) => break listener.into_std().unwrap(),
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.address = listener.local_addr().unwrap();
        let router = router(Shared(Arc::clone(&self.scene), self.revision.clone()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
        self.runtime = Some(runtime);
    }

    /// Nobody answers any more, and open connections break.
    pub async fn stop(&mut self) {
        self.end();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url()).unwrap().bearer("t0ken").unwrap()
    }

    /// Changes something and tells of it.
    pub fn change(&self, change: impl FnOnce(&mut Scene)) {
        let mut scene = self.scene.lock().unwrap();
        change(&mut scene);
        let next = *self.revision.borrow() + 1;
        scene.maintenance["revision"] = json!(next);
        drop(scene);
        self.revision.send_replace(next);
    }

    /// How often something was asked, by the beginning of "METHOD path".
    pub fn asked(&self, what: &str) -> usize {
        self.scene.lock().unwrap().asked.iter().filter(|(key, _)| key.starts_with(what)).map(|(_, count)| count).sum()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.end();
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/ofrep/v1/evaluate/flags", post(bulk))
        .route("/ofrep/v1/evaluate/flags/{key}", post(one))
        .route("/streams/flags", get(flag_events))
        .route("/api/v1/maintenance/state", get(state))
        .route("/api/v1/maintenance/events", get(state_events))
        .route("/api/v1/instances", post(told))
        .route("/api/admin/ops/deployments", post(told))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), count))
        .with_state(shared)
}

async fn count(State(Shared(scene, _)): State<Shared>, request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let (status, hang) = {
        let mut scene = scene.lock().unwrap();
        *scene.asked.entry(format!("{} {}", request.method(), request.uri())).or_default() += 1;
        scene.authorized = request.headers().get("authorization").is_some_and(|value| value == "Bearer t0ken");
        (scene.status, scene.hang)
    };
    if hang {
        std::future::pending::<()>().await;
    }
    match status {
        Some(status) => (StatusCode::from_u16(status).unwrap(), [("retry-after", "1")]).into_response(),
        None => next.run(request).await,
    }
}

fn evaluated(key: &str, scene: &Scene, body: &Value) -> Value {
    match scene.flags.get(key) {
        Some(Value::String(text)) if text.starts_with('@') => {
            json!({ "key": key, "value": body["context"][&text[1..]], "reason": "SPLIT", "variant": "it" })
        }
        Some(Value::Null) => json!({ "key": key, "reason": "DISABLED", "variant": "" }),
        Some(value) => json!({ "key": key, "value": value, "reason": "STATIC", "variant": "on" }),
        None => json!({ "key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": "no" }),
    }
}

async fn one(State(Shared(scene, _)): State<Shared>, Path(key): Path<String>, Json(body): Json<Value>) -> Response {
    assert!(body["context"].is_object());
    let answer = evaluated(&key, &scene.lock().unwrap(), &body);
    let status = if answer["errorCode"].is_null() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    (status, Json(answer)).into_response()
}

async fn bulk(State(Shared(scene, revision)): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let etag = format!("\"rev-{}\"", *revision.borrow());
    if headers.get("if-none-match").is_some_and(|given| given.to_str().unwrap() == etag) {
        return (StatusCode::NOT_MODIFIED, [("etag", etag)]).into_response();
    }
    let scene = scene.lock().unwrap();
    let flags: Vec<Value> = scene.flags.keys().map(|key| evaluated(key, &scene, &body)).collect();
    let mut answer = json!({ "flags": flags });
    if !scene.streamless {
        let later = json!({ "type": "carrier-pigeon", "url": "coop://1" });
        answer["eventStreams"] = json!([later, { "type": "sse", "endpoint": { "requestUri": "/streams/flags?token=1" }, "inactivityDelaySec": 120 }]);
    }
    ([("etag", etag)], Json(answer)).into_response()
}

fn resumed(scene: &Mutex<Scene>, headers: &HeaderMap) {
    let id = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
    scene.lock().unwrap().resumed.push(id);
}

async fn flag_events(State(Shared(scene, revision)): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    assert_eq!(query.as_deref(), Some("token=1"));
    resumed(&scene, &headers);
    stream(revision, &headers, |revision| {
        let data = json!({ "type": "refetchEvaluation", "etag": format!("\"rev-{revision}\""), "lastModified": 1_794_787_200 });
        Event::default().data(data.to_string()).id(revision.to_string())
    })
}

async fn state(State(Shared(scene, revision)): State<Shared>, headers: HeaderMap) -> Response {
    let etag = format!("\"rev-{}\"", *revision.borrow());
    if headers.get("if-none-match").is_some_and(|given| given.to_str().unwrap() == etag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([("etag", etag)], Json(scene.lock().unwrap().maintenance.clone())).into_response()
}

async fn state_events(State(Shared(scene, revision)): State<Shared>, headers: HeaderMap) -> Response {
    resumed(&scene, &headers);
    if scene.lock().unwrap().streamless {
        return StatusCode::NOT_FOUND.into_response();
    }
    stream(revision, &headers, move |revision| {
        let data = scene.lock().unwrap().maintenance.to_string();
        Event::default().event("state").data(data).id(revision.to_string())
    })
}

/// Whoever was away hears at once that something changed.
fn stream(revision: watch::Sender<i64>, headers: &HeaderMap, message: impl Fn(i64) -> Event + Send + 'static) -> Response {
    let mut news = revision.subscribe();
    let heard = headers.get("last-event-id").map(|id| id.to_str().unwrap().parse::<i64>().unwrap());
    if heard.is_some_and(|heard| heard != *revision.borrow()) {
        news.mark_changed();
    }
    let news = futures::stream::unfold((news, message), |(mut news, message)| async move {
        news.changed().await.ok()?;
        let revision = *news.borrow_and_update();
        Some((Ok::<_, Infallible>(message(revision)), (news, message)))
    });
    Sse::new(news).into_response()
}

async fn told(State(Shared(scene, revision)): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    scene.lock().unwrap().told.push(body);
    Json(json!({ "revision": *revision.borrow(), "fingerprintKey": "4a656665", "heartbeatSeconds": 300 }))
}

/// Waits until something holds; 10 s at most.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
