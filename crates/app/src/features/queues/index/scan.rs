//! The background: a task for each job system reads failed jobs first, then the others, follows what events named, and compares what is indexed with
//! what there is. A budget for each round; longer pauses while the database is busy.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use qd_core::port::QueueSource;
use qd_core::port::queue::{JobState, PAGE_MAX, QueueState};
use qd_core::{App, Error, Result};
use tracing::{debug, warn};

use super::coverage::{self, Covered, KINDS};
use super::entry::Entry;
use super::store::{self, Place, Step};
use super::write::{self, Done};
use super::{Index, LIMIT};
use crate::features::health::Health;
use crate::features::queues::failure;

/// Pages of jobs that are read in one round.
const PAGES: usize = 6;
/// Pages of each other state in one pass.
const OTHER_PAGES: usize = 4;
/// Seconds between two passes over the failed jobs, the same while some are missing, between two looks at the others, two countings of causes.
const PASS: i64 = 600;
const SHORT: i64 = 30;
const OTHERS: i64 = 60;
const TRUE_UP: i64 = 3_600;
/// Seconds between two steps of the comparison of a queue.
const SWEEP: i64 = 20;
/// Seconds after which a queue that is not there any more is forgotten, and steps of that in one round. A walk over the keys of a job system that
/// begins anew may take as long to meet it.
const GONE: i64 = 300;
const GONE_STEPS: usize = 40;
/// The pause after a round with and without work, and the longest; a write that takes longer than so many microseconds means that others wait.
const BUSY: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30);
const SLOW: u128 = 150_000;
const CALL: Duration = Duration::from_secs(10);
const ROUND: Duration = Duration::from_secs(120);

/// Indexes one job system for as long as the process lives.
pub async fn run(app: App, source: QueueSource) {
    let mut scanner = Scanner::new(source);
    let mut pause = IDLE;
    loop {
        match tokio::time::timeout(ROUND, scanner.round(&app)).await {
            Ok(Ok(done)) if done.slowest > SLOW => pause = (pause * 2).min(LONGEST),
            Ok(Ok(done)) => pause = if done.changed > 0 { BUSY } else { IDLE },
            Ok(Err(fault)) => {
                debug!(source = scanner.source.name, %fault, "jobs could not be indexed");
                pause = (pause * 2).min(LONGEST);
            }
            Err(_) => warn!(source = scanner.source.name, "a round of indexing took too long"),
        }
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.9..=1.1))).await;
    }
}

/// Where the index of one queue is.
#[derive(Debug, Default)]
struct Spot {
    place: Place,
    others_at: i64,
    swept: Step,
    swept_step_at: i64,
    counted_at: i64,
    /// Jobs of each kind that the last look at the others read.
    others: [i64; 4],
    /// Since when it is not among its job system's queues.
    missing_at: Option<i64>,
}

impl Spot {
    fn covered(&self) -> Covered {
        Covered { failed: self.place.failed, others: self.others }
    }
}

/// Indexes one job system.
pub(in crate::features::queues) struct Scanner {
    source: QueueSource,
    spots: HashMap<String, Spot>,
    loaded: bool,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scanner({}, {} queues)", self.source.name, self.spots.len())
    }
}

impl Scanner {
    pub fn new(source: QueueSource) -> Self {
        Self { source, spots: HashMap::new(), loaded: false }
    }

    /// One round over all queues: what events named, then pages of failed jobs, then the rest.
    ///
    /// # Errors
    /// Those of the driver and of the database; what was indexed stays.
    pub async fn round(&mut self, app: &App) -> Result<Done> {
        let mut done = Done::default();
        if !self.source.queue.can().jobs {
            return Ok(done);
        }
        self.load(app).await?;
        let seen = app.state::<Health>()?.source(&self.source.name);
        if seen.fault.is_some() || seen.taken_at.is_none() {
            return Ok(done);
        }
        let mut budget = PAGES;
        for state in &seen.queues {
            match self.queue(app, state, &mut budget).await {
                Ok(part) => done.and(part),
                Err(Error::NotFound(_) | Error::Unsupported { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.forget(app, &seen.queues).await?;
        Ok(done)
    }

    /// Takes queues out that are gone for some time.
    async fn forget(&mut self, app: &App, queues: &[QueueState]) -> Result<()> {
        let now = app.now().seconds();
        let known: HashSet<&str> = queues.iter().map(|state| state.name.as_str()).collect();
        for spot in self.spots.values_mut() {
            let gone = !known.contains(spot.place.queue.as_str());
            spot.missing_at = if gone { spot.missing_at.or(Some(now)) } else { None };
        }
        let old = |spot: &&Spot| spot.missing_at.is_some_and(|since| now - since >= GONE);
        let Some(queue) = self.spots.values().find(old).map(|spot| spot.place.queue.clone()) else { return Ok(()) };
        let (_, done) = super::forget(app, &self.source.name, &queue, GONE_STEPS).await?;
        if done {
            self.spots.remove(&queue);
        } else if let Some(spot) = self.spots.get_mut(&queue) {
            // Should it come back meanwhile, everything is counted and read again.
            (spot.counted_at, spot.place.failed, spot.place.passed_at) = (0, 0, None);
        }
        Ok(())
    }

    async fn load(&mut self, app: &App) -> Result<()> {
        if !self.loaded {
            let index = app.state::<Index>()?;
            index.set_rows(store::count(&app.db).await?);
            for place in store::places(&app.db).await?.into_iter().filter(|place| place.source == self.source.name) {
                let spot = Spot { place, ..Spot::default() };
                index.cover(&self.source.name, &spot.place.queue, spot.covered());
                self.spots.insert(spot.place.queue.clone(), spot);
            }
            self.loaded = true;
        }
        Ok(())
    }

    async fn queue(&mut self, app: &App, state: &QueueState, budget: &mut usize) -> Result<Done> {
        let queue = state.name.as_str();
        let mut spot = self.spots.remove(queue).unwrap_or_default();
        (spot.place.source, spot.place.queue) = (self.source.name.clone(), queue.to_owned());
        spot.place.total = i64::try_from(state.failed).unwrap_or(i64::MAX);
        let before = spot.place.clone();
        let done = self.steps(app, state, &mut spot, budget).await;
        if let Ok(done) = &done {
            spot.place.failed = (spot.place.failed + done.failed).max(0);
        } else {
            // What was written before the fault is counted when the causes are.
            spot.counted_at = 0;
        }
        let index = app.state::<Index>()?;
        index.cover(&self.source.name, queue, spot.covered());
        let place = spot.place.clone();
        self.spots.insert(queue.to_owned(), spot);
        if (&before.cursor, before.passed_at, before.swept_at, before.failed, before.total)
            != (&place.cursor, place.passed_at, place.swept_at, place.failed, place.total)
        {
            app.db.write(move |tx| Box::pin(store::pass(tx, place))).await?;
        }
        done
    }

    async fn steps(&self, app: &App, state: &QueueState, spot: &mut Spot, budget: &mut usize) -> Result<Done> {
        let (queue, now) = (state.name.as_str(), app.now());
        let mut done = Done::default();
        if now.seconds() - spot.counted_at >= TRUE_UP {
            self.count(app, spot).await?;
            spot.counted_at = now.seconds();
        }
        done.and(self.named(app, queue).await?);
        let short = spot.place.failed + done.failed < spot.place.total;
        let due = spot.place.passed_at.is_none_or(|at| (now.0 - at) / 1_000_000 >= if short { SHORT } else { PASS });
        while (due || spot.place.cursor.is_some()) && *budget > 0 {
            *budget -= 1;
            if !self.pass(app, spot, &mut done).await? {
                break;
            }
        }
        if *budget > 0 && now.seconds() - spot.others_at >= OTHERS {
            spot.others_at = now.seconds();
            done.and(self.others(app, state, spot, budget).await?);
        }
        let left = spot.place.failed + done.failed > spot.place.total;
        if *budget > 0 && (left || now.seconds() - spot.swept_step_at >= SWEEP) {
            *budget -= 1;
            spot.swept_step_at = now.seconds();
            done.and(self.sweep(app, spot).await?);
        }
        Ok(done)
    }

    /// Counts what is indexed, and the causes of failures, anew.
    async fn count(&self, app: &App, spot: &mut Spot) -> Result<()> {
        let (source, queue) = (spot.place.source.clone(), spot.place.queue.clone());
        spot.place.failed = store::failed(&app.db, &source, &queue).await?;
        failure::true_up(app, &source, &queue).await?;
        let now = app.now().0;
        app.db.write(move |tx| Box::pin(async move { store::seen(tx, &source, &queue, now).await })).await?;
        Ok(())
    }

    async fn write(&self, app: &App, queue: &str, entries: Vec<Entry>, gone: &[String]) -> Result<Done> {
        let index = app.state::<Index>()?;
        let done = write::write(app, &self.source.name, queue, entries, gone, LIMIT - index.rows()).await?;
        index.more_rows(done.rows);
        Ok(done)
    }

    /// Looks at the jobs of these ids: what of them is there is indexed, what is not goes.
    async fn look(&self, app: &App, queue: &str, ids: &[String]) -> Result<Done> {
        let rows = within(self.source.queue.find(queue, ids)).await?;
        let entries: Vec<Entry> = rows.iter().filter_map(|row| Entry::of(&self.source.name, queue, row)).collect();
        let gone: Vec<String> = ids.iter().filter(|id| !entries.iter().any(|entry| entry.job == **id)).cloned().collect();
        self.write(app, queue, entries, &gone).await
    }

    /// What events named since the last round.
    async fn named(&self, app: &App, queue: &str) -> Result<Done> {
        let mut done = Done::default();
        let touched = app.state::<Index>()?.touched(&self.source.name, queue);
        if !touched.gone.is_empty() {
            done.and(self.write(app, queue, Vec::new(), &Vec::from_iter(touched.gone)).await?);
        }
        for ids in Vec::from_iter(touched.look).chunks(PAGE_MAX) {
            done.and(self.look(app, queue, ids).await?);
        }
        Ok(done)
    }

    /// One page of the pass over failed jobs, newest first. False: the pass is over.
    async fn pass(&self, app: &App, spot: &mut Spot, done: &mut Done) -> Result<bool> {
        let queue = spot.place.queue.clone();
        let page = within(self.source.queue.jobs(&queue, JobState::Failed, spot.place.cursor.as_deref(), PAGE_MAX)).await?;
        let entries = page.jobs.iter().filter_map(|row| Entry::of(&self.source.name, &queue, row)).collect();
        let part = self.write(app, &queue, entries, &[]).await?;
        done.and(part);
        // What is older was read by a pass before, unless some of it is missing.
        let known = part.changed == 0 && spot.place.passed_at.is_some() && spot.place.failed + done.failed >= spot.place.total;
        let full = app.state::<Index>()?.rows() >= LIMIT;
        spot.place.cursor = page.next.filter(|_| !known && !full);
        if spot.place.cursor.is_none() {
            spot.place.passed_at = Some(app.now().0);
        }
        Ok(spot.place.cursor.is_some())
    }

    /// The first jobs of every other state.
    async fn others(&self, app: &App, state: &QueueState, spot: &mut Spot, budget: &mut usize) -> Result<Done> {
        let mut done = Done::default();
        for ((states, count), read) in KINDS.into_iter().zip(coverage::counts(state)).zip(&mut spot.others) {
            // A job may move from one state to the next meanwhile, and is one job.
            let mut seen = HashSet::new();
            for kind in states.iter().filter(|kind| count > 0 && (**kind != JobState::Prioritized || state.prioritized > 0)) {
                done.and(self.first(app, &state.name, *kind, &mut seen, budget).await?);
            }
            *read = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        }
        Ok(done)
    }

    /// The first pages of a state.
    async fn first(&self, app: &App, queue: &str, kind: JobState, seen: &mut HashSet<i64>, budget: &mut usize) -> Result<Done> {
        let (mut done, mut after) = (Done::default(), None);
        for _ in 0..OTHER_PAGES {
            let page = within(self.source.queue.jobs(queue, kind, after.as_deref(), PAGE_MAX)).await?;
            let entries: Vec<Entry> = page.jobs.iter().filter_map(|row| Entry::of(&self.source.name, queue, row)).collect();
            seen.extend(entries.iter().map(|entry| entry.key));
            done.and(self.write(app, queue, entries, &[]).await?);
            *budget = budget.saturating_sub(1);
            after = page.next;
            if after.is_none() || *budget == 0 {
                break;
            }
        }
        Ok(done)
    }

    /// Compares the next rows of the index with what there is.
    async fn sweep(&self, app: &App, spot: &mut Spot) -> Result<Done> {
        let limit = i64::try_from(PAGE_MAX).unwrap_or(500);
        let steps = store::walk(&app.db, &self.source.name, &spot.place.queue, &spot.swept, limit).await?;
        let Some(last) = steps.last().cloned() else {
            spot.swept = Step::default();
            spot.place.swept_at = Some(app.now().0);
            return Ok(Done::default());
        };
        let ids: Vec<String> = steps.into_iter().map(|step| step.job).collect();
        let done = self.look(app, &spot.place.queue, &ids).await?;
        spot.swept = last;
        Ok(done)
    }
}

async fn within<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::Upstream { driver: "queue", detail: format!("No answer within {} s.", CALL.as_secs()) };
    tokio::time::timeout(CALL, call).await.map_err(late)?
}
