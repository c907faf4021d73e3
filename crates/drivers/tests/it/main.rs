//! The drivers against real systems. Postgres: `QD_TEST_POSTGRES=postgres://… cargo test -- --include-ignored`; Redis: `QD_TEST_REDIS=redis://…`.

// Helpers outside of test functions may fail loudly too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod bullmq_read;
mod bullmq_write;
mod cache_redis;
mod inspector_postgres;
mod inspector_sqlite;
mod queue_embedded;
mod queue_suite;
mod support;
