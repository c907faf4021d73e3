//! What the product does: one folder a feature.

pub mod health;
pub mod identity;
pub mod incidents;
pub mod telemetry;

#[cfg(test)]
pub(crate) mod testing;
