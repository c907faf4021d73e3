//! Numbers and times as people read them: `18,402`, `99.94 %`, `17 min`, `1.3 MB`, `14:02:15`.

use qd_core::Timestamp;

/// What stands for a figure that was not measured.
pub const UNKNOWN: &str = "?";
/// What stands for "nothing here" in a table.
pub const NONE: &str = "–";

/// A whole number with thousands separated: `18,402`.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with at most `places` digits after the point, trailing zeros dropped: `1,234.5`.
pub fn decimal(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = format!("{:.places$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let rest = rest.trim_end_matches('0');
    let whole = whole.parse::<i64>().map_or_else(|_| whole.to_owned(), number);
    let sign = if value < 0.0 && text.chars().any(|c| matches!(c, '1'..='9')) { "−" } else { "" };
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// A figure of a reading: three significant digits or so, `?` when there is none.
pub fn figure(value: Option<f64>) -> String {
    let Some(value) = value else { return UNKNOWN.to_owned() };
    let places = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 0.1 || v == 0.0 => 2,
        _ => 3,
    };
    decimal(value, places)
}

/// A share in percent, two places at most: `99.94 %`. Just under 100 is not rounded up to it.
pub fn percent(value: f64) -> String {
    let shown = if value < 100.0 && value > 99.99 { (value * 1_000.0).floor() / 1_000.0 } else { value };
    format!("{} %", decimal(shown, if shown > 99.99 && shown < 100.0 { 3 } else { 2 }))
}

/// Seconds in one or two units: `9 s`, `17 min`, `1 h 39 min`, `3 d 4 h`.
pub fn duration(seconds: i64) -> String {
    let (sign, s) = if seconds < 0 { ("−", seconds.unsigned_abs()) } else { ("", seconds.unsigned_abs()) };
    let two = |major: u64, unit: &str, minor: u64, small: &str| {
        if minor == 0 { format!("{major} {unit}") } else { format!("{major} {unit} {minor} {small}") }
    };
    let text = match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min", s / 60),
        3_600..86_400 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        86_400..1_209_600 => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
        _ => format!("{} d", s / 86_400),
    };
    format!("{sign}{text}")
}

/// Milliseconds: `0.8 ms`, `212 ms`, `1.4 s`, `17 min`.
pub fn millis(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => UNKNOWN.to_owned(),
        v if v >= 60_000.0 => {
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds are wanted")]
            let seconds = (value / 1_000.0) as i64;
            duration(seconds)
        }
        v if v >= 1_000.0 => format!("{} s", decimal(value / 1_000.0, 1)),
        v if v >= 10.0 => format!("{} ms", decimal(value, 0)),
        _ => format!("{} ms", decimal(value, 1)),
    }
}

/// Bytes in decimal units: `640 B`, `1.3 MB`, `42 GB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = value as f64;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let places = usize::from(size < 10.0 && unit > 0);
    format!("{} {}", decimal(size, places), UNITS.get(unit).copied().unwrap_or("B"))
}

fn utc(at: Timestamp) -> Option<jiff::Zoned> {
    jiff::Timestamp::from_microsecond(at.micros()).ok().map(|t| t.to_zoned(jiff::tz::TimeZone::UTC))
}

/// Time of day in UTC: `14:02:15`.
pub fn clock(at: Timestamp) -> String {
    utc(at).map_or_else(|| UNKNOWN.to_owned(), |t| t.strftime("%H:%M:%S").to_string())
}

/// Time of day in UTC without seconds: `14:02`.
pub fn minute(at: Timestamp) -> String {
    utc(at).map_or_else(|| UNKNOWN.to_owned(), |t| t.strftime("%H:%M").to_string())
}

/// A day: `22 Nov 2026`.
pub fn day(at: Timestamp) -> String {
    utc(at).map_or_else(|| UNKNOWN.to_owned(), |t| t.strftime("%-d %b %Y").to_string())
}

/// A moment beside `now`: today `14:02:15`, this year `12 Mar 14:02`, else `12 Mar 2025`; what is to come also says its hour, for people plan by it.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let (Some(t), Some(n)) = (utc(at), utc(now)) else { return UNKNOWN.to_owned() };
    let pattern = match (t.date() == n.date(), t.year() == n.year()) {
        (true, _) => "%H:%M:%S",
        (false, true) => "%-d %b %H:%M",
        (false, false) if at > now => "%-d %b %Y %H:%M",
        (false, false) => "%-d %b %Y",
    };
    t.strftime(pattern).to_string()
}

/// Age: under an hour `9 s ago` or `17 min ago`, else the [`moment`].
pub fn age(at: Timestamp, now: Timestamp) -> String {
    match now.since(at) {
        seconds @ 0..3_600 => format!("{} ago", duration(seconds)),
        _ => moment(at, now),
    }
}

/// A `<time>` with the moment for people and RFC 3339 for machines.
pub fn time(at: Timestamp, now: Timestamp) -> maud::Markup {
    maud::html! { time datetime=(at.rfc3339()) title=(at.rfc3339()) { (moment(at, now)) } }
}

/// A `<time>` with the [`age`].
pub fn time_ago(at: Timestamp, now: Timestamp) -> maud::Markup {
    maud::html! { time datetime=(at.rfc3339()) title=(at.rfc3339()) { (age(at, now)) } }
}

/// Seconds left until `due`, counted down by script: `07:45`, `1 h 39 min`, `6 d 23 h`, `overdue 02:10`.
pub fn countdown(due: Timestamp, now: Timestamp) -> maud::Markup {
    let left = due.since(now);
    let s = left.unsigned_abs();
    let text = match s {
        0..3_600 => format!("{:02}:{:02}", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    };
    maud::html! { span data-due=(left) { @if left < 0 { "overdue " } (text) } }
}

/// `1 job`, `14 jobs`: a count with its noun.
pub fn count(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}
