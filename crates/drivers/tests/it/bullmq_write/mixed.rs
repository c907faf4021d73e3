//! Clients of 5 and 6 on one queue: the sequences that lose jobs when the library resumes.

use qd_core::Error;
use qd_core::port::Queue;
use serde_json::{Value, json};

use super::bench::Bench;

/// Jobs that a worker then runs, in its order.
const RUN: &str = "const ran = []; const w = lib.worker(v, async (job) => { ran.push(job.id); }, 'mail', { concurrency: 1 });
    await lib.until('the end', async () => (await lib.redis.llen(lib.key('wait'))) + (await lib.redis.llen(lib.key('active'))) === 0); await w.close(); return ran;";

async fn resumed(sequence: &str) -> Value {
    let mut bench = Bench::start(5).await;
    bench.js(&format!(
        "const five = lib.queue(5), six = lib.queue(6); await five.waitUntilReady(); await six.waitUntilReady();
        const add = async (q, n) => {{ for (let i = 0; i < n; i++) await q.add('j', {{}}); }}; {sequence}"
    ));
    bench.driver.resume(bench.warrant(), "mail").await.unwrap();
    assert_eq!(bench.js("return await lib.redis.exists(lib.key('paused'));"), 0);
    bench.js(RUN)
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn resuming_here_loses_nothing_where_the_library_does() {
    let a = resumed("await add(six, 3); await six.pause(); await add(five, 1);").await;
    assert_eq!(a, json!(["1", "2", "3", "4"]), "6 pauses, 5 adds");
    let a2 = resumed("await add(five, 3); await five.pause(); await six.getJobCounts();").await;
    assert_eq!(a2, json!(["1", "2", "3"]), "5 pauses, 6 looks");
    let f = resumed("await add(five, 2); await five.pause(); await add(six, 1); await add(five, 1);").await;
    assert_eq!(f, json!(["1", "2", "3", "4"]), "5 pauses, both add");
    let reverse = resumed("await add(six, 1500); await six.pause(); await add(five, 1500);").await;
    let all: Vec<Value> = (1..=3000).map(|id| json!(id.to_string())).collect();
    assert_eq!(reverse, Value::Array(all), "long lists, moved a piece at a time");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn the_library_loses_them() {
    // What the driver is compared with: when this changes, the refusals can go.
    let mut bench = Bench::start(5).await;
    let lost = bench.js("const five = lib.queue(5), six = lib.queue(6); for (let i = 0; i < 3; i++) await six.add('j', {});
         await six.pause(); await five.add('j', {}); await five.resume(); return await lib.redis.lrange(lib.key('wait'), 0, -1);");
    assert_eq!(lost, json!(["4"]));
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_pause_that_begins_such_a_sequence_is_refused() {
    let mut bench = Bench::start(5).await;
    bench.js("memo.five = lib.queue(5); await memo.five.waitUntilReady(); await memo.five.add('j', {});");
    bench.driver.pause(bench.warrant(), "mail").await.unwrap();
    bench.driver.resume(bench.warrant(), "mail").await.unwrap();
    bench.js("memo.six = lib.queue(6); await memo.six.waitUntilReady(); await memo.six.add('j', {});");
    let before = bench.js("return await lib.dump();");
    let refused = bench.driver.pause(bench.warrant(), "mail").await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("5 and 6") && why.contains("one major version")), "{refused:?}");
    assert_eq!(bench.js("return await lib.dump();"), before, "nothing changed");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_pause_over_a_list_left_behind_keeps_its_jobs() {
    let mut bench = Bench::start(5).await;
    // A resume that stopped half way: the library's next pause renames over the list.
    bench.js("const q = memo.q = lib.queue(5); for (let i = 0; i < 3; i++) await q.add('j', {}); await q.pause();
         await lib.redis.hdel(lib.key('meta'), 'paused'); await q.add('j', {});");
    bench.driver.pause(bench.warrant(), "mail").await.unwrap();
    assert_eq!(bench.js("return await lib.redis.lrange(lib.key('paused'), 0, -1);"), json!(["4", "3", "2", "1"]));
    bench.js("await memo.q.resume();");
    assert_eq!(bench.js(RUN), json!(["1", "2", "3", "4"]));
}
