//! The marketplace through its public face: a real server on a free port, a real database.

mod child;
mod generator;
mod scenarios;
mod selling;
mod shopping;
mod support;
mod traffic;
mod twins;
