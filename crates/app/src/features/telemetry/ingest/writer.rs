//! The one writer: takes whoever waits, adds their samples up, writes the rows that changed in one transaction, and answers all of them.
//!
//! Sums are made on copies and taken over after the commit: a failed write leaves no trace, so whoever sends again is not counted twice. A row
//! is always written whole; one that is no longer in memory (a late span) is read back within the transaction before it grows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use engine::Tx;
use qd_core::{App, Error, Timestamp};
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use super::labels::Labels;
use super::{Job, Telemetry};
use crate::features::telemetry::endpoints::store::{self, Grain, Stored};
use crate::features::telemetry::endpoints::{Kind, Place, Sample, Tally, stored_method};
use crate::features::telemetry::logs;
use crate::features::telemetry::otlp::Refusal;

/// Samples and records of one transaction, unless a single request brings more.
const BATCH: usize = 20_000;
/// Requests of one transaction.
const REQUESTS: usize = 256;
/// Rows that are kept in memory to grow; beyond that they are read back.
const KEPT: usize = 10_000;
/// Seconds after which a closed stretch leaves the memory.
const CLOSED: i64 = 120;

/// A row: what, when, which endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    grain: Grain,
    start_at: i64,
    service: Arc<str>,
    kind: Kind,
    place: Place,
}

impl Key {
    fn stored(&self) -> store::Place<'_> {
        let Self { grain, start_at, service, kind, place: (method, route) } = self;
        store::Place { grain: *grain, start_at: *start_at, service, kind: kind.code(), method, route }
    }

    fn closed(&self, now: Timestamp) -> bool {
        self.start_at + self.grain.micros() + CLOSED * 1_000_000 < now.0
    }
}

/// A row that changes: what comes in, and what it was if that is in memory.
struct Change {
    key: Key,
    more: Tally,
    base: Option<Tally>,
}

struct Writer {
    app: App,
    telemetry: Arc<Telemetry>,
    labels: Labels,
    rows: HashMap<Key, Tally>,
    whole: Place,
}

pub(super) async fn run(app: App, telemetry: Arc<Telemetry>, inbox: &mut Receiver<Job>) {
    let labels = Labels::new(app.config.telemetry.max_routes);
    let mut writer = Writer { app, telemetry, labels, rows: HashMap::new(), whole: ("", "".into()) };
    writer.remember().await;
    while let Some(first) = inbox.recv().await {
        let mut size = first.load.samples() + first.load.logs.len();
        let mut jobs = vec![first];
        while size < BATCH && jobs.len() < REQUESTS {
            let Ok(job) = inbox.try_recv() else { break };
            size += job.load.samples() + job.load.logs.len();
            jobs.push(job);
        }
        writer.telemetry.show_queue();
        writer.write(jobs).await;
    }
}

impl Writer {
    /// Knows the names of the last hour again, so that a restart does not double the room for them.
    async fn remember(&mut self) {
        let now = self.app.now();
        match store::known(&self.app.db, now.plus_seconds(-7_200).0).await {
            Ok(known) => {
                for (service, method, route) in known {
                    let service = self.labels.service(&service);
                    self.labels.know(&service, (stored_method(&method), route.into()), now);
                }
            }
            Err(error) => tracing::warn!(%error, "the names of known endpoints could not be read"),
        }
    }

    async fn write(&mut self, mut jobs: Vec<Job>) {
        let started = Instant::now();
        // Whoever hung up while waiting was not told that it is stored, and will send again.
        jobs.retain(|job| !job.answer.is_closed());
        if jobs.is_empty() {
            return;
        }
        let mut sums = HashMap::new();
        let mut heard = Vec::new();
        for job in &mut jobs {
            self.add(job, &mut sums, &mut heard);
        }
        self.coarser(&mut sums);
        let changes = sums.into_iter().map(|(key, more)| Change { base: self.rows.get(&key).cloned(), key, more }).collect();
        let logs = jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.load.logs)).collect();
        let outcome = self.commit(changes, logs).await;
        metrics::histogram!("qd_ingest_write_seconds").record(started.elapsed());
        match outcome {
            Ok(rows) => {
                self.keep(rows);
                self.tell(&heard);
                jobs.into_iter().for_each(|job| answer(job, Ok(())));
            }
            Err(error) => {
                tracing::error!(%error, requests = jobs.len(), "ingest could not be written");
                let refusal = Refusal::Busy { detail: "The database does not take it.", retry_after: 5 };
                jobs.into_iter().for_each(|job| answer(job, Err(refusal.clone())));
            }
        }
    }

    /// Adds a request's samples to the sums of their minutes.
    fn add(&mut self, job: &mut Job, sums: &mut HashMap<Key, Tally>, heard: &mut Vec<Heard>) {
        let arrived = job.load.arrived;
        for (name, traced) in std::mem::take(&mut job.load.traced) {
            let service = self.labels.service(&name);
            for (endpoint, samples) in traced {
                let place = self.labels.endpoint(&service, &endpoint, arrived);
                let key =
                    |start_at| Key { grain: Grain::RouteMinute, start_at, service: Arc::clone(&service), kind: endpoint.kind, place: place.clone() };
                for run in samples.chunk_by(|a, b| minute(a) == minute(b)) {
                    let Some(first) = run.first() else { continue };
                    let sum = sums.entry(key(minute(first))).or_default();
                    run.iter().for_each(|sample| sum.add(sample.millis, sample.failed, arrived));
                }
                heard.push(Heard { service: Arc::clone(&service), kind: endpoint.kind, place, samples, arrived });
            }
        }
    }

    /// Sums of services and hours from those of endpoints and minutes.
    fn coarser(&self, sums: &mut HashMap<Key, Tally>) {
        let mut more: HashMap<Key, Tally> = HashMap::new();
        for (key, sum) in sums.iter() {
            for (grain, place) in [(Grain::RouteHour, &key.place), (Grain::ServiceMinute, &self.whole), (Grain::ServiceHour, &self.whole)] {
                let start_at = key.start_at - key.start_at.rem_euclid(grain.micros());
                more.entry(Key { grain, start_at, place: place.clone(), ..key.clone() }).or_default().merge(sum);
            }
        }
        sums.extend(more);
    }

    async fn commit(&self, changes: Vec<Change>, logs: Vec<logs::store::Row>) -> Result<Vec<(Key, Tally)>, Error> {
        let instance = self.telemetry.instance;
        self.app
            .db
            .write_with(move |tx| {
                Box::pin(async move {
                    let mut rows = Vec::with_capacity(changes.len());
                    for change in changes {
                        rows.push(grow(tx, change, instance).await?);
                    }
                    for row in logs {
                        logs::store::put(tx, row).await?;
                    }
                    Ok(rows)
                })
            })
            .await
    }

    /// Takes over what is committed.
    fn keep(&mut self, rows: Vec<(Key, Tally)>) {
        let now = self.app.now();
        self.rows.extend(rows.into_iter().filter(|(key, _)| !key.closed(now)));
        self.rows.retain(|key, _| !key.closed(now));
        if self.rows.len() > KEPT {
            self.rows.clear();
        }
    }

    fn tell(&self, heard: &[Heard]) {
        let mut live = self.telemetry.live();
        for Heard { service, place, samples, arrived, .. } in heard.iter().filter(|heard| heard.kind == Kind::Server) {
            samples.iter().for_each(|sample| live.add(service, place, sample, *arrived));
        }
    }
}

/// Samples that go into the live figures once they are durable.
struct Heard {
    service: Arc<str>,
    kind: Kind,
    place: Place,
    samples: Vec<Sample>,
    arrived: Timestamp,
}

fn minute(sample: &Sample) -> i64 {
    sample.end.0 - sample.end.0.rem_euclid(Grain::RouteMinute.micros())
}

/// Writes a row with what comes in.
async fn grow(tx: &mut Tx, change: Change, instance: Uuid) -> Result<(Key, Tally), Error> {
    let Change { key, more, base } = change;
    let base = match base {
        Some(base) => Some(base),
        None => store::find(tx, key.stored(), instance).await?.map(|row| Tally::decode(&row.sketch, row.errors, row.last_at)).transpose()?,
    };
    let mut sum = base.unwrap_or_default();
    sum.merge(&more);
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let row = Stored { errors: number(sum.errors), last_at: sum.last_at, sketch: sum.encode() };
    store::put(tx, key.stored(), instance, number(sum.count()), row).await?;
    Ok((key, sum))
}

fn answer(job: Job, outcome: Result<(), Refusal>) {
    // Whoever asked may have gone; what is stored stays.
    let _ = job.answer.send(outcome);
}
