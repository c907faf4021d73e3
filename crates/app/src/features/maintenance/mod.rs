//! Maintenance: windows in which writes are blocked, announced, and ended.

use crate::web::Feature;

/// The manifest.
pub const FEATURE: Feature = Feature::new("maintenance", |routes| routes);
