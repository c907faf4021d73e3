//! What was looked up a moment ago, by the hash of the secret. A change in this process empties it; others notice within [`TTL`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a lookup counts: the time that a revocation in another process may take to be seen here.
pub const TTL: Duration = Duration::from_secs(3);
/// More entries than this, and all are dropped.
const MOST: usize = 10_000;

/// A small map that forgets.
#[derive(Debug)]
pub struct Cache<V>(Mutex<Inner<V>>);

#[derive(Debug)]
struct Inner<V> {
    generation: u64,
    entries: HashMap<Vec<u8>, (Instant, V)>,
}

/// What a lookup gives.
#[derive(Debug)]
pub enum Found<V> {
    /// The value.
    Hit(V),
    /// Nothing; hand this number back with [`Cache::put`].
    Miss(u64),
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self(Mutex::new(Inner { generation: 0, entries: HashMap::new() }))
    }
}

impl<V: Clone> Cache<V> {
    fn lock(&self) -> MutexGuard<'_, Inner<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, unless it is older than [`TTL`].
    pub fn get(&self, key: &[u8]) -> Found<V> {
        let inner = self.lock();
        match inner.entries.get(key) {
            Some((at, value)) if at.elapsed() < TTL => Found::Hit(value.clone()),
            _ => Found::Miss(inner.generation),
        }
    }

    /// Keeps a value that was read from the database, unless something changed since the miss: it may be the state of before.
    pub fn put(&self, generation: u64, key: Vec<u8>, value: V) {
        let mut inner = self.lock();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= MOST {
            inner.entries.clear();
        }
        inner.entries.insert(key, (Instant::now(), value));
    }

    /// Changes a kept value in place; false when `change` says that there was nothing to change, or none is kept.
    pub fn update(&self, key: &[u8], change: impl FnOnce(&mut V) -> bool) -> bool {
        self.lock().entries.get_mut(key).is_some_and(|(_, value)| change(value))
    }

    /// Forgets everything, and what is being read right now.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_began_before_a_change_is_not_kept() {
        let cache = Cache::default();
        let Found::Miss(began) = cache.get(b"k") else { panic!() };
        cache.clear();
        cache.put(began, b"k".to_vec(), "old");
        assert!(matches!(cache.get(b"k"), Found::Miss(_)));
        let Found::Miss(began) = cache.get(b"k") else { panic!() };
        cache.put(began, b"k".to_vec(), "new");
        assert!(matches!(cache.get(b"k"), Found::Hit("new")));
    }
}
