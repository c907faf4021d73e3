//! The frame's own routes. They stand in the table like all others: with an access, a plane, a place in the documentation.

use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use qd_core::gate::{Access, Role};

use super::routes::{Kind, Plane, RouteEntry, Routes};
use super::serve::Web;
use super::{Ctx, assets, events, probes, problem};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Live,
    Ready,
    Metrics,
    Events,
    Document,
    Asset,
}

impl Routes {
    /// A table that begins with the frame's own routes.
    pub fn with_frame() -> Self {
        let metrics = Access::RoleOrScope(Role::StaffAdmin, "metrics:read");
        Self::default()
            .own("/livez", Access::Anyone, Plane::Data, "The process runs", Own::Live)
            .own("/readyz", Access::Anyone, Plane::Data, "It can do its work", Own::Ready)
            .own("/assets/{*path}", Access::Anyone, Plane::Data, "Style, script, fonts, icons", Own::Asset)
            .own("/metrics", metrics, Plane::Admin, "Our own figures in Prometheus text", Own::Metrics)
            .own("/events", Access::SignedIn, Plane::Admin, "What changed, as server-sent events", Own::Events)
            .own("/api/openapi.json", Access::Anyone, Plane::Admin, "This document", Own::Document)
    }

    fn own(mut self, path: &'static str, access: Access, plane: Plane, summary: &'static str, own: Own) -> Self {
        self.0.push(RouteEntry {
            html: None,
            api: Some(path.to_owned()),
            method: Method::GET,
            access,
            summary,
            action: None,
            plane,
            input: None,
            output: None,
            kind: Kind::Own(own),
        });
        self
    }
}

impl Web {
    /// Answers one of them.
    pub(super) async fn own(&self, own: Own, ctx: &Ctx) -> Response {
        match own {
            Own::Live => probes::live(),
            Own::Ready => probes::ready(&self.app).await,
            Own::Metrics => probes::metrics(self.metrics.as_ref()),
            Own::Document => ([(header::CONTENT_TYPE, "application/json")], self.document.to_string()).into_response(),
            Own::Asset => assets::serve(ctx.param("path").unwrap_or_default(), ctx.headers()),
            Own::Events => {
                let head = &ctx.request.head;
                events::stream(self, &ctx.actor, self.credentials(head)).unwrap_or_else(|fault| problem::json_response(&fault, &head.id))
            }
        }
    }
}
