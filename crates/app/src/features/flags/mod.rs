//! Feature flags: what each application may show, decided here.
//!
//! A flag has variants, a scope, rules and a rollout ([`definition`]); what it gives in a context is a pure function over a snapshot in memory
//! ([`evaluate`]), served to applications by the OpenFeature protocol ([`ofrep`]), and counted ([`usage`]). Every change goes through the gate, keeps a revision and takes the next
//! published revision; rollouts can move by themselves ([`ramp`]). Keys that start with `ops.` tell of the maintenance state.

pub mod definition;
pub mod evaluate;
pub mod ofrep;
mod pages;
pub mod ramp;
mod serve;
pub mod usage;

pub use definition::trim;
pub use pages::{ListQuery, ListView, PANEL, listed};
pub use serve::{explain, flags, snapshot};

use crate::web::Feature;

/// The manifest.
pub const FEATURE: Feature =
    Feature { state: serve::state, published: Some(serve::load), statements: definition::STATEMENTS, ..Feature::new("flags", pages::routes) };

#[cfg(test)]
mod tests;
