//! The design system as maud components: pure functions and plain structs, no features, no web.
//!
//! Text slots take strings and are escaped; slots of type [`maud::Markup`] take finished HTML.
//! The style guide ([`guide::page`]) shows every part in every state.

pub mod assets;
pub mod badge;
pub mod banner;
pub mod button;
pub mod card;
pub mod chart;
pub mod code;
pub mod dialog;
pub mod diff;
pub mod drawer;
pub mod empty;
pub mod field;
pub mod format;
pub mod freshness;
pub mod guide;
pub mod head;
pub mod icon;
pub mod kpi;
pub mod layout;
pub mod menu;
pub mod pager;
pub mod palette;
pub mod spark;
pub mod stats;
pub mod status;
pub mod steps;
pub mod switch;
pub mod table;
pub mod tabs;
pub mod timeline;
pub mod toast;

pub use badge::{avatar, badge, badge_kind};
pub use banner::Banner;
pub use button::{Button, Kind};
pub use card::card;
pub use dialog::Confirm;
pub use empty::Empty;
pub use head::page_head;
pub use icon::{icon, icon_small};
pub use kpi::Kpi;
pub use layout::{Chrome, NavItem, User, bare, fragment, page};
pub use status::{Tone, pill, status, status_word};

#[cfg(test)]
mod tests;
