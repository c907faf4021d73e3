//! The design system as maud components: pure functions and plain structs, no features, no web.
//!
//! Text slots take strings and are escaped; slots of type [`maud::Markup`] take finished HTML.
//! The style guide ([`guide::page`]) shows every part in every state.
//!
//! What the scripts in `assets/js` expect of a server, beside plain links and forms:
//! * `HX-Request` for a page: [`fragment`]; for a confirm address: [`Confirm::dialog`], again with errors on 409, 422 and 5xx.
//! * After a change: 200 with an empty body (the page is fetched again) or `HX-Location`, and [`toast::Toast::trigger`] in `HX-Trigger`.
//! * A failure without a form: `application/problem+json`, or HTML with [`Empty::error`] or [`empty::error_page`].
//! * `/events`: an event `name` makes every element with `data-live="name"` and an id come again, from `data-live-src` or from the
//!   page's own address; data that begins with `<` replaces it at once. `freshness` carries `{"measured":"14:02:15"}`; `incident` renews the banners too.
//!
//! Icons: `assets/icons.svg` holds the Lucide symbols in use; a new one is one more `<symbol id="i-name">` line.

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
pub use layout::{Chrome, NavItem, User, fragment, page};
pub use status::{Tone, pill, status, status_word};

#[cfg(test)]
mod tests;
