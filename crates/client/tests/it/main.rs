//! The client against a small server that answers as the protocols say, and that can go away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake;
mod flags;
mod instance;
mod layer;
mod maintenance;
