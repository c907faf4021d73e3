//! Names of BullMQ's keys.

use qd_core::{Error, Result};

/// The keys of one queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    /// Prefix of all queues, without colon.
    pub prefix: &'a str,
    /// Name of the queue.
    pub queue: &'a str,
}

impl<'a> Keys<'a> {
    /// Keys that exist only where jobs are or were: a look at a queue makes none of them.
    pub const REAL: [&'static str; 11] =
        ["id", "wait", "paused", "active", "prioritized", "delayed", "completed", "failed", "waiting-children", "repeat", "events"];

    /// The keys of `queue`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that BullMQ does not allow: no queue has it.
    pub fn new(prefix: &'a str, queue: &'a str) -> Result<Self> {
        if queue.is_empty() || queue.contains(':') {
            return Err(Error::NotFound(format!("Queue {queue}")));
        }
        Ok(Self { prefix, queue })
    }

    /// `bull:mail:`
    pub fn base(&self) -> String {
        format!("{}:{}:", self.prefix, self.queue)
    }

    /// The key of a part (`wait`), or the hash of a job.
    pub fn of(&self, part: &str) -> String {
        format!("{}:{}:{part}", self.prefix, self.queue)
    }

    /// What belongs to a job (`lock`, `logs`, `dependencies`).
    pub fn of_job(&self, id: &str, part: &str) -> String {
        format!("{}:{}:{id}:{part}", self.prefix, self.queue)
    }
}
