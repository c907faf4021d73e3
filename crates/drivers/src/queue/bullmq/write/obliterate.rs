//! The end of a queue.

use qd_core::{Error, Result};

use super::CHUNK;
use super::open;
use super::script::{self, OBLITERATE};
use crate::queue::bullmq::BullMq;

/// Calls of the script in one call of the driver: four thousand jobs, some tens of milliseconds.
const ROUNDS: usize = 40;

/// Deletes up to four thousand jobs of a paused queue, and the queue with the last; `false`: more is left.
///
/// # Errors
/// [`Error::Conflict`] while jobs run or workers may take some; nothing changed.
pub(in crate::queue::bullmq) async fn obliterate(bull: &BullMq, queue: &str) -> Result<bool> {
    let keys = bull.keys(queue)?;
    let mut conn = open(bull, keys).await?;
    for _ in 0..ROUNDS {
        let mut call = script::call(&OBLITERATE, keys);
        call.arg(CHUNK);
        match script::run::<i64>(&mut conn, &call).await? {
            0 => return Ok(true),
            -1 => return Err(Error::Conflict(format!("Queue {queue} is not paused. Pause it first."))),
            -2 => return Err(Error::Conflict(format!("Jobs of queue {queue} run. Wait until they ended."))),
            _ => {}
        }
    }
    Ok(false)
}
