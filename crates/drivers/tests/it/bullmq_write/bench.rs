//! A prefix of its own in Redis, the driver on it, and the real library beside it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use drivers::queue::BullMq;
use qd_core::gate::{Permit, Warrant};
use qd_core::port::Queue;
use qd_core::port::queue::{Acted, JobAct};
use qd_core::secret::Secret;
use serde_json::{Value, json};

use crate::support::{Touch, redis, with_permit};

/// Longest answer of the library.
const LIMIT: Duration = Duration::from_secs(120);

/// What one test works with.
pub struct Bench {
    pub driver: Arc<BullMq>,
    permit: Permit<Touch>,
    node: Child,
    ask: ChildStdin,
    told: Receiver<String>,
    /// The major version of the library.
    pub v: u32,
}

impl Bench {
    /// An empty prefix and the library of major version `v`.
    pub async fn start(v: u32) -> Self {
        let prefix = format!("write-{}", uuid::Uuid::new_v4().simple());
        let driver = Arc::new(BullMq::new(&Secret::new(redis()), &prefix).unwrap());
        let (send, received) = tokio::sync::oneshot::channel();
        with_permit(move |permit| {
            _ = send.send(permit);
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
        let program = std::env::var("QD_TEST_NODE").unwrap_or_else(|_| "node".into());
        let clients = std::env::var("QD_TEST_CLIENTS_NODE").expect("QD_TEST_CLIENTS_NODE is set");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bullmq_write/library.mjs");
        let mut command = Command::new(program);
        command.arg("--no-warnings").arg(script).args([&clients, &redis(), &prefix]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = command.spawn().expect("Node starts");
        let (ask, lines) = (node.stdin.take().unwrap(), BufReader::new(node.stdout.take().unwrap()));
        let (line, told) = channel();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|said| line.send(said)));
        let bench = Self { driver, permit: received.await.unwrap(), node, ask, told, v };
        assert!(bench.told.recv_timeout(LIMIT).expect("the library starts").contains("ready"));
        bench
    }

    /// What the gate gave.
    pub fn warrant(&self) -> &Warrant {
        self.permit.warrant()
    }

    /// Runs code with `lib`, `v` and `memo`; what it returns.
    pub fn js(&mut self, code: &str) -> Value {
        let v = self.v;
        self.js_of(v, code)
    }

    /// As [`Bench::js`] with another version.
    pub fn js_of(&mut self, v: u32, code: &str) -> Value {
        writeln!(self.ask, "{}", json!({"code": code, "v": v})).unwrap();
        let said: Value = serde_json::from_str(&self.told.recv_timeout(LIMIT).expect("the library answers")).unwrap();
        assert!(said.get("fault").is_none(), "{code}\n{}", said["fault"].as_str().unwrap_or_default());
        said["value"].clone()
    }

    /// Ids that code returns.
    pub fn ids(&mut self, code: &str) -> Vec<String> {
        self.js(code).as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Does something to jobs of `mail`.
    pub async fn act(&self, act: JobAct, ids: &[&str]) -> Vec<Acted> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.driver.act(self.warrant(), "mail", act, &ids).await.unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        _ = writeln!(self.ask, "{}", json!({"code": "await lib.put([])", "v": self.v}));
        _ = self.told.recv_timeout(Duration::from_secs(10));
        _ = self.node.kill();
        _ = self.node.wait();
    }
}

/// Whether a job was refused, for this reason.
pub fn refused(acted: &[Acted], why: &str) -> bool {
    matches!(acted, [Acted::Refused(said)] if said.contains(why))
}
