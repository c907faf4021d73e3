//! The drivers against real systems. Postgres: `QD_TEST_POSTGRES=postgres://… cargo test -- --include-ignored`.

mod inspector_postgres;
mod inspector_sqlite;
mod queue_embedded;
mod queue_suite;
mod support;
