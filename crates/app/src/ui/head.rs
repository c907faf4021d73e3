//! The page's head: title, the state of the view in one sentence, actions.

use maud::{Markup, html};

/// `sentence` tells the state in words; `actions` hold at most one primary button.
pub fn page_head(title: &str, sentence: &str, actions: &Markup) -> Markup {
    head(&html! {}, title, sentence, actions)
}

/// With badges and states above the title: for one record.
pub fn record_head(facts: &Markup, title: &str, sentence: &str, actions: &Markup) -> Markup {
    head(&html! { div class="row row--wrap" { (facts) } }, title, sentence, actions)
}

fn head(above: &Markup, title: &str, sentence: &str, actions: &Markup) -> Markup {
    html! {
        div.page-head {
            div.page-head__text { (above) h1 { (title) } @if !sentence.is_empty() { p { (sentence) } } }
            @if !actions.0.is_empty() { div.page-head__actions { (actions) } }
        }
    }
}
