//! `POST /_demo/scenario`: changes the scenario at run time. It exists only when the environment holds a token, answers
//! only to this machine and only to that token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Shop;
use crate::scenario::Scenario;

/// The route, or none.
pub fn routes(shop: &Arc<Shop>) -> Router<Arc<Shop>> {
    match shop.demo_token {
        Some(_) => Router::new().route("/_demo/scenario", post(switch)),
        None => Router::new(),
    }
}

#[derive(Deserialize)]
struct Wanted {
    scenario: String,
}

async fn switch(
    State(shop): State<Arc<Shop>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(wanted): Form<Wanted>,
) -> (StatusCode, String) {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = shop.demo_token.as_deref().unwrap_or_default();
    let right = given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(known.as_bytes())));
    if !peer.ip().to_canonical().is_loopback() || !right || known.is_empty() {
        return (StatusCode::FORBIDDEN, "the token is wrong\n".to_owned());
    }
    match wanted.scenario.parse::<Scenario>() {
        Ok(scenario) => {
            shop.switch.set(scenario);
            tracing::info!(scenario = scenario.name(), release = scenario.release(), "scenario changed");
            (StatusCode::OK, format!("{}\n", scenario.name()))
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")),
    }
}
