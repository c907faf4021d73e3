//! OTLP/HTTP as clients really send it: protobuf and JSON, read item by item, so that memory follows the size of the body and not its shape.
//!
//! The protobuf side borrows from the body and skips what nobody asked for. The JSON side is lenient where clients differ: 64-bit numbers as
//! string or number, ids in any case, unknown fields ignored, `null` as absent. Sources: opentelemetry-proto 1.x, OTLP specification 1.x.

mod json;
mod proto;
mod reply;
mod value;
mod wire;

use std::borrow::Cow;

pub use reply::{Answer, Refusal};
pub use value::Value;

/// Bytes of one span or log record on the wire; a larger one is rejected, its neighbours are kept.
pub const MAX_ITEM: usize = 256 * 1024;

/// How a body is written, and so how the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Encoding {
    /// The encoding of a `Content-Type`.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Data points.
    Metrics,
}

/// Why a body is not OTLP, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The name that the specification gives to a service without one.
pub const UNNAMED: &str = "unknown_service";

/// A span, as far as figures need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// `SpanKind` of the protocol: 2 is SERVER, 5 is CONSUMER.
    pub kind: i64,
    /// Start, nanoseconds since 1970.
    pub start: u64,
    /// End, nanoseconds since 1970.
    pub end: u64,
    /// Whether its status is ERROR.
    pub failed: bool,
    /// `http.route`
    pub route: Option<Cow<'a, str>>,
    /// `url.path`, or the older `http.target`.
    pub path: Option<Cow<'a, str>>,
    /// `http.request.method`, or the older `http.method`.
    pub method: Option<Cow<'a, str>>,
    /// `http.response.status_code`, or the older `http.status_code`.
    pub status: Option<i64>,
}

impl<'a> Span<'a> {
    /// Whether [`Span::set`] looks at this attribute.
    fn wants(key: &str) -> bool {
        matches!(
            key,
            "http.route" | "url.path" | "http.target" | "http.request.method" | "http.method" | "http.response.status_code" | "http.status_code"
        )
    }

    /// Takes over an attribute. The current names win over the older ones.
    fn set(&mut self, key: &str, value: Value<'a>) {
        match key {
            "http.route" => self.route = value.text(),
            "url.path" => self.path = value.text(),
            "http.target" if self.path.is_none() => self.path = value.text(),
            "http.request.method" => self.method = value.text(),
            "http.method" if self.method.is_none() => self.method = value.text(),
            "http.response.status_code" => self.status = value.integer(),
            "http.status_code" if self.status.is_none() => self.status = value.integer(),
            _ => {}
        }
    }
}

/// A log record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// When it happened, nanoseconds since 1970; 0 is unknown.
    pub time: u64,
    /// When the client saw it, nanoseconds since 1970; 0 is unknown.
    pub observed: u64,
    /// `SeverityNumber`, 1 to 24; 0 is unknown.
    pub severity: i64,
    /// The client's own word for it.
    pub severity_text: Cow<'a, str>,
    /// Text or structure.
    pub body: Value<'a>,
    /// Attributes in order.
    pub attributes: Vec<(Cow<'a, str>, Value<'a>)>,
    /// 32 hex digits in lower case.
    pub trace_id: Option<String>,
    /// 16 hex digits in lower case.
    pub span_id: Option<String>,
}

/// Called with the service's name and each item; `None` stands for one larger than [`MAX_ITEM`].
pub type Each<'s, T> = &'s mut dyn FnMut(&str, Option<T>);

/// Reads the spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// [`Malformed`] with the reason; items before the fault have been handed out.
pub fn traces<'a>(encoding: Encoding, body: &'a [u8], each: Each<'_, Span<'a>>) -> Result<(), Malformed> {
    match encoding {
        Encoding::Protobuf => proto::items(body, &mut |service, item| {
            each(service, item.map(proto::span).transpose()?);
            Ok(())
        }),
        Encoding::Json => json::items(Signal::Traces, body, &mut |service, item| {
            each(service, item.map(json::span).transpose()?);
            Ok(())
        }),
    }
}

/// Reads the records of an `ExportLogsServiceRequest`.
///
/// # Errors
/// As [`traces`].
pub fn logs<'a>(encoding: Encoding, body: &'a [u8], each: Each<'_, Record<'a>>) -> Result<(), Malformed> {
    match encoding {
        Encoding::Protobuf => proto::items(body, &mut |service, item| {
            each(service, item.map(proto::record).transpose()?);
            Ok(())
        }),
        Encoding::Json => json::items(Signal::Logs, body, &mut |service, item| {
            each(service, item.map(json::record).transpose()?);
            Ok(())
        }),
    }
}

/// Counts the data points of an `ExportMetricsServiceRequest`.
///
/// # Errors
/// As [`traces`].
pub fn data_points(encoding: Encoding, body: &[u8]) -> Result<u64, Malformed> {
    let mut points = 0;
    match encoding {
        Encoding::Protobuf => proto::items(body, &mut |_, item| {
            points += item.map(proto::points).transpose()?.unwrap_or(1);
            Ok(())
        })?,
        Encoding::Json => json::items(Signal::Metrics, body, &mut |_, item| {
            points += item.map(json::points).transpose()?.unwrap_or(1);
            Ok(())
        })?,
    }
    Ok(points)
}

#[cfg(test)]
mod tests;
