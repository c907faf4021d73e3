//! One probe over HTTP: 2xx and 3xx are up, everything else is down, slow is slow.

use std::error::Error as _;
use std::time::{Duration, Instant};

use qd_core::config::ServiceConfig;
use qd_core::{Error, Result};

use super::track::{Outcome, Probe};

/// Bytes of the answer that are read at most.
const BODY: usize = 64 * 1024;

/// The client of all probes: a new connection each time, so that a port that accepts nothing new is noticed; no redirect
/// is followed; no proxy.
///
/// # Errors
/// [`Error::Broken`] when TLS can't be set up.
pub fn client() -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().pool_max_idle_per_host(0);
    let built = builder.user_agent("quarterdeck-probe").build();
    built.map_err(|fault| Error::Broken(format!("The probe's HTTP client: {}", cause(&fault))))
}

/// Fetches the service's URL once.
pub async fn http(client: &reqwest::Client, service: &ServiceConfig) -> Probe {
    let started = Instant::now();
    let limit = Duration::from_millis(service.timeout_ms);
    let answer = tokio::time::timeout(limit, fetch(client, &service.url)).await;
    let latency = started.elapsed();
    let slow = Duration::from_millis(service.slow_ms);
    let outcome = match answer {
        Err(_) => Outcome::Down(format!("No answer within {} ms.", service.timeout_ms)),
        Ok(Err(why)) => Outcome::Down(why),
        Ok(Ok(status)) if !status.is_success() && !status.is_redirection() => Outcome::Down(format!("HTTP {status}.")),
        Ok(Ok(_)) => judge(latency, slow),
    };
    Probe { outcome, latency_us: micros(latency) }
}

/// An answer that came after `latency`, of which more than `slow` is too slow.
pub fn judge(latency: Duration, slow: Duration) -> Outcome {
    if latency <= slow {
        return Outcome::Up;
    }
    Outcome::Slow(format!("Answered in {} ms, over {} ms.", latency.as_millis(), slow.as_millis()))
}

/// A duration for the records.
pub fn micros(latency: Duration) -> i64 {
    i64::try_from(latency.as_micros()).unwrap_or(i64::MAX)
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<http::StatusCode, String> {
    let mut answer = client.get(url).send().await.map_err(|fault| cause(&fault))?;
    let status = answer.status();
    let mut read = 0;
    while read < BODY {
        match answer.chunk().await.map_err(|fault| cause(&fault))? {
            Some(chunk) => read += chunk.len(),
            None => break,
        }
    }
    Ok(status)
}

/// The innermost cause: the outer ones name the URL, which may hold a password.
fn cause(fault: &reqwest::Error) -> String {
    let mut innermost = None;
    let mut source = fault.source();
    while let Some(inner) = source {
        innermost = Some(inner.to_string());
        source = inner.source();
    }
    let text = innermost.unwrap_or_else(|| if fault.is_connect() { "No connection".into() } else { "The answer can't be read".into() });
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("{}.", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn service(port: u16) -> ServiceConfig {
        let url = format!("http://user:hunter2@127.0.0.1:{port}/healthz");
        ServiceConfig { name: "Web".into(), url, interval_seconds: 15, timeout_ms: 400, slow_ms: 100 }
    }

    /// A listener that answers every request with `head`, never or late.
    async fn listener(head: &'static str, wait: Duration) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    let _ = stream.read(&mut request).await;
                    tokio::time::sleep(wait).await;
                    let _ = stream.write_all(head.as_bytes()).await;
                });
            }
        });
        port
    }

    async fn probe(head: &'static str, wait: u64) -> Probe {
        let port = listener(head, Duration::from_millis(wait)).await;
        http(&client().unwrap(), &service(port)).await
    }

    #[tokio::test]
    async fn answers_are_judged_by_status_and_time() {
        assert_eq!(probe("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 0).await.outcome, Outcome::Up);
        assert_eq!(probe("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 0).await.outcome, Outcome::Up);
        let slow = probe("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 150).await;
        assert!(matches!(&slow.outcome, Outcome::Slow(why) if why.contains("over 100 ms")), "{slow:?}");
        assert!(slow.latency_us >= 150_000);
        let broken = probe("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 0).await;
        assert_eq!(broken.outcome, Outcome::Down("HTTP 500 Internal Server Error.".into()));
        let gone = probe("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 0).await;
        assert_eq!(gone.outcome, Outcome::Down("HTTP 404 Not Found.".into()));
    }

    #[tokio::test]
    async fn silence_and_a_dead_port_are_down_with_the_reason_and_without_the_password() {
        let silent = probe("", 10_000).await;
        assert_eq!(silent.outcome, Outcome::Down("No answer within 400 ms.".into()));
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let dead = http(&client().unwrap(), &service(port)).await;
        assert_eq!(dead.outcome, Outcome::Down("Connection refused.".into()));
        let garbage = probe("this is not HTTP\r\n\r\n", 0).await;
        assert!(matches!(&garbage.outcome, Outcome::Down(why) if !why.contains("hunter2")), "{garbage:?}");
    }

    #[tokio::test]
    async fn an_endless_body_is_not_read_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        });
        let probe = http(&client().unwrap(), &service(port)).await;
        assert!(!matches!(probe.outcome, Outcome::Down(_)), "{probe:?}");
    }
}
