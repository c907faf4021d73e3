//! What people type: `data.orderId = 77`, `name:order.confirmation`, `id:123`, `cause:0123456789abcdef`, or plain words.

use qd_core::port::queue::JobState;

use crate::features::queues::scrub::{MASK, scrub_at};

/// Longest text of a search, in bytes.
const TEXT: usize = 500;

/// Which jobs are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// As typed.
    pub text: String,
    /// Only of this job system.
    pub source: Option<String>,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only in this state.
    pub state: Option<JobState>,
}

impl Query {
    /// A search everywhere.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What a text asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing was typed.
    Nothing,
    /// A value of the data.
    Field { path: String, value: String },
    /// The value of a field that is masked in the index.
    Masked,
    /// The begin of a name.
    Name(String),
    /// An id.
    Id(String),
    /// The fingerprint of a failure.
    Cause(String),
    /// An id, the begin of a name, or a part of a reason.
    Words(String),
}

pub(super) fn ask(text: &str) -> Ask {
    let text = qd_core::port::queue::TextCut::of(text.trim(), TEXT).text.replace('\0', "");
    if text.is_empty() {
        return Ask::Nothing;
    }
    if let Some((word, rest)) = text.split_once(':') {
        let rest = unquoted(rest.trim()).to_owned();
        match word.trim().to_ascii_lowercase().as_str() {
            "id" if !rest.is_empty() => return Ask::Id(rest),
            "name" if !rest.is_empty() => return Ask::Name(rest),
            "cause" | "fingerprint" if !rest.is_empty() => return Ask::Cause(rest),
            _ => {}
        }
    }
    match text.split_once('=') {
        Some((path, value)) if is_path(path.trim()) && !value.trim().is_empty() => field(path.trim(), unquoted(value.trim_start_matches('=').trim())),
        _ => Ask::Words(text),
    }
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-$[]@/".contains(&byte) || !byte.is_ascii())
}

fn unquoted(text: &str) -> &str {
    ['"', '\''].iter().find_map(|mark| text.strip_prefix(*mark)?.strip_suffix(*mark)).unwrap_or(text)
}

/// The index holds what the scrub rules leave: the question is put through them, too.
fn field(path: &str, value: &str) -> Ask {
    let path = path.strip_prefix("data.").unwrap_or(path).replace('[', ".").replace(']', "");
    let value = scrub_at(&path, value);
    if value == MASK { Ask::Masked } else { Ask::Field { path, value } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_understood() {
        let field = |path: &str, value: &str| Ask::Field { path: path.into(), value: value.into() };
        for (text, wanted) in [
            ("data.orderId = 77", field("orderId", "77")),
            ("orderId=\"77\"", field("orderId", "77")),
            ("lines[0].sku == A-1", field("lines.0.sku", "A-1")),
            ("to = ada@x.org", field("to", "a•••@x.org")),
            ("password = hunter2", Ask::Masked),
            ("data.card.digits = 4242", Ask::Masked),
            ("x = 4242 4242 4242 4242", Ask::Masked),
            ("name:order.confirmation", Ask::Name("order.confirmation".into())),
            ("ID: repeat:tick:17", Ask::Id("repeat:tick:17".into())),
            ("cause:0123456789abcdef", Ask::Cause("0123456789abcdef".into())),
            ("repeat:tick:17", Ask::Words("repeat:tick:17".into())),
            ("a b = c", Ask::Words("a b = c".into())),
            ("  ", Ask::Nothing),
        ] {
            assert_eq!(ask(text), wanted, "{text}");
        }
    }
}
