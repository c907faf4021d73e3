//! `POST /api/v1/instances`.

use axum::body::Body;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use qd_core::gate::Access;
use qd_core::{Error, Result};

use super::{Beat, Heard, SCOPE, verb};
use crate::web::{Ctx, Routes, problem_response, read_limited};

/// Largest beat, with its configuration.
const MAX_BODY: usize = 256 * 1024;

/// Adds the route.
pub fn routes(routes: Routes) -> Routes {
    routes.raw(Method::POST, "/api/v1/instances", Access::Scope(SCOPE), "An instance says that it runs, and which build", beat)
}

async fn beat(ctx: Ctx, body: Body) -> Response {
    match take(&ctx, body).await {
        Ok(heard) => ([(header::CACHE_CONTROL, "no-store")], axum::Json(heard)).into_response(),
        Err(fault) => problem_response(&fault, ""),
    }
}

async fn take(ctx: &Ctx, body: Body) -> Result<Heard> {
    let bytes = read_limited(body, MAX_BODY).await?;
    let given: Beat = serde_json::from_slice(&bytes).map_err(|fault| Error::invalid("body", fault.to_string()))?;
    verb::beat(&ctx.app, given).await
}
