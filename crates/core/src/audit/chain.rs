//! The canonical form and the hash: one function for writer and verifier.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Row;
use crate::error::{Error, Result};

/// `prev_hash` of the first row: 32 zero bytes in hex.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// RFC 8785 canonical JSON.
pub fn canonical(value: &impl Serialize) -> Result<String> {
    serde_json_canonicalizer::to_string(value).map_err(|fault| Error::Broken(format!("canonical JSON: {fault}")))
}

/// SHA-256 in hex over the canonical JSON of a value.
pub fn digest(value: &impl Serialize) -> Result<String> {
    canonical(value).map(|text| hex::encode(Sha256::digest(text)))
}

/// The hash that `row` must carry: SHA-256(0x00 ‖ prev_hash ‖ canonical JSON of every other field), hex.
pub fn hash_of(row: &Row) -> Result<String> {
    let mut fields = serde_json::to_value(row)?;
    if let Value::Object(map) = &mut fields {
        map.remove("hash");
        map.remove("prev_hash");
    }
    let prev = hex::decode(&row.prev_hash).map_err(|fault| Error::Broken(format!("prev_hash: {fault}")))?;
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(prev);
    hasher.update(canonical(&fields)?);
    Ok(hex::encode(hasher.finalize()))
}

/// Links a row to the one before and hashes it.
pub(super) fn seal(mut row: Row, prev_hash: String) -> Result<Row> {
    row.prev_hash = prev_hash;
    row.hash = hash_of(&row)?;
    Ok(row)
}
