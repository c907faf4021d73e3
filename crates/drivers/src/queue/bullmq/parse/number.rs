//! Scores, moments, ids and names of keys.

use qd_core::Timestamp;
use qd_core::port::queue::JobRef;

/// Milliseconds since 1970, as JavaScript writes them.
pub fn millis(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole);
    }
    text.parse::<f64>().ok().and_then(whole)
}

/// The moment of so many milliseconds.
pub fn moment(ms: i64) -> Timestamp {
    Timestamp(ms.saturating_mul(1_000))
}

/// When a delayed job is due: its score is milliseconds times 4096, and an order within the millisecond.
pub fn due(score: f64) -> Option<Timestamp> {
    whole((score / 4_096.0).floor()).map(moment)
}

/// The priority in a score of prioritized jobs: priority times 2^32, and an order within the priority.
pub fn priority(score: f64) -> Option<i64> {
    whole((score / 4_294_967_296.0).floor())
}

#[expect(clippy::cast_possible_truncation, reason = "checked to lie within")]
fn whole(number: f64) -> Option<i64> {
    (number.is_finite() && number.abs() < 9.0e18).then_some(number as i64)
}

/// Milliseconds in the id of an entry of a stream: `1795416278156-0`.
pub fn stream_millis(id: &str) -> Option<i64> {
    id.split('-').next()?.parse().ok()
}

/// Schedule and time slot in the id of a job that a schedule made: `repeat:nightly:1795420800000`.
pub fn slot(id: &str) -> Option<(&str, i64)> {
    let (schedule, ms) = id.strip_prefix("repeat:")?.rsplit_once(':')?;
    Some((schedule, ms.parse().ok()?))
}

/// The job of a whole key: `bull:mail:77`. Flows may reach into queues of another prefix; then the last colon ends the queue's name.
pub fn reference(key: &str, prefix: &str) -> Option<JobRef> {
    let own = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':')).and_then(|rest| rest.split_once(':'));
    let (queue, id) = own.or_else(|| key.rsplit_once(':').map(|(base, id)| (base.rsplit(':').next().unwrap_or(base), id)))?;
    (!queue.is_empty() && !id.is_empty()).then(|| JobRef { queue: queue.to_owned(), id: id.to_owned() })
}

/// The version in `bullmq:6.7.0`.
pub fn version(meta: &str) -> Option<String> {
    let version = meta.rsplit_once(':').map_or(meta, |(_, version)| version);
    let plain = !version.is_empty() && version.len() <= 40 && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    plain.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_javascript() {
        assert_eq!(millis("1795416278156"), Some(1_795_416_278_156));
        assert_eq!((millis("1795416278156.75"), millis("NaN"), millis("1e300"), millis("")), (Some(1_795_416_278_156), None, None, None));
        assert_eq!(due(1_795_416_278_156.0 * 4_096.0 + 5.0), Some(Timestamp(1_795_416_278_156_000)));
        assert_eq!((due(f64::INFINITY), due(f64::NAN)), (None, None));
        assert_eq!(priority(7.0 * 4_294_967_296.0 + 12.0), Some(7));
        assert_eq!(stream_millis("1795416278156-3"), Some(1_795_416_278_156));
    }

    #[test]
    fn names_of_keys_are_taken_apart() {
        let job = |queue: &str, id: &str| Some(JobRef { queue: queue.into(), id: id.into() });
        assert_eq!(reference("bull:mail:77", "bull"), job("mail", "77"));
        assert_eq!(reference("bull:mail:repeat:a:1", "bull"), job("mail", "repeat:a:1"));
        assert_eq!(reference("app:q:mail:77", "app:q"), job("mail", "77"));
        assert_eq!(reference("other:mail:77", "bull"), job("mail", "77"));
        assert_eq!((reference("bull::77", "bull"), reference("nothing", "bull")), (None, None));
        assert_eq!(slot("repeat:a:b:17"), Some(("a:b", 17)));
        assert_eq!((slot("repeat:17"), slot("77")), (None, None));
        assert_eq!(version("bullmq:6.7.0").as_deref(), Some("6.7.0"));
        assert_eq!((version("bullmq:"), version("bullmq:<b>")), (None, None));
    }
}
