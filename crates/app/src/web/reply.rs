//! What a handler answers: a value that knows its JSON and its HTML. The frame picks the shape.

use axum::http::StatusCode;
use maud::Markup;
use qd_core::Result;
use qd_core::reading::Status;
use serde::Serialize;

use super::Page;

/// How a value looks to people.
pub trait View {
    /// Title of the page.
    fn title(&self) -> String;
    /// Content of `main`.
    fn body(&self, page: &Page<'_>) -> Markup;
}

/// A message after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// OK for done, CRIT for failed.
    pub status: Status,
    /// What happened: "INC-7 closed".
    pub title: String,
    /// Number of the audit row, linked.
    pub audit_seq: Option<i64>,
    /// Where the change is taken back: a dialog of ours, with everything filled in but the reason.
    pub undo: Option<Undo>,
}

/// One click from a message to the dialog that takes the change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What the link says: "Back to 5 %".
    pub label: String,
    /// Path and query of the dialog.
    pub href: String,
}

impl Toast {
    /// A change that is done.
    pub fn done(title: impl Into<String>) -> Self {
        Self { status: Status::Ok, title: title.into(), audit_seq: None, undo: None }
    }

    /// Offers to take it back: `href` is the path of a dialog.
    #[must_use]
    pub fn undo(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.undo = Some(Undo { label: label.into(), href: href.into() });
        self
    }
}

/// A handler's answer.
#[derive(Debug)]
pub struct Reply<V> {
    pub(super) value: V,
    pub(super) status: StatusCode,
    pub(super) toast: Option<Toast>,
    pub(super) go: Option<String>,
    pub(super) cookies: Vec<String>,
    pub(super) etag: Option<String>,
    pub(super) audit_seq: Option<i64>,
    pub(super) bare: bool,
}

impl<V> Reply<V> {
    /// 200 with a value.
    pub fn ok(value: V) -> Self {
        Self { value, status: StatusCode::OK, toast: None, go: None, cookies: Vec::new(), etag: None, audit_seq: None, bare: false }
    }

    /// 201 for JSON clients.
    #[must_use]
    pub fn created(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// A page that says no in its own words (sign-in), with this status.
    #[must_use]
    pub fn refused(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// 204 for JSON clients: no body.
    #[must_use]
    pub fn no_content(mut self) -> Self {
        self.status = StatusCode::NO_CONTENT;
        self
    }

    /// A message for people.
    #[must_use]
    pub fn toast(mut self, toast: Toast) -> Self {
        self.toast = Some(toast);
        self
    }

    /// The audit row of the change: linked in the toast, given to JSON clients as `Quarterdeck-Audit-Seq`.
    #[must_use]
    pub fn recorded(mut self, seq: i64) -> Self {
        self.audit_seq = Some(seq);
        self
    }

    /// Where people are after the change.
    #[must_use]
    pub fn go(mut self, path: impl Into<String>) -> Self {
        self.go = Some(path.into());
        self
    }

    /// A `Set-Cookie` header.
    #[must_use]
    pub fn set_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// Version of the resource, for `If-Match`.
    #[must_use]
    pub fn etag(mut self, tag: impl ToString) -> Self {
        self.etag = Some(format!("\"{}\"", tag.to_string()));
        self
    }

    /// A page that brings its own frame (sign-in): [`View::body`] is the whole document.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }
}

/// A value with its type erased.
pub(super) trait Erased: Send {
    fn json(&self) -> Result<Vec<u8>>;
    fn title(&self) -> String;
    fn body(&self, page: &Page<'_>) -> Markup;
}

impl<V: Serialize + View + Send> Erased for V {
    fn json(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    fn title(&self) -> String {
        View::title(self)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        View::body(self, page)
    }
}

impl<V: Serialize + View + Send + 'static> Reply<V> {
    pub(super) fn erase(self) -> Reply<Box<dyn Erased>> {
        Reply {
            value: Box::new(self.value),
            status: self.status,
            toast: self.toast,
            go: self.go,
            cookies: self.cookies,
            etag: self.etag,
            audit_seq: self.audit_seq,
            bare: self.bare,
        }
    }
}
