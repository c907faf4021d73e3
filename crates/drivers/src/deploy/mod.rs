//! Where the platform is deployed.

mod render;
mod wire;

pub use render::Render;
