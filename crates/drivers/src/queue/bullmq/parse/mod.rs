//! What stands in BullMQ's keys, in our words. All of it is foreign text of any shape: what can't be understood is left out, nothing fails.

mod anything;
mod client;
mod event;
mod hash;
mod number;
mod options;

pub use anything::anything;
pub use client::{Client, client};
pub use event::event;
pub use hash::{Hash, row, stacks};
pub use number::{due, millis, moment, priority, reference, slot, stream_millis, version};
pub use options::{Options, options};
