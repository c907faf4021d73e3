//! `kill -9` in the middle of a run.

use app::features::queues::run::{self, RunStatus};
use engine::args;
use qd_core::audit::{self, Filter};
use qd_core::config::Config;
use qd_core::gate::Role;
use qd_core::secret::Secret;
use qd_core::{App, Clock};
use serde_json::json;
use server::wiring;

use super::{API, Shop, over};
use crate::support::{Client, PASSWORD, email, until};

/// Ends the lease of the run's job.
const FREE: &str = "UPDATE job SET lease_until = 0 WHERE queue = 'queue-runs' AND state = 'active'";

/// The program as a process of its own, which can be killed.
struct Process {
    child: std::process::Child,
    admin: Client,
}

impl Process {
    async fn start(directory: &std::path::Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        program.env("QD_STORAGE__DATA_DIR", directory.join("data")).env("QD_SERVER__LISTEN", format!("127.0.0.1:{port}"));
        let child = program.current_dir(directory).arg("serve").stdout(std::process::Stdio::null()).spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        until("the program answers", || async { http.get(format!("{url}/livez")).send().await.is_ok() }).await;
        let admin = Client::new(&url);
        admin.sign_in(&email(Role::Admin), PASSWORD).await;
        Self { child, admin }
    }

    /// Starts a run over all failed mails.
    async fn begin(&self, rate: u32) -> uuid::Uuid {
        let body = json!({ "rate": rate, "reason": "the pager said so" });
        let begun = self.admin.post(&format!("{API}/queues/shop/mail/retry-all"), body).await.expect(201).json();
        uuid::Uuid::parse_str(begun["id"].as_str().unwrap()).unwrap()
    }

    /// As a deploy does.
    fn stop(mut self) {
        let asked = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success() && self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A shop whose mails have failed, and our own database with somebody who may retry them.
async fn prepared(directory: &std::path::Path, failed: i64) -> (Shop, App) {
    let url = format!("sqlite:{}", directory.join("shop.db").display());
    std::fs::write(directory.join("quarterdeck.toml"), format!("[[queues]]\nname = \"shop\"\ndriver = \"embedded\"\nurl = \"{url}\"\n")).unwrap();
    let shop = Shop::open(&url).await;
    shop.fill(failed).await;
    shop.until("all failed", |now| now.1 == failed).await;
    let mut config = Config::load(&directory.join("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = directory.join("data");
    let app = wiring::assemble(config, Clock::system()).await.unwrap();
    app::features::identity::create_admin(&app, &email(Role::Admin), "ADMIN", Role::Admin, Some(Secret::new(PASSWORD))).await.unwrap();
    (shop, app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_costs_a_run_no_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let (shop, app) = prepared(directory.path(), 600).await;
    let mut process = Process::start(directory.path()).await;
    let id = process.begin(50).await;
    for done in [50, 150] {
        until("it goes on", || async { run::find(&app, id).await.unwrap().done >= done }).await;
        process.stop();
        assert_eq!(run::find(&app, id).await.unwrap().status, RunStatus::Running);
        let job: Vec<(String, i64)> = app.db.all("SELECT state, attempts FROM job WHERE queue = 'queue-runs'", args![]).await.unwrap();
        assert_eq!(job, [("waiting".to_owned(), 0)]);
        process = Process::start(directory.path()).await;
    }
    until("it goes on again", || async { run::find(&app, id).await.unwrap().done >= 250 }).await;
    process.kill();
    shop.end().await;
    app.db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_after_its_process_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let (shop, app) = prepared(directory.path(), 900).await;
    let process = Process::start(directory.path()).await;
    let id = process.begin(100).await;
    until("it is in the middle", || async { run::find(&app, id).await.unwrap().done >= 200 }).await;
    process.kill();
    let left = run::find(&app, id).await.unwrap();
    assert!(left.status == RunStatus::Running && left.done < 900, "{left:?}");
    // What was killed holds its job for half a minute more: nobody may wait for that here.
    let freed = app.db.write(|tx| Box::pin(async move { tx.exec(FREE, args![]).await })).await.unwrap();
    assert_eq!(freed, 1);
    let again = Process::start(directory.path()).await;
    let run = over(&again.admin, &id.to_string()).await;
    assert_eq!((&run["status"], run["done"].as_i64().unwrap() >= 800), (&"DONE".into(), true), "{run}");
    shop.until("all were retried", |now| now.0 == 0 && now.1 == 900).await;
    let rows: Vec<(i64,)> = shop.db.all("SELECT count(*) FROM job WHERE attempts > 1", args![]).await.unwrap();
    assert_eq!(rows[0].0, 900, "each was retried");
    let twice: Vec<(i64,)> = shop.db.all("SELECT count(*) FROM job WHERE attempts > 2", args![]).await.unwrap();
    assert_eq!(twice[0].0, 0, "none twice");
    again.kill();
    told(&app, &id.to_string()).await;
    shop.end().await;
    app.db.close().await;
}

/// The cut-off intent gets its outcome when its lease is over, and the second execution has an intent and an outcome of its own.
async fn told(app: &App, id: &str) {
    app.db.write(|tx| Box::pin(async move { tx.exec("UPDATE open_intent SET lease_until = 0", args![]).await })).await.unwrap();
    qd_core::gate::sweep_interrupted(&app.db, &app.clock).await.unwrap();
    let rows = audit::list(&app.db, &Filter { limit: Some(50), ..Filter::default() }).await.unwrap();
    let mut kinds: Vec<_> = rows.iter().filter(|row| row.action == "queue.execute" && row.target_id == id).map(|row| row.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["intent", "intent", "outcome", "outcome"]);
    let interrupted = rows.iter().filter(|row| row.error.as_ref().is_some_and(|error| error.starts_with("INTERRUPTED"))).count();
    assert_eq!(interrupted, 1);
}
