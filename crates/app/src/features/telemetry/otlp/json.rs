//! OTLP in JSON, as clients differ in writing it. The outer levels keep their items as raw text, so that a body of a million empty items
//! costs pointers, not structs.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::{MAX_ITEM, Malformed, Record, Signal, Span, UNNAMED, Value};

type Raws<'a> = Option<Vec<&'a RawValue>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    #[serde(borrow, default)]
    resource_spans: Raws<'a>,
    #[serde(borrow, default)]
    resource_logs: Raws<'a>,
    #[serde(borrow, default)]
    resource_metrics: Raws<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    resource: Option<Attributes>,
    #[serde(borrow, default)]
    scope_spans: Raws<'a>,
    #[serde(borrow, default)]
    scope_logs: Raws<'a>,
    #[serde(borrow, default)]
    scope_metrics: Raws<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    #[serde(borrow, default)]
    spans: Raws<'a>,
    #[serde(borrow, default)]
    log_records: Raws<'a>,
    #[serde(borrow, default)]
    metrics: Raws<'a>,
}

#[derive(Deserialize)]
struct Attributes {
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: Option<String>,
    value: Option<Any>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Any {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Int>,
    double_value: Option<Double>,
    array_value: Option<Values<Any>>,
    kvlist_value: Option<Values<KeyValue>>,
    bytes_value: Option<String>,
}

#[derive(Deserialize)]
struct Values<T> {
    values: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson {
    name: Option<String>,
    kind: Option<Int>,
    start_time_unix_nano: Option<Int>,
    end_time_unix_nano: Option<Int>,
    attributes: Option<Vec<KeyValue>>,
    status: Option<StatusJson>,
}

#[derive(Deserialize)]
struct StatusJson {
    code: Option<Int>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordJson {
    time_unix_nano: Option<Int>,
    observed_time_unix_nano: Option<Int>,
    severity_number: Option<Int>,
    severity_text: Option<String>,
    body: Option<Any>,
    attributes: Option<Vec<KeyValue>>,
    trace_id: Option<String>,
    span_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric<'a> {
    #[serde(borrow, default)]
    gauge: Option<Points<'a>>,
    #[serde(borrow, default)]
    sum: Option<Points<'a>>,
    #[serde(borrow, default)]
    histogram: Option<Points<'a>>,
    #[serde(borrow, default)]
    exponential_histogram: Option<Points<'a>>,
    #[serde(borrow, default)]
    summary: Option<Points<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Points<'a> {
    #[serde(borrow, default)]
    data_points: Raws<'a>,
}

pub(super) type Item<'s, 'a> = &'s mut dyn FnMut(&str, Option<&'a str>) -> Result<(), Malformed>;

/// Calls `each` with the service and the text of every span, log record or metric.
pub(super) fn items<'a>(signal: Signal, body: &'a [u8], each: Item<'_, 'a>) -> Result<(), Malformed> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(Malformed::because("The JSON body has to be an object."));
    }
    let text = std::str::from_utf8(body).map_err(|_| Malformed::because("The JSON body is not UTF-8."))?;
    if text.trim().is_empty() {
        return Ok(());
    }
    let export: Export<'a> = parse(text)?;
    let resources = match signal {
        Signal::Traces => export.resource_spans,
        Signal::Logs => export.resource_logs,
        Signal::Metrics => export.resource_metrics,
    };
    for raw in resources.unwrap_or_default() {
        let resource: Resource<'a> = parse(raw.get())?;
        let service = resource.resource.map(service).transpose()?.flatten();
        let service = service.as_deref().unwrap_or(UNNAMED);
        let scopes = match signal {
            Signal::Traces => resource.scope_spans,
            Signal::Logs => resource.scope_logs,
            Signal::Metrics => resource.scope_metrics,
        };
        for raw in scopes.unwrap_or_default() {
            let scope: Scope<'a> = parse(raw.get())?;
            let items = match signal {
                Signal::Traces => scope.spans,
                Signal::Logs => scope.log_records,
                Signal::Metrics => scope.metrics,
            };
            for item in items.unwrap_or_default() {
                each(service, Some(item.get()).filter(|text| text.len() <= MAX_ITEM))?;
            }
        }
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|fault| Malformed::because(format!("The JSON does not fit OTLP: {fault}.")))
}

fn service(resource: Attributes) -> Result<Option<String>, Malformed> {
    let pair = resource.attributes.unwrap_or_default().into_iter().rev().find(|pair| pair.key.as_deref() == Some("service.name"));
    Ok(pair.and_then(|pair| pair.value).and_then(|value| value.string_value).filter(|name| !name.is_empty()))
}

/// A span.
pub(super) fn span(text: &str) -> Result<Span<'static>, Malformed> {
    let given: SpanJson = parse(text)?;
    let mut span = Span {
        name: Cow::Owned(given.name.unwrap_or_default()),
        kind: number(given.kind),
        start: moment(given.start_time_unix_nano),
        end: moment(given.end_time_unix_nano),
        failed: given.status.is_some_and(|status| number(status.code) == 2),
        ..Span::default()
    };
    for pair in given.attributes.unwrap_or_default() {
        let key = pair.key.unwrap_or_default();
        if Span::wants(&key) {
            span.set(&key, pair.value.unwrap_or_default().into());
        }
    }
    Ok(span)
}

/// A log record.
pub(super) fn record(text: &str) -> Result<Record<'static>, Malformed> {
    let given: RecordJson = parse(text)?;
    Ok(Record {
        time: moment(given.time_unix_nano),
        observed: moment(given.observed_time_unix_nano),
        severity: number(given.severity_number),
        severity_text: Cow::Owned(given.severity_text.unwrap_or_default()),
        body: given.body.unwrap_or_default().into(),
        attributes: pairs(given.attributes.unwrap_or_default()),
        trace_id: given.trace_id.and_then(|id| id_of(&id, 32)),
        span_id: given.span_id.and_then(|id| id_of(&id, 16)),
    })
}

/// Data points of a metric.
pub(super) fn points(text: &str) -> Result<u64, Malformed> {
    let metric: Metric<'_> = parse(text)?;
    let kinds = [metric.gauge, metric.sum, metric.histogram, metric.exponential_histogram, metric.summary];
    Ok(kinds.into_iter().flatten().map(|kind| kind.data_points.map_or(0, |points| points.len() as u64)).sum())
}

fn number(value: Option<Int>) -> i64 {
    value.map_or(0, |Int(value)| value)
}

fn moment(value: Option<Int>) -> u64 {
    u64::try_from(number(value)).unwrap_or(0)
}

fn pairs(given: Vec<KeyValue>) -> Vec<(Cow<'static, str>, Value<'static>)> {
    given.into_iter().map(|pair| (Cow::Owned(pair.key.unwrap_or_default()), pair.value.unwrap_or_default().into())).collect()
}

impl From<Any> for Value<'static> {
    fn from(any: Any) -> Self {
        if let Some(text) = any.string_value.or(any.bytes_value) {
            // Bytes arrive in base64 and are shown so.
            Self::Text(Cow::Owned(text))
        } else if let Some(flag) = any.bool_value {
            Self::Bool(flag)
        } else if let Some(Int(number)) = any.int_value {
            Self::Int(number)
        } else if let Some(Double(number)) = any.double_value {
            Self::Double(number)
        } else if let Some(list) = any.array_value {
            Self::List(list.values.unwrap_or_default().into_iter().map(Self::from).collect())
        } else if let Some(map) = any.kvlist_value {
            Self::Map(pairs(map.values.unwrap_or_default()))
        } else {
            Self::Null
        }
    }
}

/// Lower-case hex of an id; anything else is no id.
fn id_of(text: &str, digits: usize) -> Option<String> {
    let good = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte != b'0');
    good.then(|| text.to_ascii_lowercase())
}

/// A 64-bit number, as number or as text.
struct Int(i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}

struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, as number or as text")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Int, E> {
        Ok(Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Int, E> {
        i64::try_from(value).map(Int).map_err(|_| E::custom("a number beyond 63 bits"))
    }

    #[expect(clippy::cast_possible_truncation, reason = "whole and within range, by the check before")]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Int, E> {
        if value.fract() == 0.0 && value.abs() < 9.2e18 { Ok(Int(value as i64)) } else { Err(E::custom("expected a whole number")) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
        text.trim().parse().map(Int).map_err(|_| E::custom("expected a whole number"))
    }
}

/// A number, as number or as text (`"NaN"`).
struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => text.parse().map(Self).map_err(|_| de::Error::custom("expected a number")),
        }
    }
}
