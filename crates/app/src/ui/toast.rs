//! Toasts tell what was done and link to its audit event. The server sends them in `HX-Trigger`.

use maud::{Markup, html};
use serde::Serialize;

use super::icon::icon;
use super::status::Tone;

/// A link inside a toast.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Address.
    pub href: String,
    /// `event 48213`.
    pub text: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub struct Toast {
    /// `ok info warn crit`; CRIT stays until dismissed.
    pub status: &'static str,
    /// `42 keys flushed from kpi`.
    pub title: String,
    /// `Written to the audit log as`.
    pub text: String,
    /// What it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The dialog that takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Link>,
}

impl Toast {
    /// Done, and where it is recorded.
    pub fn done(title: impl Into<String>, audit_href: impl Into<String>, event: impl Into<String>) -> Self {
        let link = Link { href: audit_href.into(), text: event.into() };
        Self { status: Tone::Ok.key(), title: title.into(), text: "Written to the audit log as".into(), link: Some(link), undo: None }
    }

    /// Something else to tell.
    pub fn new(tone: impl Into<Tone>, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status: tone.into().key(), title: title.into(), text: text.into(), link: None, undo: None }
    }

    /// Offers to take it back: `href` answers with a dialog.
    #[must_use]
    pub fn undo(mut self, href: impl Into<String>, text: impl Into<String>) -> Self {
        self.undo = Some(Link { href: href.into(), text: text.into() });
        self
    }

    /// Value of the `HX-Trigger` header: JSON in ASCII.
    pub fn trigger(&self) -> String {
        let json = serde_json::json!({ "toast": self }).to_string();
        let mut out = String::with_capacity(json.len());
        for unit in json.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
                _ => out.push_str(&format!("\\u{unit:04x}")),
            }
        }
        out
    }

    /// The toast as a banner at the top of a page: for browsers without script, after a redirect.
    pub fn flash(&self) -> Markup {
        html! {
            div.banner data-status=(self.status) role="status" {
                (icon(match self.status { "ok" => "circle-check", "warn" => "triangle-alert", "crit" => "octagon-x", _ => "info" }))
                div.banner__text { strong { (self.title) } p { (self.text) @if let Some(link) = &self.link { " " a href=(link.href) { (link.text) } } } }
                div.banner__actions {
                    @if let Some(undo) = &self.undo { a class="btn btn--s" href=(undo.href) data-dialog { (icon("undo-2")) (undo.text) } }
                    button type="button" class="btn btn--ghost btn--icon btn--s needs-js" aria-label="Dismiss" title="Dismiss" data-dismiss { (icon("x")) }
                }
            }
        }
    }
}
