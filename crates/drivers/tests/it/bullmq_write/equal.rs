//! What an act leaves in Redis equals what the library's own method leaves, key by key.

use qd_core::port::Queue;
use qd_core::port::queue::{Acted, JobAct};
use serde_json::Value;

use super::bench::{Bench, refused};

/// Jobs that ended, of every kind.
const ENDED: &str =
    "const q = memo.q = lib.queue(v); await q.add('a', {}, { attempts: 2 }); await q.add('b', { ok: 1 }, { lifo: true }); await q.add('c', {});
    const w = lib.worker(v, async (job) => { if (job.data.ok) return { fine: job.id }; throw new Error('boom'); }, 'mail', { concurrency: 1 });
    await lib.until('the end of all', async () => (await q.getFailedCount()) + (await q.getCompletedCount()) === 3); await w.close();";
/// Jobs that did not begin.
const WAITING: &str = "const q = memo.q = lib.queue(v); await q.add('a', {}); await q.add('b', {}); await q.add('p', {}, { priority: 5 });
    await q.add('d', {}, { delay: 1e7 }); await q.add('e', {}, { delay: 1e7, priority: 4 });
    await q.add('u', {}, { deduplication: { id: 'one', ttl: 6e6 }, delay: 1e6 }); await (await q.getJob('1')).log('a line');";
/// A flow over two queues.
const FLOW: &str = "const q = memo.q = lib.queue(v); memo.kids = lib.queue(v, 'kids');
    await lib.flow(v).add({ name: 'top', queueName: 'kids', opts: { jobId: 'top' }, children: [
        { name: 'a', queueName: 'mail', opts: { jobId: 'a', failParentOnFailure: true } }, { name: 'b', queueName: 'mail', data: { ok: 1 }, opts: { jobId: 'b' } },
        { name: 'c', queueName: 'mail', opts: { jobId: 'c', delay: 1e7 } } ] });";
/// Works on the flow.
const WORK: &str = "const w = lib.worker(v, async (job) => { if (job.data.ok) return 7; throw new Error('boom'); });
    await lib.until('the end of both', async () => (await q.getFailedCount()) + (await q.getCompletedCount()) === 2); await w.close();";

/// Runs `setup` once, then the library's and our way on the same keys.
async fn same(bench: &mut Bench, setup: &str, theirs: &str, act: JobAct, id: &str) {
    bench.js(&format!("await lib.put([]); {setup} memo.before = await lib.snapshot();"));
    bench.js(theirs);
    let expected = plain(bench.js("return await lib.dump();"));
    bench.js("await lib.put(memo.before);");
    assert_eq!(bench.act(act, &[id]).await, [Acted::Done], "{theirs}");
    let found = plain(bench.js("return await lib.dump();"));
    for key in expected.as_object().unwrap().keys().chain(found.as_object().unwrap().keys()) {
        assert_eq!(found.get(key), expected.get(key), "{key} after {theirs} of version {}", bench.v);
    }
}

/// Without the moments of now: scores and events of delayed jobs in quarters of an hour.
fn plain(mut dump: Value) -> Value {
    let coarse =
        |text: &str, unit: f64| text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| (number / unit / 900_000.0).round().to_string());
    for (key, value) in dump.as_object_mut().unwrap() {
        let unit = if key.ends_with(":delayed") { 4_096.0 } else { 1.0 };
        match value {
            Value::Array(all) if key.ends_with(":delayed") || key.ends_with(":marker") => {
                for score in all.iter_mut().skip(1).step_by(2) {
                    *score = coarse(score.as_str().unwrap(), unit).into();
                }
            }
            Value::Array(all) if key.ends_with(":events") => {
                for event in all {
                    let words: Vec<String> =
                        event.as_str().unwrap().split(' ').map(|word| if word.len() > 10 { coarse(word, 1.0) } else { word.into() }).collect();
                    *event = words.join(" ").into();
                }
            }
            _ => {}
        }
    }
    dump
}

async fn retries(v: u32) {
    let bench = &mut Bench::start(v).await;
    let (plain, reset) = (JobAct::Retry { reset: false }, JobAct::Retry { reset: true });
    same(bench, ENDED, "await (await memo.q.getJob('1')).retry('failed');", plain, "1").await;
    same(bench, ENDED, "await (await memo.q.getJob('1')).retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });", reset, "1")
        .await;
    same(bench, ENDED, "await (await memo.q.getJob('2')).retry('completed');", plain, "2").await;
    let paused = format!("{ENDED} await q.add('x', {{}}); await q.pause();");
    same(bench, &paused, "await (await memo.q.getJob('1')).retry('failed');", plain, "1").await;
    let paused = format!("{ENDED} await q.pause();");
    same(bench, &paused, "await (await memo.q.getJob('1')).retry('failed');", plain, "1").await;
    let full = format!("{ENDED} await q.setGlobalConcurrency(0);");
    same(bench, &full, "await (await memo.q.getJob('3')).retry('failed');", plain, "3").await;
    let flow = format!("{FLOW} {WORK}");
    same(bench, &flow, "await (await memo.q.getJob('a')).retry('failed');", plain, "a").await;
    same(bench, &flow, "await (await memo.q.getJob('b')).retry('completed');", plain, "b").await;
    if v == 6 {
        let first = ENDED.replace("attempts: 2", "attempts: 2, priority: 7");
        same(bench, &first, "await (await memo.q.getJob('1')).retry('failed');", plain, "1").await;
    }
}

async fn changes(v: u32) {
    let bench = &mut Bench::start(v).await;
    for id in ["4", "5"] {
        same(bench, WAITING, &format!("await (await memo.q.getJob('{id}')).promote();"), JobAct::Promote, id).await;
        let paused = format!("{WAITING} await q.pause();");
        same(bench, &paused, &format!("await (await memo.q.getJob('{id}')).promote();"), JobAct::Promote, id).await;
    }
    same(bench, WAITING, "await (await memo.q.getJob('4')).changeDelay(2e7);", JobAct::Delay(20_000_000), "4").await;
    for (id, priority) in [("1", 3), ("3", 9), ("3", 0), ("4", 6), ("1", 0)] {
        let theirs = format!("await (await memo.q.getJob('{id}')).changePriority({{ priority: {priority} }});");
        same(bench, WAITING, &theirs, JobAct::Priority(priority), id).await;
        let paused = format!("{WAITING} await q.pause();");
        same(bench, &paused, &theirs, JobAct::Priority(priority), id).await;
    }
}

async fn removals(v: u32) {
    let bench = &mut Bench::start(v).await;
    for id in ["1", "3", "4", "6"] {
        same(bench, WAITING, &format!("await (await memo.q.getJob('{id}')).remove();"), JobAct::Remove, id).await;
    }
    let paused = format!("{WAITING} await q.pause();");
    same(bench, &paused, "await (await memo.q.getJob('1')).remove();", JobAct::Remove, "1").await;
    for id in ["1", "2"] {
        same(bench, ENDED, &format!("await (await memo.q.getJob('{id}')).remove();"), JobAct::Remove, id).await;
    }
    same(bench, FLOW, "await (await memo.q.getJob('c')).remove();", JobAct::Remove, "c").await;
    let last = format!("{FLOW} await (await q.getJob('a')).remove(); await (await q.getJob('b')).remove();");
    same(bench, &last, "await (await memo.q.getJob('c')).remove();", JobAct::Remove, "c").await;
    let held = format!("{last} await memo.kids.pause();");
    same(bench, &held, "await (await memo.q.getJob('c')).remove();", JobAct::Remove, "c").await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn retries_leave_what_the_library_leaves() {
    retries(5).await;
    retries(6).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn changes_leave_what_the_library_leaves() {
    changes(5).await;
    changes(6).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn removals_leave_what_the_library_leaves() {
    removals(5).await;
    removals(6).await;
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn jobs_that_can_not_be_changed_are_told_apart() {
    let mut bench = Bench::start(6).await;
    bench
        .js(&format!("{FLOW} await q.upsertJobScheduler('tick', {{ every: 60000 }}, {{ name: 't' }}); await q.add('x', {{}}, {{ jobId: 'runs' }});"));
    let parent = bench.driver.act(bench.warrant(), "kids", JobAct::Remove, &["top".into()]).await.unwrap();
    assert!(refused(&parent, "jobs of its own"), "{parent:?}");
    let next = bench.ids("return (await lib.redis.lrange(lib.key('wait'), 0, -1)).filter((id) => id.startsWith('repeat:'));");
    assert!(refused(&bench.act(JobAct::Remove, &[&next[0]]).await, "schedule"));
    bench.js("memo.w = lib.worker(v, (job) => job.id === 'runs' ? new Promise((end) => { memo.end = end; }) : 1);
         await lib.until('a run', () => memo.end);");
    assert!(refused(&bench.act(JobAct::Remove, &["runs"]).await, "runs"));
    assert!(refused(&bench.act(JobAct::Priority(1), &["runs"]).await, "runs"));
    for act in [JobAct::Retry { reset: true }, JobAct::Promote, JobAct::Delay(5)] {
        assert_eq!(bench.act(act, &["runs", "nosuch"]).await, [Acted::Gone, Acted::Gone], "{act:?}");
    }
    let parts = ["meta", "wait", "events", "repeat:tick", "repeat", "id", "runs:lock", ""];
    for act in [JobAct::Retry { reset: true }, JobAct::Promote, JobAct::Remove, JobAct::Priority(1), JobAct::Delay(5)] {
        assert_eq!(bench.act(act, &parts).await, vec![Acted::Gone; parts.len()], "other keys of the queue are no jobs: {act:?}");
    }
    assert!(bench.driver.records("mail", &parts.map(ToOwned::to_owned)).await.unwrap().is_empty());
    bench.js("const closing = memo.w.close(); memo.end(); await closing;");
}
