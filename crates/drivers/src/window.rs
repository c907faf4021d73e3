//! Differences of counters that only grow, over the last five minutes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a window spans at most.
pub(crate) const SPAN: Duration = Duration::from_secs(300);

/// Snapshots of counters, oldest first: at least one older than the span is kept as the base.
#[derive(Debug)]
pub(crate) struct Window<T> {
    snapshots: VecDeque<(Instant, T)>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { snapshots: VecDeque::new() }
    }
}

impl<T> Window<T> {
    /// The snapshot that a new one, taken at `now`, is compared with. `None` before the first.
    pub(crate) fn base(&mut self, now: Instant) -> Option<&T> {
        // The second oldest is old enough: the oldest is of no more use.
        while self.snapshots.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.snapshots.pop_front();
        }
        self.snapshots.front().map(|(_, snapshot)| snapshot)
    }

    pub(crate) fn push(&mut self, now: Instant, snapshot: T) {
        self.snapshots.push_back((now, snapshot));
        // Samples may be asked for more often than planned.
        if self.snapshots.len() > 128 {
            self.snapshots.remove(1);
        }
    }

    /// Forgets everything: the counters began anew.
    pub(crate) fn clear(&mut self) {
        self.snapshots.clear();
    }
}

/// Growth of a counter; a counter that went back was reset, and counts from zero.
pub(crate) fn growth(now: i64, base: i64) -> i64 {
    if now < base { now } else { now - base }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_newest_that_spans_the_window() {
        let (mut window, start) = (Window::default(), Instant::now());
        assert!(window.base(start).is_none());
        for minute in 0..10_u32 {
            let at = start + Duration::from_secs(60) * minute;
            window.base(at);
            window.push(at, minute);
        }
        assert_eq!(window.base(start + Duration::from_secs(600)), Some(&5));
        assert_eq!(growth(10, 4), 6);
        assert_eq!(growth(3, 4), 3, "a reset counter counts from zero");
    }
}
