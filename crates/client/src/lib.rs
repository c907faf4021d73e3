//! Feature flags for Rust applications over OFREP, the OpenFeature Remote Evaluation Protocol (version 0.3.0).
//!
//! It imports nothing of Quarterdeck's other crates: it speaks the public protocol, to any server that does.

mod flags;

pub use flags::{Context, Error, Evaluation, FlagClient, Source};
