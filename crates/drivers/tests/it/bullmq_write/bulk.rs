//! Ten thousand at once, and the end of a queue.

use std::time::{Duration, Instant};

use qd_core::Error;
use qd_core::port::Queue;
use qd_core::port::queue::{ACT_MAX, Acted, JobAct, Limits, Rate};
use serde_json::json;

use super::bench::Bench;

/// Ten thousand jobs that failed for good with two attempts, a third of them of priority 1 and another of 2.
const FAILED: &str = "const q = memo.q = lib.queue(v);
    for (let i = 0; i < 10; i++) await q.addBulk(Array.from({ length: 1000 }, (_, n) => ({ name: 'j', data: { n }, opts: { priority: n % 3, attempts: 2 } })));
    const w = lib.worker(v, async () => { throw new Error('boom'); }, 'mail', { concurrency: 100 });
    await lib.until('all failures', async () => (await q.getFailedCount()) === 10000); await w.close();
    return await lib.redis.zrange(lib.key('failed'), 0, -1);";

async fn retry_all(v: u32, reset: bool) {
    let mut bench = Bench::start(v).await;
    let ids = bench.ids(FAILED);
    let begun = Instant::now();
    for ids in ids.chunks(ACT_MAX) {
        let acted = bench.driver.act(bench.warrant(), "mail", JobAct::Retry { reset }, ids).await.unwrap();
        assert!(acted.iter().all(|acted| *acted == Acted::Done));
    }
    let took = begun.elapsed();
    println!("version {v}: retry of 10,000 took {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let ran = bench.js(
        "const runs = new Map(), order = [];
         const w = lib.worker(v, async (job) => { const n = (runs.get(job.id) ?? 0) + 1; runs.set(job.id, n); if (n === 1) { order.push(job.data.n % 3); throw new Error('again'); } },
             'mail', { concurrency: 1 });
         const ended = async () => (await memo.q.getFailedCount()) + (await memo.q.getCompletedCount()) === 10000;
         await lib.until('all', ended); await w.close();
         return { jobs: runs.size, runs: [...runs.values()].reduce((all, n) => all + n, 0), failed: await memo.q.getFailedCount(),
             inOrder: order.every((priority, at) => at === 0 || order[at - 1] <= priority) };",
    );
    let expected =
        if reset { json!({"jobs": 10_000, "runs": 20_000, "failed": 0}) } else { json!({"jobs": 10_000, "runs": 10_000, "failed": 10_000}) };
    for (what, number) in expected.as_object().unwrap() {
        assert_eq!(&ran[what], number, "{what} of version {v}");
    }
    assert!(reset || ran["inOrder"] == json!(true), "those without a priority first, then 1, then 2");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn ten_thousand_run_again_with_all_attempts_and_their_priority() {
    retry_all(6, true).await;
    retry_all(5, true).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn ten_thousand_run_again_with_the_attempts_that_are_left() {
    retry_all(6, false).await;
    retry_all(5, false).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn limits_are_those_that_the_library_reads() {
    let mut bench = Bench::start(6).await;
    bench.js("memo.q = lib.queue(v); await memo.q.add('a', {});");
    let set = Limits { concurrency: Some(Some(3)), rate: Some(Some(Rate { jobs: 7, per_ms: 1_000 })) };
    bench.driver.limit(bench.warrant(), "mail", set).await.unwrap();
    let read = "return [await memo.q.getGlobalConcurrency(), await memo.q.getGlobalRateLimit()];";
    assert_eq!(bench.js(read), json!([3, {"max": 7, "duration": 1000}]));
    bench.driver.limit(bench.warrant(), "mail", Limits { concurrency: Some(None), rate: None }).await.unwrap();
    assert_eq!(bench.js(read), json!([null, {"max": 7, "duration": 1000}]));
    bench.driver.limit(bench.warrant(), "mail", Limits { concurrency: None, rate: Some(None) }).await.unwrap();
    assert_eq!(bench.js(read), json!([null, null]));
    let none = bench.driver.limit(bench.warrant(), "mail", Limits { concurrency: Some(Some(0)), rate: None }).await;
    assert!(matches!(none, Err(Error::Invalid(_))));
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_queue_is_obliterated_only_when_nothing_runs() {
    for v in [5, 6] {
        let mut bench = Bench::start(v).await;
        bench.js(
            "const q = memo.q = lib.queue(v);
             await q.addBulk(Array.from({ length: 5000 }, (_, n) => ({ name: 'j', data: { n }, opts: n % 2 ? { delay: 1e7 } : { priority: 1 } })));
             await q.upsertJobScheduler('tick', { every: 1e7 }, { name: 't' }); await q.add('one', {}, { deduplication: { id: 'u' }, delay: 1e7 });
             await lib.flow(v).add({ name: 'top', queueName: 'mail', children: [{ name: 'kid', queueName: 'kids' }] });
             await lib.flow(v).add({ name: 'top', queueName: 'kids', opts: { jobId: 'above' }, children: [{ name: 'kid', queueName: 'mail', opts: { delay: 1e7 } }] });
             memo.w = lib.worker(v, () => new Promise((end) => { memo.end = end; }), 'mail', { concurrency: 1 }); await lib.until('a run', () => memo.end);",
        );
        let refused = bench.driver.obliterate(bench.warrant(), "mail").await;
        assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("run")), "{refused:?}");
        assert_eq!(bench.js("return [await memo.q.isPaused(), await lib.redis.zcard(lib.key('delayed')) > 2000];"), json!([false, true]));
        bench.js("memo.closing = memo.w.close(); memo.end(); await memo.closing;");
        let refused = bench.driver.obliterate(bench.warrant(), "mail").await;
        assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("not paused")), "{refused:?}");
        bench.driver.pause(bench.warrant(), "mail").await.unwrap();
        let mut calls = 1;
        while !bench.driver.obliterate(bench.warrant(), "mail").await.unwrap() {
            calls += 1;
        }
        assert_eq!(calls, 2, "four thousand jobs a call");
        assert_eq!(bench.js("return (await lib.keys()).filter((key) => key.startsWith(lib.key('')));"), json!([]), "version {v}");
        assert_eq!(bench.js("return (await lib.redis.lrange(lib.key('wait', 'kids'), -1, -1));"), json!(["above"]), "its parent goes on");
    }
}
