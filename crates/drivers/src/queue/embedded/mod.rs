//! Jobs that live in a database by the `engine` library: our own, or another process's.
//!
//! Another process's database is read through a read-only connection. Only acts write into it, each through a writer that is opened for that one
//! change and closed after it. Their workers hear of it at once on Postgres, within their poll of a second on SQLite. The engine tells no events:
//! what ended is in [`Queue::minutes`], what became of a job in the job itself.

mod act;
mod place;
mod schedule;
mod words;

use std::time::Instant;

use engine::job::{self, IDS_MAX, Mark, Obliterated};
use engine::{BoxFuture, Db, Uuid};
use qd_core::gate::Warrant;
use qd_core::port::queue::{
    About, Acted, Can, JobAct, JobDetail, JobPage, JobRecord, JobRow, JobState, Limits, LogPage, Once, PAGE_MAX, QueueMinute, ScheduleRun,
    ScheduleState, WorkerState,
};
use qd_core::port::{Queue, QueueState};
use qd_core::secret::Secret;
use qd_core::{Error, Result, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;

use place::{Place, within};

const DRIVER: &str = "embedded queue";
/// Jobs that one call of [`Queue::obliterate`] deletes.
const OBLITERATE_CHUNK: u32 = 2_000;

/// Jobs in a database of the `engine` library.
#[derive(Debug)]
pub struct Embedded {
    place: Place,
}

impl Embedded {
    /// The jobs in our own database.
    pub fn own(db: Db) -> Self {
        Self { place: Place::Own(db) }
    }

    /// The jobs in the database that `url` names (`postgres://…`, `sqlite:PATH` or a bare path). It may be away: it is
    /// opened when it is asked.
    pub fn of(url: Secret) -> Self {
        Self { place: Place::Other { url, open: Mutex::default() } }
    }

    /// The database, if it has this queue.
    async fn known(&self, queue: &str) -> Result<Db> {
        let db = self.place.open().await?;
        match self.place.told(job::is_known(&db, queue).await).await? {
            true => Ok(db),
            false => Err(Error::NotFound(format!("Queue {queue}"))),
        }
    }

    async fn counts(&self) -> Result<Vec<QueueState>> {
        let db = self.place.open().await?;
        Ok(self.place.told(job::counts(&db).await).await?.into_iter().map(words::state).collect())
    }

    async fn tell_about(&self) -> Result<About> {
        let db = self.place.open().await?;
        let asked = Instant::now();
        let (server, place) = self.place.told(db.server().await).await?;
        let answers_in = asked.elapsed().as_secs_f64() * 1_000.0;
        let name = place.rsplit(['/', '\\']).next().filter(|_| server.starts_with("SQLite")).map(str::to_owned);
        Ok(About { server, place: name.unwrap_or(place), answers_in, ..About::default() })
    }

    async fn read_page(&self, queue: &str, state: JobState, after: Option<&str>, limit: usize) -> Result<JobPage> {
        let db = self.known(queue).await?;
        let (Some(state), after) = (words::engine_state(state), mark(after)?) else {
            return Ok(JobPage::default());
        };
        let limit = u32::try_from(limit.clamp(1, PAGE_MAX)).unwrap_or(1);
        let mut page = self.place.told(job::page(&db, queue, state, after, limit).await).await?;
        // Its jobs may all have begun to run between two looks: that is not the end.
        while page.jobs.is_empty() && page.next.is_some() {
            page = self.place.told(job::page(&db, queue, state, page.next, limit).await).await?;
        }
        Ok(JobPage { jobs: page.jobs.into_iter().map(words::row).collect(), next: page.next.map(|mark| mark.to_string()) })
    }

    async fn read_ids(&self, queue: &str, state: JobState, after: Option<&str>) -> Result<(Vec<String>, Option<String>)> {
        let db = self.known(queue).await?;
        let (Some(state), after) = (words::engine_state(state), mark(after)?) else {
            return Ok((Vec::new(), None));
        };
        let marks = self.place.told(job::ids(&db, queue, state, after, IDS_MAX).await).await?;
        let full = u32::try_from(marks.len()).is_ok_and(|found| found >= IDS_MAX);
        let next = marks.last().filter(|_| full).map(ToString::to_string);
        Ok((marks.into_iter().map(|mark| mark.id.to_string()).collect(), next))
    }

    async fn read_job(&self, queue: &str, id: &str) -> Result<Option<JobDetail>> {
        let db = self.known(queue).await?;
        let Ok(id) = id.parse::<Uuid>() else {
            return Ok(None);
        };
        let Some(found) = self.place.told(job::whole(&db, queue, id).await).await? else {
            return Ok(None);
        };
        let lines = self.place.told(job::log(&db, id, 0).await).await?;
        Ok(Some(words::detail(found, words::log(lines, 0))))
    }

    async fn read_log(&self, queue: &str, id: &str, from: u64) -> Result<LogPage> {
        let db = self.known(queue).await?;
        let Ok(id) = id.parse::<Uuid>() else {
            return Ok(LogPage::default());
        };
        let lines = self.place.told(job::log(&db, id, i64::try_from(from).unwrap_or(i64::MAX)).await).await?;
        Ok(words::log(lines, from))
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<()> {
        self.known(queue).await?;
        let name = queue.to_owned();
        self.place
            .write(&format!("Queue {queue}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { if paused { job::pause(tx, &name).await } else { job::resume(tx, &name).await } })
            })
            .await
    }

    async fn do_obliterate(&self, queue: &str) -> Result<bool> {
        let name = queue.to_owned();
        match self
            .place
            .write(&format!("Queue {queue}"), move |tx| {
                let name = name.clone();
                Box::pin(async move { job::obliterate(tx, &name, OBLITERATE_CHUNK).await })
            })
            .await?
        {
            Obliterated::Done => Ok(true),
            Obliterated::More => Ok(false),
            Obliterated::NotPaused => Err(Error::Conflict(format!("The queue {queue} is not paused."))),
            Obliterated::Running => Err(Error::Conflict(format!("Jobs of the queue {queue} run."))),
        }
    }
}

fn mark(after: Option<&str>) -> Result<Option<Mark>> {
    after.map(|after| after.parse().map_err(|()| Error::invalid("after", "It is not the end of a page."))).transpose()
}

/// Ids that are none of ours name no job.
fn ids_of(ids: &[String]) -> Vec<Uuid> {
    ids.iter().map(|id| id.parse().unwrap_or(Uuid::nil())).collect()
}

impl Queue for Embedded {
    fn driver(&self) -> &'static str {
        "embedded"
    }

    fn can(&self) -> Can {
        Can { jobs: true, workers: true, limits: true, schedules: true, events: false, obliterate: true }
    }

    fn about(&self) -> BoxFuture<'_, Result<About>> {
        Box::pin(within(self.tell_about()))
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        Box::pin(within(self.counts()))
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerState>>> {
        Box::pin(within(async {
            let db = self.place.open().await?;
            Ok(self.place.told(job::workers(&db).await).await?.into_iter().map(words::worker).collect())
        }))
    }

    fn jobs<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<JobPage>> {
        Box::pin(within(self.read_page(queue, state, after, limit)))
    }

    fn ids<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>) -> BoxFuture<'a, Result<(Vec<String>, Option<String>)>> {
        Box::pin(within(self.read_ids(queue, state, after)))
    }

    fn find<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRow>>> {
        Box::pin(within(async move {
            let db = self.known(queue).await?;
            Ok(self.place.told(job::brief(&db, queue, &ids_of(ids)).await).await?.into_iter().map(words::row).collect())
        }))
    }

    fn job<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<JobDetail>>> {
        Box::pin(within(self.read_job(queue, id)))
    }

    fn log<'a>(&'a self, queue: &'a str, id: &'a str, from: u64) -> BoxFuture<'a, Result<LogPage>> {
        Box::pin(within(self.read_log(queue, id, from)))
    }

    fn minutes<'a>(&'a self, queue: &'a str, since: Timestamp) -> BoxFuture<'a, Result<Vec<QueueMinute>>> {
        Box::pin(within(async move {
            let db = self.known(queue).await?;
            Ok(self.place.told(job::minutes(&db, queue, since.micros()).await).await?.into_iter().map(words::minute).collect())
        }))
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<ScheduleState>>> {
        Box::pin(within(self.read_schedules()))
    }

    fn schedule_runs<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Vec<ScheduleRun>>> {
        Box::pin(within(self.read_runs(queue, id)))
    }

    fn pause<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_paused(queue, true))
    }

    fn resume<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_paused(queue, false))
    }

    fn act<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, act: JobAct, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        Box::pin(self.do_act(queue, act, ids))
    }

    fn sizes<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(within(self.take_sizes(queue, ids)))
    }

    fn records<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRecord>>> {
        Box::pin(within(self.take_records(queue, ids)))
    }

    fn remove_recorded<'a>(
        &'a self,
        _warrant: &'a Warrant,
        queue: &'a str,
        records: &'a [JobRecord],
        once: Once<'a>,
    ) -> BoxFuture<'a, Result<Vec<Acted>>> {
        // One transaction: what it did is seen in the jobs.
        Box::pin(self.do_remove_recorded(queue, records, once.again))
    }

    /// One transaction too, and a job that was worked off is kept: what came back is seen in the jobs.
    fn restore<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, records: &'a [JobRecord], _once: Once<'a>) -> BoxFuture<'a, Result<Vec<Acted>>> {
        Box::pin(self.do_restore(queue, records))
    }

    fn settings<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<Value>> {
        Box::pin(within(async move {
            let db = self.known(queue).await?;
            Ok(serde_json::to_value(self.place.told(job::settings(&db, queue).await).await?)?)
        }))
    }

    fn revive<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, settings: &'a Value) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.do_revive(queue, settings))
    }

    fn limit<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, limits: Limits) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_limits(queue, limits))
    }

    fn obliterate<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.do_obliterate(queue))
    }

    fn run_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.do_run(queue, id))
    }

    fn pause_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async move { self.do_pause_schedule(queue, id).await.map(|()| None) })
    }

    fn resume_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str, kept: Option<&'a Value>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_resume_schedule(queue, id, kept))
    }

    fn remove_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(self.do_remove_schedule(queue, id))
    }
}
