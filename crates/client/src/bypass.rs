//! Proof that somebody may work during a maintenance: `v1.{expires}.{id}.{mac}`, where `expires` is in seconds since 1970 and `mac` is the
//! unpadded base64url of HMAC-SHA256 over everything before it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::endpoint::Error;

/// A shorter secret could be guessed from one token.
const MIN_SECRET: usize = 16;
/// Longer texts are no token.
const MAX_TOKEN: usize = 512;

/// The secret that Quarterdeck signs bypass tokens with (`[maintenance] bypass_secret`). `Debug` does not show it.
#[derive(Clone)]
pub struct BypassKey(Hmac<Sha256>);

impl fmt::Debug for BypassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BypassKey(••••)")
    }
}

impl BypassKey {
    /// The key of a secret; `Ok(None)` for an empty one: then nobody can bypass.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a secret of less than 16 bytes.
    pub fn new(secret: &str) -> Result<Option<Self>, Error> {
        if secret.is_empty() {
            return Ok(None);
        }
        let short = || Error::Configuration(format!("the bypass secret has less than {MIN_SECRET} bytes"));
        let key = (secret.len() >= MIN_SECRET).then(|| Hmac::new_from_slice(secret.as_bytes()).ok()).flatten();
        key.map(|key| Some(Self(key))).ok_or_else(short)
    }

    /// The id of a token that is ours and has not ended at `now`.
    pub(crate) fn proves<'t>(&self, token: &'t str, now: i64) -> Option<&'t str> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, mac) = token.rsplit_once('.')?;
        let given = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let made = self.0.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        let ours: bool = made.as_slice().ct_eq(&given).into();
        let (expires, id) = signed.strip_prefix("v1.")?.split_once('.')?;
        let expires: i64 = expires.parse().ok()?;
        (ours && expires > now).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(secret: &str, text: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(text).finalize().into_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    #[test]
    fn only_a_living_token_of_the_secret_counts() {
        let secret = "a secret of many bytes";
        let key = BypassKey::new(secret).unwrap().unwrap();
        let token = signed(secret, "v1.1000.7f");
        assert_eq!(key.proves(&token, 999), Some("7f"));
        assert_eq!(key.proves(&token, 1_000), None, "it has ended");
        assert_eq!(key.proves(&signed("another secret, as long", "v1.1000.7f"), 0), None);
        assert_eq!(key.proves(&token.replace("1000", "9999"), 0), None, "the end is signed");
        assert_eq!(key.proves(&token.replace("7f", "8f"), 0), None, "the id is signed");
        for odd in ["", ".", "v1", "v1.1000.7f", "v1.1000.7f.", "v1.x.7f.AAAA", &signed(secret, "v2.1000.7f"), &signed(secret, "v1.x.7f")] {
            assert_eq!(key.proves(odd, 0), None, "{odd}");
        }
    }

    #[test]
    fn no_secret_is_no_bypass_and_a_short_one_is_a_mistake() {
        assert!(BypassKey::new("").unwrap().is_none());
        assert!(BypassKey::new("short").is_err());
        assert_eq!(format!("{:?}", BypassKey::new("a secret of many bytes").unwrap()), "Some(BypassKey(••••))");
    }
}
