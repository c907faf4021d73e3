//! Where the queues of a window belong, where they are, and the next step between the two.

use std::collections::BTreeMap;

use engine::job::Job;
use qd_core::gate::{Action, Actor, Change, Confirmation, GateTx};
use qd_core::port::{QueueSource, QueueState};
use qd_core::published::bump;
use qd_core::{App, Error, Result, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{Drain, Drained, Hold, PauseQueue, QueueProgress, ResumeQueue};
use crate::features::maintenance::store;
use crate::features::maintenance::window::{self, Kind, Status, Window};

/// Our own queue does this very work.
const OWN: &str = "quarterdeck";
/// Seconds between two queues that are resumed: what waited must not come back all at once.
const STEP_SECONDS: i64 = 5;
/// Longest wait after a pause or resume that failed, in seconds.
const BACKOFF_MAX: i64 = 300;
/// Stands for all queues of a source that can't be asked.
const WHOLE: &str = "";
/// Seconds after which an unchanged count is written again.
const COUNT_SECONDS: i64 = 10;

/// Brings the queues of one window to where they belong, as far as is due now. May run twice or late: it looks first.
///
/// # Errors
/// Those of our own database; what a job system says is kept with its queue and tried again.
pub async fn converge(app: &App, actor: &Actor, id: Uuid) -> Result<()> {
    let window = window::find(app, id).await?;
    if window.kind != Kind::QueueDrain {
        return Ok(());
    }
    let seen = look(app, &window).await?;
    if window.status == Status::Active {
        hold(app, actor, &window, &seen).await?;
        let seen = look(app, &window).await?;
        note_drained(app, actor, &window, &seen).await
    } else {
        release(app, actor, &window, &seen).await
    }
}

/// What the job systems say, beside what the drain knows.
pub(super) struct Seen {
    pub rows: Vec<QueueProgress>,
    queues: BTreeMap<(String, String), QueueState>,
}

impl Seen {
    fn row(&self, source: &str, queue: &str) -> Option<&QueueProgress> {
        self.rows.iter().find(|row| row.source == source && row.queue == queue)
    }
}

/// The job systems that can be drained: never our own, under whatever name it is configured, or nothing would resume what was paused.
fn sources(app: &App) -> impl Iterator<Item = &QueueSource> {
    let own = |source: &&QueueSource| {
        app.config.queues.iter().any(|queue| queue.name == source.name && queue.url.expose() == app.config.storage.database_url.expose())
    };
    app.ports.queues.iter().filter(move |source| source.name != OWN && !own(source))
}

fn wanted(window: &Window, source: &str, queue: &str) -> bool {
    window.terms.queues.as_ref().is_none_or(|names| names.iter().any(|name| name.split_once('/') == Some((source, queue)) || name == queue))
}

/// What the job systems answer.
#[derive(Default)]
struct Answers {
    queues: BTreeMap<(String, String), QueueState>,
    /// Those that could not be asked, and why.
    faults: BTreeMap<String, String>,
    /// Those that could.
    answered: Vec<String>,
}

async fn ask(app: &App) -> Answers {
    let mut all = Answers::default();
    for source in sources(app) {
        match source.queue.states().await {
            Ok(states) => {
                all.answered.push(source.name.clone());
                all.queues.extend(states.into_iter().map(|state| ((source.name.clone(), state.name.clone()), state)));
            }
            Err(fault) => {
                all.faults.insert(source.name.clone(), fault.to_string());
            }
        }
    }
    all
}

/// What is to be written of the answers.
struct News {
    counted: Vec<QueueProgress>,
    /// A job system that can't be asked has a row of its own while it can't.
    new: Vec<QueueProgress>,
    gone: Vec<QueueProgress>,
}

impl News {
    fn of(window: &Window, rows: &[QueueProgress], answers: &Answers, now: Timestamp) -> Self {
        let of_system = |source: &str| rows.iter().find(|row| row.source == source && row.queue == WHOLE);
        let told = |source: &str, fault: &String| of_system(source).and_then(|row| row.fault.as_ref()) == Some(fault);
        let faults = answers.faults.iter().filter(|(source, fault)| window.status == Status::Active && !told(source, fault));
        let new = faults.map(|(source, fault)| QueueProgress { fault: Some(fault.clone()), ..fresh(window.id, source, WHOLE, Hold::Kept, now) });
        Self {
            counted: rows.iter().filter_map(|row| recounted(row, &answers.queues, now)).collect(),
            new: new.collect(),
            gone: rows.iter().filter(|row| row.queue == WHOLE && answers.answered.contains(&row.source)).cloned().collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.new.is_empty() && self.gone.is_empty()
    }

    async fn keep(self, app: &App) -> Result<()> {
        let write = app.db.write_with(move |tx| {
            Box::pin(async move {
                for row in &self.counted {
                    store::counted(tx, row).await?;
                }
                for row in &self.new {
                    store::put(tx, row).await?;
                }
                for row in &self.gone {
                    store::forget(tx, row.window_id, &row.source, &row.queue).await?;
                }
                Ok::<_, Error>(())
            })
        });
        write.await
    }
}

/// Asks every job system, and keeps what was counted of the queues that are held.
pub(super) async fn look(app: &App, window: &Window) -> Result<Seen> {
    let answers = ask(app).await;
    let mut rows = store::held_by(&app.db, window.id).await?;
    let news = News::of(window, &rows, &answers, app.now());
    if !news.is_empty() {
        news.keep(app).await?;
        rows = store::held_by(&app.db, window.id).await?;
    }
    Ok(Seen { rows, queues: answers.queues })
}

/// Whether our own queue is paused: then no window starts or ends by itself, and no held queue is resumed. `None` when it can't be asked.
pub(super) async fn own_paused(app: &App) -> Option<bool> {
    let own = app.ports.queues.iter().find(|source| source.name == OWN)?;
    let states = own.queue.states().await.ok()?;
    Some(states.iter().any(|state| state.name == Drain::QUEUE && state.paused))
}

/// The row with what was counted now; `None` when that is what it says.
fn recounted(row: &QueueProgress, queues: &BTreeMap<(String, String), QueueState>, now: Timestamp) -> Option<QueueProgress> {
    let state = queues.get(&(row.source.clone(), row.queue.clone()))?;
    let (active, waiting) = (Some(count(state.active)), Some(count(state.waiting)));
    let known = (row.active_left, row.waiting) == (active, waiting) && row.counted_at.is_some_and(|at| now.since(at) < COUNT_SECONDS);
    (!known).then(|| QueueProgress { active_left: active, waiting, counted_at: Some(now), ..row.clone() })
}

fn count(jobs: u64) -> i64 {
    i64::try_from(jobs).unwrap_or(i64::MAX)
}

fn fresh(window: Uuid, source: &str, queue: &str, state: Hold, now: Timestamp) -> QueueProgress {
    let (source, queue) = (source.to_owned(), queue.to_owned());
    QueueProgress {
        window_id: window,
        source,
        queue,
        state,
        active_left: None,
        waiting: None,
        counted_at: None,
        attempts: 0,
        next_at: now,
        fault: None,
    }
}

/// Pauses what is to be paused and is not.
async fn hold(app: &App, actor: &Actor, window: &Window, seen: &Seen) -> Result<()> {
    let (now, others) = (app.now(), store::held(&app.db).await?);
    for ((source, queue), state) in seen.queues.iter().filter(|((source, queue), _)| wanted(window, source, queue)) {
        let elsewhere = others.iter().find(|row| row.window_id != window.id && &row.source == source && &row.queue == queue);
        let row = match seen.row(source, queue) {
            None if elsewhere.is_some() => Some(fresh(window.id, source, queue, Hold::Paused, now)),
            None if state.paused => Some(fresh(window.id, source, queue, Hold::Kept, now)),
            None => Some(fresh(window.id, source, queue, Hold::Pausing, now)),
            Some(row) if row.state == Hold::Paused && !state.paused => Some(QueueProgress { state: Hold::Released, ..row.clone() }),
            Some(row) if row.state == Hold::Pausing && row.next_at <= now => Some(row.clone()),
            Some(_) => None,
        };
        let Some(row) = row else { continue };
        let handed = elsewhere.filter(|_| row.state == Hold::Paused).map(|other| QueueProgress { state: Hold::HandedOver, ..other.clone() });
        keep(app, handed.into_iter().chain([row.clone()]).collect()).await?;
        if row.state == Hold::Pausing {
            let asked = PauseQueue { window: window.id, source: source.clone(), queue: queue.clone() };
            let done = touch(app, actor, asked, window, &row, true).await;
            keep(app, vec![settled(row, done, Hold::Paused, app.now())]).await?;
        }
    }
    Ok(())
}

/// Resumes one queue that the drain paused, and puts the others off for a while.
async fn release(app: &App, actor: &Actor, window: &Window, seen: &Seen) -> Result<()> {
    let now = app.now();
    let next = window::active(app).await?.into_iter().find(|other| other.kind == Kind::QueueDrain);
    let mut left = seen.rows.iter().filter(|row| row.state.is_held()).cloned();
    let Some(row) = left.by_ref().find(|row| row.next_at <= now) else { return Ok(()) };
    if let Some(next) = next.filter(|next| wanted(next, &row.source, &row.queue)) {
        let taken = fresh(next.id, &row.source, &row.queue, Hold::Paused, now);
        return keep(app, vec![taken, QueueProgress { state: Hold::HandedOver, ..row }]).await;
    }
    let state = seen.queues.get(&(row.source.clone(), row.queue.clone()));
    if state.is_some_and(|state| !state.paused) {
        // It was never paused, or somebody resumed it by hand.
        return keep(app, vec![QueueProgress { state: Hold::Resumed, fault: None, ..row }]).await;
    }
    let asked = ResumeQueue { window: window.id, source: row.source.clone(), queue: row.queue.clone() };
    let done = touch(app, actor, asked, window, &row, false).await;
    let resumed = done.is_ok();
    let mut rows = vec![settled(row.clone(), done, Hold::Resumed, now)];
    if resumed {
        let later = now.plus_seconds(STEP_SECONDS);
        let rest = seen.rows.iter().filter(|other| other.state.is_held() && (&other.source, &other.queue) != (&row.source, &row.queue));
        rows.extend(rest.map(|other| QueueProgress { next_at: other.next_at.max(later), ..other.clone() }));
    }
    keep(app, rows).await
}

/// Pauses or resumes by the driver, under the gate: an intent, the change, its outcome.
async fn touch<A: Action + Sync>(app: &App, actor: &Actor, action: A, window: &Window, row: &QueueProgress, pause: bool) -> Result<()> {
    let Some(source) = app.ports.queues.iter().find(|source| source.name == row.source) else {
        return Err(Error::NotFound(format!("The job system {}", row.source)));
    };
    let (driver, name) = (source.queue.clone(), row.queue.clone());
    let given = Confirmation { reason: Some(window.reason.clone()).filter(|reason| !reason.is_empty()), ..Confirmation::default() };
    let work = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            if pause {
                driver.pause(permit.warrant(), &name).await?
            } else {
                driver.resume(permit.warrant(), &name).await?
            };
            Ok(Change::between((), json!({ "paused": !pause }), json!({ "paused": pause })))
        })
    });
    work.await.map(|_| ())
}

/// The row after a try: done, or put off for longer with each failure.
fn settled(row: QueueProgress, done: Result<()>, state: Hold, now: Timestamp) -> QueueProgress {
    match done {
        Ok(()) => QueueProgress { state, attempts: 0, fault: None, next_at: now, ..row },
        Err(fault) => {
            let wait = (STEP_SECONDS << row.attempts.clamp(0, 6)).min(BACKOFF_MAX);
            QueueProgress { attempts: row.attempts + 1, next_at: now.plus_seconds(wait), fault: Some(fault.to_string()), ..row }
        }
    }
}

async fn keep(app: &App, rows: Vec<QueueProgress>) -> Result<()> {
    app.db
        .write_with(move |tx| {
            Box::pin(async move {
                for row in &rows {
                    store::put(tx, row).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Whether every queue that is to be held is, and none runs a job. Queues that somebody took back by hand are not waited for.
fn is_drained(window: &Window, seen: &Seen) -> bool {
    let all = seen.queues.keys().filter(|(source, queue)| wanted(window, source, queue)).all(|(source, queue)| seen.row(source, queue).is_some());
    let waited: Vec<&QueueProgress> =
        seen.rows.iter().filter(|row| !matches!(row.state, Hold::Released | Hold::HandedOver | Hold::Resumed)).collect();
    all && !waited.is_empty() && waited.iter().all(|row| row.state != Hold::Pausing && row.fault.is_none() && row.active_left == Some(0))
}

async fn note_drained(app: &App, actor: &Actor, window: &Window, seen: &Seen) -> Result<()> {
    if window.drained_at.is_some() || !is_drained(window, seen) {
        return Ok(());
    }
    let (now, id, version) = (app.now(), window.id, window.version);
    let given = Confirmation { idempotency_key: Some(format!("{id}:{version}")), ..Confirmation::default() };
    let done = app.gate.transact(actor, Drained { window: id }, given, move |mut tx: GateTx<'_>, _permit| {
        Box::pin(async move {
            bump(&mut tx).await?;
            window::drained(&mut tx, id, version, now).await
        })
    });
    match done.await {
        // Somebody was faster: the next look decides.
        Err(Error::Outdated(_)) => Ok(()),
        done => window::served(app, done?).await.map(|_| ()),
    }
}

/// Whether a job has something to do.
pub(super) fn is_due(window: &Window, seen: &Seen, now: Timestamp) -> bool {
    if window.status != Status::Active {
        return seen.rows.iter().any(|row| row.state.is_held() && row.next_at <= now);
    }
    let due = |((source, queue), state): (&(String, String), &QueueState)| match seen.row(source, queue) {
        None => true,
        Some(row) => (row.state == Hold::Pausing && row.next_at <= now) || (row.state == Hold::Paused && !state.paused),
    };
    seen.queues.iter().filter(|((source, queue), _)| wanted(window, source, queue)).any(due)
        || (window.drained_at.is_none() && is_drained(window, seen))
}
