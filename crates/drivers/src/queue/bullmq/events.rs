//! A queue's stream of events, read page by page.

use qd_core::Result;
use qd_core::port::queue::{EventPage, JobEvent};
use redis::{Value, cmd, pipe};

use super::connect::Conn;
use super::keys::Keys;
use super::parse::event;
use super::read::exists;
use super::reply::{ask, items, text};

/// Most events of one page.
const PAGE: usize = 5_000;
/// Entries of the first request of a page: they carry results and reasons of any size, so the next requests ask for what fits.
const FIRST: usize = 200;
/// Bytes after which a page ends.
const BYTES: usize = 4 << 20;

/// What happened after `after`; `None`: where to begin.
///
/// A gap is told when the stream's oldest entry is younger than `after`: what lay between, if anything, was thrown away.
pub(super) async fn events(conn: &mut Conn, keys: Keys<'_>, after: Option<&str>) -> Result<EventPage> {
    exists(conn, keys).await?;
    let key = keys.of("events");
    let Some(after) = after.filter(|after| position(after).is_some()) else {
        let last = end(conn, &key).await?;
        return Ok(EventPage { events: Vec::new(), last: Some(last), gap: false });
    };
    let (mut told, mut last, mut read, mut seen) = (Vec::new(), after.to_owned(), 0, 0);
    let gap = gap(conn, &key, after).await?;
    let mut count = FIRST;
    while seen < PAGE && read < BYTES {
        let mut asked = pipe();
        asked.add_command(cmd("XRANGE").arg(&key).arg(format!("({last}")).arg("+").arg("COUNT").arg(count).to_owned());
        let (page, bytes) = entries(ask(conn, &mut asked).await?.take());
        let found = page.len();
        for (id, event) in page {
            told.extend(event);
            last = id;
        }
        (seen, read) = (seen + found, read + bytes);
        if found < count {
            break;
        }
        let each = bytes.max(1) / found.max(1) + 1;
        count = (BYTES.saturating_sub(read) / each).clamp(1, PAGE - seen.min(PAGE - 1));
    }
    Ok(EventPage { events: told, last: Some(last), gap })
}

/// The id of the newest entry, or the one before all.
async fn end(conn: &mut Conn, key: &str) -> Result<String> {
    let mut asked = pipe();
    asked.add_command(cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1).to_owned());
    let newest = entries(ask(conn, &mut asked).await?.take()).0.pop();
    Ok(newest.map_or_else(|| "0-0".to_owned(), |(id, _)| id))
}

async fn gap(conn: &mut Conn, key: &str, after: &str) -> Result<bool> {
    let mut asked = pipe();
    asked.add_command(cmd("XRANGE").arg(key).arg("-").arg("+").arg("COUNT").arg(1).to_owned());
    let oldest = entries(ask(conn, &mut asked).await?.take()).0.pop().and_then(|(id, _)| position(&id));
    let after = position(after);
    Ok(after != Some((0, 0)) && oldest.zip(after).is_some_and(|(oldest, after)| oldest > after))
}

/// The two numbers of an entry's id.
fn position(id: &str) -> Option<(u64, u64)> {
    let (ms, order) = id.split_once('-')?;
    Some((ms.parse().ok()?, order.parse().ok()?))
}

/// Entries of a stream with what they say, and their bytes.
pub(super) fn entries(value: Value) -> (Vec<(String, Option<JobEvent>)>, usize) {
    let mut bytes = 0;
    let entry = |value: Value| {
        let mut parts = items(value).into_iter();
        let id = text(parts.next()?)?;
        let words: Vec<String> = items(parts.next().unwrap_or_default()).into_iter().map(|word| text(word).unwrap_or_default()).collect();
        bytes += id.len() + words.iter().map(String::len).sum::<usize>();
        let mut words = words.into_iter();
        let mut fields = Vec::new();
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            fields.push((key, value));
        }
        let event = event(&id, &fields);
        Some((id, event))
    };
    let found = items(value).into_iter().filter_map(entry).collect();
    (found, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_core::port::queue::EventKind;

    #[test]
    fn entries_of_any_shape_are_read() {
        let word = |text: &str| Value::BulkString(text.into());
        let entry = |id: &str, words: &[&str]| Value::Array(vec![word(id), Value::Array(words.iter().map(|text| word(text)).collect())]);
        let stream = Value::Array(vec![
            entry("17-0", &["event", "failed", "jobId", "a", "failedReason", "x", "prev", "active"]),
            entry("18-0", &["event"]),
            entry("19-0", &["event", "progress", "jobId", "a"]),
            Value::Nil,
            entry("x", &["event", "active", "jobId", "a"]),
        ]);
        let (found, bytes) = entries(stream);
        assert_eq!(found.len(), 4);
        assert!(bytes > 40);
        let told: Vec<_> = found.iter().filter_map(|(_, event)| event.as_ref().map(|event| (event.kind, event.at.micros()))).collect();
        assert_eq!(told, [(EventKind::Failed, 17_000)]);
        assert_eq!((position("17-3"), position("17"), position("$")), (Some((17, 3)), None, None));
    }
}
