//! Fernmarket, the reference marketplace: the platform that Quarterdeck's demo and tests operate.
//!
//! An application of its own. It uses [`engine`] for its database and its jobs, as any Rust application could, and
//! otherwise meets Quarterdeck over public protocols only. Its trouble is real: see [`scenario`].

pub mod catalog;
pub mod error;
pub mod generate;
pub mod ids;
pub mod money;
pub mod schema;

pub use error::{Error, Result};
pub use generate::{GenerateOptions, Size, generate, generate_at};
