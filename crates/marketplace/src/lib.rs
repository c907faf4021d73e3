//! Fernmarket, the reference marketplace: the platform that Quarterdeck's demo and tests operate.
//!
//! An application of its own. It uses [`engine`] for its database and its jobs, as any Rust application could, and
//! otherwise meets Quarterdeck over public protocols only. Its trouble is real: see [`Scenario`].

mod catalog;
mod checkout;
mod control;
mod error;
pub mod generate;
mod ids;
mod jobs;
mod mail;
mod money;
mod scenario;
mod schema;
mod shop;
mod store;
mod telemetry;
mod traffic;
mod web;

pub use client::{BypassKey, Endpoint};
pub use error::{Error, Result};
pub use generate::{GenerateOptions, Size, generate};
pub use jobs::bullmq::{Bull, install as install_workers};
pub use scenario::{Scenario, Switch};
pub use schema::{VERSIONS, migrate, migrators};
pub use shop::{Marketplace, MarketplaceOptions, run};
pub use store::statements;
