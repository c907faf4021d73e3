//! OTLP in protobuf. Field numbers are those of opentelemetry-proto 1.x; the three requests have the same three outer levels.

use std::borrow::Cow;

use super::wire::{Field, Reader, nested};
use super::{MAX_ITEM, Malformed, Record, Span, UNNAMED, Value};

/// Values nested deeper are left out.
const DEPTH: u8 = 16;

pub(super) type Item<'s, 'a> = &'s mut dyn FnMut(&str, Option<&'a [u8]>) -> Result<(), Malformed>;

/// Calls `each` with the service and the bytes of every span, log record or metric.
pub(super) fn items<'a>(body: &'a [u8], each: Item<'_, 'a>) -> Result<(), Malformed> {
    nested(body, 1, |resource| {
        let service = service(resource)?;
        nested(resource, 2, |scope| {
            nested(scope, 2, |item| match item.len() {
                ..=MAX_ITEM => each(&service, Some(item)),
                _ => each(&service, None),
            })
        })
    })
}

/// `service.name` of a `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`; the resource may stand behind its items.
fn service(resource: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let mut name = None;
    nested(resource, 1, |message| {
        nested(message, 1, |pair| {
            let (key, value) = key_value(pair)?;
            if key == "service.name" {
                name = any(value, DEPTH)?.text();
            }
            Ok(())
        })
    })?;
    Ok(name.unwrap_or(Cow::Borrowed(UNNAMED)))
}

/// A `Span`.
pub(super) fn span(message: &[u8]) -> Result<Span<'_>, Malformed> {
    let mut span = Span::default();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match (number, field) {
            (5, Field::Bytes(name)) => span.name = text(name),
            (6, Field::Varint(kind)) => span.kind = signed(kind),
            (7, Field::Fixed64(start)) => span.start = start,
            (8, Field::Fixed64(end)) => span.end = end,
            (9, Field::Bytes(pair)) => {
                let (key, value) = key_value(pair)?;
                if Span::wants(&key) {
                    span.set(&key, any(value, DEPTH)?);
                }
            }
            (15, Field::Bytes(status)) => span.failed = status_code(status)? == 2,
            _ => {}
        }
    }
    Ok(span)
}

fn status_code(message: &[u8]) -> Result<u64, Malformed> {
    let (mut reader, mut code) = (Reader::new(message), 0);
    while let Some((number, field)) = reader.field()? {
        if let (3, Field::Varint(found)) = (number, field) {
            code = found;
        }
    }
    Ok(code)
}

/// A `LogRecord`.
pub(super) fn record(message: &[u8]) -> Result<Record<'_>, Malformed> {
    let mut record = Record::default();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match (number, field) {
            (1, Field::Fixed64(time)) => record.time = time,
            (11, Field::Fixed64(observed)) => record.observed = observed,
            (2, Field::Varint(severity)) => record.severity = signed(severity),
            (3, Field::Bytes(word)) => record.severity_text = text(word),
            (5, Field::Bytes(body)) => record.body = any(body, DEPTH)?,
            (6, Field::Bytes(pair)) => {
                let (key, value) = key_value(pair)?;
                record.attributes.push((key, any(value, DEPTH)?));
            }
            (9, Field::Bytes(id)) => record.trace_id = id_of(id, 16),
            (10, Field::Bytes(id)) => record.span_id = id_of(id, 8),
            _ => {}
        }
    }
    Ok(record)
}

/// Data points of a `Metric`: gauge, sum, histogram, exponential histogram and summary all hold them in field 1.
pub(super) fn points(message: &[u8]) -> Result<u64, Malformed> {
    let (mut reader, mut points) = (Reader::new(message), 0);
    while let Some((number, field)) = reader.field()? {
        if let (5 | 7 | 9 | 10 | 11, Field::Bytes(data)) = (number, field) {
            nested(data, 1, |_| {
                points += 1;
                Ok(())
            })?;
        }
    }
    Ok(points)
}

fn key_value(message: &[u8]) -> Result<(Cow<'_, str>, &[u8]), Malformed> {
    let (mut key, mut value) = (Cow::Borrowed(""), &[][..]);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => key = text(bytes),
            (2, Field::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((key, value))
}

/// An `AnyValue`: the last field counts, as in every `oneof`.
fn any(message: &[u8], depth: u8) -> Result<Value<'_>, Malformed> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(Value::Null) };
    let (mut reader, mut value) = (Reader::new(message), Value::Null);
    while let Some((number, field)) = reader.field()? {
        value = match (number, field) {
            (1, Field::Bytes(bytes)) => Value::Text(text(bytes)),
            (2, Field::Varint(flag)) => Value::Bool(flag != 0),
            (3, Field::Varint(number)) => Value::Int(signed(number)),
            (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(list)) => Value::List(list_of(list, depth)?),
            (6, Field::Bytes(map)) => Value::Map(map_of(map, depth)?),
            (7, Field::Bytes(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
            _ => continue,
        };
    }
    Ok(value)
}

fn list_of(message: &[u8], depth: u8) -> Result<Vec<Value<'_>>, Malformed> {
    let mut items = Vec::new();
    nested(message, 1, |item| {
        items.push(any(item, depth)?);
        Ok(())
    })?;
    Ok(items)
}

fn map_of(message: &[u8], depth: u8) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, Malformed> {
    let mut pairs = Vec::new();
    nested(message, 1, |pair| {
        let (key, value) = key_value(pair)?;
        pairs.push((key, any(value, depth)?));
        Ok(())
    })?;
    Ok(pairs)
}

/// Text; bytes that are no UTF-8 are replaced, since one bad byte must not cost a whole batch.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn signed(value: u64) -> i64 {
    i64::from_le_bytes(value.to_le_bytes())
}

/// Hex digits of an id; ids of another length or of zeros only are no ids.
fn id_of(bytes: &[u8], length: usize) -> Option<String> {
    (bytes.len() == length && bytes.iter().any(|byte| *byte != 0)).then(|| hex::encode(bytes))
}
