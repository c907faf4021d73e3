//! Pages of other origins: which of them may ask, and what a browser must hear to let them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What pages may send. The last four are those of traces, which instrumented pages add by themselves.
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, if-none-match, x-api-key, last-event-id, x-request-id, traceparent, tracestate, baggage");
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, Retry-After, X-Request-Id");
/// Seconds for which a browser need not ask again.
const AGE: HeaderValue = HeaderValue::from_static("600");

/// The configured origins.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    any: bool,
    named: Vec<String>,
}

impl Origins {
    /// From the configuration; `*` stands for any.
    pub fn new(configured: &[String]) -> Self {
        let plain = |origin: &String| origin.trim().trim_end_matches('/').to_ascii_lowercase();
        Self {
            any: configured.iter().any(|origin| origin.trim() == "*"),
            named: configured.iter().map(plain).filter(|origin| origin != "*").collect(),
        }
    }

    /// What to say of the origin of a request, if it may ask.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        self.named.contains(&text).then(|| origin.clone())
    }

    /// Adds what a browser must hear to an answer, be it good or an error.
    pub fn open(&self, request: &HeaderMap, response: &mut Response) {
        if self.named.is_empty() && !self.any {
            return;
        }
        let headers = response.headers_mut();
        if !self.any {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.allowed(request) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// The answer to a browser that asks before it asks.
    pub fn preflight(&self, request: &HeaderMap, methods: &'static str) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        self.open(request, &mut response);
        let headers = response.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, AGE);
        }
        response
    }
}
