//! Answers on the wire. Python's client asks for `variant`, `reason` and `errorDetails` without looking whether they are there: they always are.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::features::flags::evaluate::{Evaluation, Missing};

/// The error codes of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The body is no JSON object.
    ParseError,
    /// The context is none, or too large.
    InvalidContext,
    /// A percentage decides, and nobody said about whom.
    TargetingKeyMissing,
    /// No flag has this key.
    FlagNotFound,
    /// Anything else.
    General,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::ParseError | Self::InvalidContext | Self::TargetingKeyMissing => StatusCode::BAD_REQUEST,
            Self::FlagNotFound => StatusCode::NOT_FOUND,
            Self::General => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why there is no evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// What is wrong, for people.
    pub details: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    error_code: Code,
    error_details: &'a str,
}

impl Failure {
    /// A failure.
    pub fn new(code: Code, details: impl Into<String>) -> Self {
        Self { code, details: details.into() }
    }

    /// No flag has this key.
    pub fn not_found(key: &str) -> Self {
        Self::new(Code::FlagNotFound, format!("No flag has the key {key:?}."))
    }

    /// The answer with the code's own status; `key` is that of a single evaluation.
    pub fn response(&self, key: Option<&str>) -> Response {
        self.with_status(self.code.status(), key)
    }

    /// The answer with another status, such as 401.
    pub fn with_status(&self, status: StatusCode, key: Option<&str>) -> Response {
        let mut body = Vec::with_capacity(128);
        self.write(&mut body, key);
        json(status, body)
    }

    fn write(&self, into: &mut Vec<u8>, key: Option<&str>) {
        put(into, &FailureBody { key, error_code: self.code, error_details: &self.details });
    }
}

/// What an evaluation could not do without, if that is an error: a missing attribute just leaves the context out.
pub fn failure(evaluation: &Evaluation<'_>) -> Option<Failure> {
    match evaluation.missing {
        Some(Missing::TargetingKey) => {
            Some(Failure::new(Code::TargetingKeyMissing, "A percentage decides this flag: the context needs a targetingKey."))
        }
        Some(Missing::Attribute(_)) | None => None,
    }
}

/// Appends a flag: its evaluation, or why there is none.
pub fn write(into: &mut Vec<u8>, key: &str, evaluation: &Evaluation<'_>) {
    if let Some(failure) = failure(evaluation) {
        return failure.write(into, Some(key));
    }
    into.extend_from_slice(b"{\"key\":");
    put(into, key);
    if let Some(value) = evaluation.value {
        into.extend_from_slice(b",\"value\":");
        put(into, value);
    }
    into.extend_from_slice(b",\"reason\":\"");
    into.extend_from_slice(evaluation.reason.word().as_bytes());
    into.extend_from_slice(b"\",\"variant\":");
    put(into, evaluation.variant);
    if let Some(metadata) = evaluation.metadata {
        into.extend_from_slice(b",\"metadata\":");
        put(into, metadata);
    }
    into.push(b'}');
}

/// Appends a value as JSON.
pub fn put(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing into memory does not fail, and the keys of all that is written here are text.
    let _ = serde_json::to_writer(into, value);
}

/// A JSON answer: the media type exactly, for JavaScript's client compares it.
pub fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
