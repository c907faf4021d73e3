//! What surrounds every request: ids, security headers, limits, the log line.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use qd_core::Error;
use tracing::{Instrument, info, info_span};
use uuid::Uuid;

use super::problem::json_response;

/// Seconds until a request is given up; streams are not touched: they have answered by then.
const TIMEOUT: Duration = Duration::from_secs(30);

const CSP: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Id of a request, for log, audit and problem documents.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub String);

/// The outermost layer: request id, time limit, log line, security headers.
pub(super) async fn frame(mut request: Request, next: Next) -> Response {
    let id = given_id(&request).unwrap_or_else(|| Uuid::now_v7().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = info_span!("request", id, %method, path);
    let started = Instant::now();
    let outcome = tokio::time::timeout(TIMEOUT, next.run(request).instrument(span.clone())).await;
    let mut response = outcome.unwrap_or_else(|_| {
        let late = Error::Overloaded { detail: "The request took too long. Look before you try again: it may still finish.".into(), retry_after: 5 };
        json_response(&late, &id)
    });
    let (status, took) = (response.status().as_u16(), started.elapsed());
    span.in_scope(|| info!(status, ms = took.as_secs_f64() * 1000.0, "request"));
    metrics::histogram!("qd_http_request_seconds", "status" => status.to_string()).record(took.as_secs_f64());
    secure(&mut response, &path, &id);
    response
}

/// A caller's own id counts when it is short and plain.
fn given_id(request: &Request) -> Option<String> {
    let text = request.headers().get("x-request-id")?.to_str().ok()?;
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (plain && (8..=64).contains(&text.len())).then(|| text.to_owned())
}

fn secure(response: &mut Response, path: &str, id: &str) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", id);
    set("content-security-policy", CSP);
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("permissions-policy", "camera=(), microphone=(), geolocation=()");
    set("x-frame-options", "DENY");
    if !path.starts_with("/assets/") {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}
