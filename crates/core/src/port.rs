//! Ports: what the product asks of systems outside. Each driver says what it can do; a changing method takes a [`Warrant`].

mod deployer;
pub mod queue;

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Result;

pub use deployer::{DeployState, DeployTarget, Deployer, ProviderDeploy};
pub use queue::{Queue, QueueState};

/// One figure of a database or cache, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figure {
    /// Key within the inspector: "cache_hit_ratio".
    pub key: &'static str,
    /// Name for people: "Cache hit ratio".
    pub name: &'static str,
    /// Unit: `%`, `bytes`, `ms`, or empty for a count.
    pub unit: &'static str,
    /// The figure.
    pub value: Option<f64>,
    /// Why there is none.
    pub missing: Option<String>,
}

impl Figure {
    /// A measured figure.
    pub fn of(key: &'static str, name: &'static str, unit: &'static str, value: f64) -> Self {
        Self { key, name, unit, value: Some(value), missing: None }
    }

    /// A figure that this database does not have or would not give.
    pub fn missing(key: &'static str, name: &'static str, unit: &'static str, why: impl Into<String>) -> Self {
        Self { key, name, unit, value: None, missing: Some(why.into()) }
    }
}

/// Looks into a system of the platform (its database, its cache), read-only.
pub trait Inspector: Send + Sync {
    /// Name of the system: "SQLite", "Postgres", "Redis".
    fn driver(&self) -> &'static str;
    /// Every figure that it knows, measured now, with a time limit of its own.
    fn inspect(&self) -> BoxFuture<'_, Result<Vec<Figure>>>;
}

/// A job system under the name of its configuration.
#[derive(Clone)]
pub struct QueueSource {
    /// Name in the configuration: "marketplace".
    pub name: String,
    /// The driver.
    pub queue: Arc<dyn Queue>,
}

/// Everything that is connected; what is not configured is not here, and reads UNKNOWN.
#[derive(Clone, Default)]
pub struct Ports {
    /// Job systems.
    pub queues: Vec<QueueSource>,
    /// The platform's database.
    pub inspector: Option<Arc<dyn Inspector>>,
    /// The platform's cache.
    pub cache: Option<Arc<dyn Inspector>>,
    /// Where the platform is deployed.
    pub deployer: Option<Arc<dyn Deployer>>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues: Vec<_> = self.queues.iter().map(|source| source.name.as_str()).collect();
        let (inspector, cache, deployer) = (self.inspector.is_some(), self.cache.is_some(), self.deployer.is_some());
        let mut shown = f.debug_struct("Ports");
        shown.field("queues", &queues).field("inspector", &inspector).field("cache", &cache).field("deployer", &deployer).finish()
    }
}
