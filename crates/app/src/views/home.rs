//! `/`: the first view that the person may see. `/components`: the living style guide.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use qd_core::Result;
use qd_core::gate::Access;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ui::guide;
use crate::web::{Ctx, Feature, Nothing, Page, Reply, Routes, View};

/// The manifest.
pub const FEATURE: Feature = Feature::new("home", routes);

fn routes(routes: Routes) -> Routes {
    let routes = routes.raw(Method::GET, "/", Access::Anyone, "Start: the first view that you may see", start);
    routes.page("/components", Access::SignedIn, "The design system's parts in all states", components)
}

async fn start(ctx: Ctx, _: Body) -> Response {
    let place = match ctx.actor.role() {
        None => "/login",
        Some(_) if Access::READ.admits(&ctx.actor) => "/health",
        Some(_) => "/audit",
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

#[derive(Serialize, ToSchema)]
struct Components {
    /// Names of the parts' files.
    note: &'static str,
}

async fn components(_: Ctx, _: Nothing) -> Result<Reply<Components>> {
    Ok(Reply::ok(Components { note: "The style guide is for people: open /components in a browser." }))
}

impl View for Components {
    fn title(&self) -> String {
        "Components".into()
    }

    fn body(&self, _page: &Page<'_>) -> Markup {
        guide::page()
    }
}
