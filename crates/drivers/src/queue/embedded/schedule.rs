//! Recurring jobs.

use engine::job::{self, ScheduleRow};
use qd_core::port::queue::{ScheduleRun, ScheduleState};
use qd_core::{Clock, Error, Result};
use serde_json::Value;

use super::{Embedded, words};

impl Embedded {
    pub(super) async fn read_schedules(&self) -> Result<Vec<ScheduleState>> {
        let db = self.place.open().await?;
        let alive = !self.place.told(job::workers(&db).await).await?.is_empty();
        let rows = self.place.told(job::schedules(&db).await).await?;
        let now = Clock::system().now().micros();
        Ok(rows.into_iter().map(|row| words::schedule(row, alive, now)).collect())
    }

    pub(super) async fn read_runs(&self, queue: &str, id: &str) -> Result<Vec<ScheduleRun>> {
        self.one(queue, id).await?;
        let db = self.place.open().await?;
        let rows = self.place.told(job::runs(&db, id, None, 200).await).await?;
        Ok(rows.into_iter().map(words::run).collect())
    }

    async fn one(&self, queue: &str, id: &str) -> Result<ScheduleRow> {
        let db = self.place.open().await?;
        let rows = self.place.told(job::schedules(&db).await).await?;
        let found = rows.into_iter().find(|row| row.name == id && row.queue == queue);
        found.ok_or_else(|| Error::NotFound(format!("Schedule {id} of the queue {queue}")))
    }

    pub(super) async fn do_run(&self, queue: &str, id: &str) -> Result<String> {
        self.one(queue, id).await?;
        let name = id.to_owned();
        match self
            .place
            .write(&format!("Schedule {id}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { job::run_now(tx, &name).await })
            })
            .await
        {
            Err(Error::Conflict(_)) => Err(Error::Conflict(format!("A run of the schedule {id} goes on, and its runs may not overlap."))),
            other => other.map(|job| job.to_string()),
        }
    }

    pub(super) async fn do_pause_schedule(&self, queue: &str, id: &str) -> Result<()> {
        self.one(queue, id).await?;
        let name = id.to_owned();
        self.place
            .write(&format!("Schedule {id}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { job::pause_schedule(tx, &name).await })
            })
            .await
    }

    /// One that was removed comes back from `kept`.
    pub(super) async fn do_resume_schedule(&self, queue: &str, id: &str, kept: Option<&Value>) -> Result<()> {
        let kept = match (self.one(queue, id).await, kept) {
            (Ok(_), _) => None,
            (Err(Error::NotFound(_)), Some(kept)) => Some(serde_json::from_value::<ScheduleRow>(kept.clone())?),
            (Err(fault), _) => return Err(fault),
        };
        if kept.as_ref().is_some_and(|row| row.name != id || row.queue != queue) {
            return Err(Error::Conflict(format!("What was kept is not of the schedule {id}.")));
        }
        let name = id.to_owned();
        self.place
            .write(&format!("Schedule {id}"), move |tx| {
                let (name, kept) = (name.clone(), kept.clone());
                Box::pin(async move {
                    match kept {
                        Some(row) => job::put_back_schedule(tx, &row).await,
                        None => job::resume_schedule(tx, &name).await,
                    }
                })
            })
            .await
    }

    pub(super) async fn do_remove_schedule(&self, queue: &str, id: &str) -> Result<Option<Value>> {
        let row = self.one(queue, id).await?;
        let (name, of) = (id.to_owned(), queue.to_owned());
        self.place
            .write(&format!("Schedule {id}"), move |tx| {
                let (name, of) = (name.clone(), of.clone());
                Box::pin(async move { job::drop_schedule(tx, &name, &of).await })
            })
            .await?;
        Ok(Some(serde_json::to_value(row)?))
    }
}
