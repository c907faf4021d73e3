//! The suite that every driver passes, on jobs that the real library makes and works off.

use std::sync::{Arc, Mutex};

use qd_core::port::Queue;
use serde_json::{Value, json};

use super::bench;
use crate::queue_suite::{Bench, queue_suite};

/// What the suite's jobs do.
const WORK: &str = "const work = async (job) => { (memo.ran ??= []).push(job.id);
    if (job.data.held) await new Promise((end) => { memo.end = end; });
    if (job.data.bad) throw new Error('no such address');
    await job.log('hello'); await job.updateProgress(50); return { ok: true }; };
    const worker = (name) => lib.worker(v, work, name, { concurrency: 1, name: 'w' });";

struct Jobs<const V: u32>(Mutex<bench::Bench>);

impl<const V: u32> Jobs<V> {
    fn js(&self, code: &str) -> Value {
        self.0.lock().unwrap().js(&format!("const queue = (name) => (memo[`queue ${{name}}`] ??= lib.queue(v, name)); {WORK} {code}"))
    }

    fn made(&self, queue: &str, data: &Value, delay: u32) -> String {
        let id = self.js(&format!("return (await queue('{queue}').add('errand', {data}, {{ attempts: 1, delay: {delay} }})).id;"));
        id.as_str().unwrap().to_owned()
    }
}

impl<const V: u32> Bench for Jobs<V> {
    const LATER: i64 = 5;

    async fn start() -> Self {
        Self(Mutex::new(bench::Bench::start(V).await))
    }

    fn queue(&self) -> Arc<dyn Queue> {
        self.0.lock().unwrap().driver.clone()
    }

    async fn add(&self, queue: &str, good: bool) -> String {
        self.made(queue, &json!({"bad": !good}), 0)
    }

    async fn add_later(&self, queue: &str) -> String {
        self.made(queue, &json!({}), 3_600_000)
    }

    async fn work(&self, queue: &str) {
        self.js(&format!(
            "const w = worker('{queue}'); await w.waitUntilReady();
             await lib.until('the end of what is due', async () => (await queue('{queue}').isPaused()) || (await lib.redis.llen(lib.key('wait', '{queue}'))) +
                 (await lib.redis.llen(lib.key('active', '{queue}'))) + (await lib.redis.zcard(lib.key('prioritized', '{queue}'))) === 0); await w.close();"
        ));
    }

    async fn hold(&self, queue: &str) -> String {
        let id = self.made(queue, &json!({"held": true}), 0);
        self.js(&format!("memo.holder = worker('{queue}'); await lib.until('a run', () => memo.end);"));
        id
    }

    async fn release(&self) {
        self.js("const closing = memo.holder.close(); memo.end(); await closing;");
    }

    async fn schedule(&self, queue: &str, id: &str) -> String {
        let made = format!("return (await queue('{queue}').upsertJobScheduler('{id}', {{ pattern: '0 0 1 1 *' }}, {{ name: 'yearly' }})).id;");
        self.js(&made).as_str().unwrap().to_owned()
    }

    fn ran(&self) -> Vec<String> {
        serde_json::from_value(self.js("return memo.ran ?? [];")).unwrap()
    }
}

queue_suite!(version_5, super::Jobs<5>, #[ignore = "needs Redis and Node"]);
queue_suite!(version_6, super::Jobs<6>, #[ignore = "needs Redis and Node"]);
