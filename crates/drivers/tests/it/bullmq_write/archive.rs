//! Out of Redis and back.

use qd_core::port::Queue;
use qd_core::port::queue::{ACT_MAX, Acted, JobAct, JobRecord, JobState, Once};
use serde_json::{Value, json};

use super::bench::{Bench, refused};

const OUT: Once<'_> = Once { name: "out:1", again: false };
const BACK: Once<'_> = Once { name: "back:1", again: true };

/// Jobs in every state in which a job can be deleted.
const ALL: &str = "const q = memo.q = lib.queue(v);
    for (const n of ['f1', 'f2', 'c1']) await q.add(n, { text: 'größe 😀' }, { jobId: n, attempts: 2, keepLogs: 3 });
    const w = lib.worker(v, async (job) => { await job.log('one'); await job.log('two'); if (job.name[0] === 'f') throw new Error('boom'); return [1]; });
    await lib.until('the end of all', async () => (await q.getFailedCount()) + (await q.getCompletedCount()) === 3); await w.close();
    for (let n = 1; n <= 250; n++) await q.add('w', { n }, { jobId: 'w' + n }); await q.add('p', {}, { jobId: 'p1', priority: 2 }); await q.add('p', {}, { jobId: 'p2', priority: 2 });
    await q.add('d', {}, { jobId: 'd1', delay: 1e7 }); await q.add('u', {}, { jobId: 'u1', delay: 2e7, deduplication: { id: 'once', ttl: 3e6 } });
    await lib.flow(v).add({ name: 'top', queueName: 'kids', opts: { jobId: 'top' }, children: [
        { name: 'a', queueName: 'mail', opts: { jobId: 'k1' } }, { name: 'b', queueName: 'kids', opts: { jobId: 'k2', delay: 1e7 } }] });";

/// Without events, markers and receipts, which tell the way and not the state.
fn still(mut dump: Value) -> Value {
    dump.as_object_mut().unwrap().retain(|key, _| !key.ends_with(":events") && !key.ends_with(":marker") && !key.contains(":quarterdeck:"));
    dump
}

fn every() -> Vec<String> {
    let fixed = ["f1", "f2", "c1", "p1", "p2", "d1", "u1"].map(ToOwned::to_owned);
    (1..=250).map(|n| format!("w{n}")).chain(["k1".to_owned()]).chain(fixed).collect()
}

async fn there_and_back(v: u32, then: &str) {
    let mut bench = Bench::start(v).await;
    bench.js(&format!("{ALL} {then}"));
    let before = still(bench.js("return await lib.dump();"));
    let records = bench.driver.records("mail", &every()).await.unwrap();
    assert_eq!(records.len(), every().len());
    // What is stored is text.
    let records: Vec<JobRecord> = serde_json::from_str(&serde_json::to_string(&records).unwrap()).unwrap();
    let removed = bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    assert!(removed.iter().all(|acted| *acted == Acted::Done), "{removed:?}");
    let left = bench
        .js("return (await lib.keys()).filter((key) => /:(w\\d+|[fcpduk]1|f2|p2)(:|$)/.test(key) && !key.includes('top') && !key.includes('kids'));");
    assert_eq!(left, json!([]));
    let restored = bench.driver.restore(bench.warrant(), "mail", &records, BACK).await.unwrap();
    assert!(restored.iter().all(|acted| *acted == Acted::Done), "{restored:?}");
    let after = still(bench.js("return await lib.dump();"));
    for key in before.as_object().unwrap().keys().chain(after.as_object().unwrap().keys()) {
        assert_eq!(after.get(key), before.get(key), "{key} of version {v} after {then}");
    }
    let again = bench.driver.restore(bench.warrant(), "mail", &records[..1], BACK).await.unwrap();
    assert_eq!(again, [Acted::Done], "it is back by this name");
    let other = Once { name: "back:2", again: true };
    assert_eq!(bench.driver.restore(bench.warrant(), "mail", &records[..1], other).await.unwrap(), [Acted::There]);
    bench.js("await lib.redis.hset(lib.key('w1'), 'timestamp', 1);");
    let again = bench.driver.restore(bench.warrant(), "mail", &records[..1], other).await.unwrap();
    assert!(refused(&again, "exists"), "another job with its id: {again:?}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn what_is_deleted_comes_back_the_same() {
    for v in [5, 6] {
        there_and_back(v, "").await;
        there_and_back(v, "await q.pause();").await;
    }
}

async fn in_order(count: usize, pages: &[(usize, usize)], late: bool) {
    let mut bench = Bench::start(6).await;
    bench.js(&format!("const q = memo.q = lib.queue(v); for (let n = 0; n < {count}; n++) await q.add('j', {{}});"));
    let ids: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
    let mut records = Vec::new();
    for ids in ids.chunks(ACT_MAX) {
        let page = bench.driver.records("mail", ids).await.unwrap();
        assert!(page.iter().all(|record| record.state == JobState::Waiting));
        bench.driver.remove_recorded(bench.warrant(), "mail", &page, OUT).await.unwrap();
        records.extend(page);
    }
    if late {
        bench.js("await memo.q.add('late', {});");
    }
    for (from, to) in pages {
        bench.driver.restore(bench.warrant(), "mail", &records[*from..*to], BACK).await.unwrap();
    }
    let ran = bench.js("const all = await lib.redis.llen(lib.key('wait')); const ran = [];
         const w = lib.worker(v, async (job) => { ran.push(Number(job.id)); }, 'mail', { concurrency: 1 });
         await lib.until('all', () => ran.length === all); await w.close(); return ran;");
    let last = if late { count + 1 } else { count };
    assert_eq!(ran, json!((1..=last).collect::<Vec<usize>>()), "{pages:?}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn restored_jobs_run_in_their_order() {
    in_order(300, &[(100, 200), (0, 100), (200, 300)], true).await;
    in_order(1500, &[(1000, 1500), (500, 1000), (0, 500)], true).await;
    in_order(1500, &[(0, 500), (500, 1000), (1000, 1500)], false).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_job_that_changed_since_it_was_recorded_stays() {
    let mut bench = Bench::start(6).await;
    bench.js(
        "const q = memo.q = lib.queue(v); for (const id of ['ran', 'data', 'now', 'same', 'prio']) await q.add(id, { n: 1 }, { jobId: id, delay: id === 'now' ? 1e7 : 0 });
         await q.add('runs', {}, { jobId: 'runs', lifo: true });",
    );
    let ids = ["runs", "ran", "data", "now", "prio", "same", "nosuch"].map(ToOwned::to_owned);
    let records = bench.driver.records("mail", &ids).await.unwrap();
    assert_eq!(records.len(), 6, "one does not exist");
    bench.js("memo.w = lib.worker(v, (job) => job.id === 'ran' ? 1 : new Promise((end) => { memo.end = end; }), 'mail', { concurrency: 1 }); await lib.until('a run', () => memo.end);");
    bench.js("await (await memo.q.getJob('data')).updateData({ n: 2 }); await (await memo.q.getJob('prio')).changePriority({ priority: 3 });");
    assert_eq!(bench.act(JobAct::Promote, &["now"]).await, [Acted::Done]);
    assert!(bench.driver.records("mail", &ids[..1]).await.unwrap().is_empty(), "it runs");
    bench.js("await lib.redis.lrem(lib.key('wait'), 1, 'ran'); await lib.redis.lpush(lib.key('wait'), 'ran'); await lib.redis.hset(lib.key('ran'), 'ats', 1);");
    let removed = bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    assert!(refused(&removed[..1], "runs"), "{removed:?}");
    assert_eq!(removed[1..], [Acted::Gone, Acted::Gone, Acted::Gone, Acted::Gone, Acted::Done]);
    bench.js("const closing = memo.w.close(); memo.end(); await closing;");
}

async fn safe_drain(v: u32) {
    let mut bench = Bench::start(v).await;
    bench.js("const q = memo.q = lib.queue(v); await q.add('a', {}); await q.add('b', {});
         await q.upsertJobScheduler('tick', { every: 400 }, { name: 't', data: {} }); await q.add('c', {}); await q.add('d', {}, { delay: 1e7 });");
    let ids =
        bench.ids("return (await lib.redis.lrange(lib.key('wait'), 0, -1)).reverse().concat(await lib.redis.zrange(lib.key('delayed'), 0, -1));");
    assert_eq!(ids.len(), 5);
    let records = bench.driver.records("mail", &ids).await.unwrap();
    assert_eq!(records.len(), 4, "the schedule's own job is left out");
    let removed = bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    assert!(removed.iter().all(|acted| *acted == Acted::Done));
    let ran = bench.js(
        "const ran = []; const w = lib.worker(v, async (job) => { ran.push(job.name); }); await lib.until('five ticks', () => ran.length >= 5, 20);
         await w.close(); return { names: [...new Set(ran)], schedules: await memo.q.getJobSchedulersCount() };",
    );
    assert_eq!(ran, json!({"names": ["t"], "schedules": 1}), "version {v}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_drain_leaves_schedules_ticking() {
    safe_drain(5).await;
    safe_drain(6).await;
}
