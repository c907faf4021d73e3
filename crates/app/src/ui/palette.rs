//! The command palette: what is going on, what can be run, where to go.

use maud::{Markup, Render, html};

use super::icon::icon;

/// What an option does.
#[derive(Clone, Debug)]
pub enum Do {
    /// Goes to a place.
    Go(String),
    /// Opens a confirm dialog.
    Ask(String),
    /// Sets the theme: `light dark auto`.
    Theme(&'static str),
}

/// One option.
#[derive(Clone, Debug)]
pub struct Command {
    /// Icon name.
    pub icon: String,
    /// Text that is searched.
    pub text: String,
    /// Quiet text at the end, searched too.
    pub note: String,
    /// What it does.
    pub act: Do,
}

impl Command {
    /// Goes to `href`.
    pub fn go(icon: impl Into<String>, text: impl Into<String>, note: impl Into<String>, href: impl Into<String>) -> Self {
        Self { icon: icon.into(), text: text.into(), note: note.into(), act: Do::Go(href.into()) }
    }

    /// Opens the confirm dialog of `href`.
    pub fn ask(icon: impl Into<String>, text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { icon: icon.into(), text: text.into(), note: "needs confirm".into(), act: Do::Ask(href.into()) }
    }
}

/// A named group: `Now`, `Run`, `Go to`.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Options.
    pub commands: Vec<Command>,
}

struct Numbered<'a>(&'a Command, usize, usize);

impl Render for Numbered<'_> {
    fn render(&self) -> Markup {
        let Self(command, group, index) = self;
        let (href, ask, theme) = match &command.act {
            Do::Go(href) => (Some(href), false, None),
            Do::Ask(href) => (Some(href), true, None),
            Do::Theme(theme) => (None, false, Some(*theme)),
        };
        html! {
            div.palette__opt role="option" id={ "po-" (group) "-" (index) } aria-selected="false" data-href=[href] data-dialog[ask] data-set-theme=[theme] {
                (icon(&command.icon)) span { (command.text) } span.push { (command.note) }
            }
        }
    }
}

/// The dialog. Groups without options are left out. `find` is where records are looked up by what was typed (`?q=`).
pub fn palette(groups: &[Group], find: Option<&str>) -> Markup {
    html! {
        dialog.palette id="palette" aria-label="Command palette" data-find=[find] {
            div.palette__in {
                (icon("search"))
                input type="text" role="combobox" aria-expanded="true" aria-controls="po-list" aria-autocomplete="list" aria-label="Search views, actions and records" placeholder="Go to, run, or find…" autocomplete="off";
                kbd { "Esc" }
            }
            div.palette__list id="po-list" role="listbox" aria-label="Results" {
                @for (number, group) in groups.iter().filter(|group| !group.commands.is_empty()).enumerate() {
                    div role="group" aria-label=(group.name) {
                        div.palette__group aria-hidden="true" { (group.name) }
                        @for (index, command) in group.commands.iter().enumerate() { (Numbered(command, number, index)) }
                    }
                }
                div role="group" aria-label="Incidents" data-found hidden {}
            }
            template data-record { div.palette__opt role="option" aria-selected="false" { (icon("siren")) span {} span.push {} } }
            p.palette__none data-none hidden { "Nothing matches. Try a view or an action." }
            div.palette__foot { span { kbd { "↑" } " " kbd { "↓" } " move" } span { kbd { "Enter" } " open" } span { kbd { "Esc" } " close" } }
        }
    }
}
