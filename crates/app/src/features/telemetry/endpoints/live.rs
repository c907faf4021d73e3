//! The last two minutes in slices of five seconds, so that a card can read a sliding minute that includes the open one. Lost with the process.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use qd_core::Timestamp;

use super::normal::Sample;
use super::tally::Tally;

/// Length of a slice, in microseconds.
const SLICE: i64 = 5_000_000;
/// Slices that are kept: two minutes.
const SLICES: i64 = 24;
/// Routes of all services that are told apart; more count for their service only.
const ROUTES: usize = 2_000;

/// Slices in order of time.
#[derive(Debug, Default)]
struct Ring(VecDeque<(i64, Tally)>);

impl Ring {
    fn add(&mut self, slot: i64, sample: &Sample, arrived: Timestamp) {
        let place = self.0.partition_point(|(found, _)| *found < slot);
        if self.0.get(place).is_none_or(|(found, _)| *found != slot) {
            self.0.insert(place, (slot, Tally::default()));
        }
        if let Some((_, tally)) = self.0.get_mut(place) {
            tally.add(sample.millis, sample.failed, arrived);
        }
        while self.0.front().is_some_and(|(found, _)| *found <= slot_of(arrived) - SLICES) {
            self.0.pop_front();
        }
    }

    fn since(&self, slot: i64) -> Option<Tally> {
        let mut slices = self.0.iter().filter(|(found, _)| *found >= slot).map(|(_, tally)| tally);
        let mut sum = slices.next()?.clone();
        slices.for_each(|tally| sum.merge(tally));
        Some(sum)
    }
}

/// Method and route.
pub type Place = (&'static str, Arc<str>);

#[derive(Debug, Default)]
struct Service {
    all: Ring,
    routes: HashMap<Place, Ring>,
    last_span_at: i64,
}

/// Live slices of every service. Names come from the writer, which tells a bounded number of services apart.
#[derive(Debug, Default)]
pub struct Live {
    services: HashMap<Arc<str>, Service>,
    first: Option<Timestamp>,
    routes: usize,
    told: bool,
}

/// What a window holds.
#[derive(Debug, Default)]
pub struct Window {
    /// All requests.
    pub all: Tally,
    /// Requests by service, method and route.
    pub routes: Vec<(Arc<str>, Place, Tally)>,
    /// Seconds that the window covers.
    pub seconds: f64,
    /// Arrival of the last span, within the window or before.
    pub last_span_at: Option<Timestamp>,
}

fn slot_of(at: Timestamp) -> i64 {
    at.0.div_euclid(SLICE)
}

impl Live {
    /// Counts a request of an endpoint that answers requests.
    pub fn add(&mut self, service: &Arc<str>, place: &Place, sample: &Sample, arrived: Timestamp) {
        // A sender's clock that runs ahead must not hide its spans.
        let slot = slot_of(sample.end.min(arrived));
        self.first.get_or_insert(arrived);
        let found = self.services.entry(Arc::clone(service)).or_default();
        found.last_span_at = found.last_span_at.max(arrived.0);
        if slot <= slot_of(arrived) - SLICES {
            return;
        }
        found.all.add(slot, sample, arrived);
        if let Some(ring) = found.routes.get_mut(place) {
            ring.add(slot, sample, arrived);
        } else if self.routes < ROUTES {
            self.routes += 1;
            found.routes.entry(place.clone()).or_default().add(slot, sample, arrived);
        } else if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(limit = ROUTES, service = service.as_ref(), "too many live routes: more count for their service only");
        }
    }

    /// The last `seconds` (5 to 120) of one service or of all, in whole slices and the open one.
    pub fn window(&self, service: Option<&str>, seconds: u32, now: Timestamp) -> Window {
        let wanted = now.0 - i64::from(seconds) * 1_000_000;
        let slot = wanted.div_euclid(SLICE) + 1;
        let from = (slot * SLICE).max(self.first.map_or(i64::MIN, |first| first.0));
        let mut window = Window { seconds: covered(from, now), ..Window::default() };
        for (name, found) in self.services.iter().filter(|(name, _)| service.is_none_or(|wanted| wanted == name.as_ref())) {
            let last = (found.last_span_at > 0).then_some(Timestamp(found.last_span_at));
            window.last_span_at = window.last_span_at.max(last);
            let Some(all) = found.all.since(slot) else { continue };
            window.all.merge(&all);
            let routes = found.routes.iter().filter_map(|(place, ring)| Some((Arc::clone(name), place.clone(), ring.since(slot)?)));
            window.routes.extend(routes);
        }
        window
    }

    /// Drops what is older than the slices: services and routes that fell silent.
    pub fn sweep(&mut self, now: Timestamp) {
        let oldest = slot_of(now) - SLICES;
        for found in self.services.values_mut() {
            for ring in found.routes.values_mut().chain([&mut found.all]) {
                ring.0.retain(|(slot, _)| *slot > oldest);
            }
            found.routes.retain(|_, ring| !ring.0.is_empty());
        }
        let silent = now.plus_seconds(-86_400).0;
        self.services.retain(|_, found| found.last_span_at > silent);
        self.routes = self.services.values().map(|found| found.routes.len()).sum();
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a window")]
fn covered(from: i64, now: Timestamp) -> f64 {
    ((now.0 - from) as f64 / 1e6).max(5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn add(live: &mut Live, service: &str, route: &str, millis: f64, at: Timestamp) {
        live.add(&service.into(), &("GET", route.into()), &Sample { end: at, millis, failed: millis > 900.0 }, at);
    }

    #[test]
    fn the_window_slides_and_includes_the_open_slice() {
        let mut live = Live::default();
        for second in 0..120 {
            add(&mut live, "web", "/a", if second < 60 { 2_000.0 } else { 100.0 }, NOW.plus_seconds(second));
        }
        let window = live.window(None, 60, NOW.plus_seconds(119));
        assert_eq!((window.all.count(), window.all.errors), (60, 0));
        assert!((window.all.count() as f64 / window.seconds - 1.0).abs() < 0.1, "{}", window.seconds);
        assert!(live.window(None, 60, NOW.plus_seconds(80)).all.errors > 30);
    }

    #[test]
    fn silence_empties_the_window_and_keeps_the_last_arrival() {
        let mut live = Live::default();
        add(&mut live, "web", "/a", 100.0, NOW);
        let window = live.window(None, 60, NOW.plus_seconds(61));
        assert_eq!((window.all.count(), window.last_span_at), (0, Some(NOW)));
        live.sweep(NOW.plus_seconds(300));
        assert_eq!(live.routes, 0);
        assert_eq!(live.window(None, 60, NOW.plus_seconds(300)).last_span_at, Some(NOW));
    }

    #[test]
    fn services_are_told_apart_and_clocks_ahead_are_not_lost() {
        let mut live = Live::default();
        add(&mut live, "web", "/a", 100.0, NOW);
        let ahead = Sample { end: NOW.plus_seconds(300), millis: 5.0, failed: false };
        live.add(&"api".into(), &("GET", "/b".into()), &ahead, NOW);
        assert_eq!(live.window(Some("api"), 60, NOW).all.count(), 1);
        assert_eq!(live.window(None, 60, NOW).routes.len(), 2);
        let late = Sample { end: NOW.plus_seconds(-3_600), millis: 5.0, failed: false };
        live.add(&"api".into(), &("GET", "/b".into()), &late, NOW);
        assert_eq!(live.window(Some("api"), 60, NOW).all.count(), 1);
    }
}
