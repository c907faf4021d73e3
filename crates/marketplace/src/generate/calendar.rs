//! The shape of time: which days there are in the platform's zone, and how many orders fall into each hour.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

const HOUR: i64 = 3_600_000_000;
/// How many days of history are made.
pub const DAYS: i32 = 400;

/// One calendar day of the platform's zone.
#[derive(Debug, Clone)]
pub struct Day {
    /// Its first microsecond, UTC.
    pub start: i64,
    /// `2026-11-22`
    pub date: String,
}

/// One hour and how many orders it holds.
#[derive(Debug, Clone, Copy)]
pub struct Hour {
    /// Its first microsecond, UTC.
    pub start: i64,
    /// Its length in microseconds: an hour, or less at the end.
    pub length: i64,
    /// Orders in it.
    pub orders: u64,
}

/// The days of the generated history.
#[derive(Debug, Clone)]
pub struct Calendar {
    days: Vec<Day>,
    zone: TimeZone,
    until: i64,
}

impl Calendar {
    /// The last [`DAYS`] days before `until` (µs UTC), in `zone`, today included.
    pub fn new(until: i64, zone: TimeZone) -> Self {
        let now = at(until, &zone);
        let days = (0..=DAYS)
            .rev()
            .filter_map(|back| now.checked_sub(Span::new().days(back)).ok()?.start_of_day().ok())
            .map(|day| Day { start: day.timestamp().as_microsecond(), date: day.date().to_string() })
            .collect();
        Self { days, zone, until }
    }

    /// The days, oldest first.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// The first microsecond of the history.
    pub fn start(&self) -> i64 {
        self.days.first().map_or(self.until, |day| day.start)
    }

    /// The last microsecond of the history.
    pub fn until(&self) -> i64 {
        self.until
    }

    /// The index of the day that holds `at`.
    pub fn day_of(&self, at: i64) -> usize {
        self.days.partition_point(|day| day.start <= at).saturating_sub(1)
    }

    /// The first days of the months in the history.
    pub fn months(&self) -> impl Iterator<Item = &Day> {
        self.days.iter().filter(|day| day.date.ends_with("-01"))
    }

    /// Spreads `orders` over the hours by weight; the counts add up exactly.
    pub fn hours(&self, orders: u64) -> Vec<Hour> {
        let starts: Vec<i64> = (self.start()..self.until).step_by(3_600_000_000).collect();
        let weights: Vec<f64> = starts.iter().map(|start| self.weight(*start)).collect();
        let sum: f64 = weights.iter().sum();
        let (mut run, mut given) = (0.0, 0);
        let last = starts.len().saturating_sub(1);
        let mut hours = Vec::with_capacity(starts.len());
        for (index, (start, weight)) in starts.into_iter().zip(weights).enumerate() {
            run += weight;
            let upto = if index == last { orders } else { ((run / sum) * orders as f64) as u64 };
            let length = HOUR.min(self.until - start);
            hours.push(Hour { start, length, orders: upto.saturating_sub(given) });
            given = upto.max(given);
        }
        hours
    }

    /// How busy the hour at `start` is: growth over the year, season, weekday, time of day.
    fn weight(&self, start: i64) -> f64 {
        let local = at(start, &self.zone);
        let growth = 0.6 + 0.8 * (start - self.start()) as f64 / (self.until - self.start()).max(1) as f64;
        let season = match (local.month(), local.day()) {
            (11, 20..) | (12, 1..=20) => 1.7,
            (12, 21..) | (1, 1..=10) => 0.8,
            (5, 1..=12) => 1.25,
            _ => 1.0,
        };
        growth * season * daily(&local)
    }
}

/// How busy a moment of the week is; 1.0 is a plain afternoon. Shared by the generator and the traffic simulator.
pub fn daily(local: &Zoned) -> f64 {
    let day = match local.weekday() {
        jiff::civil::Weekday::Saturday => 1.2,
        jiff::civil::Weekday::Sunday => 1.3,
        jiff::civil::Weekday::Friday => 0.95,
        _ => 1.0,
    };
    let hour = match local.hour() {
        0..=1 => 0.35,
        2..=5 => 0.15,
        6..=7 => 0.5,
        8..=11 => 0.9,
        12..=13 => 1.15,
        14..=16 => 1.0,
        17..=18 => 1.1,
        19..=21 => 1.5,
        _ => 0.8,
    };
    day * hour
}

/// `at` (µs UTC) in `zone`.
pub fn at(at: i64, zone: &TimeZone) -> Zoned {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

/// The first microsecond of the local day that holds `moment`, and of the next one.
pub fn day_bounds(moment: i64, zone: &TimeZone) -> (i64, i64) {
    let local = at(moment, zone);
    let start = local.start_of_day().unwrap_or_else(|_| local.clone());
    let end = start.checked_add(1.day()).unwrap_or_else(|_| start.clone());
    (start.timestamp().as_microsecond(), end.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_add_up_and_days_keep_daylight_saving() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let calendar = Calendar::new(1_795_000_000_000_000, zone);
        let hours = calendar.hours(5_000);
        assert_eq!(hours.iter().map(|hour| hour.orders).sum::<u64>(), 5_000);
        assert_eq!(calendar.days().len(), 401);
        let lengths: Vec<_> = calendar.days().windows(2).map(|pair| (pair[1].start - pair[0].start) / HOUR).collect();
        assert!(lengths.contains(&23) && lengths.contains(&25));
        assert_eq!(calendar.day_of(calendar.days()[7].start), 7);
        assert_eq!(calendar.day_of(calendar.days()[7].start - 1), 6);
    }
}
