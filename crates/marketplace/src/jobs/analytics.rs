//! Queue `analytics`: what visitors did, and the day's revenue.

use engine::job::{Job, JobError, RunInfo};
use serde::{Deserialize, Serialize};

use super::{Attempt, Work, Works, direct};
use crate::generate::calendar::day_bounds;
use crate::ids;
use crate::store::books;
use crate::store::clicks::{self, Click};

/// Writes a batch of clicks and adds them to their days.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    pub clicks: Vec<Click>,
}

impl Job for Record {
    const NAME: &'static str = "analytics.record";
    const QUEUE: &'static str = "analytics";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for Record {
    async fn work(self, works: Works, _attempt: Attempt) -> Result<(), JobError> {
        let (zone, clicks) = (works.clone(), self.clicks);
        let date = move |at| zone.date(at);
        works.db.write(move |tx| Box::pin(async move { clicks::record(tx, &clicks, date).await })).await?;
        Ok(())
    }
}

/// Makes the revenue snapshots of today and of the days before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// How many days, today included.
    pub days: u32,
}

impl Job for Snapshot {
    const NAME: &'static str = "analytics.revenue-snapshot";
    const QUEUE: &'static str = "analytics";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for Snapshot {
    async fn work(self, works: Works, _attempt: Attempt) -> Result<(), JobError> {
        let now = ids::now();
        let mut moment = now;
        for _ in 0..self.days {
            let (start, end) = day_bounds(moment, &works.zone);
            let date = works.date(start);
            works.db.write(move |tx| Box::pin(async move { books::snapshot(tx, &date, start, end, now).await })).await?;
            moment = start - 1;
        }
        Ok(())
    }
}
