//! Foreign text for screens and for the index: jobs' data, results, errors and logs, with secrets and personal data masked.
//!
//! Masked are values behind names of secrets (`"password": …`, `api_key=…`, `Authorization: …`), in JSON, in JSON inside JSON, and in plain text;
//! and what looks like a secret wherever it stands: e-mail addresses (`a•••@host`), card numbers (brand, length and check digit), bearer tokens,
//! JWTs, keys of AWS, Stripe, SendGrid, GitHub, Slack, Google and their like, private keys, logins in URLs. One pass, no parser: what is cut in
//! the middle or broken is masked as well, valid JSON stays valid, and the time grows with the length alone.
//!
//! It is a net for accidents, not a wall: a secret under an innocent name and without a known shape passes.

mod name;
mod shape;
mod value;

#[cfg(test)]
mod tests;

/// What stands for a secret.
pub const MASK: &str = "•••";

/// The text with secrets and personal data masked. Linear; 64 KiB take less than a millisecond.
pub fn scrub(text: &str) -> String {
    let mut scanner = Scanner::new(text);
    while let Some(byte) = scanner.byte(scanner.at) {
        scanner.step(byte);
    }
    scanner.end()
}

/// A value as it is shown that stands at `path` of a job's data (`order.lines.0.sku`): the mask alone when a name on the way is a secret's, or when it
/// looks like one.
pub fn scrub_at(path: &str, value: &str) -> String {
    // In a list a step is a number, and masks nothing.
    let nested = path.rsplit('.').fold(serde_json::Value::from(value), |inner, step| serde_json::json!({ step: inner }));
    let whole = |clean: &str| clean.contains(&format!("\"{MASK}\""));
    let clean = scrub(&nested.to_string());
    // A name may have dots itself.
    if whole(&clean) || whole(&scrub(&serde_json::json!({ path: value }).to_string())) {
        return MASK.to_owned();
    }
    let mut at = serde_json::from_str(&clean).unwrap_or(serde_json::Value::Null);
    while let Some((_, inner)) = at.as_object_mut().and_then(|object| object.iter_mut().next()) {
        at = inner.take();
    }
    at.as_str().unwrap_or(MASK).to_owned()
}

/// Goes through a text once.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    out: String,
    /// Everything before it is in `out`.
    copied: usize,
    at: usize,
    /// Where a word at hand begins at the earliest: behind the last escape.
    floor: usize,
    /// It looks like JSON: quotes open and close strings.
    json: bool,
    in_string: bool,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let json = match text.trim_start().split_at_checked(1) {
            Some(("{", rest)) => matches!(rest.trim_start().bytes().next(), None | Some(b'"' | b'}')),
            Some(("[", rest)) => {
                let rest = rest.trim_start();
                let word = ["true", "false", "null"].iter().any(|word| rest.starts_with(word));
                word || matches!(rest.bytes().next(), None | Some(b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9'))
            }
            first => first.is_some_and(|(first, _)| first == "\""),
        };
        Self { text, bytes, out: String::with_capacity(text.len() + 16), copied: 0, at: 0, floor: 0, json, in_string: false }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'\\' => self.escape(),
            b'"' => {
                self.in_string = self.json && !self.in_string;
                self.at += 1;
            }
            b':' if self.rest(self.at).starts_with(b"://") => self.url(),
            b':' | b'=' => self.named(),
            b'@' => self.mail(1),
            b'%' if self.rest(self.at).starts_with(b"%40") => self.mail(3),
            b'-' if self.rest(self.at).starts_with(b"-----BEGIN ") => self.private_key(),
            b'0'..=b'9' => self.digits(),
            byte if byte.is_ascii_alphabetic() => self.word(),
            _ => self.at += 1,
        }
    }

    /// Replaces what lies between.
    fn mask(&mut self, from: usize, to: usize, with: &[&str]) {
        self.out.push_str(self.text.get(self.copied..from).unwrap_or_default());
        with.iter().for_each(|part| self.out.push_str(part));
        (self.copied, self.at, self.floor) = (to, to, to);
    }

    fn end(mut self) -> String {
        self.out.push_str(self.text.get(self.copied..).unwrap_or_default());
        self.out
    }

    /// Whether a word may begin here.
    fn is_fresh(&self) -> bool {
        self.at <= self.floor || !self.byte(self.at - 1).is_some_and(is_word)
    }

    fn escape(&mut self) {
        if self.rest(self.at).starts_with(b"\\u0040") {
            return self.mail(6);
        }
        let long = self.byte(self.at + 1) == Some(b'u') && self.rest(self.at + 2).iter().take(4).filter(|byte| byte.is_ascii_hexdigit()).count() == 4;
        // Outside of JSON a backslash is one more sign of a path.
        let length = if long { 6 } else { 1 + usize::from(self.byte(self.at + 1).is_some_and(|next| next.is_ascii())) };
        self.at = (self.at + if self.json || long { length } else { 1 }).min(self.bytes.len());
        self.floor = self.at;
    }

    fn skip_word(&mut self) {
        self.at += self.rest(self.at).iter().take_while(|byte| is_word(**byte)).count().max(1);
    }

    fn word(&mut self) {
        match shape::secret(self.rest(self.at)).filter(|_| self.is_fresh()) {
            Some((keep, length)) => self.mask(self.at + keep, self.at + length, &[MASK]),
            None => self.skip_word(),
        }
    }

    fn digits(&mut self) {
        let led = self.at > self.floor && matches!(self.byte(self.at - 1), Some(b'-' | b'.'));
        match shape::card(self.rest(self.at)).filter(|_| self.is_fresh() && !led) {
            // A bare number becomes a text, so that JSON stays JSON.
            Some(length) if self.json && !self.in_string => self.mask(self.at, self.at + length, &["\"", MASK, "\""]),
            Some(length) => self.mask(self.at, self.at + length, &[MASK]),
            None => self.skip_word(),
        }
    }

    /// An e-mail address, at its @ of so many bytes.
    fn mail(&mut self, length: usize) {
        let low = self.floor.max(self.copied).max(self.at.saturating_sub(64));
        let before = self.bytes.get(low..self.at).unwrap_or_default();
        let local = before.iter().rev().take_while(|byte| is_word(**byte) || b".%+-".contains(byte) || !byte.is_ascii()).count();
        let from = (self.at - local..self.at).find(|at| self.text.is_char_boundary(*at)).unwrap_or(self.at);
        let name = self.text.get(from..self.at).unwrap_or_default();
        let host = shape::host(self.rest(self.at + length));
        let (at, end) = (self.at, self.at + length + host);
        if name.is_empty() || host == 0 || name.ends_with(MASK) {
            self.at = end.min(self.bytes.len());
            return;
        }
        let first = name.chars().next().map_or(0, char::len_utf8);
        let shown = if first < name.len() { name.get(..first).unwrap_or_default() } else { "" };
        self.mask(from, at, &[shown, MASK]);
        self.at = end;
    }

    /// A URL, at its `://`: a password, or a token in its place.
    fn url(&mut self) {
        let from = self.at + 3;
        match shape::login(self.rest(from)) {
            Some((keep, length)) => self.mask(from + keep, from + length, &[MASK]),
            None => self.at = from,
        }
    }

    fn private_key(&mut self) {
        let rest = self.rest(self.at);
        let head = rest.get(..rest.len().min(48)).unwrap_or_default();
        if !shape::holds(head, b"PRIVATE KEY") {
            self.at += 11;
            return;
        }
        let last = value::string_end(self.bytes, self.at, self.in_string);
        let body = self.bytes.get(self.at..last).unwrap_or_default();
        let end = shape::place(body, b"-----END ").map_or(body.len(), |tail| {
            let foot = body.get(tail + 9..).unwrap_or_default();
            tail + 9 + shape::place(foot, b"-----").map_or(foot.len(), |dashes| dashes + 5)
        });
        self.mask(self.at, self.at + end, &[MASK]);
    }
}
