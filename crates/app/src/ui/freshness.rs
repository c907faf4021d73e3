//! Environment and freshness: the two truths of the top bar.

use maud::{Markup, Render, html};
use qd_core::Timestamp;

use super::format;

/// How current the page is. The server says when; script says whether it stays so (`data-state`: `still live paused lost`).
/// The moment is that of the oldest figure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freshness {
    /// When the oldest figure was measured; `None` before the first.
    pub measured: Option<Timestamp>,
}

impl Freshness {
    /// The same, to be swapped by its id beside other content.
    pub fn out_of_band(&self) -> Markup {
        self.element(true)
    }

    fn element(&self, out_of_band: bool) -> Markup {
        html! {
            span.fresh id="freshness" data-state="still" hx-swap-oob=[out_of_band.then_some("true")] {
                span.fresh__dot aria-hidden="true" {}
                span {
                    @match self.measured {
                        Some(at) => { span.hide-small { "measured " } time datetime=(at.rfc3339()) { (format::clock(at)) } }
                        None => { "not measured yet" }
                    }
                    span.hide-small data-fresh-state {}
                }
            }
        }
    }
}

impl Render for Freshness {
    fn render(&self) -> Markup {
        self.element(false)
    }
}

/// The environment's frame: amber hazard stripes for production, blue for all others.
pub fn env_badge(name: &str, production: bool) -> Markup {
    html! { span.env data-env=(if production { "production" } else { "other" }) title={ "You are looking at " (name.to_lowercase()) } { (name.to_uppercase()) } }
}
