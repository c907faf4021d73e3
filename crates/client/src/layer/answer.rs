//! What somebody sees whose write is refused.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;

use super::{MODE, word};
use crate::maintenance::Blocked;

/// Names the kind of problem (RFC 9457); nothing has to be there.
const KIND: &str = "urn:quarterdeck:problem:maintenance";

/// 503: a page for whoever accepts HTML, problem+json for all others.
pub(super) fn refuse(blocked: &Blocked, headers: &HeaderMap, page: Option<&(dyn Fn(&Blocked) -> String + Send + Sync)>) -> Response<Bytes> {
    let person = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|accepts| accepts.contains("text/html"));
    let (kind, body) = match person {
        true => ("text/html; charset=utf-8", page.map_or_else(|| plain(blocked), |page| page(blocked))),
        false => ("application/problem+json", problem(blocked)),
    };
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(RETRY_AFTER, HeaderValue::from(blocked.retry_after));
    headers.insert(MODE, word(&blocked.mode));
    answer
}

fn problem(blocked: &Blocked) -> String {
    json!({
        "type": KIND,
        "title": "Maintenance",
        "status": 503,
        "detail": blocked.message,
        "mode": blocked.mode,
        "retryAfterSeconds": blocked.retry_after,
        "endsAt": blocked.ends_at,
    })
    .to_string()
}

/// Without styles: the application's content policy is not known here.
fn plain(blocked: &Blocked) -> String {
    let (message, minutes) = (escaped(&blocked.message), blocked.retry_after.div_ceil(60));
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Maintenance</title></head><body><main><h1>Maintenance</h1><p>{message}</p><p>Nothing was changed. Please try again in about \
         {minutes} {unit}.</p></main></body></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
