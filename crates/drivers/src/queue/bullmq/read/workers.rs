//! Live workers, from the server's list of clients. Some hosts block that command: then nobody knows, which is not "none".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use qd_core::port::queue::WorkerState;
use qd_core::{Error, Result, Timestamp};
use redis::aio::ConnectionLike;
use redis::{RedisError, cmd};

use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::parse::{Client, client};
use crate::queue::bullmq::reply::text;
use crate::queue::bullmq::{BullMq, DRIVER};

/// Most workers that are told.
const MOST: usize = 1_000;
/// The list costs the server time for each of its clients: it is asked for so often at most.
const FRESH: Duration = Duration::from_secs(2);

/// The workers that were seen last; `None` when the server does not tell.
#[derive(Debug, Default)]
pub(in crate::queue::bullmq) struct Seen(Mutex<Option<(Instant, Option<Vec<Client>>)>>);

/// Live workers.
///
/// BullMQ for Python opens two connections of the same name for each worker, and counts both; so do we.
pub(in crate::queue::bullmq) async fn workers(bull: &BullMq, conn: &mut Conn) -> Result<Vec<WorkerState>> {
    bull.discovery.step(conn, &bull.prefix).await?;
    let now = Timestamp::from_seconds(qd_core::Clock::system().now().seconds());
    let lacks = || Error::Unsupported { driver: DRIVER, what: "list workers: the server does not allow CLIENT LIST".into() };
    let found = list(bull, conn).await?.ok_or_else(lacks)?;
    let worker = |client: Client| WorkerState {
        since: client.age.map(|age| now.plus_seconds(-age)),
        name: client.name,
        queue: client.queue,
        address: client.address,
        active: None,
    };
    Ok(found.into_iter().take(MOST).map(worker).collect())
}

/// How many there are for each queue; `None` when nobody knows.
pub(super) async fn counts(bull: &BullMq, conn: &mut Conn) -> Result<Option<HashMap<String, u64>>> {
    let Some(found) = list(bull, conn).await? else { return Ok(None) };
    let mut counts = HashMap::new();
    for client in found {
        *counts.entry(client.queue).or_insert(0) += 1;
    }
    Ok(Some(counts))
}

async fn list(bull: &BullMq, conn: &mut Conn) -> Result<Option<Vec<Client>>> {
    if let Some((at, seen)) = &*bull.workers.0.lock().unwrap_or_else(PoisonError::into_inner)
        && at.elapsed() < FRESH
    {
        return Ok(seen.clone());
    }
    let answer = conn.everywhere(cmd("CLIENT").arg("LIST").arg("TYPE").arg("NORMAL")).await;
    let names = bull.discovery.names();
    let known = |name: &str| names.binary_search_by(|one| one.as_str().cmp(name)).is_ok();
    let db = conn.get_db();
    let clients = |list: String| list.lines().filter(|line| is_of(line, db)).filter_map(|line| client(line, &bull.prefix, known)).collect();
    let seen = match answer {
        Ok(lists) => Some(fullest(lists.into_iter().filter_map(text).map(clients))),
        Err(refused) if is_blocked(&refused) => None,
        Err(other) => return Err(fault(other)),
    };
    *bull.workers.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), seen.clone()));
    Ok(seen)
}

/// Whether a client uses that database: the list names those of all of them, and another one may hold queues of the same names.
fn is_of(line: &str, db: i64) -> bool {
    let used = line.split(' ').find_map(|pair| pair.strip_prefix("db="));
    used.is_none_or(|used| used.parse() == Ok(db))
}

/// In a cluster a worker is connected to several servers: for each queue the longest list counts, as BullMQ itself has it.
fn fullest(lists: impl Iterator<Item = Vec<Client>>) -> Vec<Client> {
    let mut best: HashMap<String, Vec<Client>> = HashMap::new();
    for list in lists {
        let mut by_queue: HashMap<String, Vec<Client>> = HashMap::new();
        list.into_iter().for_each(|client| by_queue.entry(client.queue.clone()).or_default().push(client));
        for (queue, clients) in by_queue {
            let known = best.entry(queue).or_default();
            if clients.len() > known.len() {
                *known = clients;
            }
        }
    }
    let mut all: Vec<Client> = best.into_values().flatten().collect();
    all.sort_by(|a, b| (&a.queue, &a.name).cmp(&(&b.queue, &b.name)));
    all
}

/// Whether the server has no such command for us.
fn is_blocked(refused: &RedisError) -> bool {
    refused.code() == Some("NOPERM")
        || refused.detail().is_some_and(|detail| detail.contains("unknown command") || detail.contains("unknown subcommand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_another_database_are_not_ours() {
        let line = |db| format!("id=17 addr=10.0.0.7:5100 name=bull:bWFpbA== db={db} sub=0");
        assert_eq!((is_of(&line(5), 5), is_of(&line(0), 5), is_of(&line(55), 5), is_of("id=17 name=x", 5)), (true, false, false, true));
    }
}
