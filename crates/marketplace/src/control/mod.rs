//! What the marketplace obeys, and what it tells of itself: all of it through the crate `client`, as any application would.

mod release;

use client::{FlagOptions, Flags, Instance, InstanceOptions, Maintenance, MaintenanceOptions};
use tokio::task::JoinSet;

use crate::scenario::Switch;
use crate::shop::MarketplaceOptions;

/// What goes on during a maintenance: coming and going, and asking whether the shop is well.
const ALLOWED: [&str; 4] = ["/sign-in", "/sign-out", "/healthz", "/readyz"];
/// Only this machine may, with the demo's token: it changes what is wrong, and no goods.
const SWITCHBOARD: &str = "/_demo/scenario";

/// Flags, maintenance, and the heartbeat.
#[derive(Debug, Clone)]
pub struct Control {
    pub flags: Flags,
    pub maintenance: Maintenance,
    _instance: Option<Instance>,
}

impl Control {
    /// Follows the control center of the options; without one every flag has its default and there is never a maintenance.
    pub fn start(options: &MarketplaceOptions, switch: &Switch, helpers: &mut JoinSet<()>) -> Self {
        let Some(endpoint) = options.control.clone() else {
            return Self { flags: Flags::off(), maintenance: Maintenance::off(), _instance: None };
        };
        let directory = options.data_dir.join("control");
        let flags = Flags::start(endpoint.clone(), FlagOptions { directory: Some(directory.clone()), ..FlagOptions::default() });
        let maintenance = Maintenance::start(
            endpoint.clone(),
            MaintenanceOptions {
                directory: Some(directory),
                allow: ALLOWED.into_iter().chain([SWITCHBOARD]).map(str::to_owned).collect(),
                bypass: options.bypass.clone(),
                ..MaintenanceOptions::default()
            },
        );
        let told = told(options, switch);
        let environment = told.environment.clone();
        let instance = Instance::start(endpoint.clone(), told, maintenance.clone());
        helpers.spawn(release::tell(endpoint, environment, switch.clone(), instance.clone(), options.data_dir.join("release")));
        Self { flags, maintenance, _instance: Some(instance) }
    }

    /// Writes down what is known, for the next start.
    pub async fn stop(&self) {
        self.flags.flush().await;
    }
}

/// What this process says of itself: names and safe values, and fingerprints of what is secret.
fn told(options: &MarketplaceOptions, switch: &Switch) -> InstanceOptions {
    let release = switch.now().release().to_owned();
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut told = InstanceOptions::from_env("marketplace")
        .secret("DATABASE_URL", Some(options.database_url.clone()))
        .secret("MARKETPLACE_DEMO_TOKEN", options.demo_token.clone())
        .secret("MAINTENANCE_BYPASS_SECRET", of("MAINTENANCE_BYPASS_SECRET"))
        .secret("OFREP_HEADERS", of("OFREP_HEADERS"))
        .shown("OFREP_ENDPOINT", of("OFREP_ENDPOINT"))
        .shown("OTEL_EXPORTER_OTLP_ENDPOINT", of("OTEL_EXPORTER_OTLP_ENDPOINT"))
        .shown("OTEL_SERVICE_NAME", of("OTEL_SERVICE_NAME"))
        .shown("LISTEN", Some(options.listen.to_string()))
        .shown("TIME_ZONE", Some(options.time_zone.clone()))
        .shown("TRAFFIC", Some(options.traffic.to_string()))
        .shown("TRAFFIC_RATE", Some(options.traffic_rate.to_string()));
    told.sha = told.sha.or_else(|| Some(release.clone()));
    told.version = Some(release);
    told
}
