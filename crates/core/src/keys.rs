//! The installation's key: 32 random bytes in a file beside the database, never in it. Tickets, fingerprints and bypass tokens are made
//! with keys that are derived from it, one for each purpose, so that a proof of one kind is worth nothing as another.

use std::io::Write;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::audit::private_file;
use crate::error::{Error, Result};

/// Derives a key for each purpose. Replicas that share a database need the same file.
#[derive(Clone)]
pub struct Keys([u8; 32]);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(••••)")
    }
}

impl Keys {
    /// Reads the key file (64 hex digits), or makes it with owner-only rights.
    ///
    /// # Errors
    /// [`Error::Broken`] with the path for a file that can't be read, written or understood.
    pub fn open(path: &Path) -> Result<Self> {
        let fault = |detail: String| Error::Broken(format!("The key file {}: {detail}", path.display()));
        if path.exists() {
            let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
            let bytes = hex::decode(text.trim()).map_err(|e| fault(e.to_string()))?;
            return Ok(Self(bytes.try_into().map_err(|_| fault("it is not 32 bytes in hex".into()))?));
        }
        let bytes: [u8; 32] = rand::random();
        let write = |mut file: std::fs::File| writeln!(file, "{}", hex::encode(bytes)).and_then(|()| file.sync_all());
        private_file(path).and_then(write).map_err(|e| fault(e.to_string()))?;
        Ok(Self(bytes))
    }

    /// HMAC-SHA256 over `text` under the key of `purpose` (RFC 2104; the purpose's key is HMAC-SHA256 over its name).
    pub fn mac(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        mac(&mac(&self.0, purpose.as_bytes()), text)
    }

    /// Whether `given` is [`Keys::mac`] of the same, in constant time.
    pub fn holds(&self, purpose: &str, text: &[u8], given: &[u8]) -> bool {
        self.mac(purpose, text).as_slice().ct_eq(given).into()
    }
}

/// Whether two proofs are the same, in a time that tells nothing of where they differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// HMAC-SHA256.
pub fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length: the error can't happen, and an empty result would be no proof of anything.
    Hmac::<Sha256>::new_from_slice(key).map(|hmac| hmac.chain_update(text).finalize().into_bytes().into()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(mac(b"Jefe", b"what do ya want for nothing?")), expected);
    }

    #[test]
    fn a_proof_of_one_purpose_is_none_of_another_and_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("installation.key");
        let proof = Keys::open(&path).unwrap().mac("ticket", b"7");
        let again = Keys::open(&path).unwrap();
        assert!(again.holds("ticket", b"7", &proof));
        assert!(!again.holds("bypass", b"7", &proof) && !again.holds("ticket", b"8", &proof) && !again.holds("ticket", b"7", b""));
        assert_eq!(format!("{again:?}"), "Keys(••••)");
    }
}
