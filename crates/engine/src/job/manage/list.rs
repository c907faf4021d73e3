//! Pages of jobs that skip none, whatever is done to those before.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::State;
use super::super::sql::on;
use super::{Brief, LogLine, Whole, listed, sql};
use crate::args;
use crate::db::{Db, Result};

/// Most ids of one page.
pub const IDS_MAX: u32 = 10_000;
const PAGE_MAX: u32 = 500;

/// The job after which a page begins: its order is stored in itself, so that the page begins right even when the job is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its priority.
    pub priority: i64,
    /// Its `state_at`.
    pub state_at: i64,
    /// Its id.
    pub id: Uuid,
}

impl Mark {
    const START: Self = Self { priority: i64::MAX, state_at: i64::MIN, id: Uuid::nil() };
    const END: Self = Self { priority: i64::MAX, state_at: i64::MAX, id: Uuid::max() };

    /// After this job.
    pub fn after(job: &Brief) -> Self {
        Self { priority: job.priority, state_at: job.state_at, id: job.id }
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.priority, self.state_at, self.id.simple())
    }
}

impl std::str::FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let (Some(priority), Some(state_at), Some(id), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(());
        };
        Ok(Self { priority: priority.parse().map_err(drop)?, state_at: state_at.parse().map_err(drop)?, id: id.parse().map_err(drop)? })
    }
}

/// Whether there is such a queue.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn is_known(db: &Db, queue: &str) -> Result<bool> {
    Ok(db.maybe::<(bool,)>(sql::QUEUE, args![queue]).await?.is_some())
}

/// One page of jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The jobs; fewer than asked for when some began to run meanwhile.
    pub jobs: Vec<Brief>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Mark>,
}

/// Jobs of one queue and state, at most `limit` (1–500): the next to run first for those that wait, the first started for those that run, the
/// latest first for those that ended.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn page(db: &Db, queue: &str, state: State, after: Option<Mark>, limit: u32) -> Result<Page> {
    let limit = limit.clamp(1, PAGE_MAX);
    let (sql, from) = match state {
        State::Waiting => return waiting(db, queue, after, limit).await,
        State::Delayed | State::Active => (sql::PAGE_UP, after.unwrap_or(Mark::START)),
        State::Completed | State::Failed => (sql::PAGE_DOWN, after.unwrap_or(Mark::END)),
    };
    let jobs: Vec<Brief> = db.all(sql, args![queue, state.as_str(), from.state_at, from.id, limit]).await?;
    let next = jobs.last().filter(|_| is_full(jobs.len(), limit)).map(Mark::after);
    Ok(Page { jobs, next })
}

async fn waiting(db: &Db, queue: &str, after: Option<Mark>, limit: u32) -> Result<Page> {
    let order = ids(db, queue, State::Waiting, after, limit).await?;
    let next = order.last().filter(|_| is_full(order.len(), limit)).copied();
    let order: Vec<Uuid> = order.into_iter().map(|mark| mark.id).collect();
    let mut found: HashMap<Uuid, Brief> = brief(db, queue, &order).await?.into_iter().map(|job| (job.id, job)).collect();
    // One that was claimed between the two looks is no longer here.
    let jobs = order.iter().filter_map(|id| found.remove(id)).filter(|job| job.state == "waiting").collect();
    Ok(Page { jobs, next })
}

fn is_full(found: usize, limit: u32) -> bool {
    u32::try_from(found).is_ok_and(|found| found >= limit)
}

/// Where jobs of one queue and state stand, at most `limit` (1–[`IDS_MAX`]): the next to run first, the oldest first for those that ended.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn ids(db: &Db, queue: &str, state: State, after: Option<Mark>, limit: u32) -> Result<Vec<Mark>> {
    let (from, limit) = (after.unwrap_or(Mark::START), limit.clamp(1, IDS_MAX));
    let rows: Vec<(Uuid, i64, i64)> = match state {
        State::Waiting => db.all(sql::PAGE_WAITING_IDS, args![queue, from.priority, from.state_at, from.id, limit]).await?,
        _ => db.all(sql::PAGE_UP_IDS, args![queue, state.as_str(), from.state_at, from.id, limit]).await?,
    };
    Ok(rows.into_iter().map(|(id, priority, state_at)| Mark { priority, state_at, id }).collect())
}

/// Those of `ids` that exist in `queue`, in any order, at most 500.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn brief(db: &Db, queue: &str, ids: &[Uuid]) -> Result<Vec<Brief>> {
    let ids = ids.get(..ids.len().min(500)).unwrap_or_default();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    db.all(on(db.dialect(), sql::BRIEF_SQLITE, sql::BRIEF_POSTGRES), args![listed(ids), queue]).await
}

/// Everything about one job.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn whole(db: &Db, queue: &str, id: Uuid) -> Result<Option<Whole>> {
    db.maybe(sql::WHOLE, args![queue, id]).await
}

/// Log lines of a job from number `from`, at most 200, and how many it ever logged.
///
/// # Errors
/// Any [`Error`](crate::Error) of the driver.
pub async fn log(db: &Db, id: Uuid, from: i64) -> Result<(Vec<LogLine>, i64)> {
    let lines = db.all(sql::LOG, args![id, from]).await?;
    let (total,): (i64,) = db.one(sql::LOG_TOTAL, args![id]).await?;
    Ok((lines, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_is_written_and_read() {
        let from = Mark { priority: -3, state_at: 1_700_000_000_000_000, id: Uuid::now_v7() };
        assert_eq!(from.to_string().parse(), Ok(from));
        for wrong in ["", "1.2", "1.2.3", "a.2.00000000000000000000000000000000", "1.2.00000000000000000000000000000000.4"] {
            assert_eq!(wrong.parse::<Mark>(), Err(()), "{wrong}");
        }
    }
}
