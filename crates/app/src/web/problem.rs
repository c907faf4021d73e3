//! Errors on the wire: RFC 9457 `application/problem+json`, one `match` from error to status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qd_core::Error;
use qd_core::error::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:quarterdeck:error:` and the error's word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What did not happen, why, and what to do.
    pub detail: String,
    /// Id of the request, as in the log.
    pub instance: String,
    /// What single fields got wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of HTTP itself, which no error of ours stands behind.
    pub(super) fn plain(status: StatusCode, code: &str, detail: String, request_id: &str) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").into();
        let kind = format!("urn:quarterdeck:error:{code}");
        Self { kind, title, status: status.as_u16(), detail, instance: request_id.into(), errors: Vec::new() }
    }
}

/// The HTTP status of an error.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(_) | Error::Outdated(_) => StatusCode::CONFLICT,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
        Error::Upstream { .. } => StatusCode::BAD_GATEWAY,
        Error::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What people and clients may read of an error: a fault of ours stays in the log.
pub(super) fn public_detail(error: &Error) -> String {
    match error {
        Error::Broken(_) => "Something broke on our side. The log has the details under this request id.".into(),
        other => other.to_string(),
    }
}

/// The problem document of an error, logged here, once.
pub fn problem(error: &Error, request_id: &str) -> Problem {
    if let Error::Broken(detail) = error {
        tracing::error!(request_id, detail, "request failed");
    }
    let errors = if let Error::Invalid(fields) = error { fields.clone() } else { Vec::new() };
    Problem { errors, ..Problem::plain(status_of(error), error.code(), public_detail(error), request_id) }
}

/// Adds what the status asks for: `Retry-After`, `WWW-Authenticate`.
pub(super) fn with_headers(mut response: Response, error: &Error) -> Response {
    let headers = response.headers_mut();
    match error {
        Error::Limited { retry_after } | Error::Overloaded { retry_after, .. } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Error::Unauthenticated(_) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// The answer of an error where there is nothing but JSON: problem document, status, and the headers that the status asks for.
pub fn json_response(error: &Error, request_id: &str) -> Response {
    with_headers(document_response(&problem(error, request_id)), error)
}

/// A problem document as the answer.
pub(super) fn document_response(document: &Problem) -> Response {
    let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(document).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body).into_response()
}
