//! Schedules: run now, stop, go on, delete.

use qd_core::Error;
use qd_core::port::Queue;
use serde_json::{Map, Value, json};

use super::bench::Bench;

const OPTIONS: &str = "{ priority: 3, attempts: 4, backoff: 1000, removeOnComplete: 5, keepLogs: 3 }";

/// A job's hash with its options read and without moments.
fn plain(hash: &Value) -> Map<String, Value> {
    let mut hash = hash.as_object().unwrap().clone();
    let mut options: Value = serde_json::from_str(hash["opts"].as_str().unwrap()).unwrap();
    for moment in ["timestamp", "delay", "prevMillis", "jobId"] {
        options.as_object_mut().unwrap().remove(moment);
    }
    hash.insert("opts".into(), options);
    hash.remove("timestamp");
    hash.remove("delay");
    hash
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_run_beside_the_cadence_is_a_job_as_the_library_adds_it() {
    for v in [5, 6] {
        let mut bench = Bench::start(v).await;
        bench.js(&format!(
            "const q = memo.q = lib.queue(v); await q.upsertJobScheduler('tick', {{ every: 1e7 }}, {{ name: 't', data: {{ a: [] }}, opts: {OPTIONS} }});
             memo.id = (await q.add('t', {{ a: [] }}, {OPTIONS})).id;"
        ));
        let id = bench.driver.run_schedule(bench.warrant(), "mail", "tick").await.unwrap();
        let jobs = bench.js(&format!("return [await lib.redis.hgetall(lib.key(memo.id)), await lib.redis.hgetall(lib.key('{id}'))];"));
        assert_eq!(plain(&jobs[1]), plain(&jobs[0]), "version {v}");
        let events = bench.js("return (await lib.dump())['mail:events'].slice(-4).map((event) => event.replace(/jobId \\d+/, 'jobId'));");
        assert_eq!((&events[0], &events[1]), (&events[2], &events[3]), "the same events");
        let ran = bench.js(
            "const ran = []; const w = lib.worker(v, async (job) => { ran.push(job.id); }); await lib.until('all three', () => ran.length === 3); await w.close();
             return [new Set(ran).size, await memo.q.getJobSchedulersCount()];",
        );
        assert_eq!(ran, json!([3, 1]));
        let unknown = bench.driver.run_schedule(bench.warrant(), "mail", "nosuch").await;
        assert!(matches!(unknown, Err(Error::NotFound(_))));
    }
}

async fn stop_and_go_on(v: u32, repeat: &str) {
    let mut bench = Bench::start(v).await;
    bench.js(&format!(
        "const q = memo.q = lib.queue(v); await q.upsertJobScheduler('tick', {repeat}, {{ name: 't', data: {{ a: 1 }}, opts: {OPTIONS} }});
         memo.ran = []; memo.w = lib.worker(v, async (job) => {{ memo.ran.push(job.id); }}); await lib.until('two runs', () => memo.ran.length >= 2);
         await lib.until('the next', async () => (await lib.redis.zcard(lib.key('delayed'))) === 1);"
    ));
    let form = "const [schedule] = await memo.q.getJobSchedulers(); const [id] = await lib.redis.zrange(lib.key('delayed'), 0, 0);
        return { schedule: await lib.redis.hgetall(lib.key('repeat:tick')), job: await lib.redis.hgetall(lib.key(id)), name: schedule.name,
            fits: id === 'repeat:tick:' + schedule.next };";
    let before = bench.js(form);
    let kept = bench.driver.pause_schedule(bench.warrant(), "mail", "tick").await.unwrap();
    let gone = bench.js("await lib.until('the end of what ran', async () => (await lib.redis.llen(lib.key('active'))) === 0);
         return [await memo.q.getJobSchedulersCount(), await lib.redis.zcard(lib.key('delayed')), memo.ran.length];");
    assert_eq!((&gone[0], &gone[1]), (&json!(0), &json!(0)), "nothing waits");
    let text = serde_json::to_string(&kept).unwrap();
    let kept: Option<Value> = serde_json::from_str(&text).unwrap();
    bench.js("await memo.w.close();");
    bench.driver.resume_schedule(bench.warrant(), "mail", "tick", kept.as_ref()).await.unwrap();
    let after = bench.js(form);
    assert_eq!(after["fits"], json!(true));
    let count = |form: &Value| plain(&form["job"])["opts"]["repeat"].clone();
    assert_eq!(plain(&after["job"]).keys().collect::<Vec<_>>(), plain(&before["job"]).keys().collect::<Vec<_>>(), "version {v}");
    assert_eq!((&after["schedule"], count(&after)), (&before["schedule"], count(&before)), "as it was");
    bench.driver.resume_schedule(bench.warrant(), "mail", "tick", kept.as_ref()).await.unwrap();
    assert_eq!(bench.js("return await lib.redis.zcard(lib.key('delayed'));"), json!(1), "once");
    bench.js("const runs = memo.ran.length; memo.w = lib.worker(v, async (job) => { memo.ran.push(job.id); });
         await lib.until('three more', () => memo.ran.length >= runs + 3); await memo.w.close();");
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_stopped_schedule_goes_on() {
    for v in [5, 6] {
        stop_and_go_on(v, "{ every: 300 }").await;
        stop_and_go_on(v, "{ pattern: '* * * * * *', tz: 'America/New_York' }").await;
    }
}

#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn a_deleted_schedule_leaves_nothing_behind() {
    for v in [5, 6] {
        let mut bench = Bench::start(v).await;
        bench.js("const q = memo.q = lib.queue(v); await q.add('x', {}); await q.upsertJobScheduler('cron', { pattern: '0 3 * * *' }, { name: 'c' }); memo.before = await lib.snapshot();
            await q.removeJobScheduler('cron');");
        let theirs = bench.js("const all = await lib.dump(); await lib.put(memo.before); return all;");
        assert!(bench.driver.remove_schedule(bench.warrant(), "mail", "cron").await.unwrap().is_some());
        let seen = bench.js("return [await memo.q.getJobSchedulersCount(), await memo.q.getJobScheduler('cron') ?? null];");
        assert_eq!(seen, json!([0, null]), "the library sees none, though the way back is kept");
        assert_eq!(bench.driver.remove_schedule(bench.warrant(), "mail", "cron").await.unwrap(), None);
        assert_eq!(bench.js("return await lib.dump();"), theirs);
        // The first job of such a schedule stands in line at once; the library forgets it there.
        bench.js("await memo.q.upsertJobScheduler('every', { every: 1e6 }, { name: 'e' });");
        for _ in 0..2 {
            bench.driver.remove_schedule(bench.warrant(), "mail", "every").await.unwrap();
        }
        assert_eq!(bench.js("return await lib.redis.lrange(lib.key('wait'), 0, -1);"), json!(["1"]));
        let unknown = bench.driver.remove_schedule(bench.warrant(), "mail", "every").await;
        assert!(matches!(unknown, Err(Error::NotFound(_))));
    }
}

/// Redis does what it is asked, and the connection drops before it says so.
#[tokio::test]
#[ignore = "needs Redis and Node"]
async fn an_answer_that_is_lost_loses_no_schedule() {
    for v in [5, 6] {
        let mut bench = Bench::start(v).await;
        bench.js(&format!(
            "const q = memo.q = lib.queue(v); await q.add('x', {{}});
             await q.upsertJobScheduler('tick', {{ pattern: '0 3 * * *' }}, {{ name: 't', data: {{ a: 1 }}, opts: {OPTIONS} }});"
        ));
        let form = "const [id] = await lib.redis.zrange(lib.key('delayed'), 0, 0);
            return [await lib.redis.hgetall(lib.key('repeat:tick')), id, (await memo.q.getJobScheduler('tick'))?.next];";
        let before = bench.js(form);
        // Nobody hears the answers.
        bench.driver.pause_schedule(bench.warrant(), "mail", "tick").await.unwrap();
        assert!(matches!(bench.driver.run_schedule(bench.warrant(), "mail", "tick").await, Err(Error::NotFound(_))), "it is stopped");
        assert!(bench.driver.pause_schedule(bench.warrant(), "mail", "tick").await.unwrap().is_some(), "asked again, it tells again");
        bench.driver.resume_schedule(bench.warrant(), "mail", "tick", None).await.unwrap();
        assert_eq!(bench.js(form), before, "as it was, version {v}");
        bench.driver.remove_schedule(bench.warrant(), "mail", "tick").await.unwrap();
        let kept = bench.driver.pause_schedule(bench.warrant(), "mail", "tick").await.unwrap();
        assert_eq!(bench.driver.remove_schedule(bench.warrant(), "mail", "tick").await.unwrap(), None, "stored, and let go");
        assert!(matches!(bench.driver.resume_schedule(bench.warrant(), "mail", "tick", None).await, Err(Error::NotFound(_))));
        bench.driver.resume_schedule(bench.warrant(), "mail", "tick", kept.as_ref()).await.unwrap();
        assert_eq!(bench.js(form), before, "as it was, version {v}");
        // What was stopped and is registered anew by its application is the application's.
        bench.driver.pause_schedule(bench.warrant(), "mail", "tick").await.unwrap();
        bench.js("await memo.q.upsertJobScheduler('tick', { every: 1e7 }, { name: 'u' });");
        let left = bench.js("return Object.keys(await lib.redis.hgetall(lib.key('repeat:tick'))).filter((name) => name.startsWith('qd:'));");
        assert_eq!(left, json!([]));
    }
}
