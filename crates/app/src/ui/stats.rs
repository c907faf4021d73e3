//! Figures with names: `dl.stats` for a row of them, `dl.kv` for a record.

use maud::{Markup, Render, html};

/// One figure with its unit and a note.
#[derive(Clone, Debug)]
pub struct Stat {
    /// A noun: `Oldest`.
    pub label: String,
    /// The figure; markup, so that a countdown fits.
    pub value: Markup,
    /// Unit, small behind the figure.
    pub unit: String,
    /// Limit, source or comparison.
    pub note: String,
}

impl Stat {
    /// A figure as text.
    pub fn new(label: impl Into<String>, value: impl Into<String>, unit: impl Into<String>, note: impl Into<String>) -> Self {
        let value: String = value.into();
        Self { label: label.into(), value: html! { (value) }, unit: unit.into(), note: note.into() }
    }

    /// A figure as markup.
    pub fn markup(label: impl Into<String>, value: Markup, unit: impl Into<String>, note: impl Into<String>) -> Self {
        Self { label: label.into(), value, unit: unit.into(), note: note.into() }
    }
}

impl Render for Stat {
    fn render(&self) -> Markup {
        html! {
            div.stat {
                dt { (self.label) }
                dd { (self.value) @if !self.unit.is_empty() { small { (self.unit) } } }
                @if !self.note.is_empty() { dd.stat__note { (self.note) } }
            }
        }
    }
}

/// A row of figures inside a card.
pub fn stats(figures: &[Stat]) -> Markup {
    html! { dl.stats { @for figure in figures { (figure) } } }
}

/// A row of figures that is its own card.
pub fn stats_card(figures: &[Stat]) -> Markup {
    html! { dl class="stats card card--flush" { @for figure in figures { (figure) } } }
}

/// A record: names and values.
pub fn kv<K: Render, V: Render>(pairs: impl IntoIterator<Item = (K, V)>) -> Markup {
    html! { dl.kv { @for (name, value) in pairs { dt { (name) } dd { (value) } } } }
}
