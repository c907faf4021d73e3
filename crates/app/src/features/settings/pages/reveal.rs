//! A secret that is shown once: as a dialog in place of the form that made it, or as a page without script.

use maud::{Markup, html};

use crate::ui::{Button, code, dialog, icon};
use crate::web::Page;

/// What is shown.
pub struct Reveal<'a> {
    /// "Token for shop".
    pub title: &'a str,
    /// What to do with it now.
    pub lead: &'a str,
    /// The secret; `None` when an earlier call showed it.
    pub secret: Option<&'a str>,
    /// Where Done leads without script.
    pub back: &'a str,
}

impl Reveal<'_> {
    /// The markup for this page.
    pub fn draw(&self, page: &Page<'_>) -> Markup {
        match page.htmx {
            true => html! { dialog.dialog id="confirm" aria-labelledby="confirm-t" aria-describedby="confirm-d" { (self.inside(true)) } },
            false => html! { div class="dialog dialog--static dialog--page" { (self.inside(false)) } },
        }
    }

    fn inside(&self, modal: bool) -> Markup {
        html! {
            div.dialog__head {
                span.icon-tile data-status="ok" { (icon("key-round")) }
                div.grow { @if modal { h2 id="confirm-t" { (self.title) } } @else { h1 { (self.title) } } p id="confirm-d" { (self.lead) } }
                @if modal { (dialog::close()) }
            }
            div.dialog__body {
                @match self.secret {
                    Some(secret) => {
                        (code::wrapped(self.title, secret))
                        div.needs-js { button type="button" class="btn" data-copy=(secret) { (icon("copy")) "Copy" } }
                    }
                    None => p { "It was shown when this was done first. It can't be shown again." }
                }
            }
            div.dialog__foot {
                p.audit-note { "Only its hash is kept." }
                @if modal { a class="btn btn--primary" href=(self.back) data-closes { "Done" } } @else { (Button::link("Done", self.back).primary()) }
            }
        }
    }
}
