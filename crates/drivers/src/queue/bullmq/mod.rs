//! Queues of BullMQ 5 and 6 in Redis: one server, one behind sentinels, or a cluster.
//!
//! Reading takes plain commands only and makes no key, so that a look never makes a queue. What the two major versions keep in different places
//! (jobs of a paused queue: list `paused` in 5, list `wait` in 6) is read from both.

mod archive;
mod connect;
mod events;
mod hazard;
mod keys;
pub mod parse;
mod read;
mod reply;
mod schedule;
mod write;

use futures::future::BoxFuture;
use qd_core::gate::Warrant;
use qd_core::port::queue::{
    About, Acted, Can, EventPage, JobAct, JobDetail, JobPage, JobRecord, JobRow, JobState, Limits, LogPage, Once, Queue, QueueState, ScheduleState,
    WorkerState,
};
use qd_core::secret::Secret;
use qd_core::{Error, Result};
use serde_json::Value;

use connect::Connections;
use keys::Keys;

const DRIVER: &str = "BullMQ";

/// Queues of BullMQ under one prefix of one Redis.
#[derive(Debug)]
pub struct BullMq {
    /// The way to Redis: `self.connections.get().await?` for changes, `.reading(…)` for reads.
    connections: Connections,
    /// Prefix of the keys, without colon.
    prefix: String,
    /// Which kinds of clients were seen lately.
    versions: hazard::Versions,
    /// Which queues there are.
    discovery: read::Discovery,
    /// What happened lately, by queue.
    memory: read::Memory,
    /// The workers that were seen last.
    workers: read::Seen,
}

impl BullMq {
    /// The queues at `url` (`redis://…`, `rediss://…`, `redis+sentinel://…`, `redis+cluster://…`) under `prefix`. The server may be away.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another URL, or an empty prefix; the text does not repeat the URL, for it may hold a password.
    pub fn new(url: &Secret, prefix: &str) -> Result<Self> {
        if prefix.is_empty() {
            return Err(Error::invalid("prefix", "Give the prefix of BullMQ's keys, such as bull."));
        }
        Ok(Self {
            connections: Connections::new(url)?,
            prefix: prefix.to_owned(),
            versions: hazard::Versions::default(),
            discovery: read::Discovery::default(),
            memory: read::Memory::default(),
            workers: read::Seen::default(),
        })
    }

    /// The keys of a queue.
    fn keys<'a>(&'a self, queue: &'a str) -> Result<Keys<'a>> {
        Keys::new(&self.prefix, queue)
    }

    /// Whether the prefix puts all keys of all queues on one server of a cluster.
    fn has_tag(&self) -> bool {
        read::has_tag(&self.prefix)
    }
}

impl Queue for BullMq {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn can(&self) -> Can {
        Can { jobs: true, workers: true, limits: true, schedules: true, events: true, obliterate: true }
    }

    fn about(&self) -> BoxFuture<'_, Result<About>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::about(self, &mut conn).await }))
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::states(self, &mut conn).await }))
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerState>>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::workers(self, &mut conn).await }))
    }

    fn jobs<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<JobPage>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::jobs(&mut conn, self.keys(queue)?, state, after, limit).await }))
    }

    fn ids<'a>(&'a self, queue: &'a str, state: JobState, after: Option<&'a str>) -> BoxFuture<'a, Result<(Vec<String>, Option<String>)>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::ids(&mut conn, self.keys(queue)?, state, after).await }))
    }

    fn find<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRow>>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::find(&mut conn, self.keys(queue)?, ids).await }))
    }

    fn job<'a>(&'a self, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<JobDetail>>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::job(self, &mut conn, self.keys(queue)?, id).await }))
    }

    fn log<'a>(&'a self, queue: &'a str, id: &'a str, from: u64) -> BoxFuture<'a, Result<LogPage>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::log(&mut conn, self.keys(queue)?, id, from).await }))
    }

    fn events<'a>(&'a self, queue: &'a str, after: Option<&'a str>) -> BoxFuture<'a, Result<EventPage>> {
        Box::pin(self.connections.reading(move |mut conn| async move { events::events(&mut conn, self.keys(queue)?, after).await }))
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Vec<ScheduleState>>> {
        Box::pin(self.connections.reading(move |mut conn| async move { read::schedules(self, &mut conn).await }))
    }

    fn pause<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(write::pause(self, queue))
    }

    fn resume<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(write::resume(self, queue))
    }

    fn act<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, act: JobAct, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<Acted>>> {
        Box::pin(write::act(self, queue, act, ids))
    }

    fn sizes<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(archive::sizes(self, queue, ids))
    }

    fn records<'a>(&'a self, queue: &'a str, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<JobRecord>>> {
        Box::pin(archive::records(self, queue, ids))
    }

    fn remove_recorded<'a>(
        &'a self,
        _warrant: &'a Warrant,
        queue: &'a str,
        records: &'a [JobRecord],
        once: Once<'a>,
    ) -> BoxFuture<'a, Result<Vec<Acted>>> {
        Box::pin(archive::remove_recorded(self, queue, records, once))
    }

    fn restore<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, records: &'a [JobRecord], once: Once<'a>) -> BoxFuture<'a, Result<Vec<Acted>>> {
        Box::pin(archive::restore(self, queue, records, once))
    }

    fn settings<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<Value>> {
        Box::pin(archive::settings(self, queue))
    }

    fn revive<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, settings: &'a Value) -> BoxFuture<'a, Result<bool>> {
        Box::pin(archive::revive(self, queue, settings))
    }

    fn limit<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, limits: Limits) -> BoxFuture<'a, Result<()>> {
        Box::pin(write::limit(self, queue, limits))
    }

    fn obliterate<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(write::obliterate(self, queue))
    }

    fn run_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(schedule::run_schedule(self, queue, id))
    }

    fn pause_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(schedule::pause_schedule(self, queue, id))
    }

    fn resume_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str, kept: Option<&'a Value>) -> BoxFuture<'a, Result<()>> {
        Box::pin(schedule::resume_schedule(self, queue, id, kept))
    }

    fn remove_schedule<'a>(&'a self, _warrant: &'a Warrant, queue: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(schedule::remove_schedule(self, queue, id))
    }
}
