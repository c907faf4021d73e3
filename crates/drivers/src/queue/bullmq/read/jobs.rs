//! Lists of jobs.

use qd_core::Result;
use qd_core::port::queue::{JobPage, JobRow, JobState, PAGE_MAX};

use super::exists::exists;
use super::place::{Place, places};
use super::rows::{Placed, rows};
use super::shelf::page;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;

/// Ids of one page.
const IDS: usize = 10_000;

/// One page of jobs in a state.
pub(in crate::queue::bullmq) async fn jobs(conn: &mut Conn, keys: Keys<'_>, state: JobState, after: Option<&str>, limit: usize) -> Result<JobPage> {
    exists(conn, keys).await?;
    let ended = matches!(state, JobState::Completed | JobState::Failed);
    let (placed, next) = page(conn, keys, state, ended, after, limit.min(PAGE_MAX)).await?;
    Ok(JobPage { jobs: rows(conn, keys, &placed).await?, next })
}

/// One page of ids in a state.
pub(in crate::queue::bullmq) async fn ids(
    conn: &mut Conn,
    keys: Keys<'_>,
    state: JobState,
    after: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    exists(conn, keys).await?;
    let (placed, next) = page(conn, keys, state, false, after, IDS).await?;
    Ok((placed.into_iter().map(|job| job.id).collect(), next))
}

/// The jobs of these ids that exist and are somewhere.
pub(in crate::queue::bullmq) async fn find(conn: &mut Conn, keys: Keys<'_>, ids: &[String]) -> Result<Vec<JobRow>> {
    exists(conn, keys).await?;
    let wanted: Vec<String> = ids.iter().take(PAGE_MAX).cloned().collect();
    let placed: Vec<Placed> = places(conn, keys, &wanted).await?.into_iter().filter_map(Place::likely).collect();
    rows(conn, keys, &placed).await
}
