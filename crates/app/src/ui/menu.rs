//! A popover menu: native `popover`, placed by script. Its opener is [`super::Button::popover`].

use maud::{Markup, Render, html};

use super::icon::icon;

/// One entry.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Goes to a place: icon, text, quiet text at the end, address, whether it is here.
    Link {
        /// Icon name.
        icon: String,
        /// Text.
        text: String,
        /// Quiet text at the end.
        note: String,
        /// Address.
        href: String,
        /// Whether this is the current one.
        current: bool,
    },
    /// Opens a confirm dialog; its text ends in `…`.
    Dialog {
        /// Icon name.
        icon: String,
        /// Text.
        text: String,
        /// Address of the confirm form.
        href: String,
    },
    /// Posts at once: for what can be undone, and sign-out.
    Post {
        /// Icon name.
        icon: String,
        /// Text.
        text: String,
        /// Where it posts to.
        action: String,
    },
    /// Any other entry.
    Markup(Markup),
    /// A line.
    Line,
}

impl Render for Entry {
    fn render(&self) -> Markup {
        html! {
            @match self {
                Self::Link { icon: name, text, note, href, current } => {
                    a href=(href) aria-current=[current.then_some("true")] { (icon(name)) span.grow { (text) } @if !note.is_empty() { span class="quiet small" { (note) } } }
                }
                Self::Dialog { icon: name, text, href } => { a href=(href) data-dialog { (icon(name)) (text) } }
                Self::Post { icon: name, text, action } => { form method="post" action=(action) { button type="submit" { (icon(name)) (text) } } }
                Self::Markup(markup) => { (markup) }
                Self::Line => { hr; }
            }
        }
    }
}

/// The menu with its title.
pub fn menu(id: &str, title: &str, entries: &[Entry]) -> Markup {
    html! { div.menu id=(id) popover { p.menu__title { (title) } @for entry in entries { (entry) } } }
}
