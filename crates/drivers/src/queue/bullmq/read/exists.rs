//! Whether a queue is one.

use qd_core::{Error, Result};

use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;

/// Says whether the queue holds or held jobs: a key `meta` alone is left by everybody who looks with BullMQ's own client.
///
/// # Errors
/// [`Error::NotFound`] when it does not.
pub(in crate::queue::bullmq) async fn exists(conn: &mut Conn, keys: Keys<'_>) -> Result<()> {
    let all: Vec<String> = Keys::REAL.iter().map(|part| keys.of(part)).collect();
    let found: u64 = redis::cmd("EXISTS").arg(all).query_async(conn).await.map_err(fault)?;
    if found > 0 { Ok(()) } else { Err(Error::NotFound(format!("Queue {}", keys.queue))) }
}
