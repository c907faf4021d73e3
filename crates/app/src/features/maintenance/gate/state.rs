//! The state for applications: asked for with an ETag, or heard as server-sent events.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::Event as Sse;
use axum::response::{IntoResponse, Response};
use qd_core::gate::Access;
use qd_core::{App, Error, Result};

use super::http::response;
use super::{MODE, Streams};
use crate::features::maintenance::state::{State, state};
use crate::web::{Ctx, changes, etag};

const SCOPE: &str = "flags:read";

/// Applications with a token, people who may read, or anybody where flags are public: the mode is a flag, too.
fn admit(ctx: &Ctx) -> Result<()> {
    if ctx.app.config.flags.public || ctx.actor.has_scope(SCOPE) || Access::READ.admits(&ctx.actor) {
        return Ok(());
    }
    Err(match ctx.actor.is_anonymous() {
        true => Error::Unauthenticated(format!("Send a token with the scope {SCOPE}.")),
        false => Error::Forbidden(format!("This needs a token with the scope {SCOPE}.")),
    })
}

/// The version of what is told at this moment: a phase changes it, too.
pub(super) fn tag(state: &State, app: &App) -> String {
    format!("\"rev-{}-{}\"", state.revision, state.phase_tag(app.now()))
}

/// `GET /api/v1/maintenance/state`
pub async fn now(ctx: Ctx, _: Body) -> Response {
    response(admit(&ctx).and_then(|()| {
        let state = state(&ctx.app)?;
        let tag = tag(&state, &ctx.app);
        let mut answer = match etag::matches(ctx.headers(), &tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => axum::Json(state.view(ctx.now)).into_response(),
        };
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(|fault| Error::Broken(fault.to_string()))?);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(MODE, HeaderValue::from_static(state.mode(ctx.now)));
        Ok(answer)
    }))
}

/// `GET /api/v1/maintenance/events`: `event: state`, the id is the revision, the data what [`now`] answers. The state comes at once on connecting:
/// whoever was away may have missed a phase that came by time alone.
pub async fn events(ctx: Ctx, _: Body) -> Response {
    response(admit(&ctx).and_then(|()| {
        let (streams, app) = (ctx.app.state::<Streams>()?, ctx.app.clone());
        changes(&ctx.app, &streams.state, -1, move |_| {
            let data = state(&app).ok().and_then(|state| serde_json::to_string(&state.view(app.now())).ok());
            Sse::default().event("state").data(data.unwrap_or_else(|| "{}".into()))
        })
    }))
}
