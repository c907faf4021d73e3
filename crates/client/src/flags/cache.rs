//! The answers, by flag and context, bounded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Context;
use super::wire::Answer;

/// Names a flag and a context without telling them: the first half of SHA-256 over both.
pub(crate) type Id = [u8; 16];

/// The id of `key` in `context`.
pub(crate) fn id(key: &str, context: &Context) -> Id {
    let mut hash = Sha256::new_with_prefix(key.as_bytes());
    hash.update(b"\n");
    hash.update(serde_json::to_vec(context).unwrap_or_default());
    let mut id = Id::default();
    id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    id
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    generation: u64,
    at: Instant,
    used: u64,
    /// Of the application's own context: renewed with the bulk.
    bulk: bool,
}

/// What was answered. The least recently used answers go first.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: HashMap<Id, Entry>,
    capacity: usize,
    clock: u64,
    /// Something is not on disk yet.
    pub dirty: bool,
}

/// One answer on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    id: String,
    answer: Answer,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(100), clock: 0, dirty: false }
    }

    /// The answer, and whether it is of this generation and not older than `life`.
    pub(crate) fn get(&mut self, id: &Id, generation: u64, life: Duration) -> Option<(Answer, bool)> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        Some((entry.answer.clone(), entry.generation == generation && entry.at.elapsed() < life))
    }

    /// Keeps an answer that was asked for in `generation`.
    pub(crate) fn put(&mut self, id: Id, answer: Answer, generation: u64, bulk: bool) {
        self.clock += 1;
        let known = self.entries.get(&id);
        // An answer of a later generation may have arrived meanwhile.
        if known.is_some_and(|known| known.generation > generation) {
            return;
        }
        self.dirty |= known.is_none_or(|known| known.answer != answer);
        let bulk = bulk || known.is_some_and(|known| known.bulk);
        self.entries.insert(id, Entry { answer, generation, at: Instant::now(), used: self.clock, bulk });
        if self.entries.len() > self.capacity {
            self.evict();
        }
    }

    /// The bulk is as it was: its answers are of this generation.
    pub(crate) fn confirm(&mut self, generation: u64) {
        for entry in self.entries.values_mut().filter(|entry| entry.bulk) {
            (entry.generation, entry.at) = (generation, Instant::now());
        }
    }

    /// Drops a tenth: the cost of looking through all is spread over as many insertions.
    fn evict(&mut self) {
        let mut used: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        let place = used.len() / 10;
        let (_, limit, _) = used.select_nth_unstable(place);
        let limit = *limit;
        self.entries.retain(|_, entry| entry.used > limit);
    }

    /// Everything, for the disk.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.entries.iter().map(|(id, entry)| Kept { id: hex::encode(id), answer: entry.answer.clone() }).collect()
    }

    /// From the disk: known, and of no living generation.
    pub(crate) fn restore(&mut self, kept: Vec<Kept>) {
        for Kept { id, answer } in kept.into_iter().take(self.capacity) {
            if let Some(id) = hex::decode(id).ok().and_then(|id| Id::try_from(id).ok()) {
                self.put(id, answer, super::lookup::FROM_DISK, false);
            }
        }
        self.dirty = false;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(value: i64) -> Answer {
        Answer { value: Some(json!(value)), variant: None, reason: "STATIC".into(), error: None }
    }

    fn context(number: usize) -> Context {
        json!({ "targetingKey": number }).as_object().unwrap().clone()
    }

    #[test]
    fn the_least_recently_used_go_and_the_number_is_bounded() {
        let mut cache = Cache::new(100);
        let first = id("a", &context(0));
        for number in 0..1_000 {
            cache.put(id("a", &context(number)), answer(1), 1, false);
            assert!(cache.get(&first, 1, Duration::MAX).is_some(), "what is in use stays");
            assert!(cache.entries.len() <= 101);
        }
        assert!(cache.get(&id("a", &context(1)), 1, Duration::MAX).is_none());
    }

    #[test]
    fn flags_and_contexts_are_told_apart() {
        assert_ne!(id("a", &context(1)), id("a", &context(2)));
        assert_ne!(id("a", &context(1)), id("b", &context(1)));
    }

    #[test]
    fn a_late_answer_does_not_replace_a_later_one() {
        let (mut cache, id) = (Cache::new(100), id("a", &Context::new()));
        cache.put(id, answer(2), 8, false);
        cache.put(id, answer(1), 7, false);
        assert_eq!(cache.get(&id, 8, Duration::MAX), Some((answer(2), true)));
        assert_eq!(cache.get(&id, 9, Duration::MAX), Some((answer(2), false)), "known, not current");
        assert_eq!(cache.get(&id, 8, Duration::ZERO), Some((answer(2), false)), "too old");
    }
}
