//! What holds for a queue as a whole: its key `meta`.

use qd_core::{Error, Result};
use serde_json::Value;

use super::Text;
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::fault;
use crate::queue::bullmq::write;
use crate::queue::bullmq::write::script::{self, REVIVE};

/// Fields and values of `meta`.
pub(in crate::queue::bullmq) async fn settings(bull: &BullMq, queue: &str) -> Result<Value> {
    let keys = bull.keys(queue)?;
    let mut conn = write::open(bull, keys).await?;
    let meta: Vec<Text> = redis::cmd("HGETALL").arg(keys.of("meta")).query_async(&mut conn).await.map_err(fault)?;
    Ok(serde_json::to_value(meta)?)
}

/// Writes them back, unless the queue has jobs.
pub(in crate::queue::bullmq) async fn revive(bull: &BullMq, queue: &str, settings: &Value) -> Result<bool> {
    let keys = bull.keys(queue)?;
    let meta: Vec<Text> = serde_json::from_value(settings.clone())?;
    if !meta.len().is_multiple_of(2) {
        return Err(Error::invalid("settings", "They are no pairs."));
    }
    let mut conn = bull.connections.get().await?;
    let mut call = script::call(&REVIVE, keys);
    call.arg(&meta);
    Ok(script::run::<i64>(&mut conn, &call).await? == 1)
}
