//! Health: what is measured is true, what is not says so, and what breaks is seen, told and seen to recover.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use app::features::health;
use engine::job::{Enqueue, Job, JobError, RunInfo, Worker, enqueue};
use engine::{Db, DbOptions};
use qd_core::config::{QueueConfig, ServiceConfig};
use qd_core::reading::{Reading, Status};
use qd_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::both;
use crate::support::{Client, World, until};

const HEALTH: &str = "/api/admin/ops/health";

both!(nothing_connected_is_unknown_and_never_zero, the_page_says_the_state_in_words, measuring_again_is_limited);

async fn picture(client: &Client) -> Value {
    client.get(HEALTH).await.expect(200).json()
}

async fn nothing_connected_is_unknown_and_never_zero(world: &World) {
    let staff = world.staff().await;
    until("our own queue is counted", || async { picture(&staff).await["queue"]["totalJobs"]["value"].is_number() }).await;
    let seen = picture(&staff).await;
    for (part, figure) in [("api", "latencyP95"), ("api", "errorRate"), ("api", "throughput"), ("cache", "hitRate"), ("cache", "usedMemoryPercent")] {
        let found = &seen[part][figure];
        assert!(found["value"].is_null() && found["takenAt"].is_null(), "{part}.{figure}: {found}");
        assert_eq!(found["status"], "UNKNOWN");
        assert!(!found["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!((&seen["database"]["status"], &seen["email"]["status"]), (&"UNKNOWN".into(), &"UNKNOWN".into()));
    assert!(seen["database"]["summary"]["connections"]["value"].is_null());
    assert!(seen["database"]["reason"].as_str().unwrap().starts_with("Not connected"));
    assert_eq!(seen["queue"]["sources"][0]["name"], "quarterdeck");
    let own = seen["services"].as_array().unwrap().iter().find(|check| check["id"] == "quarterdeck-database").unwrap().clone();
    until("our own database is probed", || async { status_of(&picture(&staff).await, "quarterdeck-database") == "OK" }).await;
    assert_eq!(own["name"], "Quarterdeck database");
    let database = staff.get("/api/admin/ops/db/health").await.expect(200).json();
    assert_eq!(database["status"], "UNKNOWN");
    let queues = staff.get("/api/admin/ops/queues").await.expect(200).json();
    assert!(queues["health"]["totalQueues"].is_number() && queues["queues"].is_array());
}

fn status_of(seen: &Value, check: &str) -> String {
    let found = seen["services"].as_array().unwrap().iter().find(|service| service["id"] == check);
    found.map(|service| service["status"].as_str().unwrap().to_owned()).unwrap_or_default()
}

async fn the_page_says_the_state_in_words(world: &World) {
    let staff = world.staff().await;
    let page = staff.get("/health").await.expect(200).text;
    assert!(page.contains("4 sources are not connected: API, Database and 2 more."), "{page}");
    for name in ["API", "Queues", "Database", "Cache", "Email", "Incidents"] {
        assert!(page.contains(&format!(">{name}</")), "no dial {name}");
    }
    assert!(page.contains("Not connected: no cache.url is configured."));
    assert_eq!(page.matches("class=\"kpi\"").count(), 6);
    let strip = staff.get("/kpis").await.expect(200).text;
    assert!(strip.contains("id=\"kpis\""));
    let told = || async {
        let (html, json) = (staff.get("/kpis").await.expect(200).text, staff.get("/api/admin/ops/kpis").await.expect(200).json());
        json["figures"].as_array().unwrap().iter().all(|figure| html.contains(figure["note"].as_str().unwrap()))
    };
    until("people and clients are told the same", told).await;
    assert!(!strip.contains("last hour"), "a line says its own span");
    for path in ["/queues", "/health/database", "/health/cache", "/health/services", "/health/services/quarterdeck-database"] {
        staff.get(path).await.expect(200);
    }
    staff.get("/health/services/nosuch").await.expect(404);
    world.auditor().await.get(HEALTH).await.expect(403);
}

async fn measuring_again_is_limited(world: &World) {
    let staff = world.staff().await;
    let answer = staff.post("/api/admin/ops/health/refresh", serde_json::json!({})).await.expect(200).json();
    assert_eq!(answer["figures"].as_array().unwrap().len(), 6);
    assert!(answer["figures"][1]["value"].is_number(), "the queues were counted: {answer}");
    let again = staff.post("/api/admin/ops/health/refresh", serde_json::json!({})).await.expect(429);
    assert!(again.header("retry-after").is_some());
}

/// Asks for a measurement, as often as that is allowed.
async fn remeasured(world: &World, client: &Client) -> Value {
    // A refusal only says that the last measurement is fresh.
    let _limited = health::measure(&world.app).await;
    picture(client).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn troubles_of_our_own_are_told() {
    let world = World::sqlite().await;
    let staff = world.staff().await;
    assert_eq!(world.anonymous().get("/readyz").await.expect(200).json()["status"], "ready");
    let reading = Reading::measured(2.0, "", "Quarterdeck", world.app.now(), 0).judged(Status::Crit, || "The task \"x\" <ended>.".into());
    world.app.board.put("own.task.x", reading, world.app.now());
    let told = world.anonymous().get("/readyz").await.expect(200).json();
    assert_eq!((&told["status"], &told["detail"][0]), (&"degraded".into(), &"The task \"x\" <ended>.".into()));
    let page = staff.get("/incidents").await.expect(200).text;
    assert!(page.contains("A part of Quarterdeck itself fails") && page.contains("&lt;ended&gt;"), "{page}");
    world.app.board.forget("own.task.x");
    assert!(!staff.get("/incidents").await.expect(200).text.contains("itself fails"));
    world.finish().await;
}

/// A door in front of the suite's Redis that closes when it is dropped.
struct Door(u16, tokio::task::JoinHandle<()>);

impl Door {
    async fn open(port: u16) -> Self {
        let address = std::env::var("QD_TEST_REDIS").unwrap().trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = tokio::spawn(async move {
            loop {
                let (mut inside, _) = listener.accept().await.unwrap();
                let mut outside = tokio::net::TcpStream::connect(&address).await.unwrap();
                // An error is a closed connection.
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            }
        });
        Self(port, open)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.1.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn the_platforms_cache_is_measured_lost_and_found_again() {
    let door = Door::open(0).await;
    let port = door.0;
    let world = World::with(|config| config.cache.url = Secret::new(format!("redis://127.0.0.1:{port}/0"))).await;
    let staff = world.staff().await;
    let used = |seen: &Value| seen["cache"]["figures"].as_array().unwrap().iter().find(|figure| figure["key"] == "used_memory").cloned();
    until("it is measured", || async { used(&picture(&staff).await).is_some_and(|figure| figure["value"].is_number()) }).await;
    let seen = picture(&staff).await;
    assert_eq!(seen["cache"]["driver"], "Redis");
    let share = &seen["cache"]["usedMemoryPercent"];
    assert!(share["value"].is_number() || share["reason"].as_str().unwrap().contains("maxmemory"), "{share}");
    let page = staff.get("/health/cache").await.expect(200).text;
    for words in ["Used memory of maxmemory", "over 75 %", "over 90 %", "Redis, measured"] {
        assert!(page.contains(words), "{words} stands on the page");
    }
    assert!(staff.get("/health").await.expect(200).text.contains("href=\"/health/cache\""));

    drop(door);
    until("it is lost", || async { remeasured(&world, &staff).await["cache"]["reason"] == "Redis: Connection refused." }).await;
    let seen = picture(&staff).await;
    assert_eq!(seen["cache"]["status"], "UNKNOWN");
    let memory = used(&seen).unwrap();
    assert!(memory["value"].is_null() && memory["lastValue"].is_number(), "the last figure is kept, and does not count: {memory}");
    assert!(seen["summary"].as_str().unwrap().contains("Cache"), "{}", seen["summary"]);

    let door = Door::open(port).await;
    until("it is found again", || async { used(&remeasured(&world, &staff).await).is_some_and(|figure| figure["value"].is_number()) }).await;
    drop(door);
    world.finish().await;
}

async fn shop(path: &Path) -> Db {
    let db = Db::open(path.to_str().unwrap(), DbOptions::default()).await.unwrap();
    engine::migrate(&db).await.unwrap();
    db
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_database_is_measured_lost_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let url = path.to_str().unwrap().to_owned();
    // It is not there when the process starts.
    let world = World::with(|config| config.platform.database_url = Secret::new(url)).await;
    let staff = world.staff().await;
    until("the absence is told", || async { picture(&staff).await["database"]["reason"].as_str().unwrap().contains("There is no file") }).await;
    let away = picture(&staff).await;
    assert_eq!(away["database"]["status"], "UNKNOWN");
    assert!(!path.exists());

    let db = shop(&path).await;
    until("it is measured", || async { remeasured(&world, &staff).await["database"]["status"] == "OK" }).await;
    let there = picture(&staff).await;
    let figure = |key: &str| there["database"]["figures"].as_array().unwrap().iter().find(|figure| figure["key"] == key).unwrap().clone();
    assert!(figure("database_size")["value"].as_f64().unwrap() >= 4096.0);
    assert!(figure("cache_hit_ratio")["value"].is_null() && figure("cache_hit_ratio")["reason"].is_string());
    assert_eq!(there["database"]["driver"], "SQLite");
    db.close().await;

    for tail in ["", "-wal", "-shm"] {
        let _absent = std::fs::remove_file(directory.path().join(format!("shop.db{tail}")));
    }
    until("the loss is told", || async { remeasured(&world, &staff).await["database"]["status"] == "UNKNOWN" }).await;
    let lost = picture(&staff).await;
    let size = lost["database"]["figures"].as_array().unwrap().iter().find(|figure| figure["key"] == "database_size").unwrap().clone();
    assert!(size["value"].is_null() && size["lastValue"].is_number(), "the old figure is kept apart: {size}");
    until("its check fails", || async { status_of(&remeasured(&world, &staff).await, "platform-database") == "CRIT" }).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_postgres_platform_is_measured_by_its_own_statistics() {
    let url = crate::support::fresh_database().await;
    let world = World::with(|config| config.platform.database_url = Secret::new(url)).await;
    let staff = world.staff().await;
    until("it is measured", || async { remeasured(&world, &staff).await["database"]["summary"]["deadlocks"]["value"].is_number() }).await;
    let seen = picture(&staff).await;
    assert_eq!(seen["database"]["driver"], "Postgres");
    assert!(seen["database"]["summary"]["connections"]["value"].is_number());
    let slow = &seen["database"]["summary"]["slowQueries"];
    assert!(slow["value"].is_number() || slow["reason"].as_str().unwrap().contains("pg_stat_statements"), "{slow}");
    world.finish().await;
}

#[derive(Serialize, Deserialize)]
struct Errand;

impl Job for Errand {
    const NAME: &'static str = "errand";
    const QUEUE: &'static str = "email";
    type Context = ();

    async fn run(self, (): (), _run: RunInfo) -> Result<(), JobError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_critical_and_recovery_is_reachable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    let url = Secret::new(path.to_str().unwrap());
    let world =
        World::with(move |config| config.queues.push(QueueConfig { name: "shop".into(), driver: "embedded".into(), url, prefix: String::new() }))
            .await;
    let staff = world.staff().await;
    db.write(|tx| {
        Box::pin(async move {
            for _ in 0..101 {
                enqueue(tx, &Errand, Enqueue::default()).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    until("the backlog is seen", || async { picture(&staff).await["queue"]["status"] == "CRIT" }).await;
    let seen = staff.get("/api/admin/ops/queues").await.expect(200).json();
    let row = seen["queues"].as_array().unwrap().iter().find(|row| row["source"] == "shop").unwrap().clone();
    assert_eq!((&row["name"], &row["waiting"], &row["status"]), (&"email".into(), &101.into(), &"CRIT".into()));
    assert!(row["avgWaitTime"].is_null(), "no job has started");
    let own = seen["health"]["sources"].as_array().unwrap().iter().find(|source| source["name"] == "quarterdeck").unwrap().clone();
    assert_eq!(own["status"], "OK", "our own queue is told apart");

    let worker = Worker::new(db, ()).register::<Errand>().queue("email", 8).start().await.unwrap();
    until("it recovers", || async { picture(&staff).await["queue"]["status"] == "OK" }).await;
    assert_eq!(picture(&staff).await["queue"]["totalJobs"]["value"], 0.0, "now it is a measured zero");
    worker.stop().await;
    world.finish().await;
}

/// A service whose answer can be changed; 0 hangs up.
async fn service(status: Arc<AtomicU16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let status = status.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _read = stream.read(&mut request).await;
                if status > 0 {
                    let _sent = stream.write_all(format!("HTTP/1.1 {status} Test\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_fails_twice_is_down_told_once_and_recovers() {
    let answer = Arc::new(AtomicU16::new(200));
    let port = service(Arc::clone(&answer)).await;
    let probed =
        ServiceConfig { name: "Web shop".into(), url: format!("http://127.0.0.1:{port}/"), interval_seconds: 5, timeout_ms: 1_000, slow_ms: 900 };
    let world = World::with(|config| config.services.push(probed)).await;
    let mut heard = world.app.bus.listen();
    let staff = world.staff().await;
    until("it is up", || async { status_of(&picture(&staff).await, "web-shop") == "OK" }).await;

    answer.store(503, Ordering::SeqCst);
    until("one failure warns", || async { status_of(&picture(&staff).await, "web-shop") == "WARN" }).await;
    until("two are critical", || async { status_of(&picture(&staff).await, "web-shop") == "CRIT" }).await;
    let seen = picture(&staff).await;
    assert!(seen["summary"].as_str().unwrap().contains("Web shop is down."), "{}", seen["summary"]);
    let detail = staff.get("/api/admin/ops/health/services/web-shop").await.expect(200).json();
    assert_eq!(detail["reason"], "HTTP 503 Service Unavailable.");
    assert!(detail["latency"]["value"].is_null(), "a failure has no latency");
    assert_eq!(detail["minutes"].as_array().unwrap().len(), 90);
    assert!(detail["uptime90m"].as_f64().unwrap() < 100.0);

    answer.store(200, Ordering::SeqCst);
    until("it recovers", || async { status_of(&remeasured(&world, &staff).await, "web-shop") == "OK" }).await;
    let mut told = Vec::new();
    until("both turns are told", || {
        while let Ok(event) = heard.try_recv() {
            if event.name.starts_with("check.") && event.subject == "web-shop" {
                told.push(event.name);
            }
        }
        let both = told.len() == 2;
        async move { both }
    })
    .await;
    assert_eq!(told, ["check.failed", "check.recovered"]);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_is_quick_because_it_reads_memory_only() {
    let world = World::sqlite().await;
    let staff = world.staff().await;
    until("everything is sampled", || async { picture(&staff).await["queue"]["status"] == "OK" }).await;
    let started = std::time::Instant::now();
    for _ in 0..200 {
        let seen = health::overview(&world.app, world.app.now());
        assert_ne!(seen.queue.status, Status::Crit);
    }
    assert!(started.elapsed().as_millis() < 2_000, "200 pictures took {:?}", started.elapsed());
    world.finish().await;
}
