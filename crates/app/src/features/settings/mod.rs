//! Settings: one's own account and sessions, people and what each role may, machines' tokens, and the configuration that holds.
//!
//! It owns no table: it shows and calls the verbs of `identity`, and the configuration with its secrets masked.

mod origin;
mod pages;
mod roles;

use qd_core::gate::Access;

use crate::web::{Feature, MenuItem};

/// The manifest.
pub const FEATURE: Feature =
    Feature { menu: Some(MenuItem::new("Settings", "/settings", "settings", 'S', 110, Access::SignedIn)), ..Feature::new("settings", pages::routes) };
