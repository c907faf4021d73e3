//! Reading a body with a limit that holds while reading.

use axum::body::Body;
use futures::StreamExt;
use qd_core::{Error, Result};

/// A body that is too large is read on and thrown away up to so many times its limit: a client that still sends hears the answer only then, and
/// would see a broken connection instead.
const DRAINED: usize = 16;

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`Error::Invalid`] on the field `body` when it is larger or breaks off.
pub async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>> {
    let (mut stream, mut bytes, mut read) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Error::invalid("body", "The body broke off."))?;
        read += chunk.len();
        if read <= limit {
            bytes.extend_from_slice(&chunk);
        } else if read > limit.saturating_mul(DRAINED) {
            break;
        }
    }
    if read > limit { Err(Error::invalid("body", format!("The body is larger than {limit} bytes."))) } else { Ok(bytes) }
}
