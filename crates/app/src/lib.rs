//! Views, features and the web frame of Quarterdeck.

pub mod features;
pub mod ui;
pub mod views;
pub mod web;

/// The contents page: everything that the product does. Order does not matter.
pub fn features() -> Vec<web::Feature> {
    use features::{audit, health, identity, incidents, settings, telemetry};
    vec![views::HOME, views::HEALTH, health::FEATURE, incidents::FEATURE, audit::FEATURE, telemetry::FEATURE, identity::FEATURE, settings::FEATURE]
}
