//! Everything about the engine, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

mod admin;
mod crash;
mod durable;
mod jobs;
mod limits;
mod manage;
mod rules;
mod says;
mod schedules;
mod statements;
mod values;
mod writes;
