//! Configuration into a running control center: the only place that says "Postgres" or "SQLite" out loud.

pub mod cli;
pub mod commands;
#[cfg(feature = "demo")]
pub mod demo;
pub mod housekeeping;
mod listener;
pub mod logging;
pub mod running;
pub mod wiring;

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
