//! Schedules of BullMQ: a hash that says when, and one job that waits for the next time. BullMQ can't stop one, only delete it; what is needed to
//! bring it back goes to the caller.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use qd_core::{Error, Result};
use redis::FromRedisValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::connect::{Conn, fault};
use super::keys::Keys;
use super::write::script::{self, ENQUEUE, SCHEDULE, UNSCHEDULE};
use super::{BullMq, write};

/// Occurrences that are tried when a job has the place of the next one.
const TRIES: usize = 32;

/// A deleted schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Its fields.
    fields: Map<String, Value>,
    /// Options of the job that waited, as JSON text.
    options: Option<String>,
}

/// Enqueues one job of a schedule now, beside its cadence; returns the job's id.
pub(super) async fn run_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<String> {
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let fields = fields(&mut conn, keys, id).await?;
    let options = once(text(&fields, "opts"))?;
    let mut call = script::call(&ENQUEUE, keys);
    call.arg(text(&fields, "name").unwrap_or(id)).arg(text(&fields, "data").unwrap_or("{}")).arg(Value::Object(options.clone()).to_string());
    call.arg(priority(&options)).arg(push(&options));
    script::run(&mut conn, &call).await
}

/// Deletes a schedule with its pending job; returns what [`resume_schedule`] needs.
pub(super) async fn remove_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<Option<Value>> {
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let fields = fields(&mut conn, keys, id).await?;
    let options = pending_options(&mut conn, keys, id).await?;
    let kept = Kept { fields, options };
    let mut call = script::call(&UNSCHEDULE, keys);
    call.arg(id);
    let gone: redis::Value = script::run(&mut conn, &call).await?;
    if gone == redis::Value::Nil {
        return Err(Error::NotFound(format!("Schedule {id}")));
    }
    // One of before the schedules of 5.16 can't be brought back: it has another kind of key.
    let back = kept.fields.contains_key("ic");
    Ok(if back { Some(serde_json::to_value(kept).map_err(|fault| Error::Broken(fault.to_string()))?) } else { None })
}

/// Stops a schedule: deletes it, if it can be brought back.
pub(super) async fn pause_schedule(bull: &BullMq, queue: &str, id: &str) -> Result<Option<Value>> {
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let fields = fields(&mut conn, keys, id).await?;
    if !fields.contains_key("ic") {
        let what = "pause a repeatable job of the kind before job schedulers; move it to a job scheduler first";
        return Err(Error::Unsupported { driver: super::DRIVER, what: what.into() });
    }
    // Whether it can be brought back is found out before it is deleted.
    next(&fields, now_ms(), now_ms())?;
    remove_schedule(bull, queue, id).await
}

/// Brings a schedule back; it fires next at its next time. One that the application made again meanwhile stays as it is.
pub(super) async fn resume_schedule(bull: &BullMq, queue: &str, id: &str, kept: Option<&Value>) -> Result<()> {
    let keys = bull.keys(queue)?;
    let unknown = || Error::invalid("schedule", "What was kept of this schedule is not there or can't be read.");
    let kept: Kept = serde_json::from_value(kept.ok_or_else(unknown)?.clone()).map_err(|_| unknown())?;
    // A queue that lost its last schedule is no queue any more: it becomes one again.
    let mut conn = bull.connections.get().await?;
    let now = now_ms();
    let mut due = next(&kept.fields, now, now)?;
    for _ in 0..TRIES {
        if try_schedule(&mut conn, keys, id, &kept, due, now).await? {
            return Ok(());
        }
        due = next(&kept.fields, due, now)?;
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

/// Fields of a schedule.
async fn fields(conn: &mut Conn, keys: Keys<'_>, id: &str) -> Result<Map<String, Value>> {
    let flat: Vec<String> = redis::cmd("HGETALL").arg(keys.of(&format!("repeat:{id}"))).query_async(conn).await.map_err(fault)?;
    if flat.is_empty() {
        return Err(Error::NotFound(format!("Schedule {id}")));
    }
    let pair = |pair: &[String]| Some((pair.first()?.clone(), Value::from(pair.get(1)?.clone())));
    Ok(flat.chunks_exact(2).filter_map(pair).collect())
}

/// Options of the job that a schedule waits for.
async fn pending_options(conn: &mut Conn, keys: Keys<'_>, id: &str) -> Result<Option<String>> {
    let next: Option<String> = redis::cmd("ZSCORE").arg(keys.of("repeat")).arg(id).query_async(conn).await.map_err(fault)?;
    let Some(next) = next else { return Ok(None) };
    let options: redis::Value = redis::cmd("HGET").arg(keys.of(&format!("repeat:{id}:{next}"))).arg("opts").query_async(conn).await.map_err(fault)?;
    Ok(Option::<String>::from_redis_value(options).unwrap_or_default())
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

/// The first time after `after` (milliseconds UTC), as the library finds it. A pattern without zone is of the workers' zone, which nobody tells:
/// UTC is taken, and the workers set it right with the run after.
fn next(fields: &Map<String, Value>, after: i64, now: i64) -> Result<i64> {
    let after = number(fields, "startDate").map_or(after, |start| after.max(start - 1));
    let due = match (number(fields, "every"), text(fields, "pattern")) {
        (Some(every), _) if every > 0 => {
            let aligned = after.div_euclid(every) * every + number(fields, "offset").unwrap_or(0).rem_euclid(every);
            if aligned <= after { aligned + every } else { aligned }
        }
        (_, Some(pattern)) => {
            let zone = text(fields, "tz").unwrap_or("UTC");
            let found = engine::job::next_after(pattern, zone, after.saturating_mul(1_000));
            found.map_err(|fault| Error::Conflict(format!("The next time of this schedule can't be found: {fault}.")))? / 1_000
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
        assert_eq!(next(&every, 1_795_416_132_381, 0).unwrap(), 1_795_416_132_212 + 60_000);
        assert_eq!(next(&every, 1_795_416_132_212 + 60_000, 0).unwrap(), 1_795_416_132_212 + 120_000);
        let start = of(&[("every", "60000"), ("startDate", "1795420800000")]);
        assert_eq!(next(&start, 1_795_416_132_381, 0).unwrap(), 1_795_420_800_000);
        let cron = of(&[("pattern", "0 3 * * *"), ("tz", "America/New_York")]);
        assert_eq!(next(&cron, 1_795_416_060_091, 0).unwrap(), 1_795_420_800_000, "as the library says");
        let seconds = of(&[("pattern", "*/10 * * * * *")]);
        assert_eq!(next(&seconds, 1_795_416_060_094, 0).unwrap(), 1_795_416_070_000, "six fields begin with seconds");
    }

    #[test]
    fn what_can_not_come_back_is_told() {
        let ended = of(&[("every", "1000"), ("endDate", "5")]);
        for wrong in [of(&[]), of(&[("every", "0")]), of(&[("pattern", "never")]), of(&[("pattern", "* * * * *"), ("tz", "Mars/Base")]), ended] {
            assert!(matches!(next(&wrong, 10_000, 10_000), Err(Error::Conflict(_))), "{wrong:?}");
        }
    }

    #[test]
    fn options_are_those_of_the_library() {
        let once = once(Some(r#"{"kl":3,"priority":3,"backoff":1000,"repeat":{"every":1},"delay":9}"#)).unwrap();
        assert_eq!(Value::Object(once.clone()), json!({"kl": 3, "priority": 3, "attempts": 0, "backoff": {"type": "fixed", "delay": 1000}}));
        assert_eq!((priority(&once), push(&once)), (3, "LPUSH"));
        let kept = Kept { fields: of(&[("every", "60000"), ("ic", "4"), ("opts", r#"{"lifo":true}"#)]), options: None };
        let options = Value::Object(next_options(&kept, "tick", 70_000, 10_000).unwrap());
        let expected = json!({"lifo": true, "jobId": "repeat:tick:70000", "delay": 60_000, "timestamp": 10_000, "prevMillis": 70_000,
            "repeatJobKey": "tick", "repeat": {"every": 60_000, "count": 4}});
        assert_eq!(options, expected);
    }
}
