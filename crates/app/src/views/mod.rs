//! The tabs: each composes panels of features, and nothing else; and the frame around every page.

mod deploys;
mod frame;
mod health;
mod home;
mod queues;

pub use deploys::FEATURE as DEPLOYS;
pub use frame::Frame;
pub use health::FEATURE as HEALTH;
pub use home::FEATURE as HOME;
pub use queues::FEATURE as QUEUES;
