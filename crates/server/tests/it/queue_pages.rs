//! Jobs & Queues as people meet it: foreign names and texts, what is offered to whom, and a job system that is away.

use std::path::Path;

use engine::job::{Enqueue, Job, JobError, RunInfo, Worker, enqueue};
use engine::{Db, DbOptions, args};
use qd_core::config::QueueConfig;
use qd_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Client, World, until};

const REASON: (&str, &str) = ("reason", "checked on staging first");
/// A queue whose name is everything that an address and a page must not take literally.
const NAME: &str = "a/b <i>é\"&%2F?#";
const PATH: &str = "a%2Fb%20%3Ci%3E%C3%A9%22%26%252F%3F%23";

#[derive(Serialize, Deserialize)]
struct Order {
    order_id: u32,
    password: String,
    text: String,
}

impl Job for Order {
    const NAME: &'static str = "order.confirm<b>";
    const QUEUE: &'static str = "orders";
    const ATTEMPTS: u32 = 1;
    type Context = ();

    async fn run(self, (): (), _run: RunInfo) -> Result<(), JobError> {
        Err(JobError::fatal(format!("<script>alert({})</script> refused: token=sk_live_abcdef0123456789abcdef01", self.order_id)))
    }
}

fn order(order_id: u32) -> Order {
    Order { order_id, password: "hunter2-is-long".into(), text: "</script><script>alert(1)</script>".into() }
}

async fn shop(path: &Path) -> Db {
    let db = Db::open(path.to_str().unwrap(), DbOptions::default()).await.unwrap();
    engine::migrate(&db).await.unwrap();
    db
}

/// Three delayed and three waiting jobs in the strange queue; three in the other one.
async fn furnish(db: &Db) {
    db.write(|tx| {
        Box::pin(async move {
            for number in 0..3 {
                let queue = Some(NAME.to_owned());
                enqueue(tx, &order(number), Enqueue { queue: queue.clone(), ..Enqueue::default() }).await?;
                let delay = Some(std::time::Duration::from_secs(3_600));
                enqueue(tx, &order(number), Enqueue { queue, delay, ..Enqueue::default() }).await?;
                enqueue(tx, &order(70 + number), Enqueue::default()).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn world(path: &Path) -> World {
    let url = Secret::new(path.to_str().unwrap());
    let gone = Secret::new(path.with_file_name("nowhere.db").to_str().unwrap());
    let bare = path.with_file_name("bare.db");
    shop(&bare).await;
    let bare = Secret::new(bare.to_str().unwrap());
    let world = World::with(move |config| {
        let source = |name: &str, url| QueueConfig { name: name.into(), driver: "embedded".into(), url, prefix: String::new() };
        config.queues.extend([source("shop", url), source("away", gone), source("bare", bare)]);
    });
    world.await
}

async fn row(client: &Client, name: &str) -> Option<Value> {
    let seen = client.get("/api/admin/ops/queues").await.expect(200).json();
    seen["queues"].as_array().unwrap().iter().find(|row| row["name"] == name && row["source"] == "shop").cloned()
}

async fn jobs(client: &Client, name: &str, state: &str) -> Vec<Value> {
    let answer = client.get(&format!("/api/admin/ops/queues/{name}/jobs?source=shop&state={state}")).await.expect(200).json();
    answer["jobs"].as_array().unwrap().clone()
}

fn harmless(page: &str) {
    for literal in ["<i>é", "alert(1)</script>", "order.confirm<b>", "hunter2", "sk_live_abcdef", "<script>alert"] {
        assert!(!page.contains(literal), "{literal} stands on the page");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_names_and_texts_are_shown_as_text_and_secrets_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    furnish(&db).await;
    let world = world(&path).await;
    let staff = world.staff().await;
    until("the queues are counted", || async { row(&staff, NAME).await.is_some_and(|row| row["waiting"] == 3) }).await;
    let worker = Worker::new(db, ()).register::<Order>().queue("orders", 2).start().await.unwrap();
    until("its jobs failed", || async { row(&staff, "orders").await.is_some_and(|row| row["failed"] == 3) }).await;
    worker.stop().await;

    let page = staff.get("/queues").await.expect(200).text;
    harmless(&page);
    assert!(page.contains(&format!("/queues/shop/{PATH}")) && page.contains("a/b &lt;i&gt;é&quot;&amp;%2F?#"), "{page}");
    let page = staff.get(&format!("/queues/shop/{PATH}?state=delayed")).await.expect(200).text;
    harmless(&page);
    let found = jobs(&staff, PATH, "delayed").await;
    assert_eq!(found.len(), 3);
    let id = found[0]["id"].as_str().unwrap();
    assert!(!found[0]["data"]["text"].as_str().unwrap().contains("hunter2"), "{found:?}");
    let page = staff.get(&format!("/queues/shop/{PATH}/jobs/{id}")).await.expect(200).text;
    harmless(&page);
    assert!(!page.contains("the first "), "a text that was masked is not told as one that was cut: {page}");
    assert!(page.contains("order_id") && page.contains("DELAYED"), "{page}");

    let failed = jobs(&staff, "orders", "failed").await;
    let page = staff.get(&format!("/queues/shop/orders/jobs/{}", failed[0]["id"].as_str().unwrap())).await.expect(200).text;
    harmless(&page);
    assert!(page.contains("Why it failed") && page.contains("&lt;script&gt;alert("), "{page}");
    let narrowed = staff.get("/queues/shop/orders?state=failed&field=order_id%3D71").await.expect(200).text;
    assert_eq!(narrowed.matches("data-row").count(), 1, "one of three has this order");
    for asked in ["field=password%3Dhunter2-is-long", "reasonHas=sk_live_abcdef"] {
        let told = staff.get(&format!("/queues/shop/orders?state=failed&{asked}")).await.expect(200).text;
        assert!(told.contains("No job fits the filter"), "what is masked can't be found out by asking: {asked}");
    }
    assert!(staff.get("/queues/shop/orders?state=failed&name=nothing").await.expect(200).text.contains("No job fits the filter"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_is_offered_and_who_may_not_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    furnish(&db).await;
    let world = world(&path).await;
    let (staff, mara) = (world.staff().await, world.admin().await);
    until("the queues are counted", || async { row(&staff, "orders").await.is_some_and(|row| row["waiting"] == 3) }).await;

    let place = format!("/queues/shop/{PATH}");
    let (seen, offered) = (staff.get(&place).await.expect(200).text, mara.get(&place).await.expect(200).text);
    for what in ["/pause", "/limits", "name=\"ids\""] {
        assert!(!seen.contains(what) && offered.contains(what), "{what}");
    }
    assert!(!offered.contains("/obliterate") && world.super_admin().await.get(&place).await.expect(200).text.contains("/obliterate"));
    for what in ["pause", "retry", "purge", "obliterate", "limits", "retry-all", "schedules/x/run"] {
        staff.form(&format!("{place}/{what}"), &[REASON]).await.expect(403);
    }

    mara.form(&format!("{place}/pause"), &[("reason", "short")]).await.expect(422);
    assert_eq!(mara.form(&format!("{place}/pause"), &[REASON]).await.expect(303).location(), Some(place.as_str()));
    assert_eq!(row(&staff, NAME).await.unwrap()["paused"], true, "the next screen shows it");
    assert!(mara.get("/queues?state=paused").await.expect(200).text.contains("PAUSED"));
    let old = json!({ "queueName": NAME, "source": "shop", "action": "resume", "reason": REASON.1 });
    mara.post("/api/admin/ops/queues/action", old).await.expect(200);
    assert_eq!(row(&staff, NAME).await.unwrap()["paused"], false);

    let found = jobs(&staff, PATH, "delayed").await;
    let id = found[0]["id"].as_str().unwrap().to_owned();
    let asked = mara.get(&format!("{place}/promote?ids={id}")).await.expect(200).text;
    assert!(asked.contains(&format!("Promote job {id}")), "{asked}");
    mara.form(&format!("{place}/promote"), &[("ids", &id), REASON]).await.expect(303);
    assert_eq!(jobs(&staff, PATH, "delayed").await.len(), 2);
    assert!(mara.get(&format!("{place}/promote")).await.expect(200).text.contains("No job was chosen"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_away_is_unknown_and_what_is_gone_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    furnish(&db).await;
    let world = world(&path).await;
    let staff = world.staff().await;
    until("the absence is told", || async {
        let page = staff.get("/queues").await.expect(200).text;
        page.contains("Nothing is known of away now.") && page.contains("UNKNOWN") && page.contains("CONNECTED")
    })
    .await;
    for tab in ["failed", "scheduled", "workers", "runs", "nosuch"] {
        staff.get(&format!("/queues?tab={tab}")).await.expect(200);
    }
    let page = staff.get("/queues").await.expect(200).text;
    assert!(!page.contains("Failed <span class=\"count\">"), "who can't be asked may have failures: {page}");
    assert!(!page.contains("away: "), "its name is not said twice");
    let bare = &page[page.find("<span class=\"mono\">bare</span>").unwrap()..];
    assert!(bare[..bare.find("</tr>").unwrap()].contains("NO QUEUE"), "an empty job system is known to be empty: {bare}");
    let away = staff.get("/queues/away/any").await.expect(200).text;
    assert!(away.contains("can&#39;t be asked") || away.contains("can't be asked"), "{away}");
    staff.get("/api/admin/ops/queues/any/jobs?source=away").await.expect(502);
    for path in ["/queues/nosuch/any", "/queues/shop/nosuch", "/queues/runs/00000000-0000-7000-8000-000000000000", "/queues/shop/orders/jobs/nosuch"]
    {
        staff.get(path).await.expect(404);
    }
    staff.get("/queues/shop/orders?state=sleeping").await.expect(422);
    staff.get("/api/admin/ops/queues/nosuch/jobs").await.expect(404);
    world.finish().await;
}

async fn fill(db: &Db, queues: &'static [&'static str], delay: u64) {
    let write = db.write(move |tx| {
        Box::pin(async move {
            for queue in queues {
                let delay = (delay > 0).then(|| std::time::Duration::from_secs(delay));
                enqueue(tx, &order(1), Enqueue { queue: Some((*queue).to_owned()), delay, ..Enqueue::default() }).await?;
            }
            Ok(())
        })
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_browsers_take_for_directories_have_an_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    fill(&db, &[".", "..", ".."], 0).await;
    let world = world(&path).await;
    let mara = world.admin().await;
    until("the queues are counted", || async { row(&mara, "..").await.is_some_and(|row| row["waiting"] == 2) }).await;
    let board = mara.get("/queues").await.expect(200).text;
    for name in [".", ".."] {
        let place = format!("/queues/shop/~{name}");
        assert!(board.contains(&format!("href=\"{place}\"")), "{board}");
        let page = mara.get(&place).await.expect(200).text;
        assert!(page.contains(&format!(">{name}</h1>")) && page.contains(&format!("{place}/pause")), "{page}");
        mara.form(&format!("{place}/pause"), &[REASON]).await.expect(303);
        assert_eq!(row(&mara, name).await.unwrap()["paused"], true, "{name}");
    }
    assert_eq!(jobs(&mara, "~..", "waiting").await.len(), 2);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_queue_are_renewed_alone_and_say_when_they_were_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    fill(&db, &["orders"], 0).await;
    let world = world(&path).await;
    let staff = world.staff().await;
    until("the queue is counted", || async { row(&staff, "orders").await.is_some() }).await;
    let page = staff.get("/queues/shop/orders?state=waiting&limit=1").await.expect(200).text;
    let source = "data-live-src=\"/queues/shop/orders?state=waiting&amp;limit=1&amp;part=jobs\"";
    assert!(page.contains("id=\"queue-list\" data-live=\"kpi queue\"") && page.contains(source) && page.contains("As of <time"), "{page}");
    fill(&db, &["orders", "orders"], 0).await;
    let renewed = staff.get("/queues/shop/orders?state=waiting&limit=1&part=jobs").await.expect(200).text;
    assert!(renewed.contains(source) && renewed.contains("after=") && !renewed.contains("part=jobs&amp;after"), "{renewed}");
    assert_eq!(staff.get("/queues/shop/orders?state=waiting&part=jobs").await.expect(200).text.matches("id=\"job-").count(), 3);
    for part in ["head", "figures"] {
        let other = staff.get(&format!("/queues/shop/orders?state=waiting&part={part}")).await.expect(200).text;
        assert!(!other.contains("id=\"job-"), "{part} asks for no job");
    }
    let looked = staff.get("/queues/shop/orders?state=waiting&name=order").await.expect(200).text;
    assert!(!looked.contains("id=\"queue-list\" data-live=\"") && looked.contains("Read again"), "a look through all is repeated by hand: {looked}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_many_queues_only_those_that_need_nobody_stand_in_groups() {
    const CALM: [&str; 13] = ["mail.a", "mail.b", "img.a", "img.b", "web.a", "web.b", "geo.a", "geo.b", "pay.a", "pay.b", "api.a", "api.b", "busy.c"];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let db = shop(&path).await;
    fill(&db, &CALM, 3_600).await;
    fill(&db, &["busy.a", "busy.b"], 0).await;
    let world = world(&path).await;
    let staff = world.staff().await;
    until("the queues are counted", || async { row(&staff, "busy.b").await.is_some_and(|row| row["waiting"] == 1) }).await;
    let page = staff.get("/queues").await.expect(200).text;
    assert!(page.contains("mail.*") && !page.contains("/queues/shop/mail.a\""), "{page}");
    assert!(!page.contains("busy.*") && page.contains("/queues/shop/busy.a\"") && page.contains("no workers"), "nobody takes their jobs: {page}");

    db.write(|tx| Box::pin(async move { tx.exec("ALTER TABLE job RENAME TO elsewhere", args![]).await })).await.unwrap();
    until("the job system is away", || async { staff.get("/queues").await.expect(200).text.contains("15 queues: ") }).await;
    let page = staff.get("/queues").await.expect(200).text;
    assert!(!page.contains("mail.*") && !page.contains("/queues/shop/busy.a\""), "one cause is told once: {page}");
    let all = staff.get("/queues?source=shop").await.expect(200).text;
    assert!(all.contains("href=\"/queues/shop/busy.a\"") && all.contains("href=\"/queues/shop/mail.a\""), "and each is found: {all}");
    world.finish().await;
}

/// What clients of BullMQ 5 leave in Redis when they pause a queue with one job; clients of 6 leave theirs in `wait`.
async fn paused_by_an_old_client(url: &str, prefix: &str, more: &[&str]) {
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let mut redis = tokio::net::TcpStream::connect(address).await.unwrap();
    let keys = format!("{prefix}:mail");
    let mut commands = vec![format!("HSET {keys}:meta paused 1 version bullmq:5.81.5")];
    for (list, id) in std::iter::once(("paused", "1")).chain(more.iter().map(|id| ("wait", *id))) {
        commands.push(format!("HSET {keys}:{id} name letter data {{}} opts {{}} timestamp 1700000000000"));
        commands.push(format!("LPUSH {keys}:{list} {id}"));
    }
    commands.push("QUIT".into());
    redis.write_all(format!("{}\r\n", commands.join("\r\n")).as_bytes()).await.unwrap();
    let mut answers = String::new();
    redis.read_to_string(&mut answers).await.unwrap();
    assert!(!answers.contains('-'), "{answers}");
}

async fn paused(more: &[&str]) -> World {
    let url = std::env::var("QD_TEST_REDIS").expect("QD_TEST_REDIS is set; run cargo xtask test");
    let prefix = format!("qd-{}", uuid::Uuid::now_v7().simple());
    paused_by_an_old_client(&url, &prefix, more).await;
    let queue = QueueConfig { name: "shop".into(), driver: "bullmq".into(), url: Secret::new(url), prefix };
    World::with(|config| config.queues.push(queue)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn jobs_that_a_pause_holds_are_shown_in_whichever_list_they_stand() {
    let world = paused(&[]).await;
    let staff = world.staff().await;
    until("the queue is counted", || async { row(&staff, "mail").await.is_some_and(|row| row["waiting"] == 1) }).await;
    for query in ["", "?state=waiting", "?state=paused"] {
        let page = staff.get(&format!("/queues/shop/mail{query}")).await.expect(200).text;
        assert!(page.contains("id=\"job-1\"") && page.contains("Held by the pause <span class=\"count\">1<"), "{query}: {page}");
    }
    assert_eq!(jobs(&staff, "mail", "waiting").await.len(), 0, "clients get the list that they ask for");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn where_two_versions_use_a_queue_its_pause_is_guarded_and_its_jobs_can_be_changed() {
    let world = paused(&["2", "3"]).await;
    let boss = world.super_admin().await;
    until("the queue is counted", || async { row(&boss, "mail").await.is_some_and(|row| row["waiting"] == 3) }).await;
    let page = boss.get("/queues/shop/mail?state=paused").await.expect(200).text;
    assert!(page.contains("Its pause could lose jobs") && page.contains("Held by the pause") && page.contains("id=\"job-1\""), "{page}");
    assert!(page.contains("/remove\"") && !page.contains("aria-disabled"), "what loses nothing is offered: {page}");
    let asked = boss.get("/queues/shop/mail/purge?state=waiting").await.expect(200).text;
    assert!(asked.contains("PURGE mail") && asked.contains("BullMQ 5 and 6"), "with a word about the fleet: {asked}");
    boss.form("/queues/shop/mail/remove", &[("ids", "1"), REASON]).await.expect(303);
    boss.form("/queues/shop/mail/resume", &[REASON]).await.expect(303);
    assert_eq!(jobs(&boss, "mail", "waiting").await.len(), 2);
    world.finish().await;
}
