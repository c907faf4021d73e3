//! Which queues there are. Redis has no list of them: the key space is walked in steps, a few milliseconds a call, with the place kept between calls.

use std::collections::BTreeMap;
use std::sync::{Mutex as Names, PoisonError};
use std::time::{Duration, Instant};

use qd_core::Result;
use redis::cmd;
use tokio::sync::Mutex;

use crate::queue::bullmq::connect::{Conn, Node, fault};
use crate::queue::bullmq::reply::{items, text};

/// Keys that one step looks at: less than a millisecond of Redis.
const STEP: usize = 1_000;
/// Most time of one call until all keys were seen once.
const FIRST: Duration = Duration::from_millis(1_000);
/// Most time of one call after that.
const LATER: Duration = Duration::from_millis(50);
/// The next walk begins so long after the last ended: a hundred times what that one took, so that walking is one percent of Redis' time.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// Most queues.
const MOST: usize = 2_000;

/// The queues that were found, and how far the walk is.
#[derive(Debug, Default)]
pub(in crate::queue::bullmq) struct Discovery {
    names: Names<Found>,
    walk: Mutex<Walk>,
}

#[derive(Debug, Default)]
struct Found {
    /// Name, and the walk that last met it.
    queues: BTreeMap<String, u64>,
    walk: u64,
    complete: bool,
    overflow: bool,
}

#[derive(Debug, Default)]
struct Walk {
    nodes: Vec<Node>,
    at: usize,
    cursor: u64,
    spent: Duration,
    next: Option<Instant>,
}

impl Discovery {
    /// The names that are known, in order.
    pub fn names(&self) -> Vec<String> {
        self.found().queues.keys().cloned().collect()
    }

    /// Whether all keys were looked at at least once.
    pub fn is_complete(&self) -> bool {
        self.found().complete
    }

    /// Whether there are more queues than are shown.
    pub fn overflows(&self) -> bool {
        self.found().overflow
    }

    /// Walks on, within the time for one call.
    pub async fn step(&self, conn: &mut Conn, prefix: &str) -> Result<()> {
        // Who comes second while nothing is known yet waits for who walks.
        let mut walk = if self.is_complete() {
            let Ok(walk) = self.walk.try_lock() else { return Ok(()) };
            walk
        } else {
            self.walk.lock().await
        };
        let (begin, budget) = (Instant::now(), if self.is_complete() { LATER } else { FIRST });
        if walk.next.is_some_and(|next| begin < next) {
            return Ok(());
        }
        let pattern = format!("{}:*:[im][de]*", escaped(prefix));
        if walk.nodes.is_empty() {
            walk.nodes = conn.nodes().await.map_err(fault)?;
        }
        while begin.elapsed() < budget {
            let Some(node) = walk.nodes.get(walk.at).cloned() else {
                walk.spent += begin.elapsed();
                self.end(&mut walk);
                return Ok(());
            };
            let mut scan = cmd("SCAN");
            scan.arg(walk.cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let answer = conn.at(&node, &scan).await;
            if answer.is_err() {
                // The cluster may have changed: begin anew.
                *walk = Walk::default();
            }
            let mut answer = items(answer.map_err(fault)?).into_iter();
            walk.cursor = answer.next().and_then(text).and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
            self.learn(items(answer.next().unwrap_or_default()).into_iter().filter_map(text), prefix);
            if walk.cursor == 0 {
                walk.at += 1;
            }
        }
        walk.spent += begin.elapsed();
        Ok(())
    }

    fn learn(&self, keys: impl Iterator<Item = String>, prefix: &str) {
        let mut found = self.found();
        for key in keys {
            if let Some(queue) = queue_of(&key, prefix) {
                self.note(&mut found, queue);
            }
        }
    }

    fn note(&self, found: &mut Found, queue: &str) {
        let walk = found.walk;
        if found.queues.len() >= MOST && !found.queues.contains_key(queue) {
            found.overflow = true;
            return;
        }
        found.queues.insert(queue.to_owned(), walk);
    }

    /// The walk met every key: what it did not meet is gone.
    fn end(&self, walk: &mut Walk) {
        let mut found = self.found();
        let this = found.walk;
        found.queues.retain(|_, met| *met >= this);
        found.walk += 1;
        found.complete = true;
        found.overflow &= found.queues.len() >= MOST;
        let [least, most] = PAUSE;
        *walk = Walk { next: Some(Instant::now() + (walk.spent * 100).clamp(least, most)), ..Walk::default() };
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue whose key this is: `bull:mail:meta` and `bull:mail:id` are `mail`'s. BullMQ allows no colon in names.
fn queue_of<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (queue, part) = key.strip_prefix(prefix)?.strip_prefix(':')?.split_once(':')?;
    (!queue.is_empty() && ["id", "meta"].contains(&part)).then_some(queue)
}

/// A text that stands for itself in a pattern.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        if "*?[]^-\\".contains(sign) {
            plain.push('\\');
        }
        plain.push(sign);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_queues_name_queues() {
        assert_eq!(queue_of("bull:mail:meta", "bull"), Some("mail"));
        assert_eq!(queue_of("bull:Ä b.c/d:id", "bull"), Some("Ä b.c/d"));
        assert_eq!(queue_of("a:b:mail:id", "a:b"), Some("mail"));
        for other in ["bull:mail:repeat:id", "bull::id", "bull:mail:idle", "bullet:mail:id", "bull:id", "bull:mail:77:meta"] {
            assert_eq!(queue_of(other, "bull"), None, "{other}");
        }
        assert_eq!(escaped("{b*}[1]"), "{b\\*}\\[1\\]");
    }

    #[test]
    fn what_a_whole_walk_does_not_meet_is_forgotten() {
        let (discovery, mut walk) = (Discovery::default(), Walk::default());
        discovery.learn(["bull:a:id".to_owned(), "bull:b:meta".into()].into_iter(), "bull");
        assert!(!discovery.is_complete());
        discovery.end(&mut walk);
        assert!(discovery.is_complete() && walk.next.is_some());
        discovery.learn(["bull:b:id".to_owned()].into_iter(), "bull");
        discovery.end(&mut walk);
        assert_eq!(discovery.names(), ["b"]);
    }
}
