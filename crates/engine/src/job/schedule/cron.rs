//! Cron expressions in a time zone.

use std::str::FromStr;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::db::{Error, Result};

/// The first occurrence after `after` (microseconds UTC).
///
/// # Errors
/// [`Error::Invalid`] for an unknown zone, a wrong expression, or one that never occurs.
pub fn next_after(cron: &str, zone: &str, after: i64) -> Result<i64> {
    let zone_found = TimeZone::get(zone).map_err(|error| Error::invalid(format!("time zone {zone}: {error}")))?;
    let cron_read = Cron::from_str(cron).map_err(|error| Error::invalid(format!("cron expression {cron}: {error}")))?;
    let after = Timestamp::from_microsecond(after).map_err(|error| Error::invalid(format!("time: {error}")))?;
    let next = cron_read
        .find_next_occurrence(&after.to_zoned(zone_found), false)
        .map_err(|error| Error::invalid(format!("cron expression {cron}: {error}")))?;
    Ok(next.timestamp().as_microsecond())
}
