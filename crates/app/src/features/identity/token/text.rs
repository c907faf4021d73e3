//! The text of a token: `qd_`, 30 random letters and digits (178 bits), and a checksum of six, so that a mistyped or invented one is refused
//! without asking the database, and a scanner of leaked secrets knows a real one.

use flate2::Crc;
use qd_core::secret::Secret;

use crate::features::identity::crypto;

/// What every token begins with.
pub const PREFIX: &str = "qd_";
const RANDOM: usize = 30;
const CHECK: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new token.
pub fn make() -> Secret {
    let body = crypto::random_text(RANDOM);
    let check = checksum(&body);
    Secret::new(format!("{PREFIX}{body}{check}"))
}

/// Whether this could be a token of ours: form and checksum. The checksum is no secret.
pub fn is_well_formed(text: &str) -> bool {
    let body = text.strip_prefix(PREFIX).filter(|rest| rest.is_ascii()).and_then(|rest| rest.split_at_checked(RANDOM));
    body.is_some_and(|(random, check)| random.bytes().all(|b| b.is_ascii_alphanumeric()) && check == checksum(random))
}

/// CRC-32 of the random part as six base-62 digits, the most significant first.
fn checksum(random: &str) -> String {
    let mut crc = Crc::new();
    crc.update(random.as_bytes());
    let mut rest = crc.sum() as usize;
    let mut digits = ['0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get(rest % DIGITS.len()).copied().map_or('0', char::from);
        rest /= DIGITS.len();
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32_in_base_62() {
        // The check value of CRC-32/ISO-HDLC is 0xCBF43926 = 3421780262.
        let value = checksum("123456789").bytes().fold(0_u64, |sum, b| sum * 62 + DIGITS.iter().position(|d| *d == b).unwrap() as u64);
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        let token = make();
        let text = token.expose();
        assert_eq!(text.len(), 39);
        assert!(is_well_formed(text));
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(&String::from_utf8(bytes).unwrap()), "{at}");
        }
        for bad in ["", "qd_", "qd_short", "ghp_0000", "qd_äöü", &format!("{text}0")] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
