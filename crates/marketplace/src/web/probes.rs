//! `/healthz` says that the process answers, `/readyz` that it can serve: the database answers too.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::Shop;

/// The process is there.
pub async fn health() -> &'static str {
    "ok\n"
}

/// The database answers within two seconds.
pub async fn ready(State(shop): State<Arc<Shop>>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(Duration::from_secs(2), shop.db.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database takes too long\n"),
    }
}
