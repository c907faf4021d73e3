//! Schedules of BullMQ: a hash that says when, and one job that waits for the next time. BullMQ can't stop one, only delete it; what is needed to
//! bring it back goes to the caller.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use qd_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::BullMq;
use super::connect::{Conn, fault};
use super::keys::Keys;
use super::write::script::{self, ENQUEUE, SCHEDULE, UNSCHEDULE};

/// Occurrences that are tried when a job has the place of the next one.
const TRIES: usize = 32;
/// Steps in which zones lie apart, in milliseconds.
const QUARTER: i64 = 15 * 60_000;

/// A deleted schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Its fields.
    fields: Map<String, Value>,
    /// Options of the job that waited, as JSON text.
    options: Option<String>,
    /// When it would have fired next, in milliseconds.
    #[serde(default)]
    next: Option<i64>,
}

impl Kept {
    /// From the hash of a schedule: names and values in turn, with what stopping it put there.
    fn of(flat: &[String]) -> Self {
        let pair = |pair: &[String]| Some((pair.first()?.clone(), Value::from(pair.get(1)?.clone())));
        let mut fields: Map<String, Value> = flat.chunks_exact(2).filter_map(pair).collect();
        let mut left = |name: &str| fields.remove(name).and_then(|value| value.as_str().map(str::to_owned));
        let (options, next) = (left("qd:opts"), left("qd:next").and_then(|next| next.parse().ok()));
        Self { fields, options, next }
    }

    /// When it fires next: when it would have, if that is still to come.
    fn due(&self, now: i64) -> Result<i64> {
        self.next.filter(|next| *next > now).map_or_else(|| self.after(now, now), Ok)
    }

    /// The first time after `after`.
    fn after(&self, after: i64, now: i64) -> Result<i64> {
        next(&self.fields, after, now, self.shift())
    }

    /// Milliseconds that the workers' clocks are ahead of UTC, for a pattern without zone: it is of theirs, which nobody tells, but which shows in the
    /// time that the library found. A change to summer time in between is set right by the workers with the run after.
    fn shift(&self) -> i64 {
        let (Some(pattern), None, Some(next)) = (text(&self.fields, "pattern"), text(&self.fields, "tz"), self.next) else { return 0 };
        let fires = |at: i64| engine::job::next_after(pattern, "UTC", (at - 1).saturating_mul(1_000)).is_ok_and(|found| found / 1_000 == at);
        let shifts = (0..=14 * 4).flat_map(|quarters: i64| [quarters * QUARTER, -quarters * QUARTER]);
        shifts.into_iter().find(|shift| fires(next + shift)).unwrap_or(0)
    }
}

/// Enqueues one job of a schedule now, beside its cadence; returns the job's id.
pub(super) async fn run_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<String> {
    let keys = bull.keys(queue)?;
    let (mut conn, Kept { fields, .. }) = known(bull, keys, id).await?;
    let fires: Option<String> = redis::cmd("ZSCORE").arg(keys.of("repeat")).arg(id).query_async(&mut conn).await.map_err(fault)?;
    if fires.is_none() {
        return Err(missing(id));
    }
    let options = once(text(&fields, "opts"))?;
    let mut call = script::call(&ENQUEUE, keys);
    call.arg(text(&fields, "name").unwrap_or(id)).arg(text(&fields, "data").unwrap_or("{}")).arg(Value::Object(options.clone()).to_string());
    call.arg(priority(&options)).arg(push(&options));
    script::run(&mut conn, &call).await
}

/// Stops a schedule and deletes its pending job; returns what [`resume_schedule`] needs. That stays in Redis, too, until the next call for the
/// schedule, which deletes it and returns nothing: an answer that is lost on its way loses no schedule.
pub(super) async fn remove_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<Option<Value>> {
    stop(bull, queue, id, "drop").await
}

/// Stops a schedule, if it can be brought back. One that is stopped already gives what is needed again.
pub(super) async fn pause_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<Option<Value>> {
    let (_, kept) = known(bull, bull.keys(queue)?, id).await?;
    if !kept.fields.contains_key("ic") {
        let what = "pause a repeatable job of the kind before job schedulers; move it to a job scheduler first";
        return Err(Error::Unsupported { driver: super::DRIVER, what: what.into() });
    }
    // Whether it can be brought back is found out before it is stopped.
    kept.after(now_ms(), now_ms())?;
    stop(bull, queue, id, "keep").await
}

/// `how`: whether what is left of one that is stopped already is deleted.
async fn stop(bull: &BullMq, queue: &str, id: &str, how: &str) -> Result<Option<Value>> {
    let keys = bull.keys(queue)?;
    let (mut conn, _) = known(bull, keys, id).await?;
    let mut call = script::call(&UNSCHEDULE, keys);
    call.arg(id).arg(how);
    let answer: Option<(String, Vec<String>, Option<String>, i64)> = script::run(&mut conn, &call).await?;
    let Some((next, fields, options, left)) = answer else { return Err(missing(id)) };
    let kept = Kept::of(&fields);
    let kept = Kept { options: options.or(kept.options), next: next.parse().ok().or(kept.next), ..kept };
    Ok(if left == 1 { Some(serde_json::to_value(kept)?) } else { None })
}

/// Brings a schedule back; it fires next when it would have, or at its next time after that. One that the application made again meanwhile stays as
/// it is. Without `kept` it is brought back from what stopping it left in Redis.
pub(super) async fn resume_schedule(bull: &BullMq, queue: &str, id: &str, kept: Option<&Value>) -> Result<()> {
    let keys = bull.keys(queue)?;
    let unknown = |_| Error::invalid("schedule", "What was kept of this schedule can't be read.");
    // A queue that lost its last schedule is no queue any more: it becomes one again.
    let (mut conn, kept) = match kept {
        Some(kept) => (bull.connections.get().await?, serde_json::from_value(kept.clone()).map_err(unknown)?),
        None => known(bull, keys, id).await?,
    };
    let now = now_ms();
    let mut due = kept.due(now)?;
    for _ in 0..TRIES {
        if try_schedule(&mut conn, keys, id, &kept, due, now).await? {
            return Ok(());
        }
        due = kept.after(due, now)?;
    }
    Err(Error::Conflict(format!("Jobs have the places of the next occurrences of schedule {id}.")))
}

async fn try_schedule(conn: &mut Conn, keys: Keys<'_>, id: &str, kept: &Kept, due: i64, now: i64) -> Result<bool> {
    let options = next_options(kept, id, due, now)?;
    let mut call = script::call(&SCHEDULE, keys);
    call.arg(id).arg(due).arg(now).arg(text(&kept.fields, "name").unwrap_or(id)).arg(text(&kept.fields, "data").unwrap_or("{}"));
    call.arg(Value::Object(options.clone()).to_string()).arg(priority(&options)).arg(push(&options));
    for (field, value) in &kept.fields {
        call.arg(field).arg(value.as_str().unwrap_or_default());
    }
    Ok(script::run::<i64>(conn, &call).await? >= 0)
}

fn missing(id: &str) -> Error {
    Error::NotFound(format!("Schedule {id}"))
}

/// What Redis has of a schedule, stopped or not, with a connection that just answered.
async fn known(bull: &BullMq, keys: Keys<'_>, id: &str) -> Result<(Conn, Kept)> {
    let look = |mut conn: Conn| async move {
        let hash = redis::cmd("HGETALL").arg(keys.of_job("repeat", id)).query_async(&mut conn).await;
        let fields: Vec<String> = hash.map_err(fault)?;
        if fields.is_empty() { Err(missing(id)) } else { Ok((conn, Kept::of(&fields))) }
    };
    bull.connections.reading(look).await
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<i64> {
    text(fields, name)?.parse().ok()
}

fn priority(options: &Map<String, Value>) -> i64 {
    options.get("priority").and_then(Value::as_i64).unwrap_or(0)
}

fn push(options: &Map<String, Value>) -> &'static str {
    if options.get("lifo") == Some(&Value::Bool(true)) { "RPUSH" } else { "LPUSH" }
}

fn object(json: Option<&str>) -> Result<Map<String, Value>> {
    json.map_or_else(|| Ok(Map::new()), serde_json::from_str)
        .map_err(|fault| Error::Conflict(format!("The options of this schedule can't be read: {fault}.")))
}

/// Options of a job that is made once, as the library's own `add` stores them for the template of a schedule.
fn once(template: Option<&str>) -> Result<Map<String, Value>> {
    let mut options = object(template)?;
    for name in ["repeat", "repeatJobKey", "jobId", "delay", "timestamp", "prevMillis", "de"] {
        options.remove(name);
    }
    options.entry("attempts").or_insert(json!(0));
    if let Some(backoff) = options.get("backoff").and_then(Value::as_i64) {
        options.insert("backoff".into(), json!({"type": "fixed", "delay": backoff}));
    }
    Ok(options)
}

/// Options of the next job of a schedule: those of the job that waited, or of the template, with the new time.
fn next_options(kept: &Kept, id: &str, due: i64, now: i64) -> Result<Map<String, Value>> {
    let mut options = object(kept.options.as_deref().or_else(|| text(&kept.fields, "opts")))?;
    if !options.contains_key("repeat") {
        let mut repeat = Map::new();
        for name in ["pattern", "tz"] {
            repeat.extend(text(&kept.fields, name).map(|value| (name.to_owned(), json!(value))));
        }
        for name in ["every", "offset", "limit", "startDate", "endDate"] {
            repeat.extend(number(&kept.fields, name).filter(|value| *value != 0).map(|value| (name.to_owned(), json!(value))));
        }
        repeat.insert("count".into(), json!(number(&kept.fields, "ic").unwrap_or(1)));
        options.insert("repeat".into(), Value::Object(repeat));
    }
    options.insert("jobId".into(), json!(format!("repeat:{id}:{due}")));
    options.insert("delay".into(), json!((due - now).max(0)));
    options.insert("timestamp".into(), json!(now));
    options.insert("prevMillis".into(), json!(due));
    options.insert("repeatJobKey".into(), json!(id));
    Ok(options)
}

/// The first time after `after` (milliseconds UTC), as the library finds it, where a pattern without zone is of clocks that are `shift` milliseconds
/// ahead of UTC.
fn next(fields: &Map<String, Value>, after: i64, now: i64, shift: i64) -> Result<i64> {
    let after = number(fields, "startDate").map_or(after, |start| after.max(start - 1));
    let due = match (number(fields, "every"), text(fields, "pattern")) {
        (Some(every), _) if every > 0 => {
            let aligned = after.div_euclid(every) * every + number(fields, "offset").unwrap_or(0).rem_euclid(every);
            if aligned <= after { aligned + every } else { aligned }
        }
        (_, Some(pattern)) => {
            let zone = text(fields, "tz").unwrap_or("UTC");
            let found = engine::job::next_after(pattern, zone, (after + shift).saturating_mul(1_000));
            found.map_err(|fault| Error::Conflict(format!("The next time of this schedule can't be found: {fault}.")))? / 1_000 - shift
        }
        _ => return Err(Error::Conflict("This schedule says neither a pattern nor a number of milliseconds.".into())),
    };
    match number(fields, "endDate") {
        Some(end) if due > end || now > end => Err(Error::Conflict("This schedule has come to its end.".into())),
        _ => Ok(due),
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    #[test]
    fn times_are_those_of_the_cadence() {
        let every = of(&[("every", "60000"), ("offset", "12212")]);
        assert_eq!(next(&every, 1_795_416_132_381, 0, 0).unwrap(), 1_795_416_132_212 + 60_000);
        assert_eq!(next(&every, 1_795_416_132_212 + 60_000, 0, 0).unwrap(), 1_795_416_132_212 + 120_000);
        let start = of(&[("every", "60000"), ("startDate", "1795420800000")]);
        assert_eq!(next(&start, 1_795_416_132_381, 0, 0).unwrap(), 1_795_420_800_000);
        let cron = of(&[("pattern", "0 3 * * *"), ("tz", "America/New_York")]);
        assert_eq!(next(&cron, 1_795_416_060_091, 0, 0).unwrap(), 1_795_420_800_000, "as the library says");
        let seconds = of(&[("pattern", "*/10 * * * * *")]);
        assert_eq!(next(&seconds, 1_795_416_060_094, 0, 0).unwrap(), 1_795_416_070_000, "six fields begin with seconds");
    }

    #[test]
    fn a_pattern_without_zone_keeps_the_clock_of_its_workers() {
        let (hour, day) = (3_600_000, 86_400_000);
        // 03:00 in New York, as the library found it there.
        let due = 1_795_420_800_000;
        let kept = |pattern| Kept { fields: of(&[("pattern", pattern)]), options: None, next: Some(due) };
        let nightly = kept("0 3 * * *");
        assert_eq!(nightly.due(due - 10 * hour).unwrap(), due, "as it would have been");
        assert_eq!(nightly.due(due + 10 * hour).unwrap(), due + day, "and not at 03:00 UTC");
        assert_eq!(kept("0 13 * * *").due(due + hour).unwrap(), due + day, "nor east of it");
        assert_eq!(kept("30 13 * * *").due(due + hour).unwrap(), due + day);
        assert_eq!(kept("*/5 * * * *").due(due + 1).unwrap(), due + 300_000);
        let zoned = Kept { fields: of(&[("pattern", "0 3 * * *"), ("tz", "UTC")]), ..nightly };
        assert_eq!(zoned.due(due + 1).unwrap(), due + day - 5 * hour, "one that says its zone is believed");
    }

    #[test]
    fn what_stopping_left_is_read_back() {
        let flat = ["name", "t", "ic", "2", "qd:next", "70000", "qd:opts", "{}"].map(str::to_owned);
        let kept = Kept::of(&flat);
        assert_eq!(kept, Kept { fields: of(&[("name", "t"), ("ic", "2")]), options: Some("{}".into()), next: Some(70_000) });
        let older: Kept = serde_json::from_value(json!({"fields": {"name": "t"}, "options": null})).unwrap();
        assert_eq!(older.next, None, "what was kept before is read, too");
    }

    #[test]
    fn what_can_not_come_back_is_told() {
        let ended = of(&[("every", "1000"), ("endDate", "5")]);
        for wrong in [of(&[]), of(&[("every", "0")]), of(&[("pattern", "never")]), of(&[("pattern", "* * * * *"), ("tz", "Mars/Base")]), ended] {
            assert!(matches!(next(&wrong, 10_000, 10_000, 0), Err(Error::Conflict(_))), "{wrong:?}");
        }
    }

    #[test]
    fn options_are_those_of_the_library() {
        let once = once(Some(r#"{"kl":3,"priority":3,"backoff":1000,"repeat":{"every":1},"delay":9}"#)).unwrap();
        assert_eq!(Value::Object(once.clone()), json!({"kl": 3, "priority": 3, "attempts": 0, "backoff": {"type": "fixed", "delay": 1000}}));
        assert_eq!((priority(&once), push(&once)), (3, "LPUSH"));
        let kept = Kept { fields: of(&[("every", "60000"), ("ic", "4"), ("opts", r#"{"lifo":true}"#)]), ..Kept::default() };
        let options = Value::Object(next_options(&kept, "tick", 70_000, 10_000).unwrap());
        let expected = json!({"lifo": true, "jobId": "repeat:tick:70000", "delay": 60_000, "timestamp": 10_000, "prevMillis": 70_000,
            "repeatJobKey": "tick", "repeat": {"every": 60_000, "count": 4}});
        assert_eq!(options, expected);
    }
}
