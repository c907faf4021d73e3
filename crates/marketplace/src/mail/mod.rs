//! Mail as the shop needs it: a client that speaks SMTP, and the mail server of the demo, which keeps what it gets in a
//! folder.

pub mod client;
pub mod sink;

pub use client::{Mail, deliver};
pub use sink::Sink;
