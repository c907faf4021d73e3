//! Visitors: a group of browsers that look around, buy and sell over the marketplace's own HTTP, as people would. It is
//! never quiet, and busier in the evening.

mod browser;
mod people;

use std::net::SocketAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::task::JoinSet;

use crate::generate::calendar::{at, daily};
use crate::ids;

/// Browsers at once.
const VISITORS: usize = 16;
/// Vendors who look after their shops.
const VENDORS: usize = 2;

/// Who comes, and how often.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// The marketplace.
    pub address: SocketAddr,
    /// Requests a second on a plain afternoon.
    pub rate: f64,
    /// Whose evening it is.
    pub zone: TimeZone,
}

impl Traffic {
    /// Sends everybody; they go with the task set.
    pub fn start(self, tasks: &mut JoinSet<()>) {
        for number in 0..VISITORS {
            tasks.spawn(people::visitor(self.clone(), number));
        }
        for number in 0..VENDORS {
            tasks.spawn(people::vendor(self.clone(), number));
        }
    }

    /// How long one visitor thinks between two clicks.
    fn pause(&self) -> Duration {
        let busy = shape(daily(&at(ids::now(), &self.zone)));
        let clicks = (self.rate * busy).max(0.05);
        let noise = rand::random_range(0.4..1.6);
        Duration::from_secs_f64((VISITORS as f64 / clicks * noise).min(120.0))
    }

    async fn think(&self) {
        tokio::time::sleep(self.pause()).await;
    }
}

/// The day's shape, flattened: at three in the morning there is still half of an afternoon's traffic.
fn shape(daily: f64) -> f64 {
    0.45 + 0.55 * daily
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_quieter_but_never_silent() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let busy = |hour: i8| {
            let local = jiff::civil::date(2026, 11, 18).at(hour, 0, 0, 0).to_zoned(zone.clone()).unwrap();
            shape(daily(&local))
        };
        assert!(busy(3) > 0.5 && busy(3) < 0.6 && busy(20) > 1.2 && busy(14) > 0.9);
    }
}
