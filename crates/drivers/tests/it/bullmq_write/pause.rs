//! Pause and resume, seen by the library's own workers.

use qd_core::Error;
use qd_core::port::Queue;

use super::bench::Bench;

/// Pauses amid fifty thousand jobs, adds more, resumes.
async fn nothing_is_lost(v: u32) {
    let mut bench = Bench::start(v).await;
    bench.js(
        "memo.q = lib.queue(v); memo.done = new Map();
         for (let i = 0; i < 10; i++) await memo.q.addBulk(Array.from({ length: 5000 }, () => ({ name: 'j', data: {}, opts: { removeOnComplete: true } })));
         memo.w = lib.worker(v, async (job) => { memo.done.set(job.id, (memo.done.get(job.id) ?? 0) + 1); }, 'mail', { concurrency: 50 });
         await lib.until('the first thousand', () => memo.done.size >= 1000);",
    );
    bench.driver.pause(bench.warrant(), "mail").await.unwrap();
    let held = bench.js("await lib.until('the end of those that ran', async () => (await lib.redis.llen(lib.key('active'))) === 0);
         const held = memo.done.size;
         await memo.q.addBulk(Array.from({ length: 1000 }, () => ({ name: 'late', data: {}, opts: { removeOnComplete: true } })));
         const left = (await lib.redis.llen(lib.key('wait'))) + (await lib.redis.llen(lib.key('paused')));
         return { held, still: memo.done.size, left, aside: await lib.redis.llen(lib.key('paused')), paused: await memo.q.isPaused() };");
    assert_eq!(held["held"], held["still"], "workers stopped");
    assert_eq!(held["held"].as_u64().unwrap() + held["left"].as_u64().unwrap(), 51_000);
    assert_eq!((held["aside"].as_u64().unwrap() > 0, held["paused"].as_bool()), (v == 5, Some(true)), "as the queue's clients pause");
    bench.driver.resume(bench.warrant(), "mail").await.unwrap();
    let done = bench.js("await lib.until('all', async () => memo.done.size === 51000); await memo.w.close();
         return { twice: [...memo.done.values()].filter((times) => times > 1).length, paused: await memo.q.isPaused(),
             left: await lib.redis.exists(lib.key('wait'), lib.key('paused')) };");
    assert_eq!(done, serde_json::json!({"twice": 0, "paused": false, "left": 0}));
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn fifty_thousand_jobs_survive_a_pause_of_version_5() {
    nothing_is_lost(5).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn fifty_thousand_jobs_survive_a_pause_of_version_6() {
    nothing_is_lost(6).await;
}

/// Pause and resume leave what the library leaves.
async fn as_the_library(v: u32, setup: &str) {
    let mut bench = Bench::start(v).await;
    bench.js(&format!("const q = memo.q = lib.queue(v); await q.waitUntilReady(); {setup} memo.before = await lib.snapshot(); await q.pause();"));
    let paused = bench.js("return await lib.dump();");
    let resumed = bench.js("await memo.q.resume(); const all = await lib.dump(); await lib.put(memo.before); return all;");
    bench.driver.pause(bench.warrant(), "mail").await.unwrap();
    assert_eq!(bench.js("return await lib.dump();"), paused, "paused, version {v}: {setup}");
    bench.driver.pause(bench.warrant(), "mail").await.unwrap();
    assert_eq!(bench.js("return await lib.dump();"), paused, "a second pause changes nothing");
    bench.driver.resume(bench.warrant(), "mail").await.unwrap();
    assert_eq!(bench.js("return await lib.dump();"), resumed, "resumed, version {v}: {setup}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn pause_and_resume_leave_what_the_library_leaves() {
    for v in [5, 6] {
        as_the_library(v, "await q.add('a', {}); await q.add('b', {}); await q.add('p', {}, { priority: 1 });").await;
        as_the_library(v, "await q.add('p', {}, { priority: 1 });").await;
        as_the_library(v, "await q.add('d', {}, { delay: 1e6 });").await;
    }
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn an_unknown_queue_is_not_made() {
    let mut bench = Bench::start(6).await;
    let refused = bench.driver.pause(bench.warrant(), "nosuch").await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    bench.js("await lib.queue(v).waitUntilReady(); await lib.until('meta', () => lib.redis.exists(lib.key('meta')));");
    let refused = bench.driver.resume(bench.warrant(), "mail").await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "a look of somebody makes no queue: {refused:?}");
    assert_eq!(bench.js("return await lib.keys();").as_array().unwrap().len(), 1);
}
