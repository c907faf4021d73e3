//! The shop's queues on BullMQ: with a Redis, workers of Node work them off, as in most platforms of its kind.
//!
//! A job is still written in the transaction of the order that needs it: our own engine is the outbox ([`forward`]), from which jobs go over to
//! Redis under the same id. The workers ([`workers`]) hand each attempt back to the shop over loopback ([`bench`]), where its body is.

mod bench;
mod forward;
mod workers;

use std::path::Path;

use ::bullmq::options::RedisConnectionOptions;
use ::bullmq::{Queue, QueueOptions};
use engine::job::WorkerHandle;
use tokio::task::JoinSet;

use super::Works;
use crate::error::{Error, Result};

/// Where the queues are.
#[derive(Clone, PartialEq, Eq)]
pub struct Bull {
    /// `redis://…` or `rediss://…`; may hold a password.
    pub url: String,
    /// Prefix of the keys.
    pub prefix: String,
}

impl Bull {
    /// Prefix of the shop's keys: nobody else's queues are touched, also not by a fresh start.
    pub const PREFIX: &'static str = "fernmarket";

    /// The shop's queues on the Redis at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), prefix: Self::PREFIX.to_owned() }
    }

    /// From `MARKETPLACE_REDIS_URL`.
    pub fn from_env() -> Option<Self> {
        std::env::var("MARKETPLACE_REDIS_URL").ok().filter(|url| !url.is_empty()).map(Self::at)
    }

    /// Deletes the shop's queues with all that is in them.
    ///
    /// # Errors
    /// [`Error::Redis`] when it does not answer.
    pub async fn forget(&self) -> Result<()> {
        let fault = |fault: ::bullmq::Error| Error::Redis(fault.to_string());
        for name in QUEUES {
            self.queue(name).await.map_err(fault)?.obliterate(true, 1_000).await.map_err(fault)?;
        }
        Ok(())
    }

    async fn queue(&self, name: &str) -> std::result::Result<Queue, ::bullmq::Error> {
        let connection = RedisConnectionOptions::new().url(self.url.clone());
        Queue::with_options(name, QueueOptions { connection, prefix: self.prefix.clone(), ..QueueOptions::default() }).await
    }
}

// Written by hand: the URL may hold a password.
impl std::fmt::Debug for Bull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bull").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The queues.
const QUEUES: [&str; 4] = ["email", "labels", "analytics", "notifications"];

/// Installs the workers' program and packages under the shop's `data_dir`, unless that was done.
///
/// # Errors
/// No Node.js on this machine, or its packages can't be installed: in a sentence that says what to do.
pub async fn install(data_dir: &Path) -> Result<()> {
    workers::install(&data_dir.join(FOLDER)).await
}

/// Where the workers live in the shop's data.
const FOLDER: &str = "workers";

/// Starts the outbox, the bench and the workers. A Redis that is away is waited for.
///
/// # Errors
/// No Node.js on this machine, or its packages can't be installed: in a sentence that says what to do.
pub async fn start(bull: &Bull, works: Works, helpers: &mut JoinSet<()>) -> Result<WorkerHandle> {
    let folder = works.data_dir.join(FOLDER);
    let bench = bench::open(works.clone(), helpers).await?;
    workers::install(&folder).await?;
    workers::keep(folder, bull.clone(), bench, works.zone.iana_name().unwrap_or("UTC").to_owned(), helpers);
    Ok(forward::start(bull.clone(), works.db.clone()).await?)
}
