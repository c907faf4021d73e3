//! What the product does: one folder a feature.

pub mod audit;
pub mod deploys;
pub mod flags;
pub mod health;
pub mod identity;
pub mod incidents;
pub mod maintenance;
pub mod queues;
pub mod settings;
pub mod telemetry;

#[cfg(test)]
pub(crate) mod testing;
