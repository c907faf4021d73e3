//! Nothing here, not possible, not yet: always what it is, why, and the next step.

use maud::{Markup, Render, html};
use qd_core::Timestamp;

use super::format;
use super::icon::icon;
use super::status::{Tone, pill};

/// An empty place or an error in its place.
#[derive(Clone, Debug)]
pub struct Empty {
    icon: String,
    title: String,
    text: String,
    actions: Option<Markup>,
    error: bool,
}

impl Empty {
    /// Nothing yet: what would be here, and how it gets here.
    pub fn new(icon: impl Into<String>, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { icon: icon.into(), title: title.into(), text: text.into(), actions: None, error: false }
    }

    /// A filter without hits: name it and offer to clear it.
    pub fn filtered(title: impl Into<String>, text: impl Into<String>, clear_href: &str) -> Self {
        Self::new("search-x", title, text).actions(super::Button::link("Clear the filter", clear_href).small().render())
    }

    /// Something failed: what was asked, when, what still holds, who retries when.
    pub fn error(icon: impl Into<String>, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { error: true, ..Self::new(icon, title, text) }
    }

    /// The next step.
    #[must_use]
    pub fn actions(mut self, actions: Markup) -> Self {
        self.actions = Some(actions);
        self
    }
}

impl Render for Empty {
    fn render(&self) -> Markup {
        html! {
            div.empty role=[self.error.then_some("alert")] data-error[self.error] {
                (icon(&self.icon)) h3 { (self.title) } p { (self.text) }
                @if let Some(actions) = &self.actions { div class="row row--wrap" { (actions) } }
            }
        }
    }
}

/// A whole page's error: its head is the page's heading.
pub fn error_page(status: u16, title: &str, text: &str, actions: &Markup) -> Markup {
    html! {
        section.card data-error { div.empty role="alert" { (icon(if status == 404 { "search-x" } else { "unplug" })) h1 { (title) } p { (text) } div class="row row--wrap" { (actions) } } }
    }
}

/// A placeholder in the final shape of `lines`: `"w2" "w3" "figure" "chart"` or `""`.
pub fn skeleton(label: &str, lines: &[&str]) -> Markup {
    html! {
        div.stack.stack--s aria-busy="true" aria-label=(label) role="status" {
            @for line in lines { span class={ "skel" @if !line.is_empty() { " skel--" (line) } } {} }
        }
    }
}

/// The last known figure of something that fell silent.
pub fn stale_note(measured: Timestamp, now: Timestamp, every_seconds: i64) -> Markup {
    let silent = format::duration(now.since(measured));
    html! { (pill(Tone::Stale, None)) " " span.small.quiet { "Last measured " (format::moment(measured, now)) ", " (silent) " ago. Expected every " (format::duration(every_seconds)) "." } }
}
