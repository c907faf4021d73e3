//! When a schedule fires, in words.

use crate::features::queues::Cadence;
use crate::ui::format;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// In words: `every 5 min`, `daily at 02:00`, `Sunday at 02:00, New York time`. What has no short words is told as it is written.
pub fn words(cadence: &Cadence) -> String {
    match cadence {
        Cadence::Every(ms) => every(*ms),
        Cadence::Cron { pattern, zone } => {
            let (text, clock) = cron(pattern).unwrap_or_else(|| (format!("by {}", pattern.trim()), true));
            if clock { format!("{text}{}", place(zone)) } else { text }
        }
    }
}

/// As it is written: the pattern, or nothing for an interval.
pub fn written(cadence: &Cadence) -> &str {
    match cadence {
        Cadence::Cron { pattern, .. } => pattern.trim(),
        Cadence::Every(_) => "",
    }
}

fn every(ms: u64) -> String {
    if ms.is_multiple_of(1_000) {
        return format!("every {}", format::duration(i64::try_from(ms / 1_000).unwrap_or(i64::MAX)));
    }
    format!("every {} ms", format::number(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// `America/New_York` as `, New York time`. Without a zone BullMQ's workers take their own.
fn place(zone: &str) -> String {
    match zone.trim() {
        "" => ", the workers' time".into(),
        "UTC" | "Etc/UTC" | "GMT" => " UTC".into(),
        zone => format!(", {} time", zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")),
    }
}

/// Words, and whether they name a time of day (which needs a zone).
fn cron(pattern: &str) -> Option<(String, bool)> {
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = match fields.as_slice() {
        [a, b, c, d, e] | ["0" | "00", a, b, c, d, e] => [*a, *b, *c, *d, *e],
        _ => return None,
    };
    if month != "*" {
        return None;
    }
    match (minute, hour, day, weekday) {
        ("*", "*", "*", "*") => Some(("every minute".into(), false)),
        (minute, "*", "*", "*") => hourly(minute),
        ("0", hour, "*", "*") if hour.starts_with("*/") => Some((format!("every {} h", step(hour, 24)?), false)),
        (minute, hour, "*", "*") => Some((format!("daily at {}", times(minute, hour)?), true)),
        (minute, hour, day, "*") => Some((format!("on day {} of the month at {}", number(day, 31)?, times(minute, hour)?), true)),
        (minute, hour, "*", weekday) => Some((format!("{} at {}", days(weekday)?, times(minute, hour)?), true)),
        _ => None,
    }
}

fn hourly(minute: &str) -> Option<(String, bool)> {
    if minute.starts_with("*/") {
        let step = step(minute, 60)?;
        return Some((if step == 1 { "every minute".into() } else { format!("every {step} min") }, false));
    }
    Some((format!("every hour at minute {}", number(minute, 59)?), false))
}

fn number(text: &str, highest: u32) -> Option<u32> {
    text.parse().ok().filter(|n| *n <= highest)
}

fn step(text: &str, within: u32) -> Option<u32> {
    text.strip_prefix("*/")?.parse().ok().filter(|n| *n > 0 && *n < within)
}

fn times(minute: &str, hour: &str) -> Option<String> {
    let minute = number(minute, 59)?;
    let hours: Option<Vec<String>> = hour.split(',').map(|hour| number(hour, 23).map(|hour| format!("{hour:02}:{minute:02}"))).collect();
    Some(and(&hours?))
}

fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn weekday(text: &str) -> Option<&'static str> {
    let index = match text.parse::<usize>() {
        Ok(number) => number % 7,
        Err(_) if text.len() == 3 => DAYS.iter().position(|day| day.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(text)))?,
        Err(_) => return None,
    };
    DAYS.get(index).copied().filter(|_| text.parse::<usize>().map_or(true, |number| number <= 7))
}

fn days(text: &str) -> Option<String> {
    if let Some((from, to)) = text.split_once('-') {
        return Some(format!("{} to {}", weekday(from)?, weekday(to)?));
    }
    let all: Option<Vec<String>> = text.split(',').map(|day| weekday(day).map(str::to_owned)).collect();
    Some(and(&all?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pattern: &str, zone: &str) -> String {
        words(&Cadence::Cron { pattern: pattern.into(), zone: zone.into() })
    }

    #[test]
    fn a_cadence_is_told_in_words() {
        let new_york = "America/New_York";
        for (pattern, zone, text) in [
            ("* * * * *", "", "every minute"),
            ("*/5 * * * *", "UTC", "every 5 min"),
            ("0 */5 * * * *", "UTC", "every 5 min"),
            ("15 * * * *", "", "every hour at minute 15"),
            ("0 */2 * * *", "", "every 2 h"),
            ("0 2 * * *", new_york, "daily at 02:00, New York time"),
            ("30 2,14 * * *", "UTC", "daily at 02:30 and 14:30 UTC"),
            ("0 2 * * 0", new_york, "Sunday at 02:00, New York time"),
            ("0 9 * * 1-5", "UTC", "Monday to Friday at 09:00 UTC"),
            ("0 9 * * *", "", "daily at 09:00, the workers' time"),
            ("0 9 * * MON,thu", "UTC", "Monday and Thursday at 09:00 UTC"),
            ("0 3 1 * *", "UTC", "on day 1 of the month at 03:00 UTC"),
        ] {
            assert_eq!(said(pattern, zone), text, "{pattern}");
        }
        assert_eq!(words(&Cadence::Every(300_000)), "every 5 min");
        assert_eq!(words(&Cadence::Every(1_500)), "every 1,500 ms");
    }

    #[test]
    fn what_has_no_short_words_is_shown_as_written() {
        for pattern in ["0 0 1 1 *", "0-5 3 * * *", "*/7 3 * * 2#1", "é é é é é", "61 2 * * *", "0 2 * * 9", "@daily", ""] {
            assert!(said(pattern, "UTC").starts_with("by "), "{pattern}: {}", said(pattern, "UTC"));
        }
    }
}
