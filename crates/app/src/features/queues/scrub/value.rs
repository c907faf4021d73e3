//! Values behind names of secrets, and where they end.

use super::{MASK, Scanner, name};

/// Where a string that begins before `from` ends: at its quote when it is one of JSON, else with the text.
pub(super) fn string_end(bytes: &[u8], from: usize, in_string: bool) -> usize {
    if in_string { quoted(bytes, from, (b'"', 0), false) } else { bytes.len() }
}

/// Where the value ends that a quote with so many backslashes opened before `from`. `inside`: a bare `"` ends the text around it.
fn quoted(bytes: &[u8], from: usize, (quote, level): (u8, usize), inside: bool) -> usize {
    let mut slashes: usize = 0;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        let even = slashes.is_multiple_of(2);
        match *byte {
            b'\\' => {
                slashes += 1;
                continue;
            }
            byte if byte == quote && level == 0 && even => return at,
            byte if byte == quote && level > 0 && (even || slashes <= level) => return at - slashes,
            b'"' if inside && even => return at,
            b'\n' => return at,
            _ => {}
        }
        slashes = 0;
    }
    bytes.len()
}

/// Where the `{` or `[` at `from` is closed, in a text whose strings are quoted like that.
fn closed(bytes: &[u8], from: usize, quote: (u8, usize), inside: bool) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'\\' | b'"' | b'\'' => {
                let slashes = bytes.iter().skip(at).take_while(|byte| **byte == b'\\').count();
                let mark = bytes.get(at + slashes).copied();
                if inside && mark == Some(b'"') && slashes.is_multiple_of(2) {
                    return at + slashes;
                }
                if mark == Some(quote.0) && slashes == quote.1 {
                    let end = quoted(bytes, at + slashes + 1, quote, inside);
                    let slashes = bytes.iter().skip(end).take_while(|byte| **byte == b'\\').count();
                    if inside && bytes.get(end + slashes) == Some(&b'"') && slashes.is_multiple_of(2) {
                        return end;
                    }
                    at = end + slashes.min(quote.1);
                } else {
                    // An escaped quote is passed with its backslashes.
                    let passed = matches!(mark, Some(b'"' | b'\''));
                    at += if passed { slashes } else { slashes.saturating_sub(1) };
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Where an unquoted value ends. `line`: with the line, not with the word. `inside`: within a string of JSON.
fn bare(bytes: &[u8], from: usize, line: bool, inside: bool) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' if inside => match bytes.get(at + 1) {
                None | Some(b'n' | b'r' | b't' | b'"') => break,
                Some(_) => at += 1,
            },
            b'"' if inside || !line => break,
            b'\n' | b'\r' => break,
            _ if line => {}
            byte if byte.is_ascii_whitespace() || b",;&)}]<>'".contains(&byte) => break,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

impl Scanner<'_> {
    /// At a `:` or `=`: the value behind it, if the name before it is a secret's.
    pub(super) fn named(&mut self) {
        let name = name::before(self.text, (self.copied, self.floor), self.at).filter(|name| name::is_secret(&name.text));
        let Some(name) = name else {
            self.at += 1;
            return;
        };
        let from = self.at + 1;
        let from = from + self.rest(from).iter().take_while(|byte| b"=:> \t\r\n".contains(byte)).count();
        let slashes = self.rest(from).iter().take_while(|byte| **byte == b'\\').count();
        match self.byte(from + slashes) {
            Some(quote @ (b'"' | b'\'')) if self.opens(from + slashes, quote, slashes) => self.quoted(from + slashes + 1, (quote, slashes)),
            Some(b'{' | b'[') if name.quote.is_some() && slashes == 0 => self.whole(from, name.quote),
            Some(_) => self.bare(from, &name),
            None => self.at = self.bytes.len(),
        }
    }

    /// Whether a quote opens a value, and does not close the string that the name stands in.
    fn opens(&self, at: usize, quote: u8, slashes: usize) -> bool {
        let closes = self.in_string && quote == b'"' && slashes.is_multiple_of(2);
        !closes || self.byte(at + 1).is_some_and(|next| !next.is_ascii_whitespace() && !b",}]".contains(&next))
    }

    fn quoted(&mut self, from: usize, quote: (u8, usize)) {
        let inside = self.in_string && quote.0 != b'"';
        let end = quoted(self.bytes, from, quote, inside);
        if end > from {
            self.mask(from, end, &[MASK]);
        }
        let slashes = self.rest(end).iter().take_while(|byte| **byte == b'\\').count();
        let closes = slashes == quote.1 && self.byte(end + slashes) == Some(quote.0);
        // A quote of the string around is left to the scanner.
        self.at = if closes { end + slashes + 1 } else { end };
        self.floor = self.at;
    }

    /// A whole object or list.
    fn whole(&mut self, from: usize, quote: Option<(u8, usize)>) {
        let quote = quote.unwrap_or((b'"', 0));
        let end = closed(self.bytes, from, quote, self.in_string);
        self.replace(from, end, Some(quote));
    }

    fn bare(&mut self, from: usize, name: &name::Name<'_>) {
        let line = name.quote.is_none() && name::is_header(&name.text);
        let mut end = bare(self.bytes, from, line, self.in_string);
        let word = self.text.get(from..end).unwrap_or_default();
        if self.byte(end) == Some(b' ') && (word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")) {
            end = bare(self.bytes, end + 1, line, self.in_string);
        }
        // That there is none is worth knowing.
        if word.is_empty() || matches!(word, "null" | "true" | "false" | "undefined" | "None" | "nil") {
            self.at = from.max(end);
            self.floor = self.at;
            return;
        }
        self.replace(from, end, name.quote);
    }

    /// A value without quotes gets those of its name, so that JSON stays JSON.
    fn replace(&mut self, from: usize, end: usize, quote: Option<(u8, usize)>) {
        let Some((mark, slashes)) = quote else { return self.mask(from, end, &[MASK]) };
        let quote = format!("{}{}", "\\".repeat(slashes), char::from(mark));
        self.mask(from, end, &[&quote, MASK, &quote]);
    }
}
