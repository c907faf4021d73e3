//! What is found, what it costs, and that it follows what becomes of the jobs.

use std::sync::Arc;
use std::time::Instant;

use engine::{Args, args};
use qd_core::Timestamp;
use qd_core::port::queue::{EventKind, JobEvent, JobState};

use super::scan::Scanner;
use super::{Index, Query, coverage, search, store};
use crate::features::health;
use crate::features::queues::failure::groups;
use crate::features::queues::tests::{Memory, QUEUE, SOURCE, Shop};
use crate::features::testing::{World, on_both};

on_both!(
    failed_jobs_are_found_by_everything,
    what_becomes_of_jobs_is_followed,
    causes_are_counted_with_the_index,
    searches_go_through_indexes_only,
    queues_that_are_gone_are_forgotten,
    job_systems_that_are_gone_are_forgotten,
    what_is_not_searched_is_said,
);

async fn indexed(shop: &Shop, scanner: &mut Scanner) {
    assert!(health::recount(&shop.app, &shop.app.ports.queues[0]).await);
    for _ in 0..40 {
        if scanner.round(&shop.app).await.unwrap().changed == 0 {
            return;
        }
    }
    panic!("it never comes to an end");
}

fn scanner(shop: &Shop) -> Scanner {
    Scanner::new(shop.app.ports.queues[0].clone())
}

async fn ids(shop: &Shop, text: &str) -> Vec<String> {
    let found = search(&shop.app, &Query::new(text), None, 50).await.unwrap();
    found.jobs.into_iter().map(|job| job.id).collect()
}

fn said(shop: &Shop) -> String {
    coverage(&shop.app, Some(SOURCE), Some(QUEUE), None).unwrap().sentence()
}

async fn failed_jobs_are_found_by_everything(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 620);
    shop.queue.fill(JobState::Delayed, 5);
    shop.queue.change("failed-77", |job| job.data = r#"{"orderId":77,"to":"ada@example.org","lines":[{"sku":"A-1"}]}"#.into());
    shop.queue.change("failed-78", |job| job.reason = Some("Card declined\n at x".into()));
    let mut scanner = scanner(&shop);
    indexed(&shop, &mut scanner).await;
    assert!(said(&shop).starts_with("Indexed all 620 failed jobs. Jobs that came or left"), "{}", said(&shop));
    for text in ["data.orderId = 77", "orderId=77", "lines[0].sku = A-1", "to = ada@example.org", "id:failed-77", "failed-77"] {
        assert_eq!(ids(&shop, text).await, ["failed-77"], "{text}");
    }
    assert_eq!(ids(&shop, "card declined").await, ["failed-78"]);
    assert_eq!(ids(&shop, "n = 619").await, ["failed-619"]);
    assert_eq!(ids(&shop, "id:delayed-3").await, ["delayed-3"]);
    assert_eq!(ids(&shop, "data.orderId = 7").await, Vec::<String>::new());
    let masked = search(&shop.app, &Query::new("card = 4111-secret"), None, 50).await.unwrap();
    assert!(masked.jobs.is_empty() && masked.coverage.contains("masked"), "{}", masked.coverage);
    let hit = search(&shop.app, &Query::new("orderId=77"), None, 50).await.unwrap().jobs.remove(0);
    assert!(!hit.data.contains("ada@") && hit.data.contains("a•••@example.org"), "{}", hit.data);
    // Page by page, each once, the newest first.
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = Query { state: Some(JobState::Failed), queue: Some(QUEUE.into()), ..Query::new("name:od") };
        let page = search(&shop.app, &query, after.as_deref(), 90).await.unwrap();
        seen.extend(page.jobs.into_iter().map(|job| (std::cmp::Reverse(job.at), job.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(seen.len() == 310 && seen.is_sorted_by_key(|(at, _)| *at), "{}", seen.len());
    assert!(search(&shop.app, &Query::new("x"), Some("nonsense"), 5).await.is_err());
}

async fn what_becomes_of_jobs_is_followed(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 520);
    let mut first = scanner(&shop);
    indexed(&shop, &mut first).await;
    // Another process goes on where that one was.
    let mut scanner = scanner(&shop);
    shop.queue.inner.lock().unwrap().jobs.retain(|id, _| !id.ends_with('7'));
    shop.queue.change("failed-1", |job| (job.state, job.finished) = (JobState::Waiting, None));
    indexed(&shop, &mut scanner).await;
    for _ in 0..4 {
        world.later(21);
        indexed(&shop, &mut scanner).await;
    }
    assert!(said(&shop).starts_with("Indexed all 467 failed"), "{}", said(&shop));
    assert_eq!(ids(&shop, "n = 7").await, Vec::<String>::new());
    let found = search(&shop.app, &Query::new("id:failed-1"), None, 5).await.unwrap();
    assert_eq!(found.jobs[0].state, JobState::Waiting);
    // Events tell it at once.
    shop.queue.change("failed-2", |job| job.reason = Some("Anew".into()));
    shop.queue.change("failed-2", |job| job.finished = Some(job.finished.unwrap() + 5));
    shop.queue.inner.lock().unwrap().jobs.remove("failed-3");
    shop.queue.change("failed-4", |job| job.state = JobState::Completed);
    let event = |kind, job: &str| JobEvent { kind, job: job.into(), at: Timestamp(0) };
    let events = [event(EventKind::Failed, "failed-2"), event(EventKind::Removed, "failed-3"), event(EventKind::Completed, "failed-4")];
    shop.app.state::<Index>().unwrap().touch(SOURCE, QUEUE, &events);
    scanner.round(&shop.app).await.unwrap();
    assert_eq!(
        (ids(&shop, "anew").await, ids(&shop, "id:failed-3").await, ids(&shop, "id:failed-4").await),
        (vec!["failed-2".into()], vec![], vec![])
    );
}

async fn causes_are_counted_with_the_index(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 600);
    for n in 0..20 {
        shop.queue.change(&format!("failed-{n}"), |job| job.reason = Some(format!("No mailbox for user{n}@example.org")));
    }
    let live = shop.queue.all()["failed-0"].created - 1_000;
    world.tamper(DEPLOY, args![uuid::Uuid::now_v7(), shop.app.config.server.environment.as_str(), live]).await;
    let mut scanner = scanner(&shop);
    indexed(&shop, &mut scanner).await;
    let found = groups(&shop.app, Some(SOURCE), None).await.unwrap();
    let told: Vec<_> = found.iter().map(|group| (group.count, group.names.len())).collect();
    assert_eq!(told, [(580, 2), (20, 2)]);
    assert!(found[1].reason.starts_with("No mailbox for u•••@example.org") && found[0].reason.starts_with("Timeout of job "), "{found:?}");
    assert_eq!(found[0].deploy_before.as_ref().map(|deploy| deploy.build.as_str()), Some("4d7c3a9"));
    assert!(found[0].first_seen < found[0].last_seen && found[0].sample == "failed-599");
    assert_eq!(ids(&shop, &format!("cause:{}", found[1].fingerprint)).await.len(), 20);
    // They are retried: the cause has no jobs any more, and is remembered.
    shop.queue.inner.lock().unwrap().jobs.retain(|id, _| id.len() > 9);
    indexed(&shop, &mut scanner).await;
    for _ in 0..4 {
        world.later(21);
        indexed(&shop, &mut scanner).await;
    }
    let left = groups(&shop.app, None, Some(QUEUE)).await.unwrap();
    assert_eq!(left.iter().map(|group| group.count).collect::<Vec<_>>(), [500], "{left:?}");
    // A counter that is wrong is made good.
    world.tamper("UPDATE queue_failure SET jobs = 7 WHERE jobs > 0", args![]).await;
    world.later(3_700);
    indexed(&shop, &mut scanner).await;
    assert_eq!(groups(&shop.app, None, None).await.unwrap()[0].count, 500);
}

const DEPLOY: &str = "INSERT INTO deploy (id, service, environment, sha, status, source, started_at, finished_at, recorded_at, recorded_by, \
     recorded_by_name, version) VALUES ($1, 'web', $2, '4d7c3a9f', 'live', 'api', $3, $3, $3, 'x', 'x', 1)";

/// With a million jobs a scan would take seconds: whatever the tables hold, the plan may not have one.
async fn searches_go_through_indexes_only(world: &World) {
    for (sql, parameters) in store::SEARCHES {
        let plan = plan(world, sql, parameters).await;
        assert!(!plan.contains("SCAN") && !plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{sql}\n{plan}");
    }
}

/// `t` stands for a text among the parameters, `n` for a number.
async fn plan(world: &World, sql: &'static str, parameters: &str) -> String {
    let mut given = Args::none();
    parameters.chars().for_each(|kind| if kind == 't' { given.push("x") } else { given.push(5_i64) });
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    if world.app.db.dialect() == engine::Dialect::Sqlite {
        let rows: Vec<(i64, i64, i64, String)> = world.app.db.all(leaked(format!("EXPLAIN QUERY PLAN {sql}")), given).await.unwrap();
        return rows.into_iter().map(|(_, _, _, line)| line + "\n").collect();
    }
    let explain = leaked(format!("EXPLAIN {sql}"));
    world
        .app
        .db
        .write(move |tx| {
            Box::pin(async move {
                // Empty tables are read whole unless that is forbidden.
                for off in ["SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off", "SET LOCAL enable_sort = off"] {
                    tx.exec(off, args![]).await?;
                }
                let rows: Vec<(String,)> = tx.all(explain, given).await?;
                Ok(rows.into_iter().map(|(line,)| line + "\n").collect())
            })
        })
        .await
        .unwrap()
}

async fn queues_that_are_gone_are_forgotten(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 600);
    let mut scanner = scanner(&shop);
    indexed(&shop, &mut scanner).await;
    let found = async || (ids(&shop, "name:e").await.len(), ids(&shop, "timeout").await.len(), groups(&shop.app, None, None).await.unwrap().len());
    assert_eq!((found().await, shop.app.state::<Index>().unwrap().rows()), ((50, 50, 1), 600));
    // It is deleted, and a look that misses it once is no proof.
    shop.queue.inner.lock().unwrap().known = false;
    let look = async |scanner: &mut Scanner| {
        assert!(health::recount(&shop.app, &shop.app.ports.queues[0]).await);
        scanner.round(&shop.app).await.unwrap();
    };
    look(&mut scanner).await;
    assert_eq!(
        (said(&shop).as_str(), found().await.2),
        ("There is no queue to search. Jobs that came or left within the last minutes may be missing or still shown.", 1)
    );
    world.later(301);
    look(&mut scanner).await;
    assert_eq!((found().await, shop.app.state::<Index>().unwrap().rows()), ((0, 0, 0), 0));
    // A queue of that name begins anew.
    shop.queue.inner.lock().unwrap().known = true;
    indexed(&shop, &mut scanner).await;
    assert_eq!((found().await, shop.app.state::<Index>().unwrap().rows()), ((50, 50, 1), 600));
}

async fn job_systems_that_are_gone_are_forgotten(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 600);
    indexed(&shop, &mut scanner(&shop)).await;
    assert_eq!(super::trim(&shop.app).await.unwrap(), 0);
    world.later(8 * 86_400);
    assert!(super::trim(&shop.app).await.unwrap() >= 600);
    assert_eq!((ids(&shop, "name:e").await.len(), groups(&shop.app, None, None).await.unwrap().len()), (0, 0));
    assert_eq!(shop.app.state::<Index>().unwrap().rows(), 0, "there is room again");
}

async fn what_is_not_searched_is_said(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 3);
    shop.queue.fill(JobState::Completed, 7);
    shop.queue.fill(JobState::Delayed, 2_500);
    let late = "Jobs that came or left within the last minutes may be missing or still shown.";
    assert_eq!(said(&shop), format!("shop did not answer: what is there now is not known. {late}"));
    assert!(health::recount(&shop.app, &shop.app.ports.queues[0]).await);
    assert_eq!(said(&shop), format!("Indexed 0 % of 3 failed jobs. Not searched: 2,500 delayed jobs, 7 completed jobs. {late}"));
    let mut scanner = scanner(&shop);
    indexed(&shop, &mut scanner).await;
    assert_eq!(said(&shop), format!("Indexed all 3 failed jobs. Not searched: 500 of 2,500 delayed jobs, 7 completed jobs. {late}"));
    let done = Query { state: Some(JobState::Completed), ..Query::new("name:even") };
    let found = search(&shop.app, &done, None, 50).await.unwrap();
    assert_eq!((found.jobs.len(), found.coverage), (0, format!("Not searched: 7 completed jobs. {late}")));
    let found = search(&shop.app, &Query::new("id:delayed-2499"), None, 50).await.unwrap();
    assert!(found.jobs.is_empty() && found.coverage.contains("500 of 2,500 delayed jobs"), "no false nothing: {}", found.coverage);
}

/// `cargo test -p quarterdeck-app index::tests::speed -- --ignored --nocapture` prints what 200,000 jobs cost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed() {
    let world = World::sqlite().await;
    let shop = Shop { queue: Arc::new(Memory::new()), app: world.app.clone() };
    let started = Instant::now();
    for part in 0..200 {
        let entries = (0..1_000).filter_map(|n| super::entry::Entry::of(SOURCE, QUEUE, &job(part * 1_000 + n))).collect();
        super::write::write(&shop.app, SOURCE, QUEUE, entries, &[], super::LIMIT).await.unwrap();
    }
    println!("200,000 jobs indexed in {:?}", started.elapsed());
    for text in ["orderId = 77777", "name:order", "id:j-4711", "timeout", "even = true", "nothing"] {
        let mut times: Vec<_> = Vec::new();
        for _ in 0..50 {
            let started = Instant::now();
            search(&shop.app, &Query::new(text), None, 50).await.unwrap();
            times.push(started.elapsed());
        }
        times.sort();
        println!("{text}: median {:?}, slowest {:?}", times[25], times[49]);
    }
    let started = Instant::now();
    println!("{} causes in {:?}", groups(&shop.app, None, None).await.unwrap().len(), started.elapsed());
    world.end().await;
}

fn job(n: i64) -> qd_core::port::queue::JobRow {
    use qd_core::port::queue::{JobRow, TextCut};
    JobRow {
        id: format!("j-{n}"),
        name: ["order.confirmation", "order.shipped", "vendor.new"][usize::try_from(n % 3).unwrap()].into(),
        state: JobState::Failed,
        data: TextCut::of(&format!(r#"{{"orderId":{n},"to":"c{n}@example.org","even":{},"items":[{{"sku":"A-{}"}}]}}"#, n % 2 == 0, n % 50), 4_096),
        priority: 0,
        attempts: 3,
        attempts_max: Some(3),
        created_at: None,
        due_at: None,
        started_at: None,
        finished_at: Some(Timestamp(1_795_390_800_000_000 + n)),
        reason: Some(TextCut::of(&format!("Timeout of provider {} after {n} ms", ["a", "b", "c", "d"][usize::try_from(n % 4).unwrap()]), 1_024)),
        worker: None,
        schedule: None,
    }
}
