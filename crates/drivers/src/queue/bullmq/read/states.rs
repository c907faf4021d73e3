//! The states of all queues.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use qd_core::Result;
use qd_core::port::queue::QueueState;
use tokio::sync::Mutex;

use super::recent::Recent;
use super::state::state;
use super::workers;
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::Conn;

/// Queues that are asked at once.
pub(super) const AT_ONCE: usize = 16;

/// What is remembered of each queue between looks.
#[derive(Debug, Default)]
pub(in crate::queue::bullmq) struct Memory(Mutex<HashMap<String, Arc<Mutex<Recent>>>>);

impl Memory {
    async fn of(&self, queue: &str) -> Arc<Mutex<Recent>> {
        self.0.lock().await.entry(queue.to_owned()).or_default().clone()
    }

    async fn keep(&self, names: &[String]) {
        self.0.lock().await.retain(|queue, _| names.binary_search(queue).is_ok());
    }
}

/// The states of all queues that were found, in the order of their names.
pub(in crate::queue::bullmq) async fn states(bull: &BullMq, conn: &mut Conn) -> Result<Vec<QueueState>> {
    bull.discovery.step(conn, &bull.prefix).await?;
    let names = names(bull);
    bull.memory.keep(&names).await;
    let workers = &workers::counts(bull, conn).await?;
    let look = |name: String| {
        let mut conn = conn.clone();
        async move {
            let counted = workers.as_ref().map(|counts| counts.get(&name).copied().unwrap_or(0));
            let recent = bull.memory.of(&name).await;
            let mut recent = recent.lock().await;
            state(bull, &mut conn, bull.keys(&name)?, &mut recent, counted).await
        }
    };
    let found: Vec<Option<QueueState>> = stream::iter(names).map(look).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The names of queues that can be read: in a cluster those whose keys lie on one server.
pub(super) fn names(bull: &BullMq) -> Vec<String> {
    let mut names = bull.discovery.names();
    if bull.connections.is_cluster() && !bull.has_tag() {
        names.retain(|name| has_tag(name));
    }
    names
}

/// Whether a part of a key decides on which server of a cluster it lies: `{bull}`.
pub(in crate::queue::bullmq) fn has_tag(part: &str) -> bool {
    part.split_once('{').and_then(|(_, rest)| rest.split_once('}')).is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::has_tag;

    #[test]
    fn tags_are_what_stands_in_the_first_braces() {
        assert!(has_tag("{bull}") && has_tag("a{b}c") && has_tag("{{b}"));
        assert!(!has_tag("bull") && !has_tag("{}") && !has_tag("{}{b}") && !has_tag("{b"));
    }
}
