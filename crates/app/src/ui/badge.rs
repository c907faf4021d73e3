//! Badges tell facts (severity, scope, version), not states; avatars name people.

use maud::{Markup, html};

/// A neutral badge.
pub fn badge(text: &str) -> Markup {
    html! { span.badge { (text) } }
}

/// A badge of a kind: `sev1 sev2 sev3 global admin vendor customer billed estimate mono`.
pub fn badge_kind(kind: &str, text: &str) -> Markup {
    html! { span class={ "badge badge--" (kind) } { (text) } }
}

/// A version, method or other machine word.
pub fn mono(text: &str) -> Markup {
    badge_kind("mono", text)
}

/// Severity 1 to 3 as `SEV1`.
pub fn severity(level: u8) -> Markup {
    badge_kind(&format!("sev{level}"), &format!("SEV{level}"))
}

/// A round mark with the initials of `name`; hidden from screen readers, so write the name beside it.
pub fn avatar(name: &str) -> Markup {
    let shade = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 3;
    let class = ["avatar", "avatar avatar--b", "avatar avatar--c"].get(shade as usize).copied().unwrap_or("avatar");
    html! { span class=(class) aria-hidden="true" { (initials(name)) } }
}

/// First letters of the first and the last word, upper case; `?` for nothing.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let (first, last) = (words.next(), words.next_back());
    match first.into_iter().chain(last).flat_map(char::to_uppercase).collect::<String>() {
        empty if empty.is_empty() => "?".to_owned(),
        letters => letters,
    }
}
