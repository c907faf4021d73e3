//! Whole documents and error bodies in HTML.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use qd_core::Error;

use super::problem::{public_detail, status_of, with_headers};
use super::{Chrome, Page, Toast};
use crate::ui::{Button, empty};

/// An HTML response.
pub(super) fn html_response(status: StatusCode, body: Markup) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (status, kind, body.into_string()).into_response()
}

/// Content in its frame, or alone when htmx asked for a fragment.
pub fn document(chrome: &dyn Chrome, page: &Page<'_>, title: &str, content: Markup, flash: Option<Toast>) -> Markup {
    chrome.page(page, title, content, flash)
}

/// What a person reads when a page can't be shown.
pub fn error_body(error: &Error, request_id: &str) -> Markup {
    let title = match error {
        Error::NotFound(_) => "Not found",
        Error::Forbidden(_) => "Not allowed",
        Error::Unauthenticated(_) => "Signed out",
        Error::Limited { .. } => "Too many requests",
        Error::Overloaded { .. } | Error::Upstream { .. } => "Not available right now",
        Error::Broken(_) => "Something broke",
        _ => "Not possible",
    };
    let text = format!("{} Request {request_id}.", public_detail(error));
    empty::error_page(status_of(error).as_u16(), title, &text, &html! { (Button::link("Back to the start", "/")) })
}

/// The HTML answer of an error.
pub(super) fn error_response(chrome: &dyn Chrome, page: &Page<'_>, error: &Error, request_id: &str) -> Response {
    let content = error_body(error, request_id);
    let body = if page.htmx { content } else { document(chrome, page, "Not shown", content, None) };
    if let Error::Broken(detail) = error {
        tracing::error!(request_id, detail, "page failed");
    }
    with_headers(html_response(status_of(error), body), error)
}
