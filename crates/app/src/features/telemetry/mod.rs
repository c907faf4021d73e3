//! What the platform says of itself over OTLP/HTTP: spans become figures of services and endpoints, log records become a readable list.
//!
//! [`otlp`] reads the wire, [`ingest`] makes it durable before it answers, [`endpoints`] holds the figures (p50, p95, p99, error rate,
//! throughput from mergeable sketches) and puts the API card's readings on the board, [`logs`] holds the records. Only SERVER and CONSUMER
//! spans make figures; metrics are understood and answered with "not stored".

pub mod endpoints;
pub mod ingest;
pub mod logs;
pub mod otlp;

mod retain;

use qd_core::Result;
use qd_core::config::Config;

pub use endpoints::pages::{Range, ServicePage, SlowEndpoints, panel as endpoints_panel, service_href, slow as slow_endpoints, slowest};
pub use endpoints::{EndpointFigures, MinuteFigures, ServiceSeen, WindowFigures, minutes, rank_once, routes, services, window};
pub use ingest::Telemetry;
pub use logs::{Filter, LogPage, LogRecord, records, warnings};
pub use retain::{Trimmed, trim};

use crate::web::{Feature, Routes, Starter};

/// The manifest.
pub const FEATURE: Feature = Feature { state, start, statements: STATEMENTS, ..Feature::new("telemetry", all_routes) };

/// Every static statement of this feature.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub const STATEMENTS: &[&str] = &{
    const FIGURES: &[&str] = endpoints::store::STATEMENTS;
    const RECORDS: &[&str] = logs::store::STATEMENTS;
    let mut all = [""; FIGURES.len() + RECORDS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < FIGURES.len() { FIGURES[at] } else { RECORDS[at - FIGURES.len()] };
        at += 1;
    }
    all
};

fn all_routes(routes: Routes) -> Routes {
    logs::pages::routes(endpoints::pages::routes(ingest::http::routes(routes)))
}

fn state(config: &Config, state: &mut qd_core::StateMap) -> Result<()> {
    state.insert(Telemetry::new(&config.telemetry));
    Ok(())
}

fn start(starter: &mut Starter) {
    starter.keep("telemetry writer", ingest::run);
    starter.keep("ranking of endpoints", endpoints::rank_forever);
    starter.keep("API card", endpoints::sample_forever);
}

#[cfg(test)]
mod tests;
