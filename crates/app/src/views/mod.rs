//! The tabs: each composes panels of features, and nothing else; and the frame around every page.

mod frame;

pub use frame::Frame;
