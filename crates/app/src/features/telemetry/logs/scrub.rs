//! Secrets by name: what stands behind "password", "authorization" and their like is replaced before it is stored.

use std::borrow::Cow;

use qd_core::secret::SECRET_NAMES as NAMES;
pub use qd_core::secret::is_secret_name as is_secret;
use serde_json::Value;

/// What stands for a secret.
pub const REDACTED: &str = "[redacted]";

/// Names whose unquoted value goes to the end of the line (HTTP headers).
const WHOLE_LINE: [&str; 2] = ["authorization", "cookie"];

/// Same length, lower case, one separator.
fn plain(text: &str) -> String {
    let same = |byte: u8| if matches!(byte, b'-' | b'.') { b'_' } else { byte.to_ascii_lowercase() };
    // Only ASCII bytes change, and into ASCII: the text stays UTF-8 and its places stay the same.
    String::from_utf8(text.bytes().map(same).collect()).unwrap_or_default()
}

/// Takes the secrets out of a structure: by the names of its members, and in its texts.
pub fn json(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if is_secret(name) && !member.is_null() {
                    *member = Value::from(REDACTED);
                } else {
                    json(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json),
        Value::String(found) => {
            if let Cow::Owned(clean) = text(found) {
                *found = clean;
            }
        }
        _ => {}
    }
}

/// Takes the secrets out of a text: `password=…`, `"token": "…"`, `Authorization: …`, `Bearer …`.
pub fn text(given: &str) -> Cow<'_, str> {
    let lower = plain(given);
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some((word, after)) = next_name(&lower, at) {
        at = after;
        if let Some((from, to)) = value_after(&lower, word, after) {
            out.push_str(given.get(copied..from).unwrap_or_default());
            out.push_str(REDACTED);
            (copied, at) = (to, to);
        }
    }
    if copied == 0 && out.is_empty() {
        return Cow::Borrowed(given);
    }
    out.push_str(given.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// The next word of [`NAMES`] from `at` on, and where it ends.
fn next_name(lower: &str, at: usize) -> Option<(&'static str, usize)> {
    let rest = lower.get(at..)?;
    let hits = NAMES.iter().filter_map(|word| rest.find(word).map(|place| (place, *word)));
    hits.min_by_key(|(place, word)| (*place, usize::MAX - word.len())).map(|(place, word)| (word, at + place + word.len()))
}

/// Where the value behind a name begins and ends, if the name has one.
fn value_after(lower: &str, word: &str, after: usize) -> Option<(usize, usize)> {
    let bytes = lower.as_bytes();
    let skip = |from: usize, good: fn(u8) -> bool| from + bytes.iter().skip(from).take_while(|byte| good(**byte)).count();
    let quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
    let mut from = after;
    if word != "bearer " {
        from = skip(from, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        from = skip(from, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']' | b' '));
        if !matches!(bytes.get(from), Some(b'=' | b':')) {
            return None;
        }
        from = skip(from, |byte| matches!(byte, b'=' | b':' | b'>' | b' '));
    }
    let start = skip(from, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let open = bytes.get(start.wrapping_sub(1)).copied().filter(|byte| start > from && quote(*byte));
    let escaped = open.is_some() && bytes.get(start.wrapping_sub(2)) == Some(&b'\\');
    let line = WHOLE_LINE.contains(&word);
    let length = |from: usize| match open {
        Some(open) => quoted(bytes.get(from..).unwrap_or_default(), open, escaped),
        None => bytes.iter().skip(from).take_while(|byte| !unquoted_end(**byte, line)).count(),
    };
    let mut end = start + length(start);
    if open.is_none() && matches!(lower.get(start..end), Some("bearer" | "basic")) {
        end += 1;
        end += length(end);
    }
    let end = end.min(bytes.len());
    (end > start).then_some((start, end))
}

/// Length of a quoted value. Inside a text that is itself quoted the quotes are escaped, and the backslash ends it.
fn quoted(bytes: &[u8], open: u8, escaped: bool) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' if escaped => break,
            b'\\' => at += 2,
            byte if byte == open || byte == b'\n' => break,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

fn unquoted_end(byte: u8, line: bool) -> bool {
    let word = byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b'&' | b')' | b'}' | b']' | b'<' | b'>' | b'"' | b'\'');
    if line { matches!(byte, b'\n' | b'\r') } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (given, wanted) in [
            ("user ada signed in", "user ada signed in"),
            ("login password=hunter2 ok", "login password=[redacted] ok"),
            ("GET /cb?access_token=abc&x=1", "GET /cb?access_token=[redacted]&x=1"),
            (r#"{"password":"a b","n":1}"#, r#"{"password":"[redacted]","n":1}"#),
            (r#"{\"Api-Key\": \"k1\", \"n\": 1}"#, r#"{\"Api-Key\": \"[redacted]\", \"n\": 1}"#),
            (r#"{"password":"a\"b","n":1}"#, r#"{"password":"[redacted]","n":1}"#),
            ("Authorization: Bearer abc.def\nHost: x", "Authorization: [redacted]\nHost: x"),
            ("sent Bearer abc.def to x", "sent Bearer [redacted] to x"),
            ("token: Basic Zm9v next", "token: [redacted] next"),
            ("Set-Cookie: a=b; Path=/", "Set-Cookie: [redacted]"),
            ("the token expired", "the token expired"),
            ("größe secret='ü' x", "größe secret='[redacted]' x"),
            ("password=", "password="),
            ("secret=a,token=b", "secret=[redacted],token=[redacted]"),
        ] {
            assert_eq!(text(given), wanted);
        }
    }

    #[test]
    fn structures_are_scrubbed_by_name_at_any_depth() {
        let mut value =
            serde_json::json!({ "http.request.header.Authorization": ["Bearer x"], "a": { "client-secret": 7, "note": "pin token=1" }, "n": null });
        json(&mut value);
        let wanted = serde_json::json!({ "http.request.header.Authorization": REDACTED, "a": { "client-secret": REDACTED, "note": "pin token=[redacted]" }, "n": null });
        assert_eq!(value, wanted);
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives(given in "\\PC{0,80}", name in proptest::sample::select(NAMES.to_vec()), value in "[a-zA-Z0-9]{3,12}") {
            let line = format!("{given}\n{name}={value}");
            let clean = text(&line);
            proptest::prop_assert!(!clean.ends_with(&value) || name == "bearer ", "{clean}");
        }
    }
}
