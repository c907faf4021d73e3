//! Paths that stay open during a maintenance, by the rules of Quarterdeck's own gate.
//!
//! An entry is a path; `/*` at its end stands for at least one more segment, `*` for anything. Case, doubled slashes, a slash at the end and path
//! parameters (`;x=1`) make no difference. A path is on the list only if every usual way of reading it puts it there (escapes decoded once or to
//! the end, escaped slashes as letters or as slashes); one with dot segments, backslashes or control characters is on no list.

/// Decodings after which a path counts as hiding something.
const DEPTH: usize = 3;

/// `%XX` replaced by its byte, once; `None` when that gives no text. What is no such escape stays.
fn unescaped(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|pair| hex::decode(pair).ok());
        match pair.as_deref() {
            Some([byte]) => {
                out.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// The same for a header's value; what gives no text stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    unescaped(text).unwrap_or_else(|| text.to_owned())
}

/// A segment without its parameters, in lower case; `None` when nothing is left.
fn bare(segment: &str) -> Option<String> {
    let name = segment.split(';').next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter_map(bare).collect()
}

/// Every way in which the path may be read; none for one that must be on no list.
fn readings(path: &str) -> Vec<Vec<String>> {
    let letters = path.split('/').map(|segment| unescaped(segment).and_then(|segment| bare(&segment)));
    let mut all = vec![letters.flatten().collect()];
    let mut text = path.to_owned();
    for _ in 0..=DEPTH {
        let Some(next) = unescaped(&text) else { return Vec::new() };
        let read = segments(&next);
        if next.contains('\\') || next.chars().any(char::is_control) || read.iter().any(|part| part == "." || part == "..") {
            return Vec::new();
        }
        all.push(read);
        if next == text {
            return all;
        }
        text = next;
    }
    Vec::new()
}

/// Whether an entry covers one reading. `whole`: only as a path without `*`.
fn covers(entry: &str, read: &[String], whole: bool) -> bool {
    let Some(open) = entry.strip_suffix('*') else { return segments(entry) == read };
    let start = segments(open);
    let Some((head, tail)) = read.split_at_checked(start.len()) else { return false };
    if whole {
        return false;
    }
    if open.ends_with('/') {
        return head == start && !tail.is_empty();
    }
    // The last segment may go on.
    match (start.split_last(), head.split_last()) {
        (Some((last, before)), Some((end, begin))) => before == begin && end.starts_with(last.as_str()),
        // A bare `*` would open everything: that is no entry of a list.
        _ => false,
    }
}

/// Whether `path` is on the list.
pub(crate) fn allowed(path: &str, list: &[String]) -> bool {
    if list.is_empty() || !path.starts_with('/') {
        return false;
    }
    let readings = readings(path);
    // `//host/x` is an address to some programs and `/x` to others.
    let doubled = path.starts_with("//");
    !readings.is_empty() && readings.iter().all(|read| list.iter().any(|entry| covers(entry, read, doubled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(path: &str) -> bool {
        allowed(path, &["/sign-in", "/api/auth/*", "/webhooks/*", "/hook*"].map(str::to_owned))
    }

    #[test]
    fn the_sign_in_is_found_however_it_is_written() {
        for path in ["/sign-in", "/sign-in/", "//sign-in", "/Sign-In", "/sign%2Din", "/%73ign-in", "/sign-in;jsessionid=1"] {
            assert!(on(path), "{path}");
        }
        for path in [
            "/api/auth/callback", "/api//auth/callback", "/api/auth/x%2Fy", "/API/auth/x", "/webhooks/stripe/", "/hook", "/hooks/a",
            "/webhooks/100%25",
        ] {
            assert!(on(path), "{path}");
        }
    }

    #[test]
    fn nothing_is_smuggled_past_the_list() {
        for path in
            ["/checkout", "/sign-in/x", "/sign-inx", "/api/auth", "/api/auth/", "", "/", "sign", "sign-in", "//webhooks/checkout", "/x//sign-in"]
        {
            assert!(!on(path), "{path}");
        }
        for path in
            ["/api/auth/../checkout", "/api/auth/%2e%2e/checkout", "/api/auth/..%2fcheckout", "/api/auth/%252e%252e/checkout", "/webhooks/./x"]
        {
            assert!(!on(path), "{path}");
        }
        for path in [
            "/api/auth/%25252e%25252e/x",
            "/api/auth/..;/checkout",
            "/api/auth/..;a=b/x",
            "/api/auth/.%2e;/x",
            "/api/auth\\..\\checkout",
            "/%2e/sign-in",
        ] {
            assert!(!on(path), "{path}");
        }
        for path in
            ["/api/auth/%5c..%5ccheckout", "/checkout/..%2fapi/auth/x", "/checkout%2f..%2fsign-in", "/api%2fauth%2fx", "/api/auth/%2525252525"]
        {
            assert!(!on(path), "{path}");
        }
        for path in ["/checkout%2Fsign-in", "/sign-in%00", "/sign-in%0a", "/api/auth/%ff"] {
            assert!(!on(path), "{path}");
        }
        assert!(!allowed("/orders", &["*".to_owned()]) && !allowed("/orders", &[]));
    }
}
