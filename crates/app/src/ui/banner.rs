//! Banners stay until their cause is gone. At most two above a page: incident before maintenance. On a phone one line each.

use maud::{Markup, Render, html};

use super::button::Button;
use super::icon::icon;
use super::status::Tone;

/// What a banner says.
#[derive(Clone, Debug, Default)]
pub struct Banner {
    /// Colour.
    pub tone: Tone,
    /// Icon name; the tone's own when empty.
    pub icon: String,
    /// The fact: `SEV2 · Order confirmation emails delayed up to 18 min.`
    pub title: String,
    /// The same for one line on a phone; the title when empty.
    pub short: String,
    /// More, as markup, so that a countdown fits; `html! {}` for none.
    pub text: Option<Markup>,
    /// Text and address of the button.
    pub link: Option<(String, String)>,
    /// Can be hidden in this browser session under this key.
    pub key: Option<String>,
}

impl Banner {
    /// A banner with a title.
    pub fn new(tone: impl Into<Tone>, title: impl Into<String>) -> Self {
        Self { tone: tone.into(), title: title.into(), ..Self::default() }
    }

    /// With a sentence.
    #[must_use]
    pub fn text(mut self, text: impl Render) -> Self {
        self.text = Some(text.render());
        self
    }

    /// With a button that leads to `href`.
    #[must_use]
    pub fn link(mut self, text: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((text.into(), href.into()));
        self
    }

    /// With another icon.
    #[must_use]
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = name.into();
        self
    }

    /// With a shorter title for a phone.
    #[must_use]
    pub fn short(mut self, text: impl Into<String>) -> Self {
        self.short = text.into();
        self
    }

    /// Can be hidden for this browser session.
    #[must_use]
    pub fn hideable(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl Render for Banner {
    fn render(&self) -> Markup {
        let icon_name = if self.icon.is_empty() { self.tone.icon() } else { &self.icon };
        html! {
            div.banner data-status=(self.tone.key()) data-key=[&self.key] {
                (icon(icon_name))
                div.banner__text {
                    strong {
                        @if self.short.is_empty() { (self.title) } @else { span.banner__long { (self.title) } span.banner__short { (self.short) } }
                    }
                    @if let Some(text) = &self.text { p { (text) } }
                }
                @if self.link.is_some() || self.key.is_some() {
                    div.banner__actions {
                        @if let Some((text, href)) = &self.link { (Button::link(text, href).small()) }
                        @if self.key.is_some() { button type="button" class="btn btn--ghost btn--icon btn--s needs-js" aria-label="Hide" title="Hide" data-dismiss { (icon("x")) } }
                    }
                }
            }
        }
    }
}
