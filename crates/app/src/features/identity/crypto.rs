//! Random secrets, and the one-way forms in which they are stored.

use qd_core::secret::Secret;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a secret. Secrets here are random and long, so a plain hash is enough and can be looked up by an index.
pub fn fingerprint(secret: &str) -> Vec<u8> {
    digest(secret).to_vec()
}

/// The same, for a look into memory.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A one-way form of something guessable, such as an email: useless without the installation's `key`.
pub fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(b"quarterdeck identity\0");
    hash.update(key);
    hash.update(text.as_bytes());
    hash.finalize().to_vec()
}

/// The first 12 hex digits, enough to recognise a repetition.
pub fn short(hash: &[u8]) -> String {
    hex::encode(hash.get(..6).unwrap_or(hash))
}

/// A random secret of 43 letters and digits: 256 bits.
pub fn random_secret() -> Secret {
    Secret::new(random_text(43))
}

/// So many random letters and digits, 5.95 bits each, from the system's generator.
pub fn random_text(characters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(characters).map(char::from).collect()
}
