//! The marketplace as a process of its own: how it starts, what it says, how it ends, what it exports.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use marketplace::{MarketplaceOptions, run};
use opentelemetry_proto::tonic::collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::{resource::v1::Resource, trace::v1::Span};
use prost::Message;

use crate::support::{any_port, eventually};

const DIR: &str = "MARKET_TEST_DIR";
const LISTEN: &str = "MARKET_TEST_LISTEN";

/// Not a test of its own: the others start this binary again with a directory in the environment.
#[test]
fn process() {
    let (Ok(dir), Ok(listen)) = (std::env::var(DIR), std::env::var(LISTEN)) else { return };
    let url = std::env::var("MARKET_TEST_URL").unwrap_or_else(|_| format!("sqlite:{dir}/market.db"));
    let mut options = MarketplaceOptions::new(url, listen.parse().unwrap(), dir);
    options.traffic = std::env::var_os("MARKET_TEST_TRAFFIC").is_some();
    options.traffic_rate = 100.0;
    options.stop_on_stdin_eof = std::env::var_os("MARKET_TEST_STDIN").is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Err(error) = runtime.block_on(run(options)) {
        eprintln!("sentence: {error}");
        std::process::exit(3);
    }
    std::process::exit(0);
}

fn spawn(dir: &std::path::Path, listen: SocketAddr, more: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child::process", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env(LISTEN, listen.to_string()).env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    command.envs(more.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    std::net::TcpListener::bind(any_port()).unwrap().local_addr().unwrap()
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn stderr(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

async fn ready(address: SocketAddr) {
    eventually("a ready market", || async {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_told_or_left_alone() {
    for orphaned in [false, true] {
        let (dir, address) = (tempfile::tempdir().unwrap(), free());
        let more: &[_] = if orphaned { &[("MARKET_TEST_STDIN", "1"), ("MARKET_TEST_TRAFFIC", "1")] } else { &[] };
        let mut child = spawn(dir.path(), address, more);
        ready(address).await;
        let start = Instant::now();
        if orphaned {
            drop(child.stdin.take());
        } else {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        }
        assert_eq!(wait(&mut child).code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_in_one_sentence_why_not() {
    let (dir, address) = (tempfile::tempdir().unwrap(), free());
    let taken = std::net::TcpListener::bind(any_port()).unwrap();
    let mut child = spawn(dir.path(), taken.local_addr().unwrap(), &[]);
    assert_eq!(wait(&mut child).code(), Some(3));
    assert!(stderr(&mut child).contains("is taken by another program: stop it or choose another port"));

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut child = spawn(&file, address, &[]);
    assert_eq!(wait(&mut child).code(), Some(3));
    assert!(stderr(&mut child).contains("choose a directory that you may write to"));

    let url = format!("sqlite:{}", dir.path().join("newer.db").display());
    let db = engine::Db::open(&url, engine::DbOptions::default()).await.unwrap();
    marketplace::migrate(&db).await.unwrap();
    let newer =
        "INSERT INTO _marketplace_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, x'00', 0)";
    db.write(move |tx| Box::pin(async move { tx.exec(newer, engine::args![]).await })).await.unwrap();
    db.close().await;
    let mut child = spawn(dir.path(), address, &[("MARKET_TEST_URL", &url)]);
    assert_eq!(wait(&mut child).code(), Some(3));
    let text = stderr(&mut child);
    assert!(text.contains("migration 9999") && text.contains("install the newer program"), "{text}");
}

/// What a collector got.
#[derive(Default, Clone)]
struct Got {
    traces: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
    logs: Arc<Mutex<Vec<ExportLogsServiceRequest>>>,
}

impl Got {
    /// Every span with the headers and the resource that it came with.
    fn spans(&self) -> Vec<(HeaderMap, Resource, Span)> {
        let mut all = Vec::new();
        for (headers, request) in self.traces.lock().unwrap().iter() {
            for resource in &request.resource_spans {
                for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                    all.push((headers.clone(), resource.resource.clone().unwrap(), span.clone()));
                }
            }
        }
        all
    }

    /// Where log records came from.
    fn targets(&self) -> Vec<String> {
        let logs = self.logs.lock().unwrap();
        let scopes = logs.iter().flat_map(|logs| &logs.resource_logs).flat_map(|logs| &logs.scope_logs);
        scopes.map(|scope| scope.scope.as_ref().unwrap().name.clone()).collect()
    }
}

async fn collector() -> (SocketAddr, Got) {
    let got = Got::default();
    let traces = async |State(got): State<Got>, headers: HeaderMap, body: Bytes| {
        got.traces.lock().unwrap().push((headers, ExportTraceServiceRequest::decode(body).unwrap()));
    };
    let logs = async |State(got): State<Got>, body: Bytes| {
        got.logs.lock().unwrap().push(ExportLogsServiceRequest::decode(body).unwrap());
    };
    let router = Router::new().route("/v1/traces", post(traces)).route("/v1/logs", post(logs)).with_state(got.clone());
    let listener = tokio::net::TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, got)
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_exports_what_it_does_and_nothing_of_the_export() {
    let (sink, got) = collector().await;
    let (dir, address) = (tempfile::tempdir().unwrap(), free());
    let endpoint = format!("http://{sink}");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20qd_test"),
        ("OTEL_SERVICE_NAME", "fernmarket"),
        ("RUST_LOG", "trace"),
    ];
    let mut child = spawn(dir.path(), address, &variables);
    // Somebody must read what it logs.
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    ready(address).await;
    let start = Instant::now();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let client = reqwest::Client::new();
    client.get(format!("http://{address}/category/bakery")).header("traceparent", parent).send().await.unwrap();
    client.get(format!("http://{address}/product/none")).send().await.unwrap();
    let spans = || got.spans();
    let (headers, resource, span) =
        eventually("the span", || async { spans().into_iter().find(|(_, _, span)| span.name == "GET /category/{slug}") }).await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(headers["authorization"], "Bearer qd_test");
    assert_eq!(text(&resource.attributes, "service.name").as_deref(), Some("fernmarket"));
    let attribute = |key: &str| text(&span.attributes, key).unwrap_or_default();
    assert_eq!(attribute("http.request.method"), "GET");
    assert_eq!(attribute("http.route"), "/category/{slug}");
    assert_eq!(attribute("url.path"), "/category/bakery");
    assert_eq!(attribute("http.response.status_code"), "200");
    assert_eq!(span.kind, 2, "a server's span");
    assert_eq!(span.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    let missing = spans().into_iter().find(|(_, _, span)| span.name == "GET /product/{slug}").unwrap().2;
    assert_eq!(text(&missing.attributes, "http.response.status_code").as_deref(), Some("404"));
    // Four batches of two exporters later there is still nothing about exports.
    let already = got.traces.lock().unwrap().len();
    eventually("more exports", || async {
        client.get(format!("http://{address}/product/none")).send().await.unwrap();
        (got.traces.lock().unwrap().len() >= already + 4).then_some(())
    })
    .await;
    let names: Vec<_> = spans().into_iter().map(|(_, _, span)| span.name).collect();
    let ours = ["GET /category/{slug}", "GET /product/{slug}"];
    assert!(names.iter().all(|name| ours.contains(&name.as_str()) || name.contains('.')), "{names:?}");
    let targets = got.targets();
    assert!(!targets.is_empty());
    assert!(targets.iter().all(|name| name.starts_with("marketplace") || name.starts_with("engine")), "{targets:?}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(wait(&mut child).code(), Some(0));
}
