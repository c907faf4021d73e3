//! Answers: `Export…ServiceResponse` and `google.rpc.Status`, in the encoding of the request.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::wire::{put_bytes, put_varint};
use super::{Encoding, Signal};

/// What was taken and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Items that were not stored.
    pub rejected: u64,
    /// Why, in a sentence.
    pub message: String,
}

impl Answer {
    /// The body of the answer.
    pub fn body(&self, signal: Signal, encoding: Encoding) -> Vec<u8> {
        let partial = self.rejected > 0 || !self.message.is_empty();
        match encoding {
            Encoding::Protobuf if partial => {
                let (mut inner, mut out) = (Vec::new(), Vec::new());
                put_varint(&mut inner, 1, self.rejected);
                put_bytes(&mut inner, 2, self.message.as_bytes(), false);
                put_bytes(&mut out, 1, &inner, true);
                out
            }
            Encoding::Protobuf => Vec::new(),
            Encoding::Json if partial => {
                let count = match signal {
                    Signal::Traces => "rejectedSpans",
                    Signal::Logs => "rejectedLogRecords",
                    Signal::Metrics => "rejectedDataPoints",
                };
                // A 64-bit number is text in protobuf's JSON.
                json!({ "partialSuccess": { count: self.rejected.to_string(), "errorMessage": self.message } }).to_string().into_bytes()
            }
            Encoding::Json => b"{}".to_vec(),
        }
    }

    /// 200 with that body.
    pub fn response(&self, signal: Signal, encoding: Encoding) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()))], self.body(signal, encoding)).into_response()
    }
}

/// Why a request was not taken at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is not OTLP. Never sent again.
    #[error("{0}")]
    Malformed(String),
    /// The body is too large, before or after decompression.
    #[error("The body is larger than {0} bytes after decompression. Send smaller batches.")]
    TooLarge(usize),
    /// A media type or content coding that is not read here.
    #[error("{0}")]
    Unsupported(String),
    /// The body did not arrive in time.
    #[error("The body did not arrive within {0} s.")]
    Slow(u64),
    /// No room, or the database does not take it: nothing was stored, try again.
    #[error("{detail} Nothing was stored. Send it again.")]
    Busy {
        /// What is full or down.
        detail: &'static str,
        /// Seconds until the next try has a chance.
        retry_after: u64,
    },
}

impl Refusal {
    /// HTTP status and the code of `google.rpc.Code`.
    pub fn codes(&self) -> (StatusCode, u8) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, 3),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, 3),
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
            Self::Slow(_) => (StatusCode::REQUEST_TIMEOUT, 4),
            Self::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, 14),
        }
    }

    /// A short word for figures.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLarge(_) => "too_large",
            Self::Unsupported(_) => "unsupported",
            Self::Slow(_) => "slow",
            Self::Busy { .. } => "busy",
        }
    }

    /// The answer: a `google.rpc.Status`.
    pub fn response(&self, encoding: Encoding) -> Response {
        let (status, code) = self.codes();
        let message = self.to_string();
        let body = match encoding {
            Encoding::Protobuf => {
                let mut out = Vec::new();
                put_varint(&mut out, 1, u64::from(code));
                put_bytes(&mut out, 2, message.as_bytes(), false);
                out
            }
            Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
        };
        let mut response = (status, [(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()))], body).into_response();
        if let Self::Busy { retry_after, .. } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        response
    }
}
