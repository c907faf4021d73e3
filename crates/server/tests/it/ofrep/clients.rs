//! The clients that applications really use, pinned in `crates/server/tests/clients`: OpenFeature's providers for Node, for Python, and for
//! browsers, the last one in Chromium on a page of another origin.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{ALL, change, flag};
use crate::support::World;

const PATIENCE: Duration = Duration::from_secs(60);

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; run cargo xtask test")).into()
}

/// A client in a process of its own: a line of JSON in, a line of JSON out.
struct Driver {
    child: Child,
    questions: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    events: Vec<Value>,
}

impl Driver {
    async fn start(command: &mut Command, world: &World, token: &str) -> Self {
        command.env("OFREP_ENDPOINT", &world.url).env("TOKEN", token).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut driver = Self { child, questions, lines: BufReader::new(answers).lines(), events: Vec::new() };
        assert_eq!(driver.line().await, json!({ "ready": true }));
        driver
    }

    async fn node(script: &str, world: &World, token: &str) -> Self {
        let mut command = Command::new(variable("QD_TEST_NODE"));
        Self::start(command.arg(variable("QD_TEST_CLIENTS_NODE").join(script)), world, token).await
    }

    async fn python(world: &World, token: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python/server.py");
        Self::start(Command::new(variable("QD_TEST_CLIENTS_PYTHON")).arg(script), world, token).await
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("a line within a minute").unwrap();
        serde_json::from_str(&line.expect("the client ended")).unwrap()
    }

    /// Asks, and gives the answer; what happens meanwhile is kept.
    async fn ask(&mut self, question: Value) -> Value {
        self.questions.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        loop {
            let line = self.line().await;
            assert!(line.get("fault").is_none(), "{question}: {line}");
            match line.get("event") {
                Some(_) => self.events.push(line),
                None => return line,
            }
        }
    }

    /// The next event of that name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(place) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(place);
            }
            let line = self.line().await;
            assert!(line.get("event").is_some(), "nobody asked: {line}");
            self.events.push(line);
        }
    }

    /// Lets it end by itself.
    async fn finish(mut self) {
        drop(self.questions);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        assert!(ended.success(), "{ended}");
    }
}

/// The flags that all three clients ask for.
async fn shop(world: &World) {
    let gold = json!([{ "conditions": [{ "attribute": "plan", "operator": "eq", "value": "gold" }], "variant": "on" }]);
    flag(world, "new-checkout", json!({})).await;
    flag(world, "headline", json!({ "kind": "STRING", "variants": [{ "name": "summer", "value": "Sun ☀" }] })).await;
    flag(world, "page-size", json!({ "kind": "NUMBER", "variants": [{ "name": "many", "value": 48 }] })).await;
    flag(world, "discount", json!({ "kind": "NUMBER", "variants": [{ "name": "none", "value": 0.0 }] })).await;
    flag(world, "theme", json!({ "kind": "JSON", "variants": [{ "name": "dark", "value": { "background": "#111", "depth": 2 } }] })).await;
    flag(world, "lounge", json!({ "rolloutPercentage": 0, "rules": gold })).await;
    flag(world, "half", json!({ "rolloutPercentage": 50 })).await;
    flag(world, "retired", json!({ "kind": "STRING", "enabled": false, "variants": [{ "name": "a", "value": "x" }], "offVariant": null })).await;
}

async fn token(world: &World) -> String {
    let token = app::features::identity::create_token(&world.app, "shop", vec!["flags:read".into()], 1).await.unwrap();
    token.expose().to_owned()
}

fn assert_says(answer: &Value, expected: Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(answer.get(name).unwrap_or(&Value::Null), value, "{name} of {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_NODE and QD_TEST_CLIENTS_NODE; cargo xtask test sets them"]
async fn the_server_provider_of_node() {
    let world = World::sqlite().await;
    shop(&world).await;
    let mut node = Driver::node("server.mjs", &world, &token(&world).await).await;
    let ask = |kind: &str, key: &str, fallback: Value| json!({ "ask": kind, "key": key, "fallback": fallback, "context": { "plan": "gold" } });
    let good = node.ask(ask("boolean", "new-checkout", json!(false))).await;
    assert_says(&good, json!({ "value": true, "variant": "on", "reason": "STATIC", "errorCode": null }));
    assert_says(&node.ask(ask("string", "headline", json!("-"))).await, json!({ "value": "Sun ☀", "variant": "summer" }));
    assert_says(&node.ask(ask("number", "page-size", json!(1))).await, json!({ "value": 48, "reason": "STATIC" }));
    assert_says(&node.ask(ask("number", "discount", json!(1))).await, json!({ "value": 0, "variant": "none" }));
    assert_says(&node.ask(ask("object", "theme", json!({}))).await, json!({ "value": { "background": "#111", "depth": 2 } }));
    assert_says(&node.ask(ask("boolean", "lounge", json!(false))).await, json!({ "value": true, "reason": "TARGETING_MATCH" }));
    assert_says(&node.ask(ask("boolean", "ops.read_only", json!(true))).await, json!({ "value": false, "variant": "off" }));
    assert_says(&node.ask(ask("boolean", "half", json!(true))).await, json!({ "value": true, "errorCode": "TARGETING_KEY_MISSING" }));
    assert_says(&node.ask(ask("string", "new-checkout", json!("-"))).await, json!({ "value": "-", "errorCode": "TYPE_MISMATCH" }));
    assert_says(&node.ask(ask("boolean", "no-such-flag", json!(true))).await, json!({ "value": true, "errorCode": "FLAG_NOT_FOUND" }));
    // This version of the provider knows no flag without a value; the application's own default is served all the same.
    assert_says(&node.ask(ask("string", "retired", json!("own"))).await, json!({ "value": "own" }));
    let split = json!({ "ask": "boolean", "key": "half", "fallback": false, "context": { "targetingKey": "customer-1" } });
    assert_says(&node.ask(split).await, json!({ "reason": "SPLIT", "errorCode": null }));
    node.finish().await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CLIENTS_PYTHON; cargo xtask test sets it"]
async fn the_provider_of_python() {
    let world = World::sqlite().await;
    shop(&world).await;
    let mut python = Driver::python(&world, &token(&world).await).await;
    let ask = |kind: &str, key: &str, fallback: Value| json!({ "ask": kind, "key": key, "fallback": fallback, "context": { "plan": "gold" } });
    let good = python.ask(ask("boolean", "new-checkout", json!(false))).await;
    assert_says(&good, json!({ "value": true, "variant": "on", "reason": "STATIC", "errorCode": null }));
    assert_says(&python.ask(ask("string", "headline", json!("-"))).await, json!({ "value": "Sun ☀", "errorCode": null }));
    assert_says(&python.ask(ask("integer", "page-size", json!(1))).await, json!({ "value": 48, "errorCode": null }));
    // 0.0 must not become 0 on its way: this client tells them apart.
    assert_says(&python.ask(ask("float", "discount", json!(1.5))).await, json!({ "value": 0.0, "errorCode": null }));
    assert_says(&python.ask(ask("float", "page-size", json!(1.5))).await, json!({ "value": 1.5, "errorCode": "TYPE_MISMATCH" }));
    assert_says(&python.ask(ask("object", "theme", json!({}))).await, json!({ "value": { "background": "#111", "depth": 2 } }));
    assert_says(&python.ask(ask("boolean", "lounge", json!(false))).await, json!({ "value": true, "reason": "TARGETING_MATCH" }));
    assert_says(&python.ask(ask("boolean", "half", json!(true))).await, json!({ "value": true, "errorCode": "TARGETING_KEY_MISSING" }));
    assert_says(&python.ask(ask("boolean", "no-such-flag", json!(true))).await, json!({ "value": true, "errorCode": "FLAG_NOT_FOUND" }));
    assert_says(&python.ask(ask("string", "retired", json!("own"))).await, json!({ "value": "own", "reason": "DISABLED", "errorCode": null }));
    python.finish().await;
    world.finish().await;
}

/// A client that may not ask, or too often, serves the application's own default and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CLIENTS_PYTHON; cargo xtask test sets it"]
async fn a_refused_client_serves_its_own_default() {
    let world = World::with(|config| config.flags.requests_per_second = 1).await;
    shop(&world).await;
    let question = json!({ "ask": "boolean", "key": "new-checkout", "fallback": false });
    let mut stranger = Driver::python(&world, "qd_unknown").await;
    assert_says(&stranger.ask(question.clone()).await, json!({ "value": false, "errorCode": "GENERAL", "errorMessage": "unauthorized" }));
    stranger.finish().await;
    let mut eager = Driver::python(&world, &token(&world).await).await;
    assert_says(&eager.ask(question.clone()).await, json!({ "value": true }));
    let mut told = Value::Null;
    for _ in 0..200 {
        told = eager.ask(question.clone()).await;
        if told["errorCode"] == "GENERAL" {
            break;
        }
    }
    let words = told["errorMessage"].as_str().unwrap_or_default();
    assert!(words.starts_with("Rate limited, retry after: ") || words.contains("TooManyRequests"), "{told}");
    eager.finish().await;
    world.finish().await;
}

fn of_browser(kind: &str, key: &str, fallback: Value) -> Value {
    json!({ "ask": "evaluate", "kind": kind, "key": key, "fallback": fallback })
}

async fn open_to_pages() -> World {
    let world = World::with(|config| config.flags.cors_origins = vec!["*".into()]).await;
    shop(&world).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CHROMIUM and QD_TEST_CLIENTS_NODE; cargo xtask test sets them"]
async fn the_web_provider_in_a_page_of_another_origin() {
    let world = open_to_pages().await;
    let mut web = Driver::node("web.mjs", &world, &token(&world).await).await;
    assert_ne!(web.ask(json!({ "ask": "origin" })).await["origin"], world.url);
    web.ask(json!({ "ask": "start", "context": { "targetingKey": "customer-1", "plan": "free" } })).await;
    web.event("ready").await;
    assert_says(&web.ask(of_browser("boolean", "new-checkout", json!(false))).await, json!({ "value": true, "variant": "on", "reason": "STATIC" }));
    assert_says(&web.ask(of_browser("string", "headline", json!("-"))).await, json!({ "value": "Sun ☀", "reason": "STATIC" }));
    assert_says(&web.ask(of_browser("object", "theme", json!({}))).await, json!({ "value": { "background": "#111", "depth": 2 } }));
    assert_says(&web.ask(of_browser("boolean", "half", json!(false))).await, json!({ "reason": "SPLIT" }));
    assert_says(&web.ask(of_browser("string", "retired", json!("own"))).await, json!({ "value": "own", "reason": "DISABLED" }));
    assert_says(&web.ask(of_browser("boolean", "no-such-flag", json!(true))).await, json!({ "value": true, "errorCode": "FLAG_NOT_FOUND" }));
    assert_says(&web.ask(of_browser("boolean", "lounge", json!(false))).await, json!({ "value": false }));
    // The provider keeps its tag here: a tag of the configuration alone would answer 304.
    web.ask(json!({ "ask": "context", "context": { "targetingKey": "customer-1", "plan": "gold" } })).await;
    assert_says(&web.ask(of_browser("boolean", "lounge", json!(false))).await, json!({ "value": true, "reason": "TARGETING_MATCH" }));
    web.ask(json!({ "ask": "context", "context": { "plan": "gold" } })).await;
    assert_says(&web.ask(of_browser("boolean", "half", json!(true))).await, json!({ "value": true, "errorCode": "TARGETING_KEY_MISSING" }));
    web.finish().await;
    world.finish().await;
}

/// A switch in the control center reaches a page within a second: by an event, without polling.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CHROMIUM and QD_TEST_CLIENTS_NODE; cargo xtask test sets them"]
async fn a_page_hears_of_a_change_within_a_second() {
    let world = open_to_pages().await;
    let mut web = Driver::node("web.mjs", &world, &token(&world).await).await;
    web.ask(json!({ "ask": "start", "context": { "targetingKey": "customer-1" } })).await;
    crate::support::until("the page listens", || async { world.app.state::<app::features::flags::ofrep::Ofrep>().unwrap().listeners() == 1 }).await;
    web.ask(json!({ "ask": "requests" })).await;
    let mut took = Vec::new();
    for enabled in [false, true, false] {
        let began = Instant::now();
        change(&world, "new-checkout", json!({ "enabled": enabled })).await;
        let event = web.event("changed").await;
        took.push(began.elapsed());
        assert_eq!(event["flags"], json!(["new-checkout"]));
        assert_says(&web.ask(of_browser("boolean", "new-checkout", json!(false))).await, json!({ "variant": if enabled { "on" } else { "off" } }));
    }
    assert!(took.iter().min().unwrap() < &Duration::from_secs(1), "{took:?}");
    let requests = web.ask(json!({ "ask": "requests" })).await;
    let asked: Vec<&Value> = requests["requests"].as_array().unwrap().iter().filter(|request| request["method"] != "OPTIONS").collect();
    assert_eq!(asked.len(), took.len(), "one request for each event, and no other: {asked:?}");
    assert!(
        asked.iter().all(|request| request["path"] == ALL && request["query"] == json!(["flagConfigEtag", "flagConfigLastModified"])),
        "{asked:?}"
    );
    web.finish().await;
    world.finish().await;
}

/// What is not configured stays closed: the browser itself keeps the page from reading anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_CHROMIUM and QD_TEST_CLIENTS_NODE; cargo xtask test sets them"]
async fn a_page_of_an_origin_that_is_not_configured_reads_nothing() {
    let world = World::with(|config| config.flags.cors_origins = vec!["https://shop.example".into()]).await;
    let token = token(&world).await;
    let mut web = Driver::node("web.mjs", &world, &token).await;
    let options =
        json!({ "method": "POST", "headers": { "authorization": format!("Bearer {token}"), "content-type": "application/json" }, "body": "{}" });
    let answer = web.ask(json!({ "ask": "fetch", "url": format!("{}{ALL}", world.url), "options": options })).await;
    assert!(answer["refused"].as_str().is_some_and(|text| text.contains("Failed to fetch")), "{answer}");
    web.finish().await;
    world.finish().await;
}
