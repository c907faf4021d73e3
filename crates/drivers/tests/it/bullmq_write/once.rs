//! Calls over an archive that are cut off and made again, and long lists and logs.

use std::time::Duration;

use qd_core::port::Queue;
use qd_core::port::queue::{Acted, JobRecord, Once};
use serde_json::json;

use super::bench::Bench;

const OUT: Once<'_> = Once { name: "out:1", again: true };
const BACK: Once<'_> = Once { name: "back:1", again: true };
/// Longest call that Redis may be busy with.
const BUSY: Duration = Duration::from_millis(50);

async fn records(bench: &Bench, ids: &[&str]) -> Vec<JobRecord> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    bench.driver.records("mail", &ids).await.unwrap()
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn what_was_worked_off_after_an_unheard_answer_does_not_run_again() {
    let mut bench = Bench::start(6).await;
    bench.js("memo.q = lib.queue(v); for (const id of ['a', 'b', 'c']) await memo.q.add('j', {}, { jobId: id, removeOnComplete: true });");
    let records = records(&bench, &["a", "b", "c"]).await;
    bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    // Two of three came back when the connection was lost; they ran, and were removed by their own rule.
    bench.driver.restore(bench.warrant(), "mail", &records[..2], BACK).await.unwrap();
    let work = "memo.ran ??= []; const w = lib.worker(v, async (job) => { memo.ran.push(job.id); });
         await lib.until('the end', async () => (await memo.q.getWaitingCount()) + (await memo.q.getActiveCount()) === 0); await w.close(); return memo.ran.toSorted();";
    assert_eq!(bench.js(work), json!(["a", "b"]));
    let again = bench.driver.restore(bench.warrant(), "mail", &records, BACK).await.unwrap();
    assert_eq!(again, [Acted::Done, Acted::Done, Acted::Done]);
    assert_eq!(bench.js(work), json!(["a", "b", "c"]), "each once");
    let left = bench.js("const keys = (await lib.keys()).filter((key) => key.includes(':quarterdeck:')); return await Promise.all(keys.map((key) => lib.redis.ttl(key)));");
    assert!(left.as_array().unwrap().iter().all(|seconds| (1..=259_200).contains(&seconds.as_i64().unwrap())), "they go by themselves: {left}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn what_ran_after_an_unheard_removal_is_not_taken_for_removed() {
    let mut bench = Bench::start(6).await;
    bench.js("memo.q = lib.queue(v); for (const id of ['a', 'b']) await memo.q.add('j', {}, { jobId: id, removeOnComplete: true });");
    let records = records(&bench, &["a", "b"]).await;
    bench.driver.remove_recorded(bench.warrant(), "mail", &records[..1], OUT).await.unwrap();
    bench.js("const w = lib.worker(v, async () => {}); await lib.until('the end', async () => (await memo.q.getJobCountByTypes('waiting', 'active')) === 0); await w.close();");
    let again = bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    assert_eq!(again, [Acted::Done, Acted::Gone], "the first was removed, the second ran");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn jobs_deep_in_a_long_list_are_removed_without_holding_redis_up() {
    let mut bench = Bench::start(6).await;
    bench.js("const q = memo.q = lib.queue(v); const wait = lib.key('wait');
         const fill = async (from) => { for (let i = 0; i < 150; i++) await lib.redis.lpush(wait, ...Array.from({ length: 1000 }, (_, n) => `x${from + i * 1000 + n}`)); };
         await fill(0); await q.addBulk(Array.from({ length: 200 }, (_, n) => ({ name: 'j', data: {}, opts: { jobId: `deep${n}` } }))); await fill(150000);");
    let ids: Vec<String> = (0..200).map(|n| format!("deep{n}")).collect();
    let records = bench.driver.records("mail", &ids).await.unwrap();
    assert_eq!(records.len(), 200);
    let removed = bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    assert!(removed.iter().all(|acted| *acted == Acted::Done), "{removed:?}");
    // The server keeps the slowest calls; those of others are not ours.
    let told = bench.js("const over = Number((await lib.redis.config('GET', 'slowlog-log-slower-than'))[1]);
         const slow = (await lib.redis.slowlog('GET', -1)).filter((one) => one[3].some((word) => String(word).startsWith(lib.key('')))
             && one[3].some((word) => String(word) === 'as recorded'));
         return { over, longest: Math.max(0, ...slow.map((one) => one[2])), left: await lib.redis.llen(lib.key('wait')) };");
    assert!((0..=50_000).contains(&told["over"].as_i64().unwrap()), "the server tells of calls of 50 ms: {told}");
    assert_eq!(told["left"], json!(300_000));
    assert!(Duration::from_micros(told["longest"].as_u64().unwrap()) < BUSY, "{told}");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_log_is_measured_before_it_is_read_and_archived_whole() {
    let mut bench = Bench::start(6).await;
    bench.js("const q = memo.q = lib.queue(v); for (const id of ['long', 'huge', 'result']) await q.add('j', {}, { jobId: id, delay: 1e7 });
         for (let i = 0; i < 30; i++) await lib.redis.rpush(lib.key('long:logs'), ...Array.from({ length: 100 }, (_, n) => `line ${i * 100 + n}`));
         for (let i = 0; i < 50; i++) await lib.redis.rpush(lib.key('huge:logs'), 'x'.repeat(1 << 20));
         await lib.redis.hset(lib.key('result'), 'returnvalue', 'x'.repeat(3 << 20));");
    let sizes = bench.driver.sizes("mail", &["long", "huge", "result", "nosuch"].map(ToOwned::to_owned)).await.unwrap();
    assert!((30_000..300_000).contains(&sizes[0]), "{sizes:?}");
    assert!((50 << 20..80 << 20).contains(&sizes[1]) && (3 << 20..4 << 20).contains(&sizes[2]) && sizes[3] == 0, "{sizes:?}");
    let records = records(&bench, &["long"]).await;
    bench.driver.remove_recorded(bench.warrant(), "mail", &records, OUT).await.unwrap();
    bench.driver.restore(bench.warrant(), "mail", &records, BACK).await.unwrap();
    let lines = "const lines = await lib.redis.lrange(lib.key('long:logs'), 0, -1); return [lines.length, lines[0], lines[2999]];";
    assert_eq!(bench.js(lines), json!([3_000, "line 0", "line 2999"]));
}
