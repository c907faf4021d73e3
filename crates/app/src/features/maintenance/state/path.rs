//! Paths as a gate must read them: what one program takes for the sign-in may be the checkout to the next.
//!
//! A path is on a list only if every usual way of reading it puts it there: with encoded slashes as slashes and as letters, decoded once and
//! to the end. A path with dot segments, backslashes, control characters, a fragment or a segment of nothing but parameters is on no list, and
//! neither is a very long one: browsers send none. The client for applications does the same; `docs/gate/path-vectors.json` holds both to it.

/// Decodings until a path counts as hiding something.
const DEPTH: usize = 3;
/// Longest path that is read, in bytes.
const LONGEST: usize = 8_192;

/// Paths of a list. `*` at the end of one stands for the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Lower case, without empty ones.
    segments: Vec<String>,
    rest: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing follows.
    Nothing,
    /// `/login/*`: something follows.
    Segments,
    /// `/login*`: the last segment goes on, and anything follows.
    Anything,
}

impl Pattern {
    fn of(text: &str) -> Self {
        let (path, rest) = match (text.strip_suffix("/*"), text.strip_suffix('*')) {
            (Some(path), _) => (path, Rest::Segments),
            (None, Some(path)) => (path, Rest::Anything),
            (None, None) => (text, Rest::Nothing),
        };
        Self { segments: segments(path), rest }
    }

    /// Whether it opens some paths only. `*` and `/*` would open everything, so they open nothing.
    fn opens(&self) -> bool {
        self.rest == Rest::Nothing || !self.segments.is_empty()
    }

    fn covers(&self, path: &[String]) -> bool {
        let Some((head, tail)) = path.split_at_checked(self.segments.len()) else { return false };
        match (self.rest, self.segments.split_last()) {
            (Rest::Nothing, _) => tail.is_empty() && head == self.segments,
            (Rest::Segments, _) => !tail.is_empty() && head == self.segments,
            (Rest::Anything, None) => true,
            (Rest::Anything, Some((last, before))) => head.split_last().is_some_and(|(end, start)| start == before && end.starts_with(last.as_str())),
        }
    }
}

/// Lower-case parts between slashes, without path parameters (`;jsessionid=…`) and without empty ones.
fn segments(path: &str) -> Vec<String> {
    let plain = path.split('/').map(|part| part.split(';').next().unwrap_or_default());
    plain.filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// One step of percent-decoding; `None` for what is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.filter(|pair| *first == b'%' && !pair.starts_with('+')).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// Each way in which a path may be read; empty for one that is on no list.
fn readings(path: &str) -> Vec<Vec<String>> {
    if path.contains('#') || path.len() > LONGEST {
        return Vec::new();
    }
    let mut read = vec![path.split('/').filter_map(decoded).map(|part| part.to_ascii_lowercase()).collect::<Vec<_>>()];
    if let Some(literal) = read.first_mut() {
        literal.retain(|part| !part.split(';').next().unwrap_or_default().is_empty());
        literal.iter_mut().for_each(|part| part.truncate(part.find(';').unwrap_or(part.len())));
    }
    let mut text = path.to_owned();
    for depth in 0..=DEPTH {
        let Some(next) = decoded(&text) else { return Vec::new() };
        let parts = segments(&next);
        let dots = parts.iter().any(|part| part == "." || part == "..");
        // `/;x/sign-in` is `/sign-in` to some programs, and a route below `;x` to others.
        if dots || next.contains('\\') || next.contains("/;") || next.chars().any(char::is_control) {
            return Vec::new();
        }
        read.push(parts);
        match next == text {
            true => break,
            false if depth == DEPTH => return Vec::new(),
            false => text = next,
        }
    }
    read
}

impl Paths {
    /// The list of a configuration.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(|pattern| Pattern::of(pattern.as_ref())).collect())
    }

    /// Whether every way of reading `path` (a query may follow) is on this list. For what may pass.
    pub fn surely(&self, path: &str) -> bool {
        let path = plain(path);
        let read = if path.starts_with('/') { readings(path) } else { Vec::new() };
        // `//host/x` is an address to some programs, and `/x` to others: only a whole path may begin so.
        let doubled = path.starts_with("//");
        let on = |reading: &Vec<String>| {
            self.0.iter().any(|pattern| pattern.opens() && (!doubled || pattern.rest == Rest::Nothing) && pattern.covers(reading))
        };
        !read.is_empty() && read.iter().all(on)
    }

    /// Whether some way of reading `path` is on this list, or it can't be read. For what is to be held.
    pub fn perhaps(&self, path: &str) -> bool {
        let read = readings(plain(path));
        !self.0.is_empty() && (read.is_empty() || read.iter().any(|reading| self.0.iter().any(|pattern| pattern.covers(reading))))
    }
}

fn plain(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow() -> Paths {
        Paths::new(["/sign-in", "/webhooks/*"])
    }

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

    /// The client for applications reads the same file.
    #[test]
    fn paths_are_read_as_the_client_reads_them() {
        let vectors: Vectors = serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gate/path-vectors.json"))).unwrap();
        assert!(vectors.groups.len() > 3);
        for Group { allow, passes, waits } in vectors.groups {
            let list = Paths::new(&allow);
            passes.iter().for_each(|path| assert!(list.surely(path), "{path} is not on {allow:?}"));
            waits.iter().for_each(|path| assert!(!list.surely(path), "{path} is on {allow:?}"));
        }
    }

    #[test]
    fn no_path_is_too_long_to_be_decided() {
        let long = |length: usize| format!("/webhooks/{}", "%2e".repeat(length / 3));
        assert!(allow().surely(&format!("/webhooks/{}", "a".repeat(LONGEST - 10))) && !allow().surely(&format!("/webhooks/{}", "a".repeat(LONGEST))));
        assert!(!allow().surely(&long(1_000_000)) && allow().perhaps(&long(1_000_000)), "what can't be read is held");
    }

    #[test]
    fn what_is_to_be_held_is_held_when_in_doubt() {
        let vendor = Paths::new(["/vendor", "/vendor/*", "/api/vendor/*"]);
        for path in [
            "/vendor", "/vendor/", "/VENDOR/x", "/%76endor/x", "/x/../vendor/y", "/api%2Fvendor%2Fx", "//vendor", "/api/vendor/x?y", "/;x/vendor",
            "/x#",
        ] {
            assert!(vendor.perhaps(path), "{path}");
        }
        for path in ["/vendors", "/checkout", "/", "/a/vendor"] {
            assert!(!vendor.perhaps(path), "{path}");
        }
        assert!(Paths::new(["/*"]).perhaps("/checkout"), "a site for vendors alone can hold everything");
        assert!(!Paths::default().perhaps("/x/../y") && !Paths::default().surely("/sign-in"));
    }
}
