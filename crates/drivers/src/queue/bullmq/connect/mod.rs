//! Connections to Redis: made when somebody asks, shared, and made anew after they were lost. A server that is away or hangs is an error within
//! seconds, on every call, until it is back.

mod fault;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use qd_core::secret::Secret;
use qd_core::{Error, Result};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use tokio::sync::Mutex;

pub(super) use fault::fault;
use target::Target;

use super::DRIVER;
use crate::upstream;

/// Until a connection is made.
const CONNECT: Duration = Duration::from_secs(2);
/// Until one answer is there.
const RESPONSE: Duration = Duration::from_secs(3);
/// A whole method that reads.
const READ: Duration = Duration::from_secs(5);

/// The way to one Redis.
#[derive(Debug)]
pub(super) struct Connections {
    target: Target,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    live: Option<Conn>,
    /// When the last try failed, and why: who waited for it meanwhile does not try again.
    failed: Option<(Instant, String)>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("live", &self.live.is_some()).finish_non_exhaustive()
    }
}

/// A connection that commands, pipelines and scripts run on. Cheap to clone. In a cluster all keys of one pipeline must have one slot.
#[derive(Clone)]
pub(super) struct Conn {
    line: Line,
    lost: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Line {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A server of a cluster; `None` for the only one.
pub(super) type Node = Option<(String, u16)>;

impl Connections {
    /// The way to `url`; nothing is connected yet.
    pub fn new(url: &Secret) -> Result<Self> {
        Ok(Self { target: Target::parse(url)?, slot: Mutex::default() })
    }

    /// Where it leads, for people.
    pub fn place(&self) -> String {
        self.target.place()
    }

    /// Whether keys are spread over several servers.
    pub fn is_cluster(&self) -> bool {
        self.target.is_cluster()
    }

    /// The shared connection, made when there is none. An error within two seconds.
    pub async fn get(&self) -> Result<Conn> {
        let asked = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(live) = slot.live.as_ref().filter(|live| !live.is_lost()) {
            return Ok(live.clone());
        }
        if let Some((at, why)) = slot.failed.as_ref().filter(|(at, _)| *at >= asked) {
            tracing::trace!(?at, "the try of another caller failed");
            return Err(upstream(DRIVER, why));
        }
        slot.live = None;
        let made = tokio::time::timeout(CONNECT, self.connect()).await.unwrap_or_else(|_| Err(upstream(DRIVER, late(CONNECT))));
        match made {
            Ok(line) => {
                let live = Conn { line, lost: Arc::default() };
                *slot = Slot { live: Some(live.clone()), failed: None };
                Ok(live)
            }
            Err(why) => {
                if let Error::Upstream { detail, .. } = &why {
                    slot.failed = Some((Instant::now(), detail.clone()));
                }
                Err(why)
            }
        }
    }

    /// Runs work that only reads, within five seconds, and once more on a new connection when the one that was open is found closed.
    pub async fn reading<T, F>(&self, work: impl Fn(Conn) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let twice = async {
            let conn = self.get().await?;
            match work(conn.clone()).await {
                Err(Error::Upstream { .. }) if conn.is_lost() => work(self.get().await?).await,
                other => other,
            }
        };
        tokio::time::timeout(READ, twice).await.unwrap_or_else(|_| Err(upstream(DRIVER, late(READ))))
    }

    async fn connect(&self) -> Result<Line> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPONSE));
        if let Some(client) = self.target.one() {
            let made = client.map_err(fault)?.get_multiplexed_async_connection_with_config(&config).await;
            return made.map(Line::One).map_err(unmade);
        }
        if let Some(client) = self.target.sentinel() {
            let made = client.map_err(fault)?.get_async_connection_with_config(&config).await;
            return made.map(Line::One).map_err(unmade);
        }
        match self.target.cluster() {
            Some(client) => client.map_err(fault)?.get_async_connection().await.map(Line::Cluster).map_err(unmade),
            None => Err(Error::Broken("An address of no form.".into())),
        }
    }
}

impl Conn {
    /// Whether it was found closed or mute: the next [`Connections::get`] makes another.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The servers that hold keys, at most 1,000.
    pub async fn nodes(&mut self) -> RedisResult<Vec<Node>> {
        if matches!(self.line, Line::One(_)) {
            return Ok(vec![None]);
        }
        let slots: Value = redis::cmd("CLUSTER").arg("SLOTS").query_async(self).await?;
        Ok(masters(&slots).into_iter().take(1_000).map(Some).collect())
    }

    /// Runs a command on one server.
    pub async fn at(&mut self, node: &Node, cmd: &Cmd) -> RedisResult<Value> {
        match (&mut self.line, node) {
            (Line::Cluster(cluster), Some((host, port))) => {
                let to = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port });
                let answer = cluster.route_command(cmd.clone(), to).await.and_then(Value::extract_error);
                self.watched(answer)
            }
            _ => cmd.query_async(self).await,
        }
    }

    /// Runs a command on every server, replicas too; one answer for each.
    pub async fn everywhere(&mut self, cmd: &Cmd) -> RedisResult<Vec<Value>> {
        let Line::Cluster(cluster) = &mut self.line else { return Ok(vec![cmd.query_async(self).await?]) };
        let answer = cluster.route_command(cmd.clone(), RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllNodes, None))).await;
        Ok(match self.watched(answer.and_then(Value::extract_error))? {
            Value::Map(pairs) => pairs.into_iter().map(|(_, answer)| answer).collect(),
            Value::Array(answers) => answers.into_iter().map(second).collect(),
            other => vec![other],
        })
    }

    fn watched<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.as_ref().is_err_and(is_fatal) {
            self.lost.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl ConnectionLike for Conn {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let answer = match &mut self.line {
                Line::One(line) => line.req_packed_command(cmd).await,
                Line::Cluster(line) => line.req_packed_command(cmd).await,
            };
            if matches!(&answer, Ok(Value::ServerError(said)) if said.code() == "READONLY") {
                self.lost.store(true, Ordering::Relaxed);
            }
            self.watched(answer)
        })
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let answer = match &mut self.line {
                Line::One(line) => line.req_packed_commands(pipeline, offset, count).await,
                Line::Cluster(line) => line.req_packed_commands(pipeline, offset, count).await,
            };
            self.watched(answer)
        })
    }

    fn get_db(&self) -> i64 {
        match &self.line {
            Line::One(line) => line.get_db(),
            Line::Cluster(line) => line.get_db(),
        }
    }
}

/// Whether another connection is needed: this one is closed or mute, or leads to a server that is no master any more.
fn is_fatal(fault: &RedisError) -> bool {
    fault.is_io_error() || fault.is_timeout() || fault.is_connection_dropped() || fault.is_unrecoverable_error() || fault.code() == Some("READONLY")
}

/// Why there is no connection.
fn unmade(why: RedisError) -> Error {
    if why.is_timeout() { upstream(DRIVER, late(CONNECT)) } else { fault(why) }
}

fn late(limit: Duration) -> String {
    format!("No answer within {} s.", limit.as_secs())
}

/// Address and answer of a node in the older protocol.
fn second(pair: Value) -> Value {
    match pair {
        Value::Array(mut pair) if pair.len() == 2 => pair.pop().unwrap_or(Value::Nil),
        other => other,
    }
}

/// The first server of each range in the answer of `CLUSTER SLOTS`.
fn masters(slots: &Value) -> Vec<(String, u16)> {
    let Value::Array(ranges) = slots else { return Vec::new() };
    let master = |range: &Value| -> Option<(String, u16)> {
        let Value::Array(parts) = range else { return None };
        let Value::Array(node) = parts.get(2)? else { return None };
        let host: String = redis::from_redis_value_ref(node.first()?).ok()?;
        Some((host, redis::from_redis_value_ref(node.get(1)?).ok()?))
    };
    let mut found: Vec<(String, u16)> = ranges.iter().filter_map(master).collect();
    found.sort();
    found.dedup();
    found
}
