//! Views, features and the web frame of Quarterdeck.

pub mod features;
pub mod ui;
pub mod views;
pub mod web;

/// The contents page: everything that the product does. Order does not matter.
pub fn features() -> Vec<web::Feature> {
    use features::{audit, deploys, flags, health, identity, incidents, maintenance, queues, settings, telemetry};
    vec![
        views::HOME,
        views::HEALTH,
        views::DEPLOYS,
        views::QUEUES,
        health::FEATURE,
        incidents::FEATURE,
        audit::FEATURE,
        telemetry::FEATURE,
        // Before flags: the reserved flags tell of it.
        maintenance::FEATURE,
        flags::FEATURE,
        flags::ramp::FEATURE,
        flags::ofrep::FEATURE,
        flags::usage::FEATURE,
        deploys::FEATURE,
        queues::FEATURE,
        identity::FEATURE,
        settings::FEATURE,
    ]
}
