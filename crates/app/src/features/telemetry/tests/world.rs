//! An application with this feature alone, at a fixed time, on a fresh database.

use std::sync::Arc;

use engine::{Db, DbOptions};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use qd_core::audit::{Anchor, Signer};
use qd_core::config::Config;
use qd_core::event::Bus;
use qd_core::gate::Gate;
use qd_core::port::Ports;
use qd_core::reading::Board;
use qd_core::{App, AppParts, Clock, StateMap, Timestamp};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::features::telemetry::Telemetry;
use crate::features::telemetry::ingest::{Load, read_traces, run};
use crate::features::telemetry::otlp::{Encoding, Refusal};

/// The fixed time: a whole hour and a half minute.
pub const NOW: Timestamp = Timestamp(1_795_392_030_000_000);

pub struct World {
    pub app: App,
    url: String,
    dir: tempfile::TempDir,
    database: Option<(String, String)>,
}

impl World {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("telemetry.db").display());
        Self::open(url, dir, None, |_| ()).await
    }

    pub async fn sqlite_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("telemetry.db").display());
        Self::open(url, dir, None, change).await
    }

    pub async fn postgres() -> Self {
        let server = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("qd_telemetry_{}", Uuid::now_v7().simple());
        sql(&server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::open(format!("{base}/{name}"), tempfile::tempdir().unwrap(), Some((server, name)), |_| ()).await
    }

    async fn open(url: String, dir: tempfile::TempDir, database: Option<(String, String)>, change: impl FnOnce(&mut Config)) -> Self {
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_quarterdeck_migrations").await.unwrap();
        let mut config = Config::load(&dir.path().join("none.toml"), false, &[]).unwrap();
        change(&mut config);
        let app = assemble(db, config, &dir);
        Self { app, url, dir, database }
    }

    /// The same database, seen by a process that was started anew (or by a second one).
    pub async fn second(&self) -> App {
        let db = Db::open(&self.url, DbOptions::default()).await.unwrap();
        let app = assemble(db, self.app.config.clone(), &self.dir);
        start(&app);
        app
    }

    /// Starts the writer.
    pub fn start(&self) {
        start(&self.app);
    }

    pub fn at(&self, now: Timestamp) {
        self.app.clock.set(now);
    }

    pub async fn end(self) {
        self.app.db.close().await;
        if let Some((server, name)) = self.database {
            sql(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

fn assemble(db: Db, config: Config, dir: &tempfile::TempDir) -> App {
    let clock = Clock::fixed(NOW);
    let mut state = StateMap::default();
    (crate::features::telemetry::FEATURE.state)(&config, &mut state).unwrap();
    App::new(AppParts {
        gate: Gate::new(db.clone(), clock.clone()),
        board: Board::default(),
        bus: Bus::default(),
        published: qd_core::published::Published::new(crate::features().iter().filter_map(|feature| feature.published).collect()),
        keys: qd_core::keys::Keys::open(&dir.path().join("installation.key")).unwrap(),
        ports: Ports::default(),
        started: clock.now(),
        signer: Signer::open(&dir.path().join("audit.key"), "test").unwrap(),
        anchor: Anchor(dir.path().join("anchors.jsonl")),
        state,
        db,
        clock,
        config,
    })
}

fn start(app: &App) {
    tokio::spawn(run(app.clone()));
}

pub fn telemetry(app: &App) -> Arc<Telemetry> {
    app.state::<Telemetry>().unwrap()
}

/// Hands a load to the writer, as the route does once it has read it.
pub async fn submit(app: &App, load: Load) -> Result<(), Refusal> {
    let telemetry = telemetry(app);
    telemetry.submit(load, telemetry.some_room()).await
}

/// One request: a span's service, route, milliseconds, status and end.
#[derive(Clone, Copy)]
pub struct Hit {
    pub service: &'static str,
    pub route: &'static str,
    pub millis: u64,
    pub status: i64,
    pub end: Timestamp,
}

pub fn hit(route: &'static str, millis: u64) -> Hit {
    Hit { service: "web", route, millis, status: 200, end: NOW }
}

/// The bytes that an SDK would send.
pub fn otlp(hits: &[Hit]) -> Vec<u8> {
    let resource_spans = hits.chunk_by(|a, b| a.service == b.service).map(|hits| ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", hits[0].service)], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: hits.iter().map(span).collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

fn span(hit: &Hit) -> Span {
    let end = hit.end.0 as u64 * 1_000;
    Span {
        trace_id: Uuid::now_v7().as_bytes().to_vec(),
        span_id: vec![7; 8],
        name: format!("GET {}", hit.route),
        kind: 2,
        start_time_unix_nano: end - hit.millis * 1_000_000,
        end_time_unix_nano: end,
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", hit.route),
            text("url.scheme", "http"),
            text("server.address", "127.0.0.1"),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
            KeyValue {
                key: "http.response.status_code".into(),
                value: Some(AnyValue { value: Some(Value::IntValue(hit.status)) }),
                ..KeyValue::default()
            },
        ],
        ..Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(Value::StringValue(value.into())) }), ..KeyValue::default() }
}

/// The load of these requests, arriving at the application's time.
pub fn load(app: &App, hits: &[Hit]) -> Load {
    read_traces(Encoding::Protobuf, &otlp(hits), app.now()).unwrap()
}

pub async fn send(app: &App, hits: &[Hit]) {
    submit(app, load(app, hits)).await.unwrap();
}

async fn sql(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}
