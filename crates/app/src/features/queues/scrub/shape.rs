//! What looks like a secret, wherever it stands.

/// How secrets begin, and how many more signs they have at least.
const KEYS: [(&[u8], usize); 25] = [
    (b"eyJ", 24),
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"AIza", 30),
    (b"sk_live_", 8),
    (b"sk_test_", 8),
    (b"rk_live_", 8),
    (b"rk_test_", 8),
    (b"whsec_", 12),
    (b"sk-", 20),
    (b"SG.", 30),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"npm_", 30),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"hvs.", 20),
    (b"qd_", 24),
    (b"rnd_", 20),
];
/// Words that announce one.
const SCHEMES: [&[u8]; 2] = [b"bearer ", b"basic "];

fn count(bytes: &[u8], good: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| good(**byte)).count()
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.~+/=".contains(&byte)
}

/// Where a part begins.
pub(super) fn place(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Whether it holds a part.
pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    place(bytes, part).is_some()
}

/// A secret at the begin: what of it is shown, and where it ends.
pub(super) fn secret(bytes: &[u8]) -> Option<(usize, usize)> {
    if !matches!(bytes.first()?, b'e' | b'A' | b's' | b'r' | b'w' | b'S' | b'g' | b'n' | b'x' | b'h' | b'q' | b'B' | b'b') {
        return None;
    }
    let tail = |from: usize| count(bytes.get(from..).unwrap_or_default(), is_key);
    for scheme in SCHEMES {
        if bytes.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)) {
            let value = bytes.get(scheme.len()..).unwrap_or_default();
            let length = tail(scheme.len());
            // "basic settings" is no login: a token has digits, capitals or signs.
            let tokens = value.iter().take(length).any(|byte| !byte.is_ascii_lowercase());
            return (length >= 6 && tokens).then_some((scheme.len(), scheme.len() + length));
        }
    }
    KEYS.iter().find(|(begin, _)| bytes.starts_with(begin)).and_then(|(begin, least)| {
        let length = tail(begin.len());
        (length >= *least).then_some((0, begin.len() + length))
    })
}

/// A card number at the begin: 14 to 19 digits in groups, of a brand, with the right check digit. Gives its length.
pub(super) fn card(bytes: &[u8]) -> Option<usize> {
    let (mut digits, mut count, mut end) = ([0_u8; 19], 0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        match *byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                (count, end) = (count + 1, at + 1);
            }
            b' ' | b'-' if at == end => {}
            _ => break,
        }
    }
    let ends = match bytes.get(end) {
        Some(b'.') => !bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => !super::is_word(*byte),
        None => true,
    };
    let digits = digits.get(..count)?;
    (ends && brand(digits) && luhn(digits)).then_some(end)
}

fn brand(digits: &[u8]) -> bool {
    let first = digits.iter().take(2).fold(0, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(first, 30 | 36 | 38 | 39),
        15 => matches!(first, 34 | 37),
        16 => matches!(first, 22..=27 | 35 | 40..=49 | 51..=55 | 60..=69 | 81),
        19 => matches!(first, 40..=49 | 60..=69),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit) * 2) {
            (0, _) => u32::from(*digit),
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Length of the host behind an @; 0 when it is none: `react@18.2.0`.
pub(super) fn host(bytes: &[u8]) -> usize {
    let given = bytes.get(..bytes.len().min(253)).unwrap_or_default();
    let mut length = count(given, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte) || !byte.is_ascii());
    if length == given.len() {
        // Not in the middle of a sign.
        length -= given.iter().rev().take_while(|byte| !byte.is_ascii()).count();
    }
    let given = given.get(..length).unwrap_or_default();
    length -= given.iter().rev().take_while(|byte| b".-".contains(byte)).count();
    let last = given.get(..length).unwrap_or_default().rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if last.first().is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) { length } else { 0 }
}

/// A login behind `://`: what of it is shown, and where it ends.
pub(super) fn login(bytes: &[u8]) -> Option<(usize, usize)> {
    let ends = |at: usize, byte: u8| {
        // The next URL of a list is another one.
        (byte.is_ascii() && !byte.is_ascii_graphic()) || b"\"'<>\\`".contains(&byte) || bytes.get(at..at + 3) == Some(b"://")
    };
    let end = bytes.iter().enumerate().position(|(at, byte)| ends(at, *byte)).unwrap_or(bytes.len());
    let url = bytes.get(..end)?;
    let authority = count(url, |byte| !b"/?#".contains(&byte));
    let near = url.get(..authority)?;
    let colon = near.iter().position(|byte| *byte == b':').map(|colon| colon + 1);
    if let Some(at) = near.iter().rposition(|byte| *byte == b'@') {
        return Some((colon.filter(|colon| *colon <= at).unwrap_or(0), at)).filter(|(from, to)| from < to);
    }
    // A password may hold a slash; a port has digits only.
    let colon = colon?;
    let port = near.get(colon..).is_some_and(|port| port.iter().all(u8::is_ascii_digit));
    let at = url.iter().rposition(|byte| *byte == b'@').filter(|at| !port && *at > colon)?;
    Some((colon, at))
}
