//! OFREP's requests and answers.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Context;
use crate::endpoint::{Endpoint, Fault, checked, json as read};

/// What the server says of one flag. No value: the code's default is meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(default)]
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A flag on the wire, a success or a failure.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    key: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    variant: Option<String>,
    reason: Option<String>,
    error_code: Option<String>,
}

/// A `null` that is there is a value.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl From<Wire> for Answer {
    fn from(wire: Wire) -> Self {
        match wire.error_code {
            Some(code) => Self { value: None, variant: None, reason: "ERROR".into(), error: Some(code) },
            None => Self { value: wire.value, variant: wire.variant, reason: wire.reason.unwrap_or_else(|| "UNKNOWN".into()), error: None },
        }
    }
}

/// All flags of one context.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    pub flags: Vec<(String, Answer)>,
    pub etag: Option<String>,
    /// Where changes are told.
    pub stream: Option<reqwest::Url>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkBody {
    #[serde(default)]
    flags: Vec<Wire>,
    #[serde(default)]
    event_streams: Vec<EventStream>,
}

#[derive(Debug, Deserialize)]
struct EventStream {
    #[serde(rename = "type")]
    kind: String,
    url: Option<String>,
    endpoint: Option<StreamEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamEndpoint {
    origin: Option<String>,
    request_uri: String,
}

/// What an event says about what to fetch.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notice {
    #[serde(rename = "type")]
    pub kind: String,
    pub etag: Option<String>,
    pub last_modified: Option<Value>,
}

/// Asks for one flag. What the server knows nothing of, and what it refuses to evaluate, is an answer too.
pub(crate) async fn single(endpoint: &Endpoint, key: &str, context: &Context) -> Result<Answer, Fault> {
    let path = format!("/ofrep/v1/evaluate/flags/{}", escaped(key));
    let answer = checked(endpoint.request(Method::POST, &path).json(&json!({ "context": context })).send().await?)?;
    let status = answer.status().as_u16();
    match status {
        200 => read::<Wire>(answer).await.map(Answer::from),
        400..=499 => {
            let code = read::<Wire>(answer).await.ok().and_then(|wire| wire.error_code);
            let usual = if status == 404 { "FLAG_NOT_FOUND" } else { "GENERAL" };
            Ok(Answer { value: None, variant: None, reason: "ERROR".into(), error: Some(code.unwrap_or_else(|| usual.to_owned())) })
        }
        _ => Err(Fault::Odd(format!("status {status}"))),
    }
}

/// Asks for all flags; `None` when they are as `etag` says. `cause` is the event that tells of a change.
pub(crate) async fn bulk(endpoint: &Endpoint, context: &Context, etag: Option<&str>, cause: &Notice) -> Result<Option<Bulk>, Fault> {
    let modified = cause.last_modified.as_ref().map(|at| at.as_str().map_or_else(|| at.to_string(), str::to_owned));
    let query = [("flagConfigEtag", cause.etag.clone()), ("flagConfigLastModified", modified)];
    let query: Vec<String> = query.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(&value?)))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let path = format!("/ofrep/v1/evaluate/flags{mark}{}", query.join("&"));
    let mut request = endpoint.request(Method::POST, &path).json(&json!({ "context": context }));
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    let answer = checked(request.send().await?)?;
    match answer.status().as_u16() {
        304 => Ok(None),
        200 => {
            let etag = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let body: BulkBody = read(answer).await?;
            let stream = body.event_streams.iter().filter(|stream| stream.kind == "sse").find_map(|stream| address(endpoint, stream));
            let flags = body.flags.into_iter().map(|mut wire| (std::mem::take(&mut wire.key), wire.into())).collect();
            Ok(Some(Bulk { flags, etag, stream }))
        }
        status => Err(Fault::Odd(format!("status {status}"))),
    }
}

fn address(endpoint: &Endpoint, stream: &EventStream) -> Option<reqwest::Url> {
    let url = match (&stream.url, &stream.endpoint) {
        (Some(url), None) => reqwest::Url::parse(url).ok(),
        (None, Some(at)) if at.request_uri.starts_with('/') => endpoint.resolve(at.origin.as_deref(), &at.request_uri),
        // Exactly one of both is allowed.
        _ => None,
    };
    url.filter(|url| ["http", "https"].contains(&url.scheme()))
}

/// Everything but unreserved characters escaped: one piece of a path or a value of a query.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_is_a_value_and_nothing_is_none() {
        let read = |text: &str| Answer::from(serde_json::from_str::<Wire>(text).unwrap());
        assert_eq!(read(r#"{"key":"a","value":null,"reason":"STATIC"}"#).value, Some(Value::Null));
        assert_eq!(read(r#"{"key":"a","reason":"DISABLED","variant":""}"#).value, None);
        assert_eq!(read(r#"{"key":"a","errorCode":"TARGETING_KEY_MISSING"}"#).error.as_deref(), Some("TARGETING_KEY_MISSING"));
        assert_eq!(read(r#"{"key":"a","value":10.0}"#).value.unwrap().to_string(), "10.0");
    }

    #[test]
    fn a_stream_is_named_in_exactly_one_way() {
        let ours = Endpoint::new("http://ops/base").unwrap();
        let of = |text: &str| address(&ours, &serde_json::from_str(text).unwrap()).map(String::from);
        assert_eq!(of(r#"{"type":"sse","endpoint":{"requestUri":"/e?token=1"}}"#).as_deref(), Some("http://ops/e?token=1"));
        assert_eq!(of(r#"{"type":"sse","endpoint":{"origin":"https://far","requestUri":"/e"}}"#).as_deref(), Some("https://far/e"));
        assert_eq!(of(r#"{"type":"sse","url":"https://far/e"}"#).as_deref(), Some("https://far/e"));
        assert_eq!(of(r#"{"type":"sse","url":"https://far/e","endpoint":{"requestUri":"/e"}}"#), None);
        assert_eq!(of(r#"{"type":"sse","endpoint":{"requestUri":"e"}}"#), None);
        assert_eq!(of(r#"{"type":"sse","url":"file:///etc/passwd"}"#), None);
    }

    #[test]
    fn keys_stay_one_piece_of_the_path() {
        assert_eq!(escaped("a.b/c?d"), "a.b%2Fc%3Fd");
    }
}
