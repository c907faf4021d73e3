//! A drawer shows one record over its list; a page without script.

use maud::{Markup, html};

use super::dialog::close;

/// What a drawer holds.
#[derive(Clone, Debug)]
pub struct Drawer {
    /// Element id.
    pub id: String,
    /// The record's name.
    pub title: String,
    /// One quiet line under it.
    pub note: String,
    /// The record.
    pub body: Markup,
    /// Its actions; the foot is left out when empty.
    pub foot: Markup,
    /// Address of the list without the record.
    pub back: String,
}

impl Drawer {
    /// The fragment for `#dialogs`: script opens it.
    pub fn dialog(&self) -> Markup {
        self.element(false)
    }

    /// The drawer inside its list's page (`?job=…`): open without script, moved above the page by script.
    pub fn inline(&self) -> Markup {
        self.element(true)
    }

    fn element(&self, inline: bool) -> Markup {
        let id = &self.id;
        html! {
            dialog.drawer id=(id) aria-labelledby={ (id) "-t" } open[inline] data-open[inline] data-back=(self.back) {
                div.drawer__head {
                    div.grow { h2 id={ (id) "-t" } { (self.title) } @if !self.note.is_empty() { p.quiet { (self.note) } } }
                    @if inline { a class="btn btn--ghost btn--s nojs" href=(self.back) { "Close" } }
                    (close())
                }
                div.drawer__body { (self.body) }
                @if !self.foot.0.is_empty() { div.drawer__foot { (self.foot) } }
            }
        }
    }
}
