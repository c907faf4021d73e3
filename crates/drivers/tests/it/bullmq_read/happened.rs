//! Events, and what they tell of the last five minutes.

use qd_core::port::Queue;
use qd_core::port::queue::EventKind;

use super::equal::state;
use super::library::Library;
use super::server::Server;
use crate::support::eventually;

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn what_happens_is_told_in_order_and_only_once() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    library.js("await queue('mail').add('before', {})");
    let driver = server.driver("bull");
    let begin = driver.events("mail", None).await.unwrap();
    assert_eq!((begin.events.len(), begin.gap), (0, false));
    let work = "const w = worker('mail', async (job) => { if (job.attemptsMade === 0 && job.name === 'again') throw new Error('once') }); \
                await queue('mail').add('again', {}, { attempts: 2, jobId: 'again', removeOnComplete: true }); \
                await until('work', async () => (await queue('mail').getJobCounts()).waiting === 0 && !(await queue('mail').getJob('again')))";
    library.js(work);
    let page = driver.events("mail", begin.last.as_deref()).await.unwrap();
    let told: Vec<EventKind> = page.events.iter().filter(|event| event.job == "again").map(|event| event.kind).collect();
    use EventKind::{Active, Added, Completed, Retrying, Waiting};
    assert_eq!(told, [Added, Waiting, Active, Retrying, Active, Completed]);
    assert!(!page.gap && page.events.iter().all(|event| event.at.micros() > 0));
    let after = driver.events("mail", page.last.as_deref()).await.unwrap();
    assert_eq!((after.events, &after.last, after.gap), (vec![], &page.last, false));
    library.js("await queue('mail').pause()");
    let paused = driver.events("mail", page.last.as_deref()).await.unwrap();
    assert_eq!(paused.events.iter().map(|event| (event.kind, event.job.as_str())).collect::<Vec<_>>(), [(EventKind::Queue, "")]);
    let _: i64 = server.run_command(&["XTRIM", "bull:mail:events", "MAXLEN", "1"]).await;
    assert!(driver.events("mail", begin.last.as_deref()).await.unwrap().gap, "events were thrown away meanwhile");
    let counted = state(&driver, "mail").await;
    assert_eq!(counted.completed, 1, "one of both is gone from the set");
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn jobs_that_are_deleted_when_they_end_are_counted() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    let driver = server.driver("bull");
    library.js("await queue('mail').addBulk(Array.from({ length: 2500 }, () => ({ name: 'a', data: {}, opts: { removeOnComplete: true } })))");
    assert_eq!(state(&driver, "mail").await.completed_recently, 0);
    library.js("worker('mail', async () => 'x'.repeat(500), { concurrency: 50 }); await until('work', async () => (await queue('mail').getJobCounts()).waiting === 0 && (await queue('mail').getActiveCount()) === 0)");
    let counted = eventually("all are counted", || async {
        let counted = state(&driver, "mail").await;
        (counted.completed_recently >= 2_500).then_some(counted)
    })
    .await;
    assert_eq!((counted.completed, counted.completed_recently, counted.failed_recently, counted.retried_recently), (0, 2_500, 0, 0));
    assert!(counted.average_wait.is_some_and(|wait| (0.0..60.0).contains(&wait)));
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn a_job_that_was_delayed_waits_since_it_was_due() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    let code = "const q = queue('mail'); const job = await q.add('later', {}, { delay: 3600000, timestamp: Date.now() - 600000 }); \
                await job.promote(); return Date.now()";
    let promoted = library.js(code).as_i64().unwrap();
    let since = state(&server.driver("bull"), "mail").await.oldest_waiting.unwrap().micros() / 1_000;
    assert!((promoted - 5_000..=promoted).contains(&since), "{since} {promoted}: since it was promoted, not since it was made");
    let _: i64 = server.run_command(&["DEL", "bull:mail:events"]).await;
    let made = state(&server.driver("bull"), "mail").await.oldest_waiting.unwrap().micros() / 1_000;
    assert!((promoted - 605_000..=promoted - 599_000).contains(&made), "without events: since it was made");
}
