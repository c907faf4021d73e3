//! A switch: flips at once, posts, and flips back with a CRIT toast when the server says no. Without script it is a submit button.

use maud::{Markup, Render, html};

/// An on/off control that posts the wanted state as `name=true|false`.
#[derive(Clone, Debug)]
pub struct Switch {
    /// Where it posts to.
    pub action: String,
    /// Form field of the wanted state.
    pub name: String,
    /// What is switched: read aloud and used in toasts.
    pub label: String,
    /// Its state now.
    pub on: bool,
    /// Why it cannot be switched now.
    pub locked: Option<String>,
}

impl Switch {
    /// A switch with the field name `enabled`.
    pub fn new(action: impl Into<String>, label: impl Into<String>, on: bool) -> Self {
        Self { action: action.into(), name: "enabled".into(), label: label.into(), on, locked: None }
    }

    /// Cannot be switched now, and why. `None` changes nothing.
    #[must_use]
    pub fn locked(mut self, why: Option<String>) -> Self {
        self.locked = why;
        self
    }
}

impl Render for Switch {
    fn render(&self) -> Markup {
        let word = if self.on { "On" } else { "Off" };
        html! {
            form.bare-form method="post" action=(self.action) hx-post=(self.action) hx-swap="none" data-optimistic=(self.name) {
                input type="hidden" name=(self.name) value=(!self.on);
                button.switch type="submit" role="switch" aria-checked=(self.on) aria-label=(self.label) title=[&self.locked] disabled[self.locked.is_some()] {
                    span.switch__track {} span data-onoff { (word) }
                }
            }
        }
    }
}
