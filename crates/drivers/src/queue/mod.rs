//! Job systems: who works on what, and how long it waits.

mod bullmq;
mod embedded;

pub use bullmq::BullMq;
pub use embedded::Embedded;
