//! What surrounds every request: ids, security headers, limits, the log line.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::{FutureExt, poll};
use qd_core::Error;
use tracing::{Instrument, info, info_span, warn};
use uuid::Uuid;

use super::problem::json_response;

/// Seconds until a request is given up; streams are not touched: they have answered by then.
const TIMEOUT: Duration = Duration::from_secs(30);

const CSP: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SECURITY: [(&str, &str); 6] = [
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("x-frame-options", "DENY"),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Id of a request, for log, audit and problem documents.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub String);

/// The outermost layer of what people use: request id, time limit, log line, security headers.
pub(super) async fn frame(mut request: Request, next: Next) -> Response {
    let id = mark(&mut request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = info_span!("request", id, %method, path);
    let started = Instant::now();
    let mut response = limited(pin!(next.run(request).instrument(span.clone())), &id).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    span.in_scope(|| info!(status, ms = took.as_secs_f64() * 1000.0, "request"));
    metrics::histogram!("qd_http_request_seconds", "status" => status.to_string()).record(took.as_secs_f64());
    secure(&mut response, path.starts_with("/assets/"), &id);
    response
}

/// What surrounds an answer to applications, who ask many times a second: the same, but a line in the log only for what failed here. The
/// answer stays where it is: each layer that takes a future by value has room for one more of it.
pub(super) async fn light(answer: Pin<&mut (impl Future<Output = Response> + ?Sized)>, id: &str) -> Response {
    let started = Instant::now();
    let calm = AssertUnwindSafe(answer).catch_unwind().map(|end| end.unwrap_or_else(|_| panicked(id)));
    light_end(limited(pin!(calm), id).await, started, id)
}

/// The same round an answer that is there at once.
pub(super) fn light_now(answer: impl FnOnce() -> Response, id: &str) -> Response {
    let started = Instant::now();
    let response = catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| panicked(id));
    light_end(response, started, id)
}

fn panicked(id: &str) -> Response {
    json_response(&Error::Broken("panicked".into()), id)
}

fn light_end(mut response: Response, started: Instant, id: &str) -> Response {
    if response.status().is_server_error() && response.status() != StatusCode::SERVICE_UNAVAILABLE {
        warn!(id, status = response.status().as_u16(), "request failed");
    }
    data_seconds().record(started.elapsed().as_secs_f64());
    if is_page(&response) {
        secure(&mut response, false, id);
    } else {
        bare(&mut response, id);
    }
    response
}

/// The histogram of data requests, looked up once: by name it costs more than an evaluation.
fn data_seconds() -> &'static metrics::Histogram {
    static SECONDS: OnceLock<metrics::Histogram> = OnceLock::new();
    SECONDS.get_or_init(|| metrics::histogram!("qd_data_request_seconds"))
}

fn is_page(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What an answer to a program needs: the other headers speak to browsers that show a page.
fn bare(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Gives the request its id.
fn mark(request: &mut Request) -> String {
    let id = id_for(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    id
}

/// The caller's own id, or a new one.
pub(super) fn id_for(headers: &HeaderMap) -> String {
    given_id(headers).unwrap_or_else(new_id)
}

/// A UUIDv7. Nobody may rely on its being hard to guess, so that it costs no call to the system, unlike those of rows.
fn new_id() -> String {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let id = uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or_default(), &rand::random()).into_uuid();
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

async fn limited(mut answer: Pin<&mut impl Future<Output = Response>>, id: &str) -> Response {
    // What is answered from memory needs no clock.
    if let Poll::Ready(response) = poll!(answer.as_mut()) {
        return response;
    }
    tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
        let late = Error::Overloaded { detail: "The request took too long. Look before you try again: it may still finish.".into(), retry_after: 5 };
        json_response(&late, id)
    })
}

/// A caller's own id counts when it is short and plain.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (plain && (8..=64).contains(&text.len())).then(|| text.to_owned())
}

fn secure(response: &mut Response, cached: bool, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in SECURITY {
        // A page for other sites' visitors brings its own policy.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if !cached {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}
