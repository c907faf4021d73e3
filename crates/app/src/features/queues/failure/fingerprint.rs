//! One name for the same failure, whatever ids, numbers and times it speaks of.
//!
//! The first line of the reason is normalised, and of the stack the top frame of one's own code, when it is given; the fingerprint is the begin of
//! the SHA-256 of both. So these are one failure:
//!
//! | reason | normalised |
//! |---|---|
//! | `Order 4711 not found` | `Order # not found` |
//! | `SendGridError 429: retry after 38 s` | `SendGridError 429: retry after # s` |
//! | `connect ECONNREFUSED 10.0.3.7:6379` | `connect ECONNREFUSED #` |
//! | `no user ada@example.org` | `no user <mail>` |
//! | `job 018f6d3c-…-9c1e took 1.5s` | `job <id> took #s` |
//! | `charge ch_3MmlLrLkdIwHu7ix failed` | `charge ch_<id> failed` |
//! | `GET https://api.example.org/orders/77?x=1: status 502` | `GET https://api.example.org/orders/<id>: status 502` |
//! | `Cannot read "total" of undefined` | `Cannot read <text> of undefined` |
//! | `since 2026-11-22T14:02:11.123Z` | `since <time>` |
//!
//! Numbers behind `status`, `code`, `HTTP` and `…Error` tell failures apart and stay: 429 is not 500. So do short codes at the begin (`E11000`,
//! `P2002`), and names like `sha256`.

use sha2::{Digest, Sha256};

/// Bytes of the reason that count.
const LINE: usize = 600;
/// Frames that are looked at.
const FRAMES: usize = 100;
/// Places of other people's code.
const FOREIGN: [&str; 9] =
    ["node_modules", "node:", "(internal/", "site-packages", "dist-packages", "/lib/python", ".cargo/registry", "/rustc/", "<anonymous>"];
/// Words with digits that are no ids.
const KNOWN: [&str; 18] = [
    "sha1", "sha256", "sha512", "md5", "utf8", "utf16", "http1", "http2", "http3", "ipv4", "ipv6", "base64", "oauth2", "s3", "ec2", "r2", "x509",
    "k8s",
];

/// The fingerprint of a failure: 16 hex digits. `stack_top` is a frame as [`top_frame`] gives it; lists of jobs have none.
pub fn fingerprint(reason: &str, stack_top: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(normalised(reason));
    if let Some(frame) = stack_top {
        hash.update("\n");
        hash.update(normalised(frame));
    }
    hex::encode(hash.finalize().get(..8).unwrap_or_default())
}

/// The top frame of a stack (of JavaScript, Python or Rust) that is not library code: `at sendOrder (src/jobs/order.ts:41:5)`.
pub fn top_frame(stack: &str) -> Option<&str> {
    let is_frame = |line: &&str| line.starts_with("at ") || line.starts_with("File \"");
    let mut frames = stack.lines().map(str::trim).filter(is_frame).take(FRAMES);
    // Python tells the innermost frame last.
    if stack.trim_start().starts_with("Traceback") {
        return frames.filter(|line| !FOREIGN.iter().any(|place| line.contains(place))).last();
    }
    frames.find(|line| !FOREIGN.iter().any(|place| line.contains(place)))
}

/// The first line of a reason without what differs from job to job; at most 600 bytes of it count.
pub fn normalised(reason: &str) -> String {
    let line = reason.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let end = (0..=line.len().min(LINE)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let mut writer = Writer { line: line.get(..end).unwrap_or_default(), out: String::new(), code: true };
    let mut at = 0;
    while at < end {
        at += writer.next(at).max(1);
    }
    writer.out
}

struct Writer<'a> {
    line: &'a str,
    out: String,
    /// A code may stand here: at the begin, and behind words like "status".
    code: bool,
}

fn count(bytes: &[u8], good: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| good(**byte)).count()
}

impl Writer<'_> {
    fn rest(&self, at: usize) -> &[u8] {
        self.line.as_bytes().get(at..).unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.code = false;
    }

    /// Writes what stands at a place; gives how long it is.
    fn next(&mut self, at: usize) -> usize {
        let rest = self.rest(at);
        let Some(byte) = rest.first().copied() else { return 1 };
        if byte.is_ascii_whitespace() {
            if !self.out.ends_with(' ') {
                self.out.push(' ');
            }
            return 1;
        }
        if let Some(length) = quoted(self.line, at) {
            self.put("<text>");
            return length;
        }
        if !byte.is_ascii_alphanumeric() {
            let sign = self.line.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
            self.out.push(sign);
            return sign.len_utf8();
        }
        for (length, text) in [(mail(rest), "<mail>"), (uuid(rest), "<id>"), (time(rest), "<time>")] {
            if length > 0 {
                self.put(text);
                return length;
            }
        }
        match url(rest) {
            0 => self.word(at),
            length => self.url(at, length),
        }
    }

    fn word(&mut self, at: usize) -> usize {
        let rest = self.rest(at);
        let length = count(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = self.line.get(at..at + length).unwrap_or_default();
        let digits = count(rest, |byte| byte.is_ascii_digit());
        if digits == length {
            return self.number(at, digits);
        }
        let text = if self.code && is_code(word) { word.to_owned() } else { named(word) };
        self.put(&text);
        let small = word.to_ascii_lowercase();
        self.code = ["status", "code", "http", "errno"].contains(&small.as_str()) || small.ends_with("error") || small.ends_with("statuscode");
        length
    }

    fn number(&mut self, at: usize, digits: usize) -> usize {
        // 1.5, 1,000, 10.0.3.7:6379
        let mut length = digits;
        loop {
            let more = self.rest(at + length);
            let joined = matches!(more.first(), Some(b'.' | b',' | b':')) && more.get(1).is_some_and(u8::is_ascii_digit);
            if !joined {
                break;
            }
            length += 1 + count(more.get(1..).unwrap_or_default(), |byte| byte.is_ascii_digit());
        }
        let number = self.line.get(at..at + length).unwrap_or_default().to_owned();
        if !(self.code && number.len() == 3 && self.out.len() > 1) {
            self.put(if number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit()) { "<id>" } else { "#" });
        } else {
            self.put(&number);
        }
        length
    }

    /// Scheme and host stay, the query goes, and so do ids in the path.
    fn url(&mut self, at: usize, length: usize) -> usize {
        let url = self.line.get(at..at + length).unwrap_or_default().to_owned();
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = plain.split_once("://").unwrap_or(("", plain));
        let mut parts = rest.split('/');
        let host = parts.next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let path: String = parts
            .map(|part| if part.bytes().any(|byte| byte.is_ascii_digit()) && !is_version(part) { "/<id>".into() } else { format!("/{part}") })
            .collect();
        self.put(&format!("{scheme}://{host}{path}"));
        length
    }
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `E11000`, `P2002`, `42P01`.
fn is_code(word: &str) -> bool {
    let letters = word.bytes().filter(u8::is_ascii_uppercase).count();
    (1..=3).contains(&letters) && word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// A word without the id in it.
fn named(word: &str) -> String {
    if KNOWN.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return word.to_owned();
    }
    let is_hex = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex || (word.starts_with("0x") && word.len() > 2) {
        return "<id>".into();
    }
    if let Some((kind, id)) = word.rsplit_once('_').filter(|(kind, _)| kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
        let capitals = id.bytes().filter(u8::is_ascii_uppercase).count();
        if !id.is_empty() && (id.bytes().any(|byte| byte.is_ascii_digit()) || capitals == id.len() || (capitals >= 2 && id.len() >= 8)) {
            return format!("{kind}_<id>");
        }
    }
    let letters = count(word.as_bytes(), |byte| !byte.is_ascii_digit());
    if letters == word.len() {
        return word.to_owned();
    }
    let tail = word.get(letters..).unwrap_or_default();
    // `order77` is an order, `38s` a time, `9F21K` an id.
    if tail.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{}#", word.get(..letters).unwrap_or_default());
    }
    let unit = tail.trim_start_matches(|sign: char| sign.is_ascii_digit());
    if letters == 0 && unit.len() <= 3 && unit.bytes().all(|byte| byte.is_ascii_lowercase()) { format!("#{unit}") } else { "<id>".into() }
}

/// A text in quotes at a place, with them. An apostrophe within a word is none.
fn quoted(line: &str, at: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    let mark = *bytes.get(at).filter(|byte| b"\"'`".contains(byte))?;
    let is_word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    if mark == b'\'' && is_word(at.checked_sub(1)) {
        return None;
    }
    let closes = |end: &usize| bytes.get(*end) == Some(&mark) && !(mark == b'\'' && is_word(Some(end + 1)));
    let end = (at + 1..bytes.len()).find(closes)?;
    Some(end + 1 - at)
}

fn mail(rest: &[u8]) -> usize {
    let local = count(rest, |byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte));
    if rest.get(local) != Some(&b'@') {
        return 0;
    }
    let host = rest.get(local + 1..).unwrap_or_default();
    let length = count(host, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let given = host.get(..length).unwrap_or_default();
    let length = length - given.iter().rev().take_while(|byte| b".-".contains(byte)).count();
    let named = given.iter().any(u8::is_ascii_alphabetic) && !given.first().is_some_and(u8::is_ascii_digit);
    if named { local + 1 + length } else { 0 }
}

fn uuid(rest: &[u8]) -> usize {
    let given = rest.get(..36).unwrap_or_default();
    let shape = |(at, byte): (usize, &u8)| if [8, 13, 18, 23].contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() };
    if given.len() == 36 && given.iter().enumerate().all(shape) && !rest.get(36).is_some_and(u8::is_ascii_alphanumeric) { 36 } else { 0 }
}

/// `2026-11-22`, with or without a time behind it.
fn time(rest: &[u8]) -> usize {
    let date = rest.get(..10).unwrap_or_default();
    let shape = |(at, byte): (usize, &u8)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() };
    if date.len() < 10 || !date.iter().enumerate().all(shape) {
        return 0;
    }
    let clock = rest.get(10..).unwrap_or_default();
    if !matches!(clock.first(), Some(b'T' | b' ')) || !clock.get(1).is_some_and(u8::is_ascii_digit) || clock.get(3) != Some(&b':') {
        return 10;
    }
    let length = 1 + count(clock.get(1..).unwrap_or_default(), |byte| byte.is_ascii_digit() || b":.".contains(&byte));
    let zone = clock.get(length..).unwrap_or_default();
    10 + length
        + match zone.first() {
            Some(b'Z') => 1,
            Some(b'+' | b'-') => 1 + count(zone.get(1..).unwrap_or_default(), |byte| byte.is_ascii_digit() || byte == b':'),
            _ => 0,
        }
}

fn url(rest: &[u8]) -> usize {
    let scheme = count(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'+');
    if scheme == 0 || !rest.get(scheme..).unwrap_or_default().starts_with(b"://") {
        return 0;
    }
    let length = count(rest, |byte| byte.is_ascii_graphic() && !b"\"'<>`()[]{},".contains(&byte));
    // A sign at the end belongs to the sentence.
    length - rest.get(..length).unwrap_or_default().iter().rev().take_while(|byte| b".:;!".contains(byte)).count()
}
