//! Icons from the sprite `assets/icons.svg`: one request, cached for good.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use maud::{Markup, html};

use super::assets;

/// Names that the sprite holds.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let path = assets::url("icons.svg").trim_start_matches(assets::PREFIX);
    let sprite = assets::get(path).map(|asset| String::from_utf8_lossy(&asset.bytes).into_owned()).unwrap_or_default();
    sprite.split("id=\"i-").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
});

/// An icon of 16 px beside text; hidden from screen readers. `name` is a Lucide name in the sprite.
pub fn icon(name: &str) -> Markup {
    sized(name, "icon")
}

/// An icon of 14 px.
pub fn icon_small(name: &str) -> Markup {
    sized(name, "icon icon--s")
}

/// Whether the sprite has this icon.
pub fn exists(name: &str) -> bool {
    NAMES.contains(name)
}

fn sized(name: &str, class: &str) -> Markup {
    debug_assert!(exists(name), "assets/icons.svg has no icon {name:?}");
    html! { svg class=(class) aria-hidden="true" { use href={ (assets::url("icons.svg")) "#i-" (name) } {} } }
}

/// The ship's wheel, our mark. Its colour is the text's.
pub fn wheel() -> Markup {
    html! {
        svg viewBox="0 0 28 28" fill="none" aria-hidden="true" {
            circle cx="14" cy="14" r="9.5" stroke="currentColor" stroke-width="2" {}
            path d="M14 1.5v5M14 21.5v5M1.5 14h5M21.5 14h5M5.2 5.2l3.5 3.5M19.3 19.3l3.5 3.5M22.8 5.2l-3.5 3.5M8.7 19.3l-3.5 3.5" stroke="currentColor" stroke-width="2" stroke-linecap="round" {}
            circle cx="14" cy="14" r="2.6" fill="currentColor" {}
        }
    }
}
