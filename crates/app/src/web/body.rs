//! Reading a body with a limit that holds while reading.

use axum::body::Body;
use http_body_util::{BodyExt, Limited};
use qd_core::{Error, Result};

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`Error::Invalid`] on the field `body` when it is larger or breaks off.
pub async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>> {
    let too_large = |_| Error::invalid("body", format!("The body is larger than {limit} bytes, or it broke off."));
    Ok(Limited::new(body, limit).collect().await.map_err(too_large)?.to_bytes().to_vec())
}
