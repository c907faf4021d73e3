//! How others ask: proxies at the gate, applications for the state, pages of visitors for the banner.

mod banner;
mod http;
mod page;
mod state;

use axum::http::{HeaderName, Method};
use qd_core::StateMap;
use qd_core::gate::Access;

use crate::web::{APPLICATIONS, Routes, Seats, VISITORS};

/// Header that says which mode holds, on every answer.
pub(super) const MODE: HeaderName = HeaderName::from_static("x-maintenance-mode");

/// Open streams.
#[derive(Debug)]
struct Streams {
    state: Seats,
    banner: Seats,
}

/// Makes what this part keeps in memory.
pub(super) fn prepare(state: &mut StateMap) {
    state.insert(Streams { state: Seats::new(APPLICATIONS), banner: Seats::new(VISITORS) });
}

/// The routes. The gate and what stands on pages of visitors reveal the mode and the text for people, and nothing else: they are open.
pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .blind(Method::GET, "/gate", "May this request pass? 204, or 503 with a page, for Caddy and Traefik", http::gate)
        .blind(Method::GET, "/gate/{*rest}", "As /gate", http::gate)
        .blind(Method::GET, "/gate/nginx", "As /gate for nginx's auth_request: 204 or 403", http::nginx)
        .blind(Method::GET, "/gate/nginx/{*rest}", "As /gate/nginx", http::nginx)
        .blind(Method::GET, "/api/v1/maintenance/page", "What somebody reads whose write is blocked", http::page);
    let routes = routes
        .blind(Method::GET, "/banner.js", "Tells visitors of a maintenance, on any page that loads it", banner::script)
        .blind(Method::GET, "/api/v1/maintenance/banner", "What visitors are told", banner::told)
        .blind(Method::GET, "/api/v1/maintenance/banner/events", "That it changed, as server-sent events", banner::events);
    routes
        .raw(Method::GET, "/api/v1/maintenance/state", Access::Anyone, "What holds, for applications: a token with scope flags:read", state::now)
        .raw(Method::GET, "/api/v1/maintenance/events", Access::Anyone, "The same as server-sent events", state::events)
}
