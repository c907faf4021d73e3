//! Local times: the wall clock of a zone decides both when a window starts and when it ends, whatever the clocks do in between.

use engine::job::next_after;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Disambiguation, TimeZone};
use jiff::{SignedDuration, Timestamp as Instant};
use qd_core::{Error, Result, Timestamp};

/// Occurrences that are looked at to find a rule whose windows overlap.
const LOOKED_AT: usize = 40;
/// Seconds from one start of a rule to the next, at least.
const APART: i64 = 15 * 60;
/// Readings of the wall clock that are tried for one occurrence: those of a repeated hour lie in the past when it comes again.
const TRIES: usize = 100;

/// One window of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
}

fn zone_of(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| Error::invalid("zone", "Give an IANA time zone, such as America/New_York."))
}

/// The moment at which the wall clock of `zone` reads `local`: of a reading that comes twice the first, and where the clocks skip it, the
/// moment at which they do.
///
/// # Errors
/// [`Error::Invalid`] for an unknown zone or a date beyond the calendar.
pub fn resolve(local: DateTime, zone: &str) -> Result<Timestamp> {
    let zone = zone_of(zone)?;
    moment(local, &zone)
}

fn moment(local: DateTime, zone: &TimeZone) -> Result<Timestamp> {
    let beyond = |_| Error::invalid("start", "The time lies beyond the calendar.");
    let ambiguous = zone.to_ambiguous_zoned(local);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        // A second on, because it may be the moment of the jump itself, and those before it are asked for.
        let beside = ambiguous.disambiguate(Disambiguation::Later).and_then(|zoned| zoned.checked_add(SignedDuration::from_secs(1)));
        let beside = beside.map_err(beyond)?.timestamp();
        let jump = zone.preceding(beside).next().map_or(beside, |transition| transition.timestamp());
        return Ok(Timestamp(jump.as_microsecond()));
    }
    let zoned = ambiguous.disambiguate(Disambiguation::Earlier).map_err(beyond)?;
    Ok(Timestamp(zoned.timestamp().as_microsecond()))
}

/// The first window of the rule that starts after `after`. `cron` is read by the wall clock of `zone`; the end is `minutes` of that clock later.
///
/// A window that falls whole into a skipped hour starts after it and keeps its length.
///
/// # Errors
/// [`Error::Invalid`] for an unknown zone, a wrong expression, or one that never occurs.
pub fn occurrence(cron: &str, zone: &str, minutes: i64, after: Timestamp) -> Result<Occurrence> {
    let zone = zone_of(zone)?;
    let beyond = |_| Error::invalid("cron", "The time lies beyond the calendar.");
    let mut reading = Instant::from_microsecond(after.0).map_err(beyond)?.to_zoned(zone.clone()).datetime();
    for _ in 0..TRIES {
        reading = next_reading(cron, reading)?;
        let start = moment(reading, &zone)?;
        if start > after {
            let until = reading.checked_add(SignedDuration::from_mins(minutes)).map_err(beyond)?;
            let end = moment(until, &zone)?;
            let end = if end > start { end } else { start.plus_seconds(minutes * 60) };
            return Ok(Occurrence { start, end });
        }
    }
    Err(Error::invalid("cron", "The rule has no next time."))
}

/// The next reading of the wall clock that fits: the expression is asked as if there were no zones.
fn next_reading(cron: &str, reading: DateTime) -> Result<DateTime> {
    let wrong = |_| Error::invalid("cron", "Give a cron expression of five fields that occurs: minute hour day month weekday.");
    let plain = reading.to_zoned(TimeZone::UTC).map_err(|_| Error::invalid("cron", "The time lies beyond the calendar."))?;
    let next = next_after(cron, "UTC", plain.timestamp().as_microsecond()).map_err(wrong)?;
    let next = Instant::from_microsecond(next).map_err(|_| Error::invalid("cron", "The time lies beyond the calendar."))?;
    Ok(next.to_zoned(TimeZone::UTC).datetime())
}

/// The next windows of a rule.
///
/// # Errors
/// As [`occurrence`], and [`Error::Invalid`] when one window would start before the one before it ended, or too soon after it started.
pub fn occurrences(cron: &str, zone: &str, minutes: i64, after: Timestamp, count: usize) -> Result<Vec<Occurrence>> {
    let mut found: Vec<Occurrence> = Vec::new();
    let mut from = after;
    while found.len() < count.min(LOOKED_AT) {
        let next = match occurrence(cron, zone, minutes, from) {
            Ok(next) => next,
            // A rule may end: one with a year, or a date that comes once.
            Err(_) if !found.is_empty() => break,
            Err(fault) => return Err(fault),
        };
        if found.last().is_some_and(|last| next.start < last.end) {
            return Err(Error::invalid("minutes", "The next window would start before this one ends. Make it shorter or rarer."));
        }
        if found.last().is_some_and(|last| next.start.since(last.start) < APART) {
            return Err(Error::invalid("cron", "Give a rule whose windows start at least 15 minutes apart."));
        }
        from = next.start;
        found.push(next);
    }
    Ok(found)
}

/// Refuses a rule whose windows overlap.
pub(super) fn check(cron: &str, zone: &str, minutes: i64, after: Timestamp) -> Result<Occurrence> {
    let found = occurrences(cron, zone, minutes, after, LOOKED_AT)?;
    found.first().copied().ok_or_else(|| Error::invalid("cron", "The rule has no next time."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const YORK: &str = "America/New_York";
    const BERLIN: &str = "Europe/Berlin";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn next(cron: &str, zone: &str, minutes: i64, after: &str) -> (String, String) {
        let found = occurrence(cron, zone, minutes, at(after)).unwrap();
        (found.start.rfc3339(), found.end.rfc3339())
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.into(), end.into())
    }

    #[test]
    fn over_midnight_and_over_both_changes_the_wall_clock_decides() {
        // 23:00 to 03:30 by the wall clock: 4.5 h, in the spring night 3.5 h, in the autumn night 5.5 h.
        let cron = "0 23 * * *";
        assert_eq!(next(cron, YORK, 270, "2026-03-06T12:00:00Z"), pair("2026-03-07T04:00:00Z", "2026-03-07T08:30:00Z"));
        assert_eq!(next(cron, YORK, 270, "2026-03-07T12:00:00Z"), pair("2026-03-08T04:00:00Z", "2026-03-08T07:30:00Z"));
        assert_eq!(next(cron, YORK, 270, "2026-03-08T12:00:00Z"), pair("2026-03-09T03:00:00Z", "2026-03-09T07:30:00Z"));
        assert_eq!(next(cron, YORK, 270, "2026-10-31T12:00:00Z"), pair("2026-11-01T03:00:00Z", "2026-11-01T08:30:00Z"));
        assert_eq!(next(cron, YORK, 270, "2026-11-01T12:00:00Z"), pair("2026-11-02T04:00:00Z", "2026-11-02T08:30:00Z"));
        assert_eq!(next(cron, BERLIN, 270, "2026-03-28T12:00:00Z"), pair("2026-03-28T22:00:00Z", "2026-03-29T01:30:00Z"));
        assert_eq!(next(cron, BERLIN, 270, "2026-10-24T12:00:00Z"), pair("2026-10-24T21:00:00Z", "2026-10-25T02:30:00Z"));
    }

    #[test]
    fn a_time_that_is_skipped_comes_when_the_clocks_jump_and_one_that_comes_twice_counts_once() {
        // 02:30 does not exist on 8 March in New York: the clocks jump at 07:00 UTC. It ends at 04:00 local all the same.
        assert_eq!(next("30 2 * * *", YORK, 90, "2026-03-07T12:00:00Z"), pair("2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"));
        // 02:15 to 02:45 falls whole into the gap.
        assert_eq!(next("15 2 * * *", YORK, 30, "2026-03-07T12:00:00Z"), pair("2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z"));
        // An end in the gap is when the clocks jump.
        assert_eq!(next("0 1 * * *", YORK, 90, "2026-03-07T12:00:00Z"), pair("2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"));
        // 01:30 comes twice on 1 November: at 05:30 and at 06:30 UTC.
        assert_eq!(next("30 1 * * *", YORK, 15, "2026-10-31T12:00:00Z"), pair("2026-11-01T05:30:00Z", "2026-11-01T05:45:00Z"));
        assert_eq!(next("30 1 * * *", YORK, 15, "2026-11-01T05:30:00Z"), pair("2026-11-02T06:30:00Z", "2026-11-02T06:45:00Z"));
        // Asked within the second pass of the repeated hour.
        assert_eq!(next("*/20 * * * *", BERLIN, 5, "2026-10-25T01:05:00Z"), pair("2026-10-25T02:00:00Z", "2026-10-25T02:05:00Z"));
    }

    #[test]
    fn each_occurrence_lies_after_the_one_before_through_a_year_of_changes() {
        for zone in [YORK, BERLIN, "Australia/Lord_Howe", "Asia/Kolkata"] {
            let mut after = at("2026-01-01T00:00:00Z");
            for _ in 0..366 {
                let found = occurrence("30 2 * * *", zone, 60, after).unwrap();
                assert!(found.start > after && found.end > found.start, "{zone} {found:?}");
                after = found.start;
            }
            assert_eq!(after.since(at("2026-01-01T00:00:00Z")) / 86_400, 365, "{zone}: one a day");
        }
    }

    #[test]
    fn local_times_of_one_window_are_resolved_alike() {
        let local = |text: &str| text.parse::<DateTime>().unwrap();
        assert_eq!(resolve(local("2026-10-25T02:30"), BERLIN).unwrap(), at("2026-10-25T00:30:00Z"));
        assert_eq!(resolve(local("2026-03-29T02:30"), BERLIN).unwrap(), at("2026-03-29T01:00:00Z"));
        assert!(resolve(local("2026-03-29T02:30"), "Mars/Olympus").unwrap_err().to_string().contains("IANA"));
    }

    #[test]
    fn a_rule_that_overlaps_or_never_occurs_is_refused() {
        let now = at("2026-11-22T12:00:00Z");
        assert!(check("0 * * * *", "UTC", 60, now).is_ok());
        assert!(check("0 * * * *", "UTC", 61, now).unwrap_err().to_string().contains("before this one ends"));
        // Only in the night in which the wall clock runs 23 h a day: found because many are looked at.
        assert!(check("0 0 30 2 *", "UTC", 60, now).is_err());
        assert!(check("never", "UTC", 60, now).is_err());
        assert!(check("*/15 * * * *", "UTC", 1, now).is_ok());
        for dense in ["* * * * *", "*/14 * * * *", "0,10 3 * * *"] {
            let Err(Error::Invalid(faults)) = check(dense, "UTC", 1, now) else { panic!("{dense}") };
            assert!(faults[0].field == "cron" && faults[0].detail.contains("15 minutes"), "{faults:?}");
        }
    }
}
