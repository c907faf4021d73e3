//! Queues over the wire: runs over the jobs of another process, deletion and undo, refusals, and a process that is killed in the middle.

mod bullmq;
mod crash;
mod doctor;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::job::{self, Enqueue, Job, JobError, RunInfo, Worker, WorkerHandle};
use engine::{Db, DbOptions};
use qd_core::audit::{self, Filter};
use qd_core::config::{Config, QueueConfig};
use qd_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{Client, World, fresh_database, until, until_within};

const API: &str = "/api/admin/ops";

/// The platform's job system: another database, another worker. Its jobs fail until it is well.
struct Shop {
    db: Db,
    well: Arc<AtomicBool>,
    worker: WorkerHandle,
}

/// Holds something personal, which must not come out.
#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    n: i64,
    to: String,
}

impl Job for Mail {
    const NAME: &'static str = "mail.send";
    const QUEUE: &'static str = "mail";
    const ATTEMPTS: u32 = 1;
    type Context = Arc<AtomicBool>;

    async fn run(self, well: Arc<AtomicBool>, _run: RunInfo) -> Result<(), JobError> {
        if well.load(Ordering::SeqCst) { Ok(()) } else { Err(JobError::fatal(format!("Timeout of mail {}", self.n))) }
    }
}

impl Shop {
    async fn open(url: &str) -> Self {
        let db = Db::open(url, DbOptions::default()).await.unwrap();
        engine::migrate(&db).await.unwrap();
        let well = Arc::new(AtomicBool::new(false));
        let worker = Worker::new(db.clone(), Arc::clone(&well)).register::<Mail>().queue("mail", 16).drain(Duration::from_millis(100));
        Self { worker: worker.start().await.unwrap(), db, well }
    }

    async fn fill(&self, count: i64) {
        for begin in (0..count).step_by(500) {
            let write = self.db.write(move |tx| {
                Box::pin(async move {
                    for n in begin..count.min(begin + 500) {
                        job::enqueue(tx, &Mail { n, to: format!("ada{n}@example.org") }, Enqueue::default()).await?;
                    }
                    Ok(())
                })
            });
            write.await.unwrap();
        }
    }

    /// Waiting, failed and completed jobs, and whether it is paused.
    async fn queue(&self) -> (i64, i64, i64, bool) {
        let found = job::counts(&self.db).await.unwrap().into_iter().find(|counts| counts.queue == "mail").unwrap();
        (found.waiting, found.failed, found.completed, found.paused)
    }

    async fn until(&self, what: &str, is: impl Fn((i64, i64, i64, bool)) -> bool) {
        until_within(Duration::from_secs(60), what, || async { is(self.queue().await) }).await;
    }

    async fn end(self) {
        self.worker.stop().await;
        self.db.close().await;
    }
}

fn with(name: &str, driver: &str, url: &str, prefix: &str) -> impl FnOnce(&mut Config) + use<> {
    let source = QueueConfig { name: name.into(), driver: driver.into(), url: Secret::new(url), prefix: prefix.into() };
    move |config| config.queues = vec![source]
}

/// The run once it is over.
async fn over(client: &Client, id: &str) -> Value {
    let path = format!("{API}/queues/runs/{id}");
    let read = || async { client.get(&path).await.expect(200).json() };
    until_within(Duration::from_secs(90), "the run is over", || async { !read().await["endedAt"].is_null() }).await;
    read().await
}

/// Starts a run and waits for its end.
async fn run(client: &Client, path: &str, mut body: Value) -> Value {
    body["reason"] = "the pager said so".into();
    let begun = client.post(&format!("{API}{path}"), body).await.expect(201).json();
    over(client, begun["id"].as_str().unwrap()).await
}

fn figures(run: &Value) -> (&str, i64, i64, i64) {
    (run["status"].as_str().unwrap(), run["done"].as_i64().unwrap(), run["gone"].as_i64().unwrap(), run["refused"].as_i64().unwrap())
}

async fn worked_over(url: String) {
    let shop = Shop::open(&url).await;
    let world = World::with(with("shop", "embedded", &url, "")).await;
    let (boss, admin, staff) = (world.super_admin().await, world.admin().await, world.staff().await);
    shop.fill(1_200).await;
    shop.until("all failed", |now| now.1 == 1_200).await;
    let retry = "/queues/shop/mail/retry-all";
    staff.post(&format!("{API}{retry}"), json!({ "reason": "the pager said so" })).await.expect(403);
    let one = run(&admin, retry, json!({ "field": ["n=7"] })).await;
    assert_eq!((figures(&one), &one["seen"]), (("DONE", 1, 0, 0), &1_200.into()));
    shop.until("it failed again", |now| now.1 == 1_200).await;
    purged_and_restored(&shop, &boss, &admin).await;
    shop.well.store(true, Ordering::SeqCst);
    let all = run(&admin, retry, json!({ "reset": true })).await;
    assert_eq!(figures(&all), ("DONE", 1_200, 0, 0));
    // Of those that are done the last thousand are kept.
    shop.until("all are done", |now| now.0 == 0 && now.1 == 0 && now.2 >= 1_000).await;
    let paused = json!({ "queueName": "mail", "source": "shop", "action": "pause", "reason": "the pager said so" });
    admin.post(&format!("{API}/queues/action"), paused).await.expect(200);
    assert!(shop.queue().await.3);
    let rows = audit::list(&world.app.db, &Filter { limit: Some(100), ..Filter::default() }).await.unwrap();
    let acts = rows.iter().filter(|row| row.event == "OPS_QUEUE_ACTION").count();
    // Two refusals; four runs that were asked for; four intents and outcomes; a pause.
    assert_eq!(acts, 2 + 4 + 8 + 2, "{:?}", rows.iter().map(|row| (&row.kind, &row.action)).collect::<Vec<_>>());
    assert!(!serde_json::to_string(&rows).unwrap().contains("example.org"), "nothing of the jobs' data in the trail");
    world.finish().await;
    shop.end().await;
}

async fn purged_and_restored(shop: &Shop, boss: &Client, admin: &Client) {
    let purge = "/queues/shop/mail/purge";
    let body = json!({ "state": "failed", "reasonHas": "timeout", "phrase": "PURGE mail" });
    admin.post(&format!("{API}{purge}"), body.clone()).await.expect(403);
    let wrong = json!({ "state": "failed", "phrase": "purge mail", "reason": "the pager said so" });
    boss.post(&format!("{API}{purge}"), wrong).await.expect(422);
    let before = job::list(&shop.db, "mail", job::State::Failed, None, 500).await.unwrap();
    let gone = run(boss, purge, body).await;
    assert_eq!((figures(&gone), &gone["archived"], shop.queue().await.1), (("DONE", 1_200, 0, 0), &1_200.into(), 0));
    assert!(!gone.to_string().contains("example.org"), "nothing of the archive in a reply");
    let back = run(admin, &format!("/queues/runs/{}/restore", gone["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((figures(&back), shop.queue().await.1), (("DONE", 1_200, 0, 0), 1_200));
    let after = job::list(&shop.db, "mail", job::State::Failed, None, 500).await.unwrap();
    let ids = |rows: &[job::JobRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after), "in their order");
    let again = admin.post(&format!("{API}/queues/runs/{}/restore", gone["id"].as_str().unwrap()), json!({ "reason": "the pager said so" })).await;
    again.expect(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_retried_deleted_and_restored_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    worked_over(format!("sqlite:{}", directory.path().join("shop.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn jobs_are_retried_deleted_and_restored_on_postgres() {
    worked_over(fresh_database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_over_a_state_is_told_of_the_first_and_both_can_be_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("shop.db").display());
    let shop = Shop::open(&url).await;
    let world = World::with(with("shop", "embedded", &url, "")).await;
    let admin = world.admin().await;
    shop.fill(300).await;
    shop.until("all failed", |now| now.1 == 300).await;
    let path = format!("{API}/queues/shop/mail/retry-all");
    let slow = admin.post(&path, json!({ "rate": 5, "reason": "the pager said so" })).await.expect(201).json();
    let id = slow["id"].as_str().unwrap();
    let second = admin.post(&path, json!({ "reason": "the pager said so" })).await.expect(409);
    assert!(second.text.contains(id), "{}", second.text);
    until("it has begun", || async { admin.get(&format!("{API}/queues/runs/{id}")).await.json()["done"] != 0 }).await;
    admin.post(&format!("{API}/queues/runs/{id}/cancel"), json!({})).await.expect(200);
    let ended = over(&admin, id).await;
    assert!(ended["status"] == "CANCELLED" && ended["done"].as_i64().unwrap() < 300, "{ended}");
    world.finish().await;
    shop.end().await;
}
