//! Words and seams of Quarterdeck: no HTTP, no HTML, no driver.

pub mod audit;
pub mod config;
pub mod error;
pub mod event;
pub mod gate;
pub mod keys;
pub mod ledger;
pub mod port;
pub mod published;
pub mod reading;
pub mod secret;
pub mod time;

mod application;

pub use application::{App, AppParts, Runner, StateMap};
pub use error::{Error, Result};
pub use time::{Clock, Timestamp};

use engine::Migrator;

/// Migrations of the product's own tables, the same numbers and names for both databases.
pub static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
/// See [`SQLITE`].
pub static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Every static statement of this crate, for the test that prepares them on both databases.
pub fn statements() -> Vec<&'static str> {
    let lists = [gate::ALL_STATEMENTS, gate::INTENT_STATEMENTS, ledger::STATEMENTS, event::STATEMENTS, published::STATEMENTS];
    lists.into_iter().chain(audit::STATEMENTS.iter().copied()).flatten().copied().collect()
}
