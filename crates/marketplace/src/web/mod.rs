//! The shop on the web: pages that work by links and forms, without any script.

mod account;
mod art;
mod basket;
mod browse;
mod cart;
mod cashier;
mod cookies;
mod fault;
mod guard;
mod home;
mod layers;
mod layout;
mod notice;
mod portal;
mod probes;
mod switchboard;
mod visitor;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use engine::Db;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::control::Control;
use crate::scenario::Switch;
use crate::scenario::regression::Recommender;
use crate::store::clicks::Click;

/// Largest form.
const MAX_BODY: usize = 16 * 1024;
/// After so long a page is given up with 503.
const SLOWEST: Duration = Duration::from_secs(20);

/// What every page works with.
pub struct Shop {
    pub db: Db,
    pub zone: TimeZone,
    pub switch: Switch,
    pub recommender: Recommender,
    /// The password of the scenario switch; none: no switch.
    pub demo_token: Option<String>,
    /// Flags and maintenance.
    pub control: Control,
    pub clicks: mpsc::Sender<Click>,
    /// Clicks that were dropped because the recorder did not keep up.
    pub lost_clicks: AtomicU64,
}

impl Shop {
    /// Notes what a visitor did. Never waits: a click is not worth a slow page.
    fn click(&self, click: Click) {
        if self.clicks.try_send(click).is_err() {
            self.lost_clicks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// All routes. Probes, drawings and the style sheet are outside the spans, as a load balancer and a cache would answer
/// them in front of the application.
pub fn router(shop: Arc<Shop>) -> Router {
    let pages = Router::new()
        .route("/", get(home::home))
        .route("/search", get(browse::search))
        .route("/category/{slug}", get(browse::category))
        .route("/product/{slug}", get(browse::product))
        .route("/store/{slug}", get(browse::store))
        .route("/cart", get(basket::show).post(basket::add))
        .route("/cart/update", post(basket::update))
        .route("/checkout", get(cashier::form).post(cashier::place))
        .route("/orders", get(account::orders))
        .route("/orders/{number}", get(account::order))
        .route("/sign-in", get(account::sign_in).post(account::enter))
        .route("/sign-out", post(account::leave))
        .route("/vendor", get(portal::products))
        .route("/vendor/products/{id}", post(portal::edit))
        .route("/vendor/orders", get(portal::orders))
        .route("/vendor/items/{id}/done", post(portal::done))
        .fallback(fault::nowhere)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shop), layers::observe))
        .layer(guard::maintenance(&shop))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shop), guard::recognise));
    let quiet = Router::new()
        .route("/healthz", get(probes::health))
        .route("/readyz", get(probes::ready))
        .route("/assets/shop.css", get(art::style))
        .route("/art/{kind}/{variant}", get(art::picture));
    let quiet = quiet.merge(switchboard::routes(&shop)).layer(guard::maintenance(&shop));
    pages
        .merge(quiet)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, SLOWEST))
        .layer(tower_http::csrf::CsrfLayer::new())
        .layer(axum::middleware::map_response(layers::headers))
        .layer(tower_http::compression::CompressionLayer::new())
        .with_state(shop)
}
