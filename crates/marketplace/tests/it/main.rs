//! The marketplace through its public face: a real server on a free port, a real database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod bullmq;
mod child;
mod generator;
mod scenarios;
mod selling;
mod shopping;
mod support;
mod traffic;
mod twins;
