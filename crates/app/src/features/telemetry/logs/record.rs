//! From a record of the protocol to a row: scrubbed, cut, and with an id that is the same when a client sends it again.

use qd_core::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::scrub;
use super::store::Row;
use crate::features::telemetry::endpoints::{Reject, in_time};
use crate::features::telemetry::otlp::{Record, Value};

/// Bytes of a body that are kept.
pub const BODY: usize = 8 * 1024;
/// Bytes of all attributes that are kept.
const ATTRIBUTES: usize = 8 * 1024;
/// Bytes of one attribute's text.
const ATTRIBUTE: usize = 1024;
/// Bytes of a severity's own word.
const WORD: usize = 40;

/// The row of a record.
///
/// `place` is its place in the request: equal records of one request stay apart, the same request sent twice does not count twice.
///
/// # Errors
/// Why it is not stored; `past` is how many seconds old it may be.
pub fn row(service: &str, record: &Record<'_>, place: u64, now: Timestamp, past: i64) -> Result<Row, Reject> {
    let nanos = [record.time, record.observed].into_iter().find(|nanos| *nanos > 0);
    let at = nanos.map_or(now, |nanos| Timestamp(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)));
    in_time(at, now, past)?;
    let (body, cut_body) = body(&record.body);
    let (attributes, cut_attributes) = attributes(&record.attributes);
    let severity = if (1..=24).contains(&record.severity) { record.severity } else { severity_of(&record.severity_text) };
    let mut digest = Sha256::new();
    for part in [service.as_bytes(), body.as_bytes(), attributes.to_string().as_bytes(), &nanos.unwrap_or(0).to_le_bytes(), &place.to_le_bytes()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    for id in [&record.trace_id, &record.span_id] {
        digest.update(id.as_deref().unwrap_or_default());
    }
    Ok(Row {
        id: id(at, digest.finalize().as_slice()),
        at: at.0,
        service: service.to_owned(),
        severity,
        severity_text: cut(&clean(&record.severity_text), WORD).0,
        body,
        truncated: cut_body || cut_attributes,
        trace_id: record.trace_id.clone(),
        span_id: record.span_id.clone(),
        attributes,
    })
}

/// UUIDv7: milliseconds, then their microseconds, then the digest.
fn id(at: Timestamp, digest: &[u8]) -> Uuid {
    let micros = u64::try_from(at.0).unwrap_or(0);
    let mut rest = [0_u8; 10];
    rest.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    // The twelve bits behind the milliseconds hold 0 to 999 µs, left-aligned, so that ids sort by microseconds.
    let fraction = u16::try_from(micros % 1_000).unwrap_or(0) << 2;
    let [high, low] = fraction.to_be_bytes();
    let [first, second, ..] = &mut rest;
    (*first, *second) = (high & 0x0f, low);
    uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &rest).into_uuid()
}

/// The first id of a time: everything before it is older.
pub fn first_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

fn body(value: &Value<'_>) -> (String, bool) {
    match value {
        Value::Null => (String::new(), false),
        Value::Text(given) => {
            let (given, was_cut) = cut(&clean(given), BODY);
            (scrub::text(&given).into_owned(), was_cut)
        }
        other => {
            let mut json = other.json();
            scrub::json(&mut json);
            cut(&clean(&json.to_string()), BODY)
        }
    }
}

fn attributes(given: &[(std::borrow::Cow<'_, str>, Value<'_>)]) -> (serde_json::Value, bool) {
    let (mut kept, mut size, mut was_cut) = (serde_json::Map::new(), 0, false);
    for (name, value) in given {
        let name = cut(&clean(name), 200).0;
        let mut json = if scrub::is_secret(&name) { scrub::REDACTED.into() } else { value.json() };
        tidy(&mut json, &mut was_cut);
        scrub::json(&mut json);
        size += name.len() + json.to_string().len();
        if size > ATTRIBUTES {
            return (serde_json::Value::Object(kept), true);
        }
        kept.insert(name, json);
    }
    (serde_json::Value::Object(kept), was_cut)
}

/// Texts without NUL, which JSONB does not take, and not too long.
fn tidy(value: &mut serde_json::Value, was_cut: &mut bool) {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => {
            let (short, cut) = cut(&clean(text), ATTRIBUTE);
            *was_cut |= cut;
            *text = short;
        }
        Json::Array(items) => items.iter_mut().for_each(|item| tidy(item, was_cut)),
        Json::Object(members) => {
            let old = std::mem::take(members);
            for (name, mut member) in old {
                tidy(&mut member, was_cut);
                members.insert(clean(&name), member);
            }
        }
        _ => {}
    }
}

fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// At most `length` bytes, cut between characters.
fn cut(text: &str, length: usize) -> (String, bool) {
    if text.len() <= length {
        return (text.to_owned(), false);
    }
    let end = text.floor_char_boundary(length);
    (format!("{}…", text.get(..end).unwrap_or_default()), true)
}

/// SeverityNumber of a word, where a client sends only that.
pub fn severity_of(word: &str) -> i64 {
    match word.trim().to_ascii_lowercase().as_str() {
        "trace" => 1,
        "debug" => 5,
        "info" | "information" | "notice" => 9,
        "warn" | "warning" => 13,
        "error" | "err" => 17,
        "fatal" | "critical" | "crit" | "alert" | "emergency" | "panic" => 21,
        _ => 0,
    }
}

/// The protocol's word for a SeverityNumber.
pub fn severity_word(number: i64) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "UNSPECIFIED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_123_456);

    fn record(body: &str) -> Record<'_> {
        Record { time: NOW.0 as u64 * 1_000, body: Value::Text(body.into()), ..Record::default() }
    }

    #[test]
    fn the_id_sorts_by_time_and_repeats_for_the_same_record() {
        let make =
            |body: &str, place, micros: i64| row("web", &Record { time: (NOW.0 + micros) as u64 * 1_000, ..record(body) }, place, NOW, 60).unwrap();
        assert_eq!(make("a", 0, 0).id, make("a", 0, 0).id);
        assert_ne!(make("a", 0, 0).id, make("a", 1, 0).id);
        assert_ne!(make("a", 0, 0).id, make("b", 0, 0).id);
        for (earlier, later) in [(0, 1), (0, 900), (-124, -123), (1, 1_000)] {
            assert!(make("z", 0, earlier).id < make("a", 0, later).id, "{earlier} {later}");
        }
        assert_eq!(make("a", 0, 0).id.get_version_num(), 7);
        assert!(first_id(NOW) <= make("a", 0, 0).id && first_id(NOW.plus_seconds(1)) > make("a", 0, 0).id);
    }

    #[test]
    fn bodies_are_scrubbed_cut_and_free_of_nul() {
        let long = "é".repeat(BODY);
        let found = row("web", &record(&long), 0, NOW, 60).unwrap();
        assert!(found.truncated && found.body.len() <= BODY + 3);
        assert_eq!(row("web", &record("a\0b password=x"), 0, NOW, 60).unwrap().body, "ab password=[redacted]");
        let map = Value::Map(vec![("token".into(), Value::Int(1)), ("n".into(), Value::List(vec![Value::Null, Value::Text("x\0".into())]))]);
        let found = row("web", &Record { body: map, ..record("") }, 0, NOW, 60).unwrap();
        assert_eq!(found.body, r#"{"n":[null,"x\u0000"],"token":"[redacted]"}"#);
    }

    #[test]
    fn attributes_have_a_limit() {
        let pairs = (0..100).map(|n| (format!("k{n}").into(), Value::Text("x".repeat(2_000).into()))).collect();
        let found = row("web", &Record { attributes: pairs, ..record("a") }, 0, NOW, 60).unwrap();
        assert!(found.truncated && found.attributes.to_string().len() < 10_000);
    }

    #[test]
    fn severity_comes_from_number_or_word() {
        let severity =
            |severity, word: &'static str| row("w", &Record { severity, severity_text: word.into(), ..record("") }, 0, NOW, 60).unwrap().severity;
        assert_eq!((severity(10, "x"), severity(0, "WARNING"), severity(99, ""), severity(0, "?")), (10, 13, 0, 0));
        assert_eq!(severity_word(17), "ERROR");
    }
}
