//! Tabs and segments: links, because the address is the state.

use maud::{Markup, html};

/// One tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// A noun.
    pub label: String,
    /// Address with the tab in it.
    pub href: String,
    /// A count beside the label.
    pub count: Option<i64>,
    /// Whether it is shown now.
    pub current: bool,
}

impl Tab {
    /// A tab without a count.
    pub fn new(label: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        Self { label: label.into(), href: href.into(), count: None, current }
    }

    /// With a count.
    #[must_use]
    pub fn count(mut self, count: i64) -> Self {
        self.count = Some(count);
        self
    }
}

/// A line of tabs; each swaps `#main`.
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for tab in tabs {
                a href=(tab.href) hx-get=(tab.href) hx-target="#main" hx-push-url="true" aria-current=[tab.current.then_some("true")] {
                    (tab.label) @if let Some(count) = tab.count { " " span.count { (super::format::number(count)) } }
                }
            }
        }
    }
}

/// A switch of view or range inside a card: the same links, smaller.
pub fn seg(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        div.seg role="group" aria-label=(label) {
            @for tab in tabs { a href=(tab.href) hx-get=(tab.href) hx-target="#main" hx-push-url="true" aria-current=[tab.current.then_some("true")] { (tab.label) } }
        }
    }
}

/// Where a page stands: links, then the page itself.
pub fn crumbs(links: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav class="small crumbs" aria-label="Breadcrumb" {
            @for (text, href) in links { a href=(href) { (text) } " " span aria-hidden="true" { "/" } " " }
            (here)
        }
    }
}
