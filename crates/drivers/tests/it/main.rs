//! The drivers against real systems. Postgres: `QD_TEST_POSTGRES=postgres://… cargo test -- --include-ignored`.

// Helpers outside of test functions may fail loudly too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod inspector_postgres;
mod inspector_sqlite;
mod queue_embedded;
mod queue_suite;
mod support;
