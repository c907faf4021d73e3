//! Names of secrets: `apiKey`, `DB_PASSWORD`, `card_number`, `x-auth-token`.

use std::borrow::Cow;

/// Longest name that is looked at, in bytes.
const MAX: usize = 120;

/// A name before a `:` or `=`.
pub(super) struct Name<'a> {
    /// As it stands there.
    pub text: Cow<'a, str>,
    /// Its quote and how many backslashes stand before it; `None` without one.
    pub quote: Option<(u8, usize)>,
}

/// The name that ends before `at`, without going before `low`, or before `floor` when it is not quoted.
pub(super) fn before<'a>(text: &'a str, (low, floor): (usize, usize), at: usize) -> Option<Name<'a>> {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied();
    let mut end = at;
    while end > low && at - end < 8 && byte(end - 1).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b']')) {
        end -= 1;
    }
    let last = byte(end.checked_sub(1)?)?;
    if end > low && matches!(last, b'"' | b'\'') {
        let before = bytes.get(low..end - 1)?;
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let body = bytes.get(low..end - 1 - slashes)?;
        let length = body.iter().rev().take(MAX).position(|byte| *byte == last)?;
        // A stretch over somebody else's quotes is no name.
        let name = text.get(low + body.len() - length..low + body.len()).filter(|name| last == b'"' || !name.contains('"'))?;
        return Some(Name { text: unescaped(name), quote: Some((last, slashes)) });
    }
    let low = low.max(floor).max(end.saturating_sub(MAX));
    let length = bytes.get(low..end)?.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)).count();
    let name = text.get(end - length..end).filter(|name| !name.is_empty())?;
    Some(Name { text: Cow::Borrowed(name), quote: None })
}

/// JSON's `\u0061` as what it means; other escapes stand for themselves.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains("\\u") {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split("\\u");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let sign = part.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        out.extend(sign);
        out.push_str(part.get(if sign.is_some() { 4 } else { 0 }..).unwrap_or_default());
    }
    Cow::Owned(out)
}

/// Parts of names, without separators, that make a secret wherever they stand.
const PARTS: [&[u8]; 20] = [
    b"password", b"passwd", b"passphrase", b"passcode", b"secret", b"token", b"authorization", b"cookie", b"apikey", b"accesskey", b"privatekey",
    b"signingkey", b"encryptionkey", b"bearer", b"credential", b"cardnumber", b"cardno", b"creditcard", b"connectionstring", b"sessionid",
];
/// Words that make one when they stand alone in a name.
const WORDS: [&[u8]; 17] =
    [b"pw", b"pwd", b"pin", b"creds", b"otp", b"totp", b"auth", b"card", b"cards", b"cvv", b"cvc", b"cvv2", b"cvc2", b"iban", b"ssn", b"jwt", b"pan"];

/// A name in lower case without separators, and where its words begin.
struct Plain {
    bytes: [u8; MAX],
    len: usize,
    begins: u128,
}

impl Plain {
    fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let bytes = bytes.get(bytes.len().saturating_sub(MAX)..).unwrap_or_default();
        let mut plain = Self { bytes: [0; MAX], len: 0, begins: 0 };
        let mut before = b'_';
        for (at, byte) in bytes.iter().enumerate() {
            let small_next = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = byte.is_ascii_uppercase() && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && small_next));
            if byte.is_ascii_alphanumeric() {
                if hump || !before.is_ascii_alphanumeric() || byte.is_ascii_digit() != before.is_ascii_digit() {
                    plain.begins |= 1 << plain.len;
                }
                if let Some(place) = plain.bytes.get_mut(plain.len) {
                    *place = byte.to_ascii_lowercase();
                    plain.len += 1;
                }
            }
            before = *byte;
        }
        plain
    }

    fn begins(&self, at: usize) -> bool {
        at == self.len || self.begins >> at & 1 == 1
    }
}

/// Whether the value of that name is masked.
pub(super) fn is_secret(name: &str) -> bool {
    let plain = Plain::of(name);
    let all = plain.bytes.get(..plain.len).unwrap_or_default();
    // `TokenExpiredError: jwt expired` is no token.
    if all.ends_with(b"error") || all.ends_with(b"exception") {
        return false;
    }
    (0..all.len()).any(|at| {
        let rest = all.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'a' | b'b' | b'c' | b'e' | b'i' | b'j' | b'o' | b'p' | b's' | b't') => {}
            _ => return false,
        }
        PARTS.iter().any(|part| rest.starts_with(part))
            || (plain.begins(at) && WORDS.iter().any(|word| rest.starts_with(word) && plain.begins(at + word.len())))
    })
}

/// Headers whose unquoted value goes to the end of the line.
pub(super) fn is_header(name: &str) -> bool {
    let ends = |tail: &str| name.len() >= tail.len() && name.get(name.len() - tail.len()..).is_some_and(|end| end.eq_ignore_ascii_case(tail));
    ends("authorization") || ends("cookie")
}
