//! Answers of a pipeline, taken one after another.

use qd_core::Result;
use redis::{Pipeline, RedisResult, Value};

use super::connect::{Conn, fault};

/// The answers that are left.
#[derive(Debug, Default)]
pub(super) struct Replies(std::vec::IntoIter<Value>);

/// Runs a pipeline. A key of another type than BullMQ's answers nothing; any other refusal is an error, never a zero.
pub(super) async fn ask(conn: &mut Conn, pipe: &mut Pipeline) -> Result<Replies> {
    if pipe.is_empty() {
        return Ok(Replies::default());
    }
    let answers: Vec<RedisResult<Value>> = pipe.ignore_errors().query_async(conn).await.map_err(fault)?;
    let taken = answers.into_iter().map(|answer| match answer {
        Err(wrong) if wrong.code() == Some("WRONGTYPE") => Ok(Value::Nil),
        other => other.map_err(fault),
    });
    Ok(Replies(taken.collect::<Result<Vec<Value>>>()?.into_iter()))
}

impl Replies {
    /// The next answer as it is; nothing when there is none.
    pub fn take(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Nil)
    }

    /// A count; zero for nothing.
    pub fn count(&mut self) -> u64 {
        redis::from_redis_value::<Option<i64>>(self.take()).ok().flatten().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    }

    /// A number that may be missing: a score, a position.
    pub fn real(&mut self) -> Option<f64> {
        redis::from_redis_value(self.take()).ok()
    }

    /// A text that may be missing.
    pub fn text(&mut self) -> Option<String> {
        text(self.take())
    }

    /// Texts in a list, each of which may be missing.
    pub fn texts(&mut self) -> Vec<Option<String>> {
        items(self.take()).into_iter().map(text).collect()
    }

    /// Texts in a list; missing ones are left out.
    pub fn names(&mut self) -> Vec<String> {
        items(self.take()).into_iter().filter_map(text).collect()
    }

    /// Members of a sorted set with their scores.
    pub fn scored(&mut self) -> Vec<(String, f64)> {
        let all = items(self.take());
        let (pairs, _) = all.as_chunks::<2>();
        pairs.iter().filter_map(|[member, score]| Some((text(member.clone())?, redis::from_redis_value_ref(score).ok()?))).collect()
    }
}

/// The items of a list; none for anything else.
pub(super) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => Vec::new(),
    }
}

/// A text; what is no UTF-8 in it is replaced.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned())),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
