//! Everything about one job.

use qd_core::Result;
use qd_core::port::queue::{JobDetail, TextCut};

use super::exists::exists;
use super::family::{children, parent};
use super::log::page as log_page;
use super::place::{Place, places};
use super::rows::hashes;
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::parse::{options, row, stacks};

const LARGE: [&str; 7] = ["name", "data", "opts", "failedReason", "returnvalue", "stacktrace", "progress"];

/// Everything about a job; `None` when there is none, or only a hash that no list or set names.
pub(in crate::queue::bullmq) async fn job(bull: &BullMq, conn: &mut Conn, keys: Keys<'_>, id: &str) -> Result<Option<JobDetail>> {
    exists(conn, keys).await?;
    let ids = [id.to_owned()];
    let Some(placed) = places(conn, keys, &ids).await?.into_iter().find_map(Place::likely) else { return Ok(None) };
    let Some(hash) = hashes(conn, keys, &ids, &LARGE).await?.into_iter().flatten().next() else { return Ok(None) };
    let row = row(id, placed.state, placed.score, &hash, [TextCut::MAX, TextCut::MAX]);
    let (children, children_total) = children(bull, conn, keys, id).await?;
    // BullMQ writes 0 where there is no progress.
    let progress = hash.text("progress", TextCut::MAX).filter(|progress| progress.text != "0");
    Ok(Some(JobDetail {
        row,
        options: hash.text("opts", TextCut::MAX).unwrap_or_default(),
        progress,
        result: hash.text("returnvalue", TextCut::MAX),
        stacks: hash.get("stacktrace").map(stacks).unwrap_or_default(),
        log: log_page(conn, keys, id, 0).await?,
        parent: hash.get("parentKey").and_then(|key| parent(key, keys.prefix)),
        children,
        children_total,
        stalled: hash.number("stc").and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        delay_ms: hash.get("opts").map_or(0, |opts| options(opts).delay),
        unique_key: hash.get("deid").filter(|key| !key.is_empty()).map(|key| TextCut::of(key, 512).text),
    }))
}
