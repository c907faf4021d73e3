//! Addresses of queues and jobs: their names are foreign text, so every one is percent-encoded.

use std::borrow::Cow;
use std::fmt::Write as _;

use qd_core::Result;

use crate::web::Ctx;

/// Names that no segment of an address can be: browsers take the first two for directories, encoded or not, and `/queues/runs/…` are the runs.
const TAKEN: [&str; 3] = [".", "..", "runs"];

/// Whether a name is one of those, behind any number of `~`.
fn is_taken(text: &str) -> bool {
    TAKEN.contains(&text.trim_start_matches('~'))
}

/// One segment of a path: everything but letters, digits and `-_~.` is encoded; what can't be a segment gets a `~` in front.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    if is_taken(text) {
        out.push('~');
    }
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// The name that a segment stands for.
fn name(segment: &str) -> Cow<'_, str> {
    match segment.strip_prefix('~').filter(|_| is_taken(segment)) {
        Some(name) => name.into(),
        None => segment.into(),
    }
}

/// A name in the address of this request.
///
/// # Errors
/// [`qd_core::Error::NotFound`] when the route has none of this name.
pub fn named(ctx: &Ctx, key: &str) -> Result<String> {
    Ok(name(ctx.param(key)?).into_owned())
}

/// Source and queue in the address of this request.
///
/// # Errors
/// As [`named`].
pub fn of(ctx: &Ctx) -> Result<(String, String)> {
    Ok((named(ctx, "source")?, named(ctx, "queue")?))
}

/// A path with a query; pairs without a value are left out.
pub fn with(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page of a queue.
pub fn queue(source: &str, queue: &str) -> String {
    format!("/queues/{}/{}", segment(source), segment(queue))
}

/// Something below the page of a queue: a dialog.
pub fn below(source: &str, name: &str, what: &str) -> String {
    format!("{}/{what}", queue(source, name))
}

/// The page of a job.
pub fn job(source: &str, name: &str, id: &str) -> String {
    format!("{}/jobs/{}", queue(source, name), segment(id))
}

/// Something below a schedule: a dialog.
pub fn schedule(source: &str, name: &str, id: &str, what: &str) -> String {
    format!("{}/schedules/{}/{what}", queue(source, name), segment(id))
}

/// The page of a run.
pub fn run(id: impl std::fmt::Display) -> String {
    format!("/queues/runs/{id}")
}

/// The query of the page with some of its pairs replaced; an empty value takes one away.
pub fn changed(path: &str, query: &str, pairs: &[(&str, &str)]) -> String {
    let now: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .filter(|(key, _)| !pairs.iter().any(|(name, _)| name == key))
        .collect();
    let all: Vec<(&str, &str)> = now.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(pairs.iter().copied()).collect();
    with(path, &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_stay_one_segment() {
        assert_eq!(queue("shop", "email.outbound"), "/queues/shop/email.outbound");
        assert_eq!(queue("shop", "a/b c%2F?#\"<é"), "/queues/shop/a%2Fb%20c%252F%3F%23%22%3C%C3%A9");
        assert_eq!(job("s", "q", "repeat:1:2"), "/queues/s/q/jobs/repeat%3A1%3A2");
    }

    #[test]
    fn what_can_be_no_segment_is_one_nevertheless() {
        for (text, written) in [(".", "~."), ("..", "~.."), ("runs", "~runs"), ("~.", "~~."), ("~~runs", "~~~runs"), ("...", "..."), ("~a", "~a")] {
            assert_eq!(segment(text), written);
            assert_eq!(name(written), text);
        }
        assert_eq!(queue("runs", ".."), "/queues/~runs/~..");
        assert_eq!(name("."), ".", "a client that sends it as it is means it");
    }

    #[test]
    fn a_query_keeps_what_is_not_changed() {
        assert_eq!(changed("/queues", "tab=failed&after=x", &[("after", "")]), "/queues?tab=failed");
        assert_eq!(changed("/queues", "", &[("tab", "runs")]), "/queues?tab=runs");
        assert_eq!(with("/queues", &[("q", "a b&c")]), "/queues?q=a+b%26c");
    }
}
