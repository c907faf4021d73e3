//! Job systems: who works on what, and how long it waits.

mod embedded;

pub use embedded::Embedded;
