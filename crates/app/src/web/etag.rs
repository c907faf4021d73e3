//! `If-None-Match`, read once for all that is asked for again and again.

use axum::http::{HeaderMap, header};

/// Whether the caller has this version already: `If-None-Match` is `*` or names `tag` (RFC 9110, 13.1.2: weak comparison, several tags and
/// several lines allowed). `tag` is the `ETag` of the answer with its quotes, with or without `W/`.
pub fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lines.into_iter().any(|line| line.trim() == "*" || tags(line).any(|known| known == opaque(tag)))
}

/// A tag without its weakness.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a line. A comma inside quotes belongs to the tag; a tag without quotes, as careless clients send it, is none.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        rest = opaque(rest);
        let length = rest.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[&str], tag: &str) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
        }
        matches(&headers, tag)
    }

    #[test]
    fn every_form_of_the_header_is_understood() {
        let tag = "\"rev-7\"";
        for same in ["\"rev-7\"", "W/\"rev-7\"", "*", " * ", "\"a\", \"rev-7\"", "\"a,b\" ,W/\"rev-7\"", "\"\",\"rev-7\""] {
            assert!(asked(&[same], tag), "{same}");
        }
        assert!(asked(&["\"a\"", "\"rev-7\""], tag), "several lines");
        assert!(asked(&["\"rev-7\""], "W/\"rev-7\""), "weak comparison");
        for other in ["", "rev-7", "\"rev-70\"", "\"rev", "\"a,\"rev-7", "W/", "\"*\""] {
            assert!(!asked(&[other], tag), "{other}");
        }
        assert!(!asked(&[], tag));
    }
}
