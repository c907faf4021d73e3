//! A timeline, newest first.

use maud::{Markup, Render, html};

use super::icon::icon;
use super::status::Tone;

/// One entry.
#[derive(Clone, Debug)]
pub struct Event {
    /// Colour; `None` for plain notes.
    pub tone: Option<Tone>,
    /// Icon name.
    pub icon: String,
    /// What happened.
    pub text: Markup,
    /// Words of a person, set apart.
    pub quote: Option<String>,
    /// When ([`super::format::time`]).
    pub time: Markup,
    /// Who, and where else it went.
    pub by: String,
}

impl Render for Event {
    fn render(&self) -> Markup {
        html! {
            li data-status=[self.tone.map(Tone::key)] {
                span.timeline__mark { (icon(&self.icon)) }
                div.timeline__body {
                    p { (self.text) }
                    @if let Some(quote) = &self.quote { blockquote { (quote) } }
                    p.timeline__meta { (self.time) @if !self.by.is_empty() { span { (self.by) } } }
                }
            }
        }
    }
}

/// The list.
pub fn timeline(events: &[Event]) -> Markup {
    html! { ol.timeline { @for event in events { (event) } } }
}
