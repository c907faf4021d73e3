//! Waiting for a condition, never for a time.

use std::future::Future;
use std::time::{Duration, Instant};

/// Waits until `condition` holds; panics after 20 s with `what` was waited for.
pub async fn until<F, Fut>(what: &str, condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    until_within(Duration::from_secs(20), what, condition).await;
}

/// As [`until`], with a limit of its own.
pub async fn until_within<F, Fut>(limit: Duration, what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < deadline, "did not happen within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
