//! Limits of a queue that all workers of all processes obey.

use std::time::Duration;

use super::{CHANNEL, LIMITS_CHANGED, manage, micros, now, sql};
use crate::args;
use crate::db::{Error, Result, Tx};

/// Jobs that may start within a window of time. A window opens with the first job after the one before has ended, so that twice as many may
/// start around its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rate {
    /// How many, at least 1.
    pub jobs: u32,
    /// Within this time, at least a millisecond.
    pub per: Duration,
}

/// Limits of a queue. The outer `None` leaves one as it is, the inner takes it away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that may run at once over all workers, at least 1.
    pub concurrency: Option<Option<u32>>,
    /// Jobs that may start within a time over all workers.
    pub rate: Option<Option<Rate>>,
}

/// Limits `queue` for all its workers; what runs goes on. They obey from their next claim on.
///
/// # Errors
/// [`Error::NotFound`] for an unknown queue, [`Error::Invalid`] for a limit of nothing, which a pause is for.
pub async fn limit(tx: &mut Tx, queue: &str, limits: Limits) -> Result<()> {
    if limits.concurrency == Some(Some(0)) || limits.rate.flatten().is_some_and(|rate| rate.jobs == 0 || rate.per < Duration::from_millis(1)) {
        return Err(Error::invalid("a limit lets at least one job through: pause the queue to stop it"));
    }
    let mut known = tx.exec(manage::TOUCH, args![queue]).await?;
    if let Some(concurrency) = limits.concurrency {
        known = tx.exec(manage::SET_CONCURRENCY, args![concurrency, queue]).await?;
    }
    if let Some(rate) = limits.rate {
        known = tx.exec(manage::SET_RATE, args![rate.map(|rate| rate.jobs), rate.map(|rate| micros(rate.per)), queue]).await?;
    }
    if known == 0 {
        return Err(Error::NotFound);
    }
    tx.notify(CHANNEL, &format!("{queue}\t{LIMITS_CHANGED}")).await
}

#[derive(sqlx::FromRow)]
struct Dials {
    concurrency: Option<i64>,
    rate_jobs: Option<i64>,
    rate_us: Option<i64>,
    window_at: i64,
    window_jobs: i64,
}

/// What a claim may take from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub jobs: i64,
    /// The queue has limits.
    pub limited: bool,
    /// When its next window opens, if the rate has room for no more than these.
    pub again_at: Option<i64>,
    window: Option<(i64, i64)>,
}

/// Locks a limited queue for this transaction and tells how many of the jobs `asked` for it may have.
pub(super) async fn room(tx: &mut Tx, queue: &str, asked: i64) -> Result<Room> {
    let dials = sql::on(tx.dialect(), sql::DIALS_SQLITE, sql::DIALS_POSTGRES);
    let Some(dials) = tx.maybe::<Dials>(dials, args![queue]).await? else {
        return Ok(Room { jobs: asked, limited: false, again_at: None, window: None });
    };
    let mut jobs = asked;
    if let Some(most) = dials.concurrency {
        let (active,): (i64,) = tx.one(sql::ACTIVE, args![queue]).await?;
        jobs = jobs.min((most - active).max(0));
    }
    Ok(in_window(&dials, jobs, now()))
}

fn in_window(dials: &Dials, jobs: i64, at: i64) -> Room {
    let (Some(most), Some(span)) = (dials.rate_jobs, dials.rate_us) else {
        return Room { jobs, limited: true, again_at: None, window: None };
    };
    // A window of the future was opened by a wrong clock.
    let open = dials.window_at <= at && at < dials.window_at.saturating_add(span);
    let (begin, used) = if open { (dials.window_at, dials.window_jobs) } else { (at, 0) };
    let left = (most - used).max(0);
    let again_at = (jobs >= left).then_some(begin.saturating_add(span));
    Room { jobs: jobs.min(left), limited: true, again_at, window: Some((begin, used)) }
}

/// Counts the jobs that were taken.
pub(super) async fn used(tx: &mut Tx, queue: &str, room: Room, taken: i64) -> Result<()> {
    if let Some((begin, used)) = room.window.filter(|_| taken > 0) {
        tx.exec(sql::WINDOW_USED, args![begin, used + taken, queue]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_so_many_through_and_says_when_the_next_opens() {
        let dials = |window_at, window_jobs| Dials { concurrency: None, rate_jobs: Some(10), rate_us: Some(1_000), window_at, window_jobs };
        let fresh = in_window(&dials(0, 10), 4, 5_000);
        assert_eq!((fresh.jobs, fresh.again_at, fresh.window), (4, None, Some((5_000, 0))));
        let most = in_window(&dials(4_500, 4), 64, 5_000);
        assert_eq!((most.jobs, most.again_at, most.window), (6, Some(5_500), Some((4_500, 4))));
        let full = in_window(&dials(4_500, 10), 64, 5_000);
        assert_eq!((full.jobs, full.again_at), (0, Some(5_500)));
        let future = in_window(&dials(9_000_000, 10), 3, 5_000);
        assert_eq!((future.jobs, future.window), (3, Some((5_000, 0))));
    }
}
