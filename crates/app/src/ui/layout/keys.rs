//! The list of keys, made from the navigation that is really there.

use maud::{Markup, html};

use super::NavItem;
use crate::ui::dialog::close;

/// The dialog that `?` opens. Single keys can be switched off in it (WCAG 2.1.4).
pub(super) fn dialog(nav: &[NavItem]) -> Markup {
    let places: Vec<String> = nav.iter().filter_map(|item| item.key.map(|key| format!("{} {}", key.to_ascii_uppercase(), item.label))).collect();
    html! {
        dialog.dialog id="keys" aria-labelledby="keys-t" {
            div.dialog__head { div.grow { h2 id="keys-t" { "Keyboard" } } (close()) }
            div.dialog__body {
                dl.kv {
                    dt { kbd { "Ctrl" } " " kbd { "K" } } dd { "Command palette" }
                    @if !places.is_empty() { dt { kbd { "G" } " then…" } dd { "Go to a view: " (places.join(", ")) } }
                    dt { kbd { "/" } } dd { "Focus the filter" }
                    dt { kbd { "J" } " " kbd { "K" } } dd { "Next and previous row" }
                    dt { kbd { "Shift" } " " kbd { "K" } } dd { "Kill switch: turn the focused flag off for everyone, at once" }
                    dt { kbd { "R" } } dd { "Measure again now" }
                    dt { kbd { "Esc" } } dd { "Close the top dialog or drawer" }
                    dt { kbd { "?" } } dd { "This list" }
                }
                label.check { input type="checkbox" data-keys-off; " Turn off keys of a single letter in this browser" }
            }
        }
    }
}
