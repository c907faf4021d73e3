//! Render's API: `https://api.render.com/v1`.
//!
//! A rollback by the API leaves auto-deploy on: the next push ships the fault again. Whoever rolls back turns it off with
//! [`Deployer::set_auto_deploy`].

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use qd_core::gate::Warrant;
use qd_core::port::{DeployTarget, Deployer, ProviderDeploy};
use qd_core::secret::Secret;
use qd_core::{Error, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::wire;
use crate::upstream;

const DRIVER: &str = "Render";
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 2 * 1024 * 1024;
/// Longest pause that Render may ask for.
const MAX_PAUSE: u64 = 3_600;

/// The driver. It keeps quiet for as long as Render asks for.
#[derive(Debug)]
pub struct Render {
    base: String,
    key: Secret,
    services: Vec<String>,
    client: reqwest::Client,
    quiet_until: Mutex<Option<Instant>>,
}

impl Render {
    /// A driver for the services with these ids.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that is none.
    pub fn new(url: &str, key: Secret, services: Vec<String>) -> Result<Self> {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(Error::invalid("deploys.render_url", "Give an https:// URL."));
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Quarterdeck")
            .build()
            .map_err(|fault| Error::Broken(format!("no HTTP client: {fault}")))?;
        let services = services.into_iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
        Ok(Self { base: url.trim_end_matches('/').to_owned(), key, services, client, quiet_until: Mutex::default() })
    }

    fn may_ask(&self) -> Result<()> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(left) => Err(upstream(DRIVER, format!("It asked for a pause; it is asked again in {} s.", left.as_secs() + 1))),
            None => Ok(()),
        }
    }

    /// `Ratelimit-Remaining` and `Ratelimit-Reset` (seconds to go), or `Retry-After`.
    fn heed(&self, status: StatusCode, headers: &reqwest::header::HeaderMap) {
        let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse::<u64>().ok());
        let spent = status == StatusCode::TOO_MANY_REQUESTS || number("ratelimit-remaining") == Some(0);
        if spent {
            let pause = number("retry-after").or_else(|| number("ratelimit-reset")).unwrap_or(60).clamp(1, MAX_PAUSE);
            *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + Duration::from_secs(pause));
        }
    }

    /// Sends a request; `changing` ones are sent even in a pause: somebody waits for them.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let changing = method != Method::GET;
        if !changing {
            self.may_ask()?;
        }
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.key.expose()).header("accept", "application/json");
        if let Some(body) = body {
            request = request.json(&body);
        }
        // The error's own text would name the URL; what went wrong stands in its source.
        let response = request.send().await.map_err(|fault| lost(&fault, changing))?;
        let status = response.status();
        self.heed(status, response.headers());
        let bytes = read(response).await?;
        if !status.is_success() {
            return Err(said_no(status, &bytes));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| upstream(DRIVER, "It answered with something that is no JSON."))
    }
}

/// A change whose answer is lost may have been done.
fn lost(fault: &reqwest::Error, changing: bool) -> Error {
    let doubt = if changing && !fault.is_connect() { " It may have done it all the same: look there before you try again." } else { "" };
    upstream(DRIVER, format!("{}{doubt}", reason(fault)))
}

fn reason(fault: &reqwest::Error) -> &'static str {
    match fault {
        fault if fault.is_timeout() => "It did not answer within 10 s.",
        fault if fault.is_connect() => "It can't be reached.",
        _ => "The connection broke off.",
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|fault| upstream(DRIVER, reason(&fault)))? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(upstream(DRIVER, "Its answer is larger than 2 MiB."));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn said_no(status: StatusCode, body: &[u8]) -> Error {
    let said = wire::message(body).map_or_else(String::new, |message| format!(": {message}"));
    let detail = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!("It refused our API key ({status}){said}."),
        StatusCode::NOT_FOUND => format!("It does not know this service or deploy{said}."),
        StatusCode::TOO_MANY_REQUESTS => format!("It asked for a pause{said}."),
        _ => format!("It answered {status}{said}."),
    };
    upstream(DRIVER, detail)
}

/// An id goes into a path: it must be one.
fn id(text: &str) -> Result<&str> {
    let good = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if good { Ok(text) } else { Err(Error::invalid("target", "This is no id of Render.")) }
}

impl Deployer for Render {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn targets(&self) -> BoxFuture<'_, Result<Vec<DeployTarget>>> {
        async move {
            let mut found = Vec::new();
            for service in &self.services {
                let answer = self.send(Method::GET, &format!("/services/{}", id(service)?), None).await?;
                found.push(wire::target(&answer).ok_or_else(|| upstream(DRIVER, format!("It said nothing usable about {service}.")))?);
            }
            Ok(found)
        }
        .boxed()
    }

    fn deploys<'a>(&'a self, target: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<ProviderDeploy>>> {
        async move {
            let path = format!("/services/{}/deploys?limit={}", id(target)?, limit.clamp(1, 100));
            Ok(wire::deploys(&self.send(Method::GET, &path, None).await?))
        }
        .boxed()
    }

    fn rollback<'a>(&'a self, _: &'a Warrant, target: &'a str, deploy: &'a str) -> BoxFuture<'a, Result<ProviderDeploy>> {
        async move {
            let path = format!("/services/{}/rollback", id(target)?);
            let answer = self.send(Method::POST, &path, Some(json!({ "deployId": id(deploy)? }))).await?;
            wire::deploy(&answer).ok_or_else(|| upstream(DRIVER, "It took the rollback and did not say which deploy does it."))
        }
        .boxed()
    }

    fn set_auto_deploy<'a>(&'a self, _: &'a Warrant, target: &'a str, on: bool) -> BoxFuture<'a, Result<()>> {
        async move {
            let path = format!("/services/{}", id(target)?);
            let answer = self.send(Method::PATCH, &path, Some(json!({ "autoDeploy": if on { "yes" } else { "no" } }))).await?;
            match wire::target(&answer).and_then(|target| target.auto_deploy) {
                Some(is) if is != on => Err(upstream(DRIVER, "It answered that auto-deploy did not change.")),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}
