//! Log lines of a job.

use qd_core::Result;
use qd_core::port::queue::{LogPage, TextCut};
use redis::{cmd, pipe};

use super::exists::exists;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::reply::ask;

/// Most lines of a page.
const LINES: u64 = 200;
/// Bytes of a page that are aimed at: lines are of any size, and Redis tells only that of the whole list.
const BYTES: u64 = 4 << 20;
/// Where a line is cut.
const CUT: usize = 8_192;

/// Lines from `from` on.
pub(in crate::queue::bullmq) async fn log(conn: &mut Conn, keys: Keys<'_>, id: &str, from: u64) -> Result<LogPage> {
    exists(conn, keys).await?;
    page(conn, keys, id, from).await
}

/// Lines from `from` on, of a queue that exists.
pub(super) async fn page(conn: &mut Conn, keys: Keys<'_>, id: &str, from: u64) -> Result<LogPage> {
    let key = keys.of_job(id, "logs");
    let mut asked = pipe();
    asked.add_command(cmd("LLEN").arg(&key).to_owned());
    let total = ask(conn, &mut asked).await?.count();
    if total <= from {
        return Ok(LogPage { lines: Vec::new(), from, total });
    }
    // Hosts that block this command have the full page.
    let size: Option<u64> = cmd("MEMORY").arg("USAGE").arg(&key).query_async(conn).await.ok().flatten();
    let each = size.unwrap_or(0) / total;
    let lines = (BYTES / each.max(1)).clamp(1, LINES);
    let mut asked = pipe();
    asked.add_command(cmd("LRANGE").arg(&key).arg(from).arg(from + lines - 1).to_owned());
    let lines = ask(conn, &mut asked).await?.names();
    Ok(LogPage { lines: lines.iter().map(|line| TextCut::of(line, CUT)).collect(), from, total })
}
