//! Counting while requests are answered: atomics behind a map that is swapped when a flag is asked for the first time. No request waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use qd_core::Timestamp;
use qd_core::gate::Actor;

use super::store::Stray;

/// The key of all flags at once; no flag can have it.
pub const ALL: &str = "*";
/// Unknown keys that are told apart between two flushes; more are counted as nothing, for a caller can make up any number.
const STRAYS: usize = 256;
/// Longest unknown key that is kept, in bytes: as long as a flag's may be.
const LONGEST: usize = 100;

/// Evaluations since the last flush, and when the newest was.
#[derive(Debug, Default)]
struct Counter {
    count: AtomicI64,
    last: AtomicI64,
}

/// Evaluations of one key since the last flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: i64,
    pub last_at: i64,
}

/// The counts of this process.
#[derive(Debug, Default)]
pub struct Counts {
    flags: ArcSwap<HashMap<Box<str>, Arc<Counter>>>,
    growing: Mutex<()>,
    all: Counter,
    strays: Mutex<HashMap<String, Stray>>,
}

impl Counter {
    fn hit(&self, now: Timestamp) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.fetch_max(now.0, Ordering::Relaxed);
    }

    fn take(&self) -> Tally {
        Tally { count: self.count.swap(0, Ordering::Relaxed), last_at: self.last.load(Ordering::Relaxed) }
    }

    fn look(&self) -> Tally {
        Tally { count: self.count.load(Ordering::Relaxed), last_at: self.last.load(Ordering::Relaxed) }
    }
}

impl Counts {
    /// A flag was asked for by its key. Only keys that a flag has: their number is bounded.
    pub fn hit(&self, key: &str, now: Timestamp) {
        match self.flags.load().get(key) {
            Some(counter) => counter.hit(now),
            None => self.grow(key).hit(now),
        }
    }

    /// All flags were asked for at once.
    pub fn hit_all(&self, now: Timestamp) {
        self.all.hit(now);
    }

    /// Somebody asked for a key that no flag has.
    pub fn stray(&self, key: &str, actor: &Actor, now: Timestamp) {
        let mut strays = self.strays();
        if let Some(known) = strays.get_mut(key) {
            known.requests += 1;
            known.last_at = known.last_at.max(now.0);
            if known.last_by != actor.id() {
                actor.id().clone_into(&mut known.last_by);
                actor.name().clone_into(&mut known.last_by_name);
            }
        } else if strays.len() < STRAYS && !key.is_empty() && key.len() <= LONGEST && !key.contains(char::is_control) {
            let (last_by, last_by_name) = (actor.id().to_owned(), actor.name().to_owned());
            strays.insert(key.to_owned(), Stray { key: key.to_owned(), requests: 1, first_at: now.0, last_at: now.0, last_by, last_by_name });
        }
    }

    /// What was not flushed yet of a key.
    pub fn look(&self, key: &str) -> Tally {
        self.flags.load().get(key).map(|counter| counter.look()).unwrap_or_default()
    }

    /// What was not flushed yet of all flags at once.
    pub fn look_all(&self) -> Tally {
        self.all.look()
    }

    /// Takes what was counted since the last call, sorted by key; `is_flag` says which keys are kept at all.
    pub fn take(&self, is_flag: impl Fn(&str) -> bool) -> Vec<(String, Tally)> {
        let _nobody_grows = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = self.flags.load_full();
        let mut taken: Vec<(String, Tally)> = flags.iter().map(|(key, counter)| (key.to_string(), counter.take())).collect();
        taken.push((ALL.to_owned(), self.all.take()));
        taken.retain(|(_, tally)| tally.count > 0);
        taken.sort_by(|(one, _), (other, _)| one.cmp(other));
        if flags.keys().any(|key| !is_flag(key)) {
            let kept = flags.iter().filter(|(key, _)| is_flag(key)).map(|(key, counter)| (key.clone(), Arc::clone(counter)));
            self.flags.store(Arc::new(kept.collect()));
        }
        taken
    }

    /// Takes the unknown keys since the last call, sorted.
    pub fn take_strays(&self) -> Vec<Stray> {
        let mut taken: Vec<Stray> = std::mem::take(&mut *self.strays()).into_values().collect();
        taken.sort_by(|one, other| one.key.cmp(&other.key));
        taken
    }

    fn strays(&self) -> MutexGuard<'_, HashMap<String, Stray>> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self, key: &str) -> Arc<Counter> {
        let _one_at_a_time = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.flags.load_full();
        if let Some(counter) = current.get(key) {
            return Arc::clone(counter);
        }
        let counter = Arc::new(Counter::default());
        let mut grown = HashMap::clone(&current);
        grown.insert(key.into(), Arc::clone(&counter));
        self.flags.store(Arc::new(grown));
        counter
    }
}

#[cfg(test)]
mod tests {
    use qd_core::gate::Client;

    use super::*;

    #[test]
    fn what_is_counted_is_taken_once_and_archived_flags_are_forgotten() {
        let counts = Counts::default();
        for second in 1..=3 {
            counts.hit("checkout", Timestamp::from_seconds(second));
        }
        counts.hit("gone", Timestamp::from_seconds(1));
        counts.hit_all(Timestamp::from_seconds(4));
        assert_eq!(counts.look("checkout").count, 3);
        let keys: Vec<(String, i64)> = counts.take(|key| key != "gone").into_iter().map(|(key, tally)| (key, tally.count)).collect();
        assert_eq!(keys, [("*".to_owned(), 1), ("checkout".to_owned(), 3), ("gone".to_owned(), 1)]);
        assert!(counts.take(|_| true).is_empty());
        assert_eq!(counts.look("checkout").last_at, 3_000_000, "the time stays");
        assert_eq!(counts.flags.load().len(), 1);
    }

    #[test]
    fn made_up_keys_find_an_end() {
        let (counts, nobody) = (Counts::default(), Actor::anonymous(Client::default()));
        for number in 0..2_000 {
            counts.stray(&format!("made-up-{number}"), &nobody, Timestamp(number));
        }
        counts.stray(&"x".repeat(101), &nobody, Timestamp(1));
        counts.stray("made-up-0", &nobody, Timestamp(9));
        let taken = counts.take_strays();
        assert_eq!(taken.len(), STRAYS);
        assert_eq!((taken[0].requests, taken[0].first_at, taken[0].last_at), (2, 0, 9));
        assert!(counts.take_strays().is_empty());
    }
}
