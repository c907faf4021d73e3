//! The card: the only container. One line, no shadow.

use maud::{Markup, Render, html};
use qd_core::reading::Status;

use super::status::Tone;

/// A card with head, body parts and foot.
#[derive(Clone, Debug, Default)]
pub struct Card {
    title: String,
    note: Option<String>,
    id: Option<String>,
    actions: Option<Markup>,
    parts: Vec<(bool, Markup)>,
    foot: Option<Markup>,
    tone: Option<Tone>,
    stale: bool,
    flush: bool,
    live: Option<(String, Option<String>)>,
    level3: bool,
}

/// A card with a heading.
pub fn card(title: impl Into<String>) -> Card {
    Card { title: title.into(), ..Card::default() }
}

impl Card {
    /// A quiet sentence beside the heading.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Element id: swaps and live updates need one.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Buttons, a pill or a segment at the end of the head.
    #[must_use]
    pub fn actions(mut self, actions: Markup) -> Self {
        self.actions = Some(actions);
        self
    }

    /// A padded part.
    #[must_use]
    pub fn body(mut self, body: Markup) -> Self {
        self.parts.push((true, body));
        self
    }

    /// A part to the card's edge: a table, stats, rows.
    #[must_use]
    pub fn fill(mut self, part: Markup) -> Self {
        self.parts.push((false, part));
        self
    }

    /// A small line at the bottom.
    #[must_use]
    pub fn foot(mut self, foot: Markup) -> Self {
        self.foot = Some(foot);
        self
    }

    /// Colours the edge.
    #[must_use]
    pub fn tone(mut self, tone: impl Into<Tone>) -> Self {
        self.tone = Some(tone.into());
        self
    }

    /// Dashed and hatched when the data is STALE.
    #[must_use]
    pub fn stale(mut self, status: Status) -> Self {
        self.stale = status == Status::Stale;
        self
    }

    /// Clips its content to the round corners.
    #[must_use]
    pub fn flush(mut self) -> Self {
        self.flush = true;
        self
    }

    /// Fetched again on this event, from `src` or from the page's own address. Needs an [`id`](Self::id).
    #[must_use]
    pub fn live(mut self, event: impl Into<String>, src: Option<&str>) -> Self {
        self.live = Some((event.into(), src.map(str::to_owned)));
        self
    }

    /// The heading is an `h3`: for cards inside a section with its own heading.
    #[must_use]
    pub fn level3(mut self) -> Self {
        self.level3 = true;
        self
    }
}

impl Render for Card {
    fn render(&self) -> Markup {
        let (event, src) = self.live.as_ref().map(|(event, src)| (event, src)).unzip();
        html! {
            section class={ "card" @if self.flush { " card--flush" } } id=[&self.id] aria-label=(self.title) data-status=[self.tone.map(Tone::key)] data-stale[self.stale] data-live=[event] data-live-src=[src.and_then(Option::as_ref)] {
                div.card__head {
                    @if self.level3 { h3 { (self.title) } } @else { h2 { (self.title) } }
                    @if let Some(note) = &self.note { p { (note) } }
                    @if let Some(actions) = &self.actions { div.push { (actions) } }
                }
                @for (padded, part) in &self.parts { @if *padded { div.card__body { (part) } } @else { (part) } }
                @if let Some(foot) = &self.foot { div.card__foot { (foot) } }
            }
        }
    }
}

/// A titled region without a frame: heading, one sentence, an optional link at the end, content.
pub fn section(title: &str, note: Option<&str>, link: Option<(&str, &str)>, content: &Markup) -> Markup {
    html! {
        section.section aria-label=(title) {
            div.section__head { h2 { (title) } @if let Some(note) = note { p { (note) } } @if let Some((text, href)) = link { a href=(href) { (text) } } }
            (content)
        }
    }
}
