//! How the exporters' threads send: they are outside the runtime, the HTTP client works inside it only, so each request
//! is handed to the runtime and waited for.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Largest answer of a collector.
const MAX_ANSWER: usize = 1 << 20;

/// A client for exporters on any thread.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    runtime: Handle,
}

impl Transport {
    /// A client that gives up after `limit`. Must be called inside the runtime.
    pub fn new(limit: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(limit).connect_timeout(limit / 2).build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

impl HttpClient for Transport {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let task = self.runtime.spawn(send(self.client.clone(), request));
        Box::pin(async move { task.await? })
    }
}

async fn send(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = Response::builder().status(answer.status()).body(Bytes::new())?;
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err("the collector's answer is too large".into());
        }
        body.extend_from_slice(&chunk);
    }
    *response.body_mut() = body.into();
    Ok(response)
}
