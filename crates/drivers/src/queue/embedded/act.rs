//! What is done to jobs, and taking them out and bringing them back.

use std::sync::Arc;
use std::time::Duration;

use engine::Uuid;
use engine::job::{self, Act, Archived, Settings};
use qd_core::port::queue::{Acted, JobAct, JobRecord, Limits};
use qd_core::{Error, Result};
use serde_json::Value;

use super::{Embedded, ids_of, words};

/// Where recorded jobs go.
#[derive(Clone, Copy)]
enum Way {
    Back,
    Out { again: bool },
}

impl Embedded {
    pub(super) async fn do_act(&self, queue: &str, act: JobAct, ids: &[String]) -> Result<Vec<Acted>> {
        self.known(queue).await?;
        let act = match engine_act(act) {
            Ok(act) => act,
            Err(why) => return Ok(vec![Acted::Refused(why.into()); ids.len()]),
        };
        let (name, asked) = (queue.to_owned(), Arc::new(ids_of(ids)));
        Ok(self
            .place
            .write(&format!("Queue {queue}"), move |tx| {
                let (name, asked) = (name.clone(), Arc::clone(&asked));
                Box::pin(async move { job::act(tx, &name, act, &asked).await })
            })
            .await?
            .into_iter()
            .map(words::acted)
            .collect())
    }

    pub(super) async fn take_records(&self, queue: &str, ids: &[String]) -> Result<Vec<JobRecord>> {
        let db = self.known(queue).await?;
        let found = self.place.told(job::records(&db, queue, &ids_of(ids)).await).await?;
        found.into_iter().map(record).collect()
    }

    pub(super) async fn take_sizes(&self, queue: &str, ids: &[String]) -> Result<Vec<u64>> {
        let (db, ids) = (self.known(queue).await?, ids_of(ids));
        let sizes = self.place.told(job::sizes(&db, queue, &ids).await).await?;
        Ok(ids.iter().map(|id| sizes.get(id).map_or(0, |bytes| u64::try_from(*bytes).unwrap_or(0).max(1))).collect())
    }

    pub(super) async fn do_remove_recorded(&self, queue: &str, records: &[JobRecord], again: bool) -> Result<Vec<Acted>> {
        self.known(queue).await?;
        self.with_records(queue, records, Way::Out { again }).await
    }

    /// A queue that was deleted comes back with its jobs.
    pub(super) async fn do_restore(&self, queue: &str, records: &[JobRecord]) -> Result<Vec<Acted>> {
        self.with_records(queue, records, Way::Back).await
    }

    pub(super) async fn do_revive(&self, queue: &str, settings: &Value) -> Result<bool> {
        let (name, settings): (String, Settings) = (queue.to_owned(), serde_json::from_value(settings.clone())?);
        self.place
            .write(&format!("Queue {queue}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { job::revive(tx, &name, settings).await })
            })
            .await
    }

    async fn with_records(&self, queue: &str, records: &[JobRecord], way: Way) -> Result<Vec<Acted>> {
        let name = queue.to_owned();
        let records: Arc<Vec<Archived>> = Arc::new(records.iter().map(|record| archived(record, queue)).collect::<Result<_>>()?);
        Ok(self
            .place
            .write(&format!("Queue {queue}"), move |tx| {
                let (name, records) = (name.clone(), Arc::clone(&records));
                Box::pin(async move {
                    match way {
                        Way::Back => job::restore(tx, &name, &records).await,
                        Way::Out { again } => job::remove_recorded(tx, &name, &records, again).await,
                    }
                })
            })
            .await?
            .into_iter()
            .map(words::acted)
            .collect())
    }

    pub(super) async fn set_limits(&self, queue: &str, limits: Limits) -> Result<()> {
        let (name, limits) = (queue.to_owned(), engine_limits(limits)?);
        self.place
            .write(&format!("Queue {queue}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { job::limit(tx, &name, limits).await })
            })
            .await
    }
}

fn engine_act(act: JobAct) -> Result<Act, &'static str> {
    Ok(match act {
        JobAct::Retry { reset } => Act::Retry { reset },
        JobAct::RetryFailed { reset } => Act::RetryFailed { reset },
        JobAct::Promote => Act::Promote,
        JobAct::Remove => Act::Remove,
        JobAct::Priority(priority) => {
            Act::Priority(i32::try_from(priority).map_err(|_| "A priority lies between -2,147,483,648 and 2,147,483,647.")?)
        }
        JobAct::Delay(ms) => Act::Delay(Duration::from_millis(ms)),
    })
}

fn engine_limits(limits: Limits) -> Result<job::Limits> {
    let small = |number: u64| match u32::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Error::invalid("limit", "A limit is a whole number from 1 on.")),
    };
    let rate = |rate: qd_core::port::queue::Rate| Ok::<_, Error>(job::Rate { jobs: small(rate.jobs)?, per: Duration::from_millis(rate.per_ms) });
    Ok(job::Limits {
        concurrency: limits.concurrency.map(|limit| limit.map(small).transpose()).transpose()?,
        rate: limits.rate.map(|limit| limit.map(rate).transpose()).transpose()?,
    })
}

fn record(archived: Archived) -> Result<JobRecord> {
    let job = &archived.job;
    let (id, name, state) = (job.id.to_string(), job.name.clone(), words::job_state(&job.state));
    Ok(JobRecord { id, name, state, whole: serde_json::to_value(archived)? })
}

fn archived(record: &JobRecord, queue: &str) -> Result<Archived> {
    let archived: Archived = serde_json::from_value(record.whole.clone())?;
    let ours = archived.job.queue == queue && record.id.parse::<Uuid>().is_ok_and(|id| id == archived.job.id);
    if ours { Ok(archived) } else { Err(Error::Conflict(format!("The record of the job {} is not of the queue {queue}.", record.id))) }
}
