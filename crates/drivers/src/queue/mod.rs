//! Job systems: who works on what, and how long it waits.

pub mod bullmq;
mod embedded;

pub use bullmq::BullMq;
pub use embedded::Embedded;
