//! Paths that stay open during a maintenance, by the rules of Quarterdeck's own gate.
//!
//! An entry is a path; `/*` at its end stands for at least one more segment, `*` for anything. Case, doubled slashes, a slash at the end and path
//! parameters (`;x=1`) make no difference. A path is on the list only if every usual way of reading it puts it there (escapes decoded once or to
//! the end, escaped slashes as letters or as slashes); one with dot segments, backslashes, control characters, a fragment or a segment of nothing
//! but parameters is on no list, and neither is a very long one. An entry that would open everything opens nothing. What follows a `?` does not
//! count. `docs/gate/path-vectors.json` holds the gate and this copy to the same rules.

/// Decodings after which a path counts as hiding something.
const DEPTH: usize = 3;
/// Longest path that is read, in bytes.
const LONGEST: usize = 8_192;

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
    if !path.starts_with('/') || path.contains('#') || path.len() > LONGEST {
        return Vec::new();
    }
    let letters = path.split('/').map(|segment| unescaped(segment).and_then(|segment| bare(&segment)));
    let mut all = vec![letters.flatten().collect()];
    let mut text = path.to_owned();
    for _ in 0..=DEPTH {
        let Some(next) = unescaped(&text) else { return Vec::new() };
        let read = segments(&next);
        let dots = read.iter().any(|part| part == "." || part == "..");
        // `/;x/sign-in` is `/sign-in` to some programs, and a route below `;x` to others.
        if dots || next.contains('\\') || next.contains("/;") || next.chars().any(char::is_control) {
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
    // `*` and `/*` would open everything: they are no entries of a list.
    if whole || start.is_empty() {
        return false;
    }
    if open.ends_with('/') {
        return head == start && !tail.is_empty();
    }
    // The last segment may go on.
    match (start.split_last(), head.split_last()) {
        (Some((last, before)), Some((end, begin))) => before == begin && end.starts_with(last.as_str()),
        _ => false,
    }
}

/// Whether `path` is on the list.
pub(crate) fn allowed(path: &str, list: &[String]) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let readings = readings(path);
    // `//host/x` is an address to some programs and `/x` to others.
    let doubled = path.starts_with("//");
    !readings.is_empty() && readings.iter().all(|read| list.iter().any(|entry| covers(entry, read, doubled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        groups: Vec<Group>,
    }

    #[derive(serde::Deserialize)]
    struct Group {
        allow: Vec<String>,
        passes: Vec<String>,
        waits: Vec<String>,
    }

    /// Quarterdeck's gate reads the same file.
    #[test]
    fn paths_are_read_as_the_gate_reads_them() {
        let vectors: Vectors = serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gate/path-vectors.json"))).unwrap();
        assert!(vectors.groups.len() > 3);
        for Group { allow, passes, waits } in vectors.groups {
            passes.iter().for_each(|path| assert!(allowed(path, &allow), "{path} is not on {allow:?}"));
            waits.iter().for_each(|path| assert!(!allowed(path, &allow), "{path} is on {allow:?}"));
        }
    }

    #[test]
    fn no_path_is_too_long_to_be_decided() {
        let on = |rest: String| allowed(&format!("/webhooks/{rest}"), &["/webhooks/*".to_owned()]);
        assert!(on("a".repeat(LONGEST - 10)) && !on("a".repeat(LONGEST)) && !on("%2e".repeat(300_000)));
    }
}
