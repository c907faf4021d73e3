//! Deploys: which build runs where, since when, and what it is configured with.

use crate::web::Feature;

/// The manifest.
pub const FEATURE: Feature = Feature::new("deploys", |routes| routes);
