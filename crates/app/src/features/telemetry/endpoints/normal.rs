//! From a span to a sample: which endpoint, when, how long, and whether it failed. Names that could be anything are cut to few.

use std::borrow::Cow;
use std::fmt::Write as _;

use qd_core::Timestamp;

use crate::features::telemetry::otlp::Span;

/// Seconds that a span may lie in the future.
const FUTURE: i64 = 600;
/// Seconds that a span may lie in the past.
const PAST: i64 = 86_400;
/// Characters of a service's name.
const SERVICE_LENGTH: usize = 100;
/// Characters of a route.
const ROUTE_LENGTH: usize = 200;
/// Segments of a path that are told apart.
const SEGMENTS: usize = 8;

/// Methods that are told apart (RFC 9110, PATCH, QUERY); others read `_OTHER`, as the semantic conventions say.
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

/// What kind of endpoint: the protocol's `SpanKind`, of which two make figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Answers requests.
    Server,
    /// Takes messages or jobs.
    Consumer,
}

impl Kind {
    /// The number in the protocol and in the database.
    pub fn code(self) -> i64 {
        match self {
            Self::Server => 2,
            Self::Consumer => 5,
        }
    }

    /// The kind of that number.
    pub fn of(code: i64) -> Option<Self> {
        [Self::Server, Self::Consumer].into_iter().find(|kind| kind.code() == code)
    }

    /// The word in JSON and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "SERVER",
            Self::Consumer => "CONSUMER",
        }
    }
}

/// An endpoint of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Kind.
    pub kind: Kind,
    /// HTTP method; empty when the span had none.
    pub method: &'static str,
    /// Route.
    pub route: String,
}

/// One measured request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it ended.
    pub end: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: f64,
    /// Status ≥ 500, or span status ERROR.
    pub failed: bool,
}

/// Why a span is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reject {
    /// It has no end.
    Unfinished,
    /// It ends before it starts.
    Backwards,
    /// It ends too far in the future: a clock is wrong.
    Future,
    /// It ended too long ago.
    Old,
    /// It is larger than one item may be.
    Large,
}

impl Reject {
    /// A short word for figures.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Backwards => "backwards",
            Self::Future => "future",
            Self::Old => "old",
            Self::Large => "large",
        }
    }

    /// The reason in words, for the client's log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unfinished => "have no end time",
            Self::Backwards => "end before they start",
            Self::Future => "lie more than 10 minutes in the future (is the sender's clock right?)",
            Self::Old => "are too old to be kept",
            Self::Large => "are larger than 256 KiB",
        }
    }
}

/// Whether a moment is one that we store.
pub fn in_time(at: Timestamp, now: Timestamp, past: i64) -> Result<(), Reject> {
    match now.since(at) {
        age if age < -FUTURE => Err(Reject::Future),
        age if age > past => Err(Reject::Old),
        _ => Ok(()),
    }
}

/// Endpoint and sample of a span; `None` when it is of a kind that makes no figures.
pub fn sample(span: &Span<'_>, now: Timestamp) -> Result<Option<(Endpoint, Sample)>, Reject> {
    let Some(kind) = Kind::of(span.kind) else { return Ok(None) };
    if span.end == 0 {
        return Err(Reject::Unfinished);
    }
    let nanos = span.end.checked_sub(span.start).filter(|_| span.start > 0).ok_or(Reject::Backwards)?;
    let end = Timestamp(i64::try_from(span.end / 1_000).unwrap_or(i64::MAX));
    in_time(end, now, PAST)?;
    #[expect(clippy::cast_precision_loss, reason = "a sketch is exact to 1 %")]
    let millis = nanos as f64 / 1e6;
    let failed = span.failed || span.status.is_some_and(|status| status >= 500);
    Ok(Some((endpoint(span, kind), Sample { end, millis, failed })))
}

fn endpoint(span: &Span<'_>, kind: Kind) -> Endpoint {
    let given = span.method.as_deref().map(method);
    let (from_name, rest) = match span.name.split_once(' ') {
        Some((word, rest)) if rest.starts_with('/') && METHODS.contains(&word) => (Some(method(word)), rest),
        _ => (None, span.name.as_ref()),
    };
    let route = match (&span.route, &span.path) {
        (Some(route), _) => label(route, ROUTE_LENGTH),
        (None, Some(path)) => template(path),
        (None, None) if rest.starts_with('/') => template(rest),
        (None, None) => label(rest, ROUTE_LENGTH),
    };
    let route = if route.is_empty() { "(unnamed)".to_owned() } else { route };
    Endpoint { kind, method: given.or(from_name).unwrap_or(""), route }
}

/// The method as one of few.
pub fn method(text: &str) -> &'static str {
    METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(text.trim())).unwrap_or("_OTHER")
}

/// The stored word of a method.
pub fn stored_method(text: &str) -> &'static str {
    if text.is_empty() { "" } else { method(text) }
}

/// The name of a service as a label.
pub fn service(name: &str) -> String {
    let name = label(name, SERVICE_LENGTH);
    if name.is_empty() { crate::features::telemetry::otlp::UNNAMED.to_owned() } else { name }
}

/// Text as a label: no control characters (Postgres takes no NUL), no spaces around, not longer than `length` characters.
fn label(text: &str, length: usize) -> String {
    let text: Cow<'_, str> = if text.contains(char::is_control) { text.replace(char::is_control, "").into() } else { text.into() };
    let text = text.trim();
    match text.char_indices().nth(length) {
        Some((cut, _)) => text.get(..cut).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// A path with what varies replaced by `{id}`: numbers, ids, hashes, addresses; query and fragment dropped.
pub fn template(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut out = String::new();
    for (index, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        if index == SEGMENTS {
            out.push_str("/…");
            break;
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "/{}", if varies(segment) { "{id}" } else { segment });
    }
    if out.is_empty() { "/".to_owned() } else { label(&out, ROUTE_LENGTH) }
}

fn varies(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let length = segment.len();
    let hex = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    length > 0 && digits == length                                   // 1234
        || hex && length >= 8 && digits > 0                            // 5b8efff7, UUIDs
        || length >= 6 && digits >= 2 && digits * 4 >= length          // ORD-10293, INV2024
        || length > 40                                                 // keys, long slugs
        || length >= 20 && digits > 0 && segment.bytes().any(|byte| byte.is_ascii_uppercase()) // tokens
        || segment.contains(['@', '%', '=', '+', ',', ';']) // addresses, encoded text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn span(route: Option<&'static str>, path: Option<&'static str>, name: &'static str) -> Span<'static> {
        let end = NOW.0 as u64 * 1_000;
        Span { name: name.into(), kind: 2, start: end - 25_000_000, end, route: route.map(Into::into), path: path.map(Into::into), ..Span::default() }
    }

    #[test]
    fn the_route_wins_over_the_path_and_the_path_over_the_name() {
        let route = |span| sample(&span, NOW).unwrap().unwrap().0;
        assert_eq!(route(span(Some("/orders/:id"), Some("/orders/7"), "x")).route, "/orders/:id");
        assert_eq!(route(span(None, Some("/orders/7?a=b"), "x")).route, "/orders/{id}");
        assert_eq!(route(span(None, None, "GET /orders/7")), Endpoint { kind: Kind::Server, method: "GET", route: "/orders/{id}".into() });
        assert_eq!(route(span(None, None, "checkout\0")).route, "checkout");
        assert_eq!(route(span(None, None, "")).route, "(unnamed)");
    }

    #[test]
    fn paths_become_few() {
        for (path, wanted) in [
            ("/", "/"),
            ("/api/v1/users/42", "/api/v1/users/{id}"),
            ("/o/5b8efff7-9803-8103-d269-b633813fc60c/items", "/o/{id}/items"),
            ("/verify/AbCdEf0123456789XyZq", "/verify/{id}"),
            ("/orders/ORD-10293", "/orders/{id}"),
            ("/u/ada@example.com", "/u/{id}"),
            ("/oauth2/callback", "/oauth2/callback"),
            ("/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/g/h/…"),
        ] {
            assert_eq!(template(path), wanted);
        }
    }

    #[test]
    fn failures_are_server_errors_and_error_spans() {
        let failed = |status, failed| sample(&Span { status, failed, ..span(None, None, "x") }, NOW).unwrap().unwrap().1.failed;
        assert!(failed(Some(500), false) && failed(Some(503), false) && failed(None, true));
        assert!(!failed(Some(404), false) && !failed(Some(200), false));
    }

    #[test]
    fn wrong_clocks_are_told() {
        let at = |end: u64| sample(&Span { start: 1, end, ..span(None, None, "x") }, NOW);
        let micros = |seconds: i64| NOW.plus_seconds(seconds).0 as u64 * 1_000;
        assert_eq!(at(micros(601)).unwrap_err(), Reject::Future);
        assert_eq!(at(micros(-86_401)).unwrap_err(), Reject::Old);
        assert!(at(micros(599)).is_ok() && at(micros(-86_400)).is_ok());
        assert_eq!(at(0).unwrap_err(), Reject::Unfinished);
        assert_eq!(sample(&Span { start: u64::MAX, ..span(None, None, "x") }, NOW).unwrap_err(), Reject::Backwards);
        assert_eq!(sample(&Span { kind: 3, ..Span::default() }, NOW), Ok(None));
    }

    #[test]
    fn a_sample_has_milliseconds() {
        let (_, sample) = sample(&Span { method: Some("get".into()), ..span(Some("/a"), None, "x") }, NOW).unwrap().unwrap();
        assert_eq!((sample.millis, sample.end), (25.0, NOW));
    }
}
