//! Buttons act, links go to places; both look the same.

use maud::{Markup, Render, html};

use super::icon::icon;

/// Weight of a button. One `Primary` a page; `Danger` only inside a dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// White with an edge.
    #[default]
    Plain,
    /// The one main act of the page.
    Primary,
    /// Opens a confirm dialog; its text ends in `…`.
    Risk,
    /// Does the harm, inside a dialog.
    Danger,
    /// No edge.
    Ghost,
}

#[derive(Clone, Debug)]
enum Act {
    Button,
    Submit,
    Link(String),
    Dialog(String),
    Opens(String),
    Popover(String),
}

/// A button or a link that looks like one.
#[derive(Clone, Debug)]
pub struct Button {
    text: String,
    act: Act,
    kind: Kind,
    icon: Option<String>,
    small: bool,
    icon_only: bool,
    refused: Option<String>,
    disabled: bool,
    name: Option<(String, String)>,
}

impl Button {
    fn with(text: impl Into<String>, act: Act) -> Self {
        let text = text.into();
        Self { text, act, kind: Kind::Plain, icon: None, small: false, icon_only: false, refused: None, disabled: false, name: None }
    }

    /// `<button type=button>`; only for script-driven parts.
    pub fn new(text: impl Into<String>) -> Self {
        Self::with(text, Act::Button)
    }

    /// Submits the form around it.
    pub fn submit(text: impl Into<String>) -> Self {
        Self::with(text, Act::Submit)
    }

    /// Goes to a place.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self::with(text, Act::Link(href.into()))
    }

    /// Opens what `href` answers as a dialog; without script the same form as a page.
    pub fn dialog(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self::with(text, Act::Dialog(href.into()))
    }

    /// Opens the `<dialog id=…>` of this page.
    pub fn opens(text: impl Into<String>, id: impl Into<String>) -> Self {
        Self::with(text, Act::Opens(id.into()))
    }

    /// Opens the menu with this id.
    pub fn popover(text: impl Into<String>, id: impl Into<String>) -> Self {
        Self::with(text, Act::Popover(id.into()))
    }

    /// Sets the weight.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The page's one primary button.
    #[must_use]
    pub fn primary(self) -> Self {
        self.kind(Kind::Primary)
    }

    /// Opens a confirm dialog.
    #[must_use]
    pub fn risk(self) -> Self {
        self.kind(Kind::Risk)
    }

    /// Without an edge.
    #[must_use]
    pub fn ghost(self) -> Self {
        self.kind(Kind::Ghost)
    }

    /// An icon before the text.
    #[must_use]
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = Some(name.into());
        self
    }

    /// Shows the icon only; the text becomes label and title.
    #[must_use]
    pub fn icon_only(mut self, name: impl Into<String>) -> Self {
        self.icon_only = true;
        self.icon(name)
    }

    /// 26 px high instead of 32.
    #[must_use]
    pub fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// Not allowed now, and why: shown as title, still focusable. Links lose their target.
    #[must_use]
    pub fn refused(mut self, why: impl Into<String>) -> Self {
        self.refused = Some(why.into());
        self
    }

    /// Not usable, nothing to explain.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// `name` and `value` of a submit button.
    #[must_use]
    pub fn value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.name = Some((name.into(), value.into()));
        self
    }

    fn class(&self) -> String {
        let kind = match self.kind {
            Kind::Plain => "",
            Kind::Primary => " btn--primary",
            Kind::Risk => " btn--risk",
            Kind::Danger => " btn--danger",
            Kind::Ghost => " btn--ghost",
        };
        format!("btn{kind}{}{}", if self.icon_only { " btn--icon" } else { "" }, if self.small { " btn--s" } else { "" })
    }
}

impl Render for Button {
    fn render(&self) -> Markup {
        let inner = html! { @if let Some(name) = &self.icon { (icon(name)) } @if !self.icon_only { (self.text) } };
        let label = self.icon_only.then_some(&self.text);
        let title = self.refused.as_ref().or(label);
        let class = self.class();
        let refused = self.refused.is_some();
        let (name, value) = self.name.as_ref().map(|(name, value)| (name, value)).unzip();
        let href = match &self.act {
            Act::Link(href) | Act::Dialog(href) => Some(href).filter(|_| !refused),
            _ => None,
        };
        let (opens, popover) = match &self.act {
            Act::Opens(id) => (Some(id), None),
            Act::Popover(id) => (None, Some(id)),
            _ => (None, None),
        };
        html! {
            @match &self.act {
                Act::Link(_) | Act::Dialog(_) => {
                    a class=(class) href=[href] data-dialog[matches!(self.act, Act::Dialog(_))] aria-label=[label] title=[title]
                        role=[refused.then_some("link")] aria-disabled=[refused.then_some("true")] tabindex=[refused.then_some("0")] { (inner) }
                }
                act => {
                    button type=(if matches!(act, Act::Submit) && !refused { "submit" } else { "button" }) class=(class) name=[name] value=[value]
                        data-opens=[opens] popovertarget=[popover] aria-haspopup=[popover.map(|_| "true")] aria-label=[label] title=[title]
                        aria-disabled=[refused.then_some("true")] disabled[self.disabled] { (inner) }
                }
            }
        }
    }
}

/// A form of one button: posts to `action` without asking. For what can be undone.
pub fn post(action: &str, button: &Button) -> Markup {
    html! { form.bare-form method="post" action=(action) hx-post=(action) hx-swap="none" data-confirm-form { (button) } }
}
