//! Cursor paging: newer and older, no page numbers.

use maud::{Markup, html};

use super::icon::icon;

/// The line under a table. `text` says what is shown (`50 of 48,213`); a missing link is not offered.
pub fn pager(text: &str, newer: Option<&str>, older: Option<&str>) -> Markup {
    html! {
        nav.pager aria-label="Pages" {
            span { (text) }
            span.push {}
            @if let Some(href) = newer { a class="btn btn--s" rel="prev" href=(href) hx-get=(href) hx-target="#main" hx-push-url="true" { (icon("chevron-left")) "Newer" } }
            @if let Some(href) = older { a class="btn btn--s" rel="next" href=(href) hx-get=(href) hx-target="#main" hx-push-url="true" { (icon("chevron-right")) "Older" } }
        }
    }
}
