//! OTLP/HTTP as clients speak it, against the running program, down to the pages.

use std::io::Write;

use engine::{Db, DbOptions, args};
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use reqwest::{Body, Method, Response};
use server::wiring;

use crate::both;
use crate::support::{Client, World, until};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(Value::StringValue(value.into())) }), ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![text("service.name", "shop web")], ..Resource::default() })
}

fn nanos(world: &World, ago_seconds: i64) -> u64 {
    u64::try_from(world.app.now().plus_seconds(-ago_seconds).0).unwrap() * 1_000
}

/// An export of spans of `GET {route}`, each of `millis`, that ended so long ago.
fn spans(world: &World, route: &str, count: usize, millis: u64, failed: bool, ago_seconds: i64) -> Vec<u8> {
    let end = nanos(world, ago_seconds);
    let span = Span {
        trace_id: vec![0x5b; 16],
        span_id: vec![0xee; 8],
        name: format!("GET {route}"),
        kind: 2,
        start_time_unix_nano: end - millis * 1_000_000,
        end_time_unix_nano: end,
        attributes: vec![text("http.route", route), text("http.request.method", "GET")],
        status: failed.then(|| Status { code: 2, message: "broken".into() }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span; count], ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

fn record(world: &World, severity: i32, body: &str) -> Vec<u8> {
    let record = LogRecord {
        time_unix_nano: nanos(world, 1),
        severity_number: severity,
        body: Some(AnyValue { value: Some(Value::StringValue(body.into())) }),
        attributes: vec![text("session_token", "hush")],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }] }.encode_to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn post(client: &Client, path: &str, kind: &str, body: impl Into<Body>) -> Response {
    client.request(Method::POST, path).header("content-type", kind).body(body).send().await.unwrap()
}

/// Status, media type, body.
async fn parts(response: Response) -> (u16, String, Vec<u8>) {
    let kind = response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status().as_u16(), kind, response.bytes().await.unwrap().to_vec())
}

/// Stored requests, read by a connection of its own.
async fn stored(world: &World) -> i64 {
    let db = Db::open(&wiring::own_database(&world.app.config), DbOptions { read_only: true, ..DbOptions::default() }).await.unwrap();
    let sql = "SELECT CAST(coalesce(sum(requests), 0) AS BIGINT) FROM endpoint_rollup WHERE grain = 2";
    let (count,) = db.one::<(i64,)>(sql, args![]).await.unwrap();
    db.close().await;
    count
}

async fn every_way_of_sending_is_durable_when_answered(world: &World) {
    let machine = world.machine(&["ingest"]).await;
    let body = spans(world, "/cart", 3, 40, false, 2);
    assert_eq!(parts(post(&machine, "/v1/traces", PROTOBUF, body.clone()).await).await, (200, PROTOBUF.into(), vec![]));
    assert_eq!(stored(world).await, 3);
    let packed = machine.request(Method::POST, "/v1/traces").header("content-type", PROTOBUF).header("content-encoding", "gzip");
    assert_eq!(parts(packed.body(gzip(&body)).send().await.unwrap()).await, (200, PROTOBUF.into(), vec![]));
    assert_eq!(stored(world).await, 6);
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = body.chunks(50).map(|piece| Ok(piece.to_vec())).collect();
    let streamed = Body::wrap_stream(futures::stream::iter(pieces));
    assert_eq!(parts(post(&machine, "/v1/traces", PROTOBUF, streamed).await).await.0, 200);
    assert_eq!(stored(world).await, 9);
    let json = serde_json::json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "GET /x/1", "kind": 2,
        "startTimeUnixNano": (nanos(world, 2) - 5_000_000).to_string(), "endTimeUnixNano": nanos(world, 2)}]}]}]});
    let answer = parts(post(&machine, "/v1/traces", "application/json; charset=utf-8", json.to_string()).await).await;
    assert_eq!(answer, (200, JSON.into(), b"{}".to_vec()));
    assert_eq!(stored(world).await, 10);
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        assert_eq!(parts(post(&machine, path, PROTOBUF, vec![]).await).await, (200, PROTOBUF.into(), vec![]), "{path}");
        assert_eq!(parts(post(&machine, path, JSON, "{}").await).await, (200, JSON.into(), b"{}".to_vec()), "{path}");
    }
}

async fn what_is_not_stored_is_said(world: &World) {
    let machine = world.machine(&["ingest"]).await;
    let old = parts(post(&machine, "/v1/traces", PROTOBUF, spans(world, "/a", 2, 5, false, 90_000)).await).await;
    let partial = ExportTraceServiceResponse::decode(old.2.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!((old.0, partial.rejected_spans), (200, 2));
    assert!(partial.error_message.contains("too old"));
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":1},{"asInt":"2"}]}}]}]}]}"#;
    let answer = parts(post(&machine, "/v1/metrics", JSON, metrics).await).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer.2).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "2");
    let none = parts(post(&machine, "/v1/metrics", PROTOBUF, vec![]).await).await;
    assert_eq!(ExportMetricsServiceResponse::decode(none.2.as_slice()).unwrap().partial_success, None);
}

async fn only_tokens_with_the_scope_may_send(world: &World) {
    let body = spans(world, "/a", 1, 5, false, 1);
    let strangers = [(world.anonymous(), 401), (world.anonymous().bearer("qd_nonsense"), 401), (world.machine(&["flags:read"]).await, 403)];
    for (client, status) in strangers {
        for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
            assert_eq!(post(&client, path, PROTOBUF, body.clone()).await.status().as_u16(), status, "{path}");
        }
    }
    let boss = world.super_admin().await;
    assert_eq!(post(&boss, "/v1/traces", PROTOBUF, body).await.status().as_u16(), 403);
    assert_eq!(stored(world).await, 0);
}

async fn bad_requests_get_a_status_in_their_encoding(world: &World) {
    let machine = world.machine(&["ingest"]).await;
    let (status, kind, body) = parts(post(&machine, "/v1/traces", JSON, r#"{"resourceSpans":7}"#).await).await;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, kind.as_str(), &body["code"]), (400, JSON, &serde_json::json!(3)));
    let (status, kind, body) = parts(post(&machine, "/v1/logs", PROTOBUF, "hello").await).await;
    assert_eq!((status, kind.as_str(), body.starts_with(&[8, 3, 18])), (400, PROTOBUF, true));
    assert_eq!(post(&machine, "/v1/traces", "text/plain", "{}").await.status().as_u16(), 415);
    let zstd = machine.request(Method::POST, "/v1/traces").header("content-type", PROTOBUF).header("content-encoding", "zstd");
    assert_eq!(zstd.body("x").send().await.unwrap().status().as_u16(), 415);
    let broken = machine.request(Method::POST, "/v1/traces").header("content-type", PROTOBUF).header("content-encoding", "gzip");
    assert_eq!(broken.body("not gzip").send().await.unwrap().status().as_u16(), 400);
    assert_eq!(machine.get("/v1/traces").await.status.as_u16(), 405);
}

async fn figures_and_records_reach_the_pages(world: &World) {
    let machine = world.machine(&["ingest"]).await;
    for (route, count, millis, failed) in [("/fast", 60, 20, false), ("/slow", 30, 1_500, false), ("/pay", 10, 90, true)] {
        post(&machine, "/v1/traces", PROTOBUF, spans(world, route, count, millis, failed, 1)).await.error_for_status().unwrap();
    }
    post(&machine, "/v1/logs", PROTOBUF, record(world, 17, "card <b>declined</b> password=hunter2")).await.error_for_status().unwrap();
    let staff = world.staff().await;
    // The last hour is ranked in the background: it may have been ranked just before.
    staff.post("/api/admin/ops/health/refresh", serde_json::json!({})).await.expect(200);
    let slow = staff.get("/api/admin/ops/logs/slow-endpoints?timeframe=1h").await.expect(200).json();
    assert_eq!(slow["endpoints"][0]["route"], "/slow");
    assert_eq!((&slow["endpoints"][0]["requestCount"], &slow["total"]), (&serde_json::json!(30), &serde_json::json!(3)));
    let service = staff.get("/api/admin/ops/services/shop%20web").await.expect(200).json();
    assert_eq!((&service["window"]["count"], &service["window"]["errorRate"]), (&serde_json::json!(100), &serde_json::json!(10.0)));
    let records = staff.get("/api/admin/ops/logs/records?severity=WARN").await.expect(200).json();
    assert_eq!(records["records"][0]["body"], "card <b>declined</b> password=[redacted]");
    assert_eq!(records["records"][0]["attributes"]["session_token"], "[redacted]");
    assert!(staff.get("/health").await.expect(200).text.contains("The slowest 3 by p95, last 1 h, measured "));
    for path in ["/logs/slow-endpoints", "/services/shop%20web?timeframe=24h", "/logs/records?service=shop+web", "/logs/records?text=nothing"] {
        let page = staff.get(path).await.expect(200).text;
        assert!(page.contains("<h1") && !page.contains("<b>declined") && !page.contains("hunter2"), "{path}");
    }
    for path in ["/logs/slow-endpoints?timeframe=2h", "/logs/records?severity=loud"] {
        staff.get(&format!("/api/admin/ops{path}")).await.expect(422);
    }
    staff.get("/api/admin/ops/services/nobody").await.expect(404);
    world.auditor().await.get("/api/admin/ops/logs/records").await.expect(403);
    until("the API card reads the slow route", || async {
        world
            .app
            .board
            .get("api.p95", world.app.now())
            .is_some_and(|reading| reading.reason.is_some_and(|reason| reason.contains("GET /slow of shop web")))
    })
    .await;
}

both!(
    every_way_of_sending_is_durable_when_answered,
    what_is_not_stored_is_said,
    only_tokens_with_the_scope_may_send,
    bad_requests_get_a_status_in_their_encoding,
    figures_and_records_reach_the_pages,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_refused_before_and_after_unpacking() {
    let world = World::with(|config| config.telemetry.max_body_mib = 1).await;
    let machine = world.machine(&["ingest"]).await;
    let bomb = gzip(&vec![0; 32 << 20]);
    let packed = machine.request(Method::POST, "/v1/logs").header("content-type", JSON).header("content-encoding", "gzip");
    let (status, kind, body) = parts(packed.body(bomb).send().await.unwrap()).await;
    assert_eq!((status, kind.as_str()), (413, JSON));
    assert!(String::from_utf8(body).unwrap().contains("after decompression"));
    let pieces = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8_192])).take(129);
    let streamed = post(&machine, "/v1/traces", JSON, Body::wrap_stream(futures::stream::iter(pieces))).await;
    assert_eq!(streamed.status().as_u16(), 413);
    // Many empty items are cheap: every one is told to have no end.
    let many = [r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#, &r#"{"kind":2},"#.repeat(80_000), r#"{"kind":2}]}]}]}"#].concat();
    let (status, _, body) = parts(post(&machine, "/v1/traces", JSON, many).await).await;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["partialSuccess"]["rejectedSpans"]), (200, &serde_json::json!("80001")));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_when_to_come_back() {
    let world = World::with(|config| config.telemetry.queue = 1).await;
    let mut machines = Vec::new();
    for _ in 0..6 {
        let machine = world.machine(&["ingest"]).await;
        // The first use of a token is written down, which would wait for the writer, too.
        post(&machine, "/v1/traces", JSON, "{}").await.error_for_status().unwrap();
        machines.push(machine);
    }
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (holding, held) = tokio::sync::oneshot::channel::<()>();
    let db = world.app.db.clone();
    // The one writer of the database waits, so that ingest cannot commit.
    let hold = tokio::spawn(async move {
        db.write(move |_| {
            Box::pin(async move {
                let _ = holding.send(());
                let _ = released.await;
                Ok(())
            })
        })
        .await
    });
    held.await.unwrap();
    let (answers, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    for machine in machines {
        let (answers, body) = (answers.clone(), spans(&world, "/a", 1, 5, false, 1));
        tokio::spawn(async move { answers.send(post(&machine, "/v1/traces", PROTOBUF, body).await) });
    }
    let refused = arrived.recv().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().get("retry-after").unwrap().to_str().unwrap()), (503, "1"));
    release.send(()).unwrap();
    hold.await.unwrap().unwrap();
    let mut good = 0;
    for _ in 0..5 {
        good += i64::from(arrived.recv().await.unwrap().status().is_success());
    }
    assert!(good >= 1);
    assert_eq!(stored(&world).await, good);
    world.finish().await;
}

/// The program as a process of its own, which can be killed.
struct Process {
    child: std::process::Child,
    client: Client,
}

impl Process {
    async fn start(directory: &std::path::Path, token: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = program(directory).env("QD_SERVER__LISTEN", format!("127.0.0.1:{port}")).arg("serve").spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        until("the program answers", || async { http.get(format!("{url}/livez")).send().await.is_ok() }).await;
        Self { child, client: Client::new(&url).bearer(token) }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn program(directory: &std::path::Path) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
    program.env("QD_STORAGE__DATA_DIR", directory).current_dir(directory.parent().unwrap()).stdout(std::process::Stdio::null());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("data");
    let made =
        program(&directory).args(["token", "create", "--name", "t", "--scope", "ingest"]).stdout(std::process::Stdio::piped()).output().unwrap();
    let printed = String::from_utf8(made.stdout).unwrap();
    let token = printed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').find(|word| word.starts_with("qd_")).unwrap().to_owned();
    let world = World::sqlite().await;
    let (mut acknowledged, mut sent) = (0, 0);
    for _ in 0..2 {
        let process = Process::start(&directory, &token).await;
        let body = spans(&world, "/a", 7, 5, false, 1);
        for _ in 0..20 {
            post(&process.client, "/v1/traces", PROTOBUF, body.clone()).await.error_for_status().unwrap();
            (acknowledged, sent) = (acknowledged + 7, sent + 7);
        }
        // One more is under way when the process dies: it may or may not be stored.
        let last = process.client.request(Method::POST, "/v1/traces").header("content-type", PROTOBUF).body(body).send();
        let last = tokio::spawn(last);
        sent += 7;
        process.kill();
        acknowledged += i64::from(last.await.unwrap().is_ok_and(|answer| answer.status().is_success())) * 7;
    }
    let db = Db::open(&format!("sqlite:{}", directory.join("quarterdeck.db").display()), DbOptions::default()).await.unwrap();
    let (found,) = db.one::<(i64,)>("SELECT sum(requests) FROM endpoint_rollup WHERE grain = 2", args![]).await.unwrap();
    assert!((acknowledged..=sent).contains(&found), "{acknowledged} acknowledged, {found} stored, {sent} sent");
    db.close().await;
    world.finish().await;
}
