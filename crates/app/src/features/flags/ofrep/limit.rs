//! How often one caller may ask: so many requests a second, all at once or spread. Known callers are bounded in number.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use qd_core::Timestamp;

/// Parts that are locked apart.
const PARTS: usize = 16;
/// Callers of a part; beyond them, new ones share one allowance.
const CALLERS: usize = 4_096;
const SECOND: i64 = 1_000_000;

/// For each caller the moment at which its allowance will be whole again (generic cell rate algorithm), in microseconds.
#[derive(Debug)]
pub struct Limit {
    /// Microseconds that a request uses up; 0: no limit.
    each: i64,
    parts: Vec<Mutex<HashMap<u64, i64>>>,
    hash: RandomState,
}

impl Limit {
    /// So many requests a second; 0 sets no limit.
    pub fn new(per_second: u32) -> Self {
        let each = if per_second == 0 { 0 } else { (SECOND / i64::from(per_second)).max(1) };
        Self { each, parts: (0..PARTS).map(|_| Mutex::default()).collect(), hash: RandomState::new() }
    }

    /// Takes one request of a caller, or says in how many seconds to come back.
    pub fn take(&self, caller: &str, now: Timestamp) -> Result<(), u64> {
        if self.each == 0 {
            return Ok(());
        }
        let name = self.hash.hash_one(caller);
        let index = usize::try_from(name % PARTS as u64).unwrap_or_default();
        let Some(part) = self.parts.get(index) else { return Ok(()) };
        let mut callers = part.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS && !callers.contains_key(&name) {
            // Whoever's allowance is whole again is as good as unknown.
            callers.retain(|_, whole| *whole > now.0 && *whole <= now.0 + SECOND);
        }
        // The place 0 is shared by those for whom there is no room.
        let name = if callers.len() >= CALLERS && !callers.contains_key(&name) { 0 } else { name };
        // Never later than a second from now: a clock that was set back must not hold anybody up.
        let before = callers.get(&name).copied().unwrap_or(now.0).clamp(now.0, now.0 + SECOND);
        let whole = before + self.each;
        let wait = whole - now.0 - SECOND;
        if wait > 0 {
            callers.insert(name, before);
            return Err(u64::try_from((wait + SECOND - 1) / SECOND).unwrap_or(1));
        }
        callers.insert(name, whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_requests_and_then_one_at_a_time() {
        let (limit, now) = (Limit::new(5), Timestamp::from_seconds(100));
        assert_eq!((0..6).map(|_| limit.take("a", now)).collect::<Vec<_>>(), [Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!(limit.take("b", now), Ok(()), "each has its own");
        assert_eq!(limit.take("a", Timestamp(now.0 + 199_999)), Err(1));
        assert_eq!(limit.take("a", Timestamp(now.0 + 200_000)), Ok(()));
        assert_eq!(limit.take("a", Timestamp(now.0 + 200_001)), Err(1));
        assert_eq!((0..5).filter(|_| limit.take("a", now.plus_seconds(9)).is_ok()).count(), 5);
    }

    #[test]
    fn no_limit_and_few_a_second() {
        let (none, one, now) = (Limit::new(0), Limit::new(1), Timestamp::from_seconds(7));
        assert!((0..10_000).all(|_| none.take("a", now).is_ok()));
        assert_eq!((one.take("a", now), one.take("a", now)), (Ok(()), Err(1)));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up() {
        let (limit, now) = (Limit::new(2), Timestamp::from_seconds(10_000));
        assert_eq!((0..3).map(|_| limit.take("a", now)).collect::<Vec<_>>(), [Ok(()), Ok(()), Err(1)]);
        let back = now.plus_seconds(-3_600);
        assert_eq!((limit.take("a", back), limit.take("a", back.plus_seconds(1))), (Err(1), Ok(())));
        for number in 0..75_000 {
            let _ = limit.take(&number.to_string(), now);
        }
        let later = back.plus_seconds(5);
        assert!((0..1_000).filter(|number| limit.take(&format!("new {number}"), later).is_ok()).count() > 900, "places are given up as well");
    }

    #[test]
    fn callers_without_end_find_one() {
        let limit = Limit::new(1_000);
        for number in 0..200_000 {
            let _ = limit.take(&number.to_string(), Timestamp::from_seconds(1));
        }
        assert!(limit.parts.iter().map(|part| part.lock().unwrap().len()).sum::<usize>() <= PARTS * (CALLERS + 1));
        assert_eq!(limit.take("later", Timestamp::from_seconds(10)), Ok(()));
    }
}
