//! Feature flags: what each application may show, decided here.

use crate::web::Feature;

/// The manifest.
pub const FEATURE: Feature = Feature::new("flags", |routes| routes);
