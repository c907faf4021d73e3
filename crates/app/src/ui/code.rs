//! Machine text: code, stacks, JSON, masked secrets.

use maud::{Markup, html};
use serde_json::Value;

/// A block of code or output that scrolls; `label` names it to screen readers.
pub fn code(label: &str, text: &str) -> Markup {
    html! { pre.code tabindex="0" aria-label=(label) { (text) } }
}

/// The same, wrapped instead of scrolled.
pub fn wrapped(label: &str, text: &str) -> Markup {
    html! { pre class="code code--wrap" tabindex="0" aria-label=(label) { (text) } }
}

/// JSON, indented.
pub fn json(label: &str, value: &Value) -> Markup {
    code(label, &serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A stack: `(frame, own)`; our own frames stand out from libraries'.
pub fn stack(label: &str, frames: &[(String, bool)]) -> Markup {
    html! {
        pre.code tabindex="0" aria-label=(label) {
            @for (index, (frame, own)) in frames.iter().enumerate() { @if index > 0 { "\n" } span class=(if *own { "own" } else { "lib" }) { (frame) } }
        }
    }
}

/// A secret that the server masked already.
pub fn mask(masked: &str) -> Markup {
    html! { span.mask { (masked) } }
}
