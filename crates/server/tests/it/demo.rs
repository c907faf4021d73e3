//! The demo as a person meets it: two real processes, started by the program itself.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Client, until_within};

const PROGRAM: &str = env!("CARGO_BIN_EXE_quarterdeck");

/// A running demo.
struct Demo {
    process: Child,
    facts: Value,
}

impl Demo {
    fn start(directory: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--json", "--port", "0", "--data-dir"]).arg(directory).args(more);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let facts = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the demo said: {line}"));
        Self { process, facts }
    }

    fn text(&self, key: &str) -> &str {
        self.facts[key].as_str().unwrap()
    }

    /// Signs in with the printed link, as a browser without script does.
    async fn sign_in(&self) -> Client {
        let client = Client::new(self.text("url"));
        let (_, ticket) = self.text("signin").split_once("?t=").unwrap();
        let page = client.get(&format!("/login/ticket?t={ticket}")).await.expect(200);
        assert!(page.text.contains("<form"), "a look at the link does not use it up");
        client.form("/login/ticket", &[("t", ticket)]).await.expect(303);
        client
    }

    fn shop_runs(&self) -> bool {
        Path::new(&format!("/proc/{}", self.facts["marketplacePid"])).exists()
    }

    /// Ctrl-C.
    fn interrupt(&mut self) -> Duration {
        let asked = Instant::now();
        assert!(Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        asked.elapsed()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn health(client: &Client) -> Value {
    client.get("/api/admin/ops/health").await.expect(200).json()
}

#[tokio::test]
async fn a_second_start_goes_on_and_ctrl_c_ends_both() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut first = Demo::start(&data, &["--no-traffic"]);
    let client = first.sign_in().await;
    client.post("/api/admin/ops/incidents", serde_json::json!({ "title": "Checkout is slow", "severity": "SEV3" })).await.expect(201);
    let (_, ticket) = first.text("signin").split_once("?t=").unwrap();
    Client::new(first.text("url")).form("/login/ticket", &[("t", ticket)]).await.expect(401);
    assert!(first.interrupt() < Duration::from_secs(5));
    assert!(!first.shop_runs(), "the marketplace ended as well");

    let mut second = Demo::start(&data, &["--no-traffic"]);
    let list = second.sign_in().await.get("/api/admin/ops/incidents").await.expect(200);
    assert!(list.text.contains("Checkout is slow"));
    second.interrupt();

    let mut anew = Demo::start(&data, &["--no-traffic", "--reset"]);
    let list = anew.sign_in().await.get("/api/admin/ops/incidents").await.expect(200);
    assert!(!list.text.contains("Checkout is slow"));
    anew.interrupt();
}

#[tokio::test]
async fn a_dead_marketplace_is_told_within_a_minute() {
    let directory = TempDir::new().unwrap();
    let mut demo = Demo::start(&directory.path().join("data"), &[]);
    let client = demo.sign_in().await;
    until_within(Duration::from_secs(60), "the API card measures", || async { health(&client).await["api"]["latencyP95"]["value"].is_number() })
        .await;
    assert!(Command::new("kill").args(["-KILL", &demo.facts["marketplacePid"].to_string()]).status().unwrap().success());
    until_within(Duration::from_secs(60), "API is STALE or CRIT, every service of the shop is CRIT", || async {
        let api = health(&client).await["api"]["status"].clone();
        let services = client.get("/api/admin/ops/services").await.expect(200).json();
        let shop: Vec<&Value> = services["services"].as_array().unwrap().iter().filter(|one| one["latency"]["source"] == "HTTP probe").collect();
        (api == "STALE" || api == "CRIT") && shop.len() == 3 && shop.iter().all(|one| one["status"] == "CRIT" && one["reason"].is_string())
    })
    .await;
    let after = health(&client).await;
    assert_eq!(after["database"]["status"], "OK", "its file is there and is measured: {}", after["database"]);
    let own = after["queue"]["sources"].as_array().unwrap().iter().find(|source| source["name"] == "quarterdeck").unwrap().clone();
    assert_eq!(own["status"], "OK", "our own queue is measured");
    assert!(after["cache"]["hitRate"]["value"].is_null(), "what is not connected is no zero");
    demo.interrupt();
}

#[tokio::test]
async fn a_bad_deploy_shows_on_the_api_card_within_a_minute() {
    let directory = TempDir::new().unwrap();
    let mut demo = Demo::start(&directory.path().join("data"), &["--scenario", "deploy-regression"]);
    let client = demo.sign_in().await;
    until_within(Duration::from_secs(60), "the API card is WARN or CRIT and names a route", || async {
        let api = health(&client).await["api"].clone();
        (api["status"] == "WARN" || api["status"] == "CRIT") && api["reason"].as_str().is_some_and(|reason| reason.contains('/'))
    })
    .await;
    demo.interrupt();
}

#[tokio::test]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn on_a_redis_the_cache_is_measured_and_the_queues_are_bullmqs() {
    let directory = TempDir::new().unwrap();
    let redis = std::env::var("QD_TEST_REDIS").unwrap();
    let mut demo = Demo::start(&directory.path().join("data"), &["--reset", "--no-traffic", "--scenario", "email-outage", "--redis", &redis]);
    let client = demo.sign_in().await;
    until_within(Duration::from_secs(20), "the Cache card is measured", || async {
        let cache = health(&client).await["cache"].clone();
        cache["driver"] == "Redis"
            && cache["figures"].as_array().unwrap().iter().any(|figure| figure["key"] == "used_memory" && figure["value"].is_number())
    })
    .await;
    until_within(Duration::from_secs(60), "letters that Node can't send show on BullMQ's queue", || async {
        let queue = health(&client).await["queue"].clone();
        let source = queue["sources"].as_array().unwrap().iter().find(|source| source["name"] == "marketplace").unwrap().clone();
        source["driver"] == "BullMQ"
            && (source["status"] == "WARN" || source["status"] == "CRIT")
            && source["reason"].as_str().is_some_and(|reason| reason.contains("email"))
    })
    .await;
    demo.interrupt();
}

#[tokio::test]
async fn a_mail_outage_shows_on_the_queues_before_letters_are_lost() {
    let directory = TempDir::new().unwrap();
    let mut demo = Demo::start(&directory.path().join("data"), &["--scenario", "email-outage", "--no-traffic"]);
    let client = demo.sign_in().await;
    until_within(Duration::from_secs(60), "the Queues card is WARN or CRIT and names the queue", || async {
        let queue = health(&client).await["queue"].clone();
        (queue["status"] == "WARN" || queue["status"] == "CRIT") && queue["reason"].as_str().is_some_and(|reason| reason.contains("email"))
    })
    .await;
    demo.interrupt();
}

#[tokio::test]
async fn the_shop_of_the_demo_obeys_without_a_restart() {
    let directory = TempDir::new().unwrap();
    let mut demo = Demo::start(&directory.path().join("data"), &["--no-traffic"]);
    let (client, shop) = (demo.sign_in().await, Client::new(demo.text("marketplace")));
    let alive = || async { client.get("/api/admin/ops/instances").await.expect(200).json()["alive"] == 1 };
    until_within(Duration::from_secs(20), "the shop says that it runs", alive).await;
    let flag = "/api/admin/ops/feature-flags/marketplace_v2";
    for (verb, body) in [("rollout", serde_json::json!({ "rolloutPercentage": 100 })), ("toggle", serde_json::json!({ "enabled": true }))] {
        let mut body = body;
        body["reason"] = "The new front is ready".into();
        client.post(&format!("{flag}/{verb}"), body).await.expect(200);
    }
    let renewed = || async { shop.get("/").await.expect(200).text.contains("What are you looking for?") };
    until_within(Duration::from_secs(1), "the new front", renewed).await;
    let on = serde_json::json!({ "type": "GLOBAL_READONLY", "enabled": true, "reason": "Moving to another host", "phrase": "ENABLE MAINTENANCE" });
    client.post("/api/admin/ops/maintenance/toggle", on).await.expect(200);
    let held = || async { shop.form("/cart", &[]).await.status == 503 };
    until_within(Duration::from_secs(1), "writes are refused", held).await;
    let pass = serde_json::json!({ "hours": 1, "note": "Check the checkout", "reason": "Check the checkout" });
    let pass = client.post("/api/admin/ops/maintenance/bypass", pass).await.expect(201).json();
    let passes = Client::new(demo.text("marketplace")).with(pass["header"].as_str().unwrap(), pass["token"].as_str().unwrap());
    assert!(passes.form("/cart", &[]).await.status != 503, "both sides know the secret");
    let running = client.get("/api/admin/ops/deployment/current").await.expect(200).text;
    assert!(running.contains("2.4.3"), "the release is known: {running}");
    assert!(demo.shop_runs(), "all in one process");
    demo.interrupt();
}

/// Each in one sentence that says what to do.
#[tokio::test]
async fn what_stops_a_start_is_said_in_one_sentence() {
    let directory = TempDir::new().unwrap();
    let said = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).current_dir(directory.path()).env_remove("QD_CONFIG").output().unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        text
    };
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port().to_string();
    assert!(said(&["demo", "--port", &taken]).contains("--port"));
    std::fs::write(directory.path().join("file"), "x").unwrap();
    assert!(said(&["demo", "--port", "0", "--data-dir", "file/data"]).contains("--data-dir"));
    assert!(said(&["demo", "--port", "0", "--scenario", "storm"]).contains("calm"));
    assert!(said(&["demo", "--port", "0", "--postgres", "postgres://postgres@127.0.0.1:1/postgres"]).contains("--postgres"));
    assert!(said(&["demo", "--port", "0", "--redis", "cache:6379"]).contains("--redis"));
    let data = directory.path().join("newer");
    Demo::start(&data, &["--no-traffic"]).interrupt();
    let config = config_of(&data);
    let db = engine::Db::open(&server::wiring::own_database(&config), engine::DbOptions::default()).await.unwrap();
    let newer = "INSERT INTO _quarterdeck_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)";
    db.write(move |tx| Box::pin(async move { tx.exec(newer, engine::args![]).await })).await.unwrap();
    db.close().await;
    assert!(said(&["demo", "--port", "0", "--data-dir", "newer"]).contains("newer Quarterdeck"));
}

fn config_of(data: &Path) -> qd_core::config::Config {
    let mut config = qd_core::config::Config::load(Path::new("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = data.to_owned();
    config
}

/// A command that reads makes no empty database and finds no order in it.
#[test]
fn there_is_nothing_to_verify_in_an_empty_directory() {
    let directory = TempDir::new().unwrap();
    let output = Command::new(PROGRAM).args(["audit", "verify"]).current_dir(directory.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("There is no database"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
