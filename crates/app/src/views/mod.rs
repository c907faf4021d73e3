//! The tabs: each composes panels of features, and nothing else; and the frame around every page.

mod frame;
mod home;

pub use frame::Frame;
pub use home::FEATURE as HOME;
