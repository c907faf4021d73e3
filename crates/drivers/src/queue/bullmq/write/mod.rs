//! The half that changes.

mod act;
mod answer;
mod limit;
mod obliterate;
mod pause;
pub(super) mod script;

use qd_core::Result;

use super::BullMq;
use super::connect::Conn;
use super::keys::Keys;
use super::read;

pub(super) use act::act;
pub(super) use answer::Answer;
pub(super) use limit::limit;
pub(super) use obliterate::obliterate;
pub(super) use pause::{pause, resume};

/// Most jobs of one call of a script: such a call keeps Redis busy for less than five milliseconds.
pub(super) const CHUNK: usize = 100;

/// A connection that just answered, to a queue that exists: what is sent on it is sent once.
pub(super) async fn open(bull: &BullMq, keys: Keys<'_>) -> Result<Conn> {
    bull.connections
        .reading(|mut conn| async move {
            read::exists(&mut conn, keys).await?;
            Ok(conn)
        })
        .await
}
