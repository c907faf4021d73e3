//! Where the server is, how it is asked, and within which bounds.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

/// How long one request may take when nobody says otherwise. A page waits for it at most once, see [`crate::Flags`].
const TIMEOUT: Duration = Duration::from_secs(2);
/// A stream that does not open within so long is given up.
const CONNECT: Duration = Duration::from_secs(5);
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Why a client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address, a header, a number or a secret is malformed; the text names which, and never its value.
    #[error("{0}")]
    Configuration(String),
}

/// Why the server gave nothing to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection, no answer in time, or a broken one. The text holds no address: an address can hold a ticket.
    #[error("no answer: {0}")]
    Away(String),
    /// It asks us to come back later.
    #[error("asked to wait ({status})")]
    Wait { status: StatusCode, after: Option<Duration> },
    /// It refuses us: the credentials are wrong, or lack a right.
    #[error("refused ({0})")]
    Refused(StatusCode),
    /// An answer that is not as the protocol says.
    #[error("not understood: {0}")]
    Odd(String),
}

impl From<reqwest::Error> for Fault {
    fn from(fault: reqwest::Error) -> Self {
        // The outermost text says little ("error sending request"); the innermost says what happened ("Connection refused").
        let fault = fault.without_url();
        let mut cause: &dyn std::error::Error = &fault;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Away(cause.to_string())
    }
}

/// A server and how to ask it. Cheap to clone; `Debug` shows no header.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    headers: HeaderMap,
    timeout: Duration,
    http: reqwest::Client,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Endpoint").field("origin", &self.base.origin().ascii_serialization()).field("headers", &names).finish_non_exhaustive()
    }
}

fn malformed(what: impl fmt::Display) -> Error {
    Error::Configuration(format!("{what} is malformed"))
}

impl Endpoint {
    /// The server at `base`, `http://` or `https://`; a path in it is kept. Requests take at most 2 s.
    ///
    /// # Errors
    /// [`Error::Configuration`] for anything else.
    pub fn new(base: &str) -> Result<Self, Error> {
        let base = Url::parse(base.trim().trim_end_matches('/')).map_err(|_| malformed("the endpoint"))?;
        if !["http", "https"].contains(&base.scheme()) || !base.has_host() || base.cannot_be_a_base() {
            return Err(malformed("the endpoint"));
        }
        // A redirect would carry the credentials elsewhere.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).build();
        let http = http.map_err(|fault| Error::Configuration(fault.to_string()))?;
        Ok(Self { base, headers: HeaderMap::new(), timeout: TIMEOUT, http })
    }

    /// With a header on every request.
    ///
    /// # Errors
    /// [`Error::Configuration`] when name or value can't stand in a request.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let name: HeaderName = name.parse().map_err(|_| malformed("a header's name"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| malformed(format!("the value of the header {name}")))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With `Authorization: Bearer`.
    ///
    /// # Errors
    /// As [`Endpoint::header`].
    pub fn bearer(self, token: &str) -> Result<Self, Error> {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With another limit on a request, 10 ms to 60 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit.clamp(Duration::from_millis(10), Duration::from_secs(60));
        self
    }

    /// From OpenFeature's variables: `OFREP_ENDPOINT` (none: no server, `Ok(None)`), `OFREP_HEADERS` (`name=value,name=value`; commas inside
    /// a value as `%2C`) and `OFREP_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the variable that makes no sense.
    pub fn from_env() -> Result<Option<Self>, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    pub(crate) fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let read = |name: &str| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let Some(base) = read("OFREP_ENDPOINT") else { return Ok(None) };
        let mut endpoint = Self::new(&base).map_err(|_| malformed("OFREP_ENDPOINT"))?;
        for pair in read("OFREP_HEADERS").unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| malformed("OFREP_HEADERS"))?;
            endpoint = endpoint.header(name.trim(), &crate::path::decoded(value.trim())).map_err(|_| malformed("OFREP_HEADERS"))?;
        }
        if let Some(text) = read("OFREP_TIMEOUT_MS") {
            endpoint = endpoint.timeout(Duration::from_millis(text.parse().map_err(|_| malformed("OFREP_TIMEOUT_MS"))?));
        }
        Ok(Some(endpoint))
    }

    /// The address of `path` below the base.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// An address that an answer names: absolute, or a path on `origin` or on ours.
    pub(crate) fn resolve(&self, origin: Option<&str>, path: &str) -> Option<Url> {
        match origin {
            Some(origin) => Url::parse(origin).ok()?.join(path).ok(),
            None => self.base.join(path).ok(),
        }
    }

    /// A request of ours to our server.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).headers(self.headers.clone()).timeout(self.timeout)
    }

    /// A stream. Our credentials go to our own server only.
    pub(crate) fn stream(&self, url: &Url) -> RequestBuilder {
        let request = self.http.get(url.clone()).header("accept", "text/event-stream").header("cache-control", "no-store");
        if url.origin() == self.base.origin() { request.headers(self.headers.clone()) } else { request }
    }
}

/// Opens a stream, with a limit on the time until its head is there.
pub(crate) async fn opened(request: RequestBuilder) -> Result<Response, Fault> {
    match tokio::time::timeout(CONNECT * 2, request.send()).await {
        Ok(answer) => checked(answer?),
        Err(_) => Err(Fault::Away("no answer in time".into())),
    }
}

/// Sorts out the statuses by which a server gives nothing. Others, 304 and 404 among them, are for the caller.
pub(crate) fn checked(answer: Response) -> Result<Response, Fault> {
    let status = answer.status();
    match status.as_u16() {
        401 | 403 | 407 => Err(Fault::Refused(status)),
        429 | 500.. => Err(Fault::Wait { status, after: retry_after(answer.headers()) }),
        _ => Ok(answer),
    }
}

/// `Retry-After` in seconds, an hour at most; a date is not read: the caller's own pause applies.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3_600)))
}

/// The body, up to 4 MiB.
pub(crate) async fn body(mut answer: Response) -> Result<Vec<u8>, Fault> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if read.len() + chunk.len() > MAX_ANSWER {
            return Err(Fault::Odd("an answer of more than 4 MiB".into()));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

/// The body as JSON.
pub(crate) async fn json<T: serde::de::DeserializeOwned>(answer: Response) -> Result<T, Fault> {
    serde_json::from_slice(&body(answer).await?).map_err(|fault| Fault::Odd(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Option<Endpoint>, Error> {
        Endpoint::from_variables(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_variables_make_an_endpoint_or_a_sentence_without_their_values() {
        assert!(from(&[]).unwrap().is_none() && from(&[("OFREP_ENDPOINT", " ")]).unwrap().is_none());
        let whole =
            [("OFREP_ENDPOINT", "http://ops:7070/base/"), ("OFREP_HEADERS", "Authorization=Bearer a%2Cb==, x-team=7"), ("OFREP_TIMEOUT_MS", "700")];
        let made = from(&whole).unwrap().unwrap();
        assert_eq!(made.url("/ofrep"), "http://ops:7070/base/ofrep");
        assert_eq!((made.headers["authorization"].to_str().unwrap(), made.headers["x-team"].to_str().unwrap()), ("Bearer a,b==", "7"));
        assert_eq!(made.timeout, Duration::from_millis(700));
        assert!(!format!("{made:?}").contains("Bearer"));
        for (name, value) in
            [("OFREP_ENDPOINT", "ftp://secret"), ("OFREP_HEADERS", "secret"), ("OFREP_HEADERS", "a=\u{1}secret"), ("OFREP_TIMEOUT_MS", "secret")]
        {
            let pairs: Vec<_> = [("OFREP_ENDPOINT", "http://ops")].into_iter().filter(|(known, _)| *known != name).chain([(name, value)]).collect();
            let said = from(&pairs).unwrap_err().to_string();
            assert!(said.contains(name) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn credentials_stay_at_their_origin() {
        let ours = Endpoint::new("https://ops.example").unwrap().bearer("t").unwrap();
        let sent = |origin: Option<&str>| ours.stream(&ours.resolve(origin, "/events?token=1").unwrap()).build().unwrap();
        assert!(sent(None).headers().contains_key("authorization"));
        assert!(!sent(Some("https://elsewhere.example")).headers().contains_key("authorization"));
        assert!(!sent(Some("http://ops.example")).headers().contains_key("authorization"));
    }
}
