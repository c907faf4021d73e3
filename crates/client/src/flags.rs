//! Single evaluation with the last known answer as the fallback.
//!
//! Source: <https://github.com/open-feature/protocol>, `POST /ofrep/v1/evaluate/flags/{key}`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Answers kept per client; when it is full, a new context's answer is not remembered.
const REMEMBERED: usize = 10_000;

/// What a flag is asked for: `targetingKey` and any attributes.
pub type Context = Map<String, Value>;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server, now.
    Server,
    /// The server, earlier: it does not answer now.
    LastKnown,
    /// The caller's default: the server never answered for this flag and context, or says that it has no value.
    Default,
}

/// A flag's value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The value.
    pub value: Value,
    /// Variant, as the server names it.
    pub variant: Option<String>,
    /// OpenFeature's reason: STATIC, TARGETING_MATCH, SPLIT, DISABLED, DEFAULT, ERROR.
    pub reason: String,
    /// Where it comes from.
    pub source: Source,
}

/// Why a client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint or a header is malformed.
    #[error("{0}")]
    Configuration(String),
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    value: Option<Value>,
    variant: Option<String>,
    reason: Option<String>,
}

/// Evaluates flags at one OFREP server. Never fails: a caller always gets a value, and is told where it comes from.
#[derive(Debug)]
pub struct FlagClient {
    http: reqwest::Client,
    base: String,
    known: Mutex<HashMap<String, Evaluation>>,
}

impl FlagClient {
    /// A client of `endpoint`; `headers` are sent along (`("authorization", "Bearer …")`).
    ///
    /// # Errors
    /// [`Error::Configuration`] for a malformed endpoint or header.
    pub fn new(endpoint: &str, headers: &[(String, String)], timeout: Duration) -> Result<Self, Error> {
        let malformed = |what: &str| Error::Configuration(format!("{what} is malformed"));
        let base = reqwest::Url::parse(endpoint).map_err(|_| malformed("the endpoint"))?;
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| malformed("a header's name"))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| malformed("a header's value"))?;
            value.set_sensitive(true);
            sent.insert(name, value);
        }
        let http = reqwest::Client::builder().default_headers(sent).timeout(timeout).build();
        let http = http.map_err(|fault| Error::Configuration(fault.to_string()))?;
        Ok(Self { http, base: base.as_str().trim_end_matches('/').to_owned(), known: Mutex::default() })
    }

    /// The value of `key` in `context`, or the last known one, or `default`.
    pub async fn evaluate(&self, key: &str, context: &Context, default: Value) -> Evaluation {
        let memory = format!("{key}\n{}", Value::Object(context.clone()));
        match self.ask(key, context).await {
            Ok(Some(Answer { value: Some(value), variant, reason })) => {
                let reason = reason.unwrap_or_else(|| "UNKNOWN".into());
                let found = Evaluation { value, variant, reason, source: Source::Server };
                self.remember(memory, &found);
                found
            }
            Ok(answer) => {
                let reason = answer.and_then(|answer| answer.reason).unwrap_or_else(|| "ERROR".into());
                Evaluation { value: default, variant: None, reason, source: Source::Default }
            }
            Err(fault) => {
                tracing::warn!(key, %fault, "flag server did not answer");
                self.fallback(&memory, default)
            }
        }
    }

    /// As [`FlagClient::evaluate`], for a switch; a value that is no boolean gives `default`.
    pub async fn enabled(&self, key: &str, context: &Context, default: bool) -> bool {
        self.evaluate(key, context, json!(default)).await.value.as_bool().unwrap_or(default)
    }

    /// The server's answer; `None` when it knows no such flag or refuses the request.
    async fn ask(&self, key: &str, context: &Context) -> reqwest::Result<Option<Answer>> {
        let url = format!("{}/ofrep/v1/evaluate/flags/{key}", self.base);
        let response = self.http.post(url).json(&json!({ "context": context })).send().await?;
        match response.status().as_u16() {
            // Slow down, or out of order: as good as no answer.
            429 | 500.. => Err(response.error_for_status().err()).or_else(|fault| fault.map_or(Ok(None), Err)),
            400..=499 => Ok(None),
            _ => response.json().await.map(Some),
        }
    }

    fn remember(&self, memory: String, found: &Evaluation) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < REMEMBERED || known.contains_key(&memory) {
            known.insert(memory, found.clone());
        }
    }

    fn fallback(&self, memory: &str, default: Value) -> Evaluation {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(memory) {
            Some(last) => Evaluation { source: Source::LastKnown, ..last.clone() },
            None => Evaluation { value: default, variant: None, reason: "ERROR".into(), source: Source::Default },
        }
    }
}
