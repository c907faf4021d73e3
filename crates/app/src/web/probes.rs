//! `/livez`, `/readyz` and `/metrics`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use qd_core::App;
use serde_json::json;

use super::starter::troubles;

/// Installs the recorder of our own figures, once per process.
pub fn recorder() -> Option<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<Option<PrometheusHandle>> = std::sync::OnceLock::new();
    HANDLE.get_or_init(|| metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().ok()).clone()
}

/// Folds samples into their summaries until dropped: without it they pile up in memory while nobody scrapes.
pub async fn keep_figures() {
    let Some(handle) = recorder() else { return };
    let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

/// The process runs.
pub(super) fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// It can do its work: our own database answers within two seconds. Troubles of single parts are told and do not make it unready: one sampler
/// that fails must not take every replica out of the load balancer.
pub(super) async fn ready(app: &App) -> Response {
    let answer = tokio::time::timeout(std::time::Duration::from_secs(2), app.db.ping()).await;
    match answer {
        Ok(Ok(())) => match troubles(app, app.now()).as_slice() {
            [] => Json(json!({ "status": "ready" })).into_response(),
            told => Json(json!({ "status": "degraded", "detail": told })).into_response(),
        },
        _ => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready", "detail": "Our database does not answer." }))).into_response(),
    }
}

/// Our own figures in Prometheus text.
pub(super) fn metrics(handle: Option<&PrometheusHandle>) -> Response {
    match handle {
        Some(handle) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no recorder is installed\n").into_response(),
    }
}
