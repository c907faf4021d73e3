//! What is done to queues and to chosen jobs: each an intent, the driver's call, and an outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use qd_core::gate::{Action, Actor, Change, Confirmation, Done, Permit, Undo, Warrant};
use qd_core::port::Queue;
use qd_core::port::queue::{ACT_MAX, Acted, JobAct, Limits};
use qd_core::{App, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::action::{Dials, Pause, PauseMany, Promote, QueueRef, Resume, ResumeMany, Retry, SetDelay, SetLimits, SetPriority};
use super::run::Refusal;
use super::{changed, source};

/// Refusals that are told one by one.
pub(super) const REFUSALS_SHOWN: usize = 20;
/// Longest delay, in milliseconds: a year.
const DELAY_MAX: u64 = 366 * 86_400_000;
/// Most jobs at once, or within a time.
const LIMIT_MAX: u64 = 1_000_000;
/// Longest time of a rate, in milliseconds: a day.
const RATE_MS_MAX: u64 = 86_400_000;

/// A queue after a pause or resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paused {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Whether it is paused now.
    pub paused: bool,
    /// Whether it was before.
    pub was: bool,
}

/// Several queues after a pause or resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PausedMany {
    /// Those that are as asked now.
    pub queues: Vec<Paused>,
    /// Those that are not, and why.
    pub failed: Vec<QueueFault>,
}

/// A queue that was left as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueFault {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Why, in a sentence.
    pub why: String,
}

/// The dials of a queue after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limited {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// What held before.
    pub before: Dials,
    /// What holds now.
    pub after: Dials,
}

/// What became of chosen jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActedOn {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Jobs that it was done to.
    pub done: u64,
    /// Jobs that had moved on.
    pub gone: u64,
    /// Jobs that the driver refused.
    pub refused: u64,
    /// Why, for the first 20.
    pub refusals: Vec<Refusal>,
    /// The run under which deleted jobs can be restored.
    pub run: Option<Uuid>,
}

impl ActedOn {
    pub(super) fn of(queue: &QueueRef) -> Self {
        Self { source: queue.source.clone(), queue: queue.queue.clone(), ..Self::default() }
    }

    /// Counts answers in the order of `ids`.
    pub(super) fn count<'i>(&mut self, ids: impl IntoIterator<Item = &'i String>, answers: Vec<Acted>) {
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer {
                Acted::Done | Acted::There => self.done += 1,
                Acted::Gone => self.gone += 1,
                Acted::Refused(why) => self.refuse(id, why),
            }
        }
    }

    pub(super) fn refuse(&mut self, id: &str, why: String) {
        self.refused += 1;
        if self.refusals.len() < REFUSALS_SHOWN {
            self.refusals.push(Refusal { id: id.to_owned(), why });
        }
    }

    /// The same, unless nothing was done at all.
    pub(super) fn checked(self) -> Result<Self> {
        if self.done > 0 {
            return Ok(self);
        }
        Err(Error::Conflict(match (self.refusals.first(), self.gone + self.refused) {
            (Some(first), 1) => format!("{} Nothing was changed.", sentence(&first.why)),
            (Some(first), all) => format!("None of the {all} jobs was changed. The first: {}", sentence(&first.why)),
            (None, 1) => "The job has moved on: it is no longer in a state in which this can be done. Nothing was changed.".into(),
            (None, all) => format!("All {all} jobs have moved on: none is in a state in which this can be done. Nothing was changed."),
        }))
    }

    /// Counts and ids for the trail: nothing of the jobs' data.
    pub(super) fn recorded(&self, ids: &[String]) -> Value {
        json!({ "done": self.done, "gone": self.gone, "refused": self.refused, "ids": ids, "run": self.run })
    }
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// A request that takes a pause or resume back.
fn back(queue: &QueueRef, verb: &str) -> Undo {
    let label = format!("{} {}", if verb == "pause" { "Pause" } else { "Resume" }, queue.queue);
    let body = json!({ "queueName": queue.queue, "source": queue.source, "action": verb, "reason": "" });
    Undo { label, path: "/api/admin/ops/queues/action".into(), body }
}

/// Stops workers from taking jobs. One that is paused already stays so, and that is recorded, too.
///
/// # Errors
/// [`Error::NotFound`] for an unknown queue; what the driver refuses because it would lose jobs is [`Error::Conflict`].
pub async fn pause(app: &App, actor: &Actor, action: Pause, given: Confirmation) -> Result<Done<Paused>> {
    let queue = QueueRef { source: action.source.clone(), queue: action.queue.clone() };
    set_paused(app, actor, action, queue, true, given).await
}

/// Lets workers take jobs again.
///
/// # Errors
/// As [`pause`].
pub async fn resume(app: &App, actor: &Actor, action: Resume, given: Confirmation) -> Result<Done<Paused>> {
    let queue = QueueRef { source: action.source.clone(), queue: action.queue.clone() };
    set_paused(app, actor, action, queue, false, given).await
}

async fn set_paused<A: Action + Sync>(
    app: &App,
    actor: &Actor,
    action: A,
    queue: QueueRef,
    paused: bool,
    given: Confirmation,
) -> Result<Done<Paused>> {
    let driver = Arc::clone(&source::source(app, &queue.source)?.queue);
    source::named(&queue.queue)?;
    let done = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            let was = pauses(driver.as_ref()).await?.get(&queue.queue).copied();
            let after = turn(driver.as_ref(), permit.warrant(), &queue, paused, was).await?;
            let undo = (after.was != paused).then(|| back(&queue, if paused { "resume" } else { "pause" }));
            let change = Change::between(after.clone(), json!({ "paused": after.was }), json!({ "paused": paused }));
            Ok(Change { undo, ..change })
        })
    });
    let done = done.await?;
    changed(app, &done.value.source, &done.value.queue);
    Ok(done)
}

/// Whether each queue of a job system is paused.
async fn pauses(driver: &dyn Queue) -> Result<BTreeMap<String, bool>> {
    Ok(driver.states().await?.into_iter().map(|state| (state.name, state.paused)).collect())
}

async fn turn(driver: &dyn Queue, warrant: &Warrant, queue: &QueueRef, paused: bool, was: Option<bool>) -> Result<Paused> {
    let was = was.ok_or_else(|| Error::NotFound(format!("The queue {}", queue.queue)))?;
    if paused {
        driver.pause(warrant, &queue.queue).await?;
    } else {
        driver.resume(warrant, &queue.queue).await?;
    }
    Ok(Paused { source: queue.source.clone(), queue: queue.queue.clone(), paused, was })
}

/// How the queues of each job system stood, or why it did not tell: each is asked once, however many of its queues are meant.
type Stood = BTreeMap<String, std::result::Result<BTreeMap<String, bool>, String>>;

async fn turn_of_many(app: &App, stood: &mut Stood, warrant: &Warrant, queue: &QueueRef, paused: bool) -> Result<Paused> {
    let driver = source::source(app, &queue.source)?.queue.as_ref();
    if !stood.contains_key(&queue.source) {
        stood.insert(queue.source.clone(), pauses(driver).await.map_err(|fault| fault.to_string()));
    }
    match stood.get(&queue.source) {
        Some(Err(why)) => Err(Error::Conflict(why.clone())),
        known => turn(driver, warrant, queue, paused, known.and_then(|known| known.as_ref().ok()?.get(&queue.queue).copied())).await,
    }
}

/// Pauses several queues, one after another; one that fails does not hold up the others.
///
/// # Errors
/// [`Error::Invalid`] without a queue or with more than 500; [`Error::Conflict`] when none could be paused.
pub async fn pause_many(app: &App, actor: &Actor, action: PauseMany, given: Confirmation) -> Result<Done<PausedMany>> {
    let queues = action.queues.clone();
    set_paused_many(app, actor, action, queues, true, given).await
}

/// Resumes several queues, one after another.
///
/// # Errors
/// As [`pause_many`].
pub async fn resume_many(app: &App, actor: &Actor, action: ResumeMany, given: Confirmation) -> Result<Done<PausedMany>> {
    let queues = action.queues.clone();
    set_paused_many(app, actor, action, queues, false, given).await
}

async fn set_paused_many<A>(app: &App, actor: &Actor, action: A, queues: Vec<QueueRef>, paused: bool, given: Confirmation) -> Result<Done<PausedMany>>
where
    A: Action + Sync,
{
    if queues.is_empty() || queues.len() > 500 {
        return Err(Error::invalid("queues", "Choose 1 to 500 queues."));
    }
    let (inside, verb) = (app.clone(), if paused { "paused" } else { "resumed" });
    let done = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            let (mut all, mut stood) = (PausedMany { queues: Vec::new(), failed: Vec::new() }, Stood::new());
            for queue in queues {
                match turn_of_many(&inside, &mut stood, permit.warrant(), &queue, paused).await {
                    Ok(done) => all.queues.push(done),
                    Err(fault) => all.failed.push(QueueFault { why: fault.to_string(), source: queue.source, queue: queue.queue }),
                }
            }
            match all.failed.first().filter(|_| all.queues.is_empty()) {
                Some(first) => Err(Error::Conflict(format!("No queue was {verb}. {}: {}", first.queue, sentence(&first.why)))),
                None => Ok(Change { after: Some(serde_json::to_value(&all)?), ..Change::of(all) }),
            }
        })
    });
    let done = done.await?;
    done.value.queues.iter().for_each(|queue| changed(app, &queue.source, &queue.queue));
    Ok(done)
}

/// Sets concurrency and rate of a queue, for all its workers together.
///
/// # Errors
/// [`Error::Invalid`] for limits that no queue can have; [`Error::Unsupported`] where the driver has none.
pub async fn limit(app: &App, actor: &Actor, action: SetLimits, given: Confirmation) -> Result<Done<Limited>> {
    let dials = action.dials;
    if dials.concurrency.is_some_and(|most| !(1..=LIMIT_MAX).contains(&most)) {
        return Err(Error::invalid("concurrency", "Give 1 to 1,000,000 jobs at once, or none for no limit. To stop a queue, pause it."));
    }
    if dials.rate.is_some_and(|rate| !(1..=LIMIT_MAX).contains(&rate.jobs) || !(1..=RATE_MS_MAX).contains(&rate.per_ms)) {
        return Err(Error::invalid("rate", "Give 1 to 1,000,000 jobs within 1 ms to a day, or none for no limit."));
    }
    let queue = QueueRef { source: action.source.clone(), queue: action.queue.clone() };
    let state = source::state(app, &queue.source, &queue.queue).await?;
    let driver = Arc::clone(&source::source(app, &queue.source)?.queue);
    let before = Dials { concurrency: state.concurrency, rate: state.rate };
    let done = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            let limits = Limits { concurrency: Some(dials.concurrency), rate: Some(dials.rate) };
            driver.limit(permit.warrant(), &queue.queue, limits).await?;
            let value = Limited { source: queue.source, queue: queue.queue, before, after: dials };
            Ok(Change::between(value, serde_json::to_value(before)?, serde_json::to_value(dials)?))
        })
    });
    let done = done.await?;
    changed(app, &done.value.source, &done.value.queue);
    Ok(done)
}

/// Lets chosen failed or completed jobs run again.
///
/// # Errors
/// [`Error::Invalid`] without an id or with more than 500; [`Error::Conflict`] when none of them is in such a state.
pub async fn retry(app: &App, actor: &Actor, action: Retry, given: Confirmation) -> Result<Done<ActedOn>> {
    let (queue, ids) = (QueueRef { source: action.source.clone(), queue: action.queue.clone() }, action.ids.clone());
    let act = JobAct::Retry { reset: action.reset };
    act_on(app, actor, action, queue, ids, act, given).await
}

/// Makes chosen delayed jobs due.
///
/// # Errors
/// As [`retry`].
pub async fn promote(app: &App, actor: &Actor, action: Promote, given: Confirmation) -> Result<Done<ActedOn>> {
    let (queue, ids) = (QueueRef { source: action.source.clone(), queue: action.queue.clone() }, action.ids.clone());
    act_on(app, actor, action, queue, ids, JobAct::Promote, given).await
}

/// Gives chosen jobs another priority.
///
/// # Errors
/// As [`retry`]; the driver says which numbers it takes.
pub async fn set_priority(app: &App, actor: &Actor, action: SetPriority, given: Confirmation) -> Result<Done<ActedOn>> {
    let (queue, ids) = (QueueRef { source: action.source.clone(), queue: action.queue.clone() }, action.ids.clone());
    let act = JobAct::Priority(action.priority);
    act_on(app, actor, action, queue, ids, act, given).await
}

/// Gives chosen delayed jobs another time.
///
/// # Errors
/// As [`retry`]; [`Error::Invalid`] for more than a year.
pub async fn set_delay(app: &App, actor: &Actor, action: SetDelay, given: Confirmation) -> Result<Done<ActedOn>> {
    if action.delay_ms > DELAY_MAX {
        return Err(Error::invalid("delayMs", "Give at most a year."));
    }
    let (queue, ids) = (QueueRef { source: action.source.clone(), queue: action.queue.clone() }, action.ids.clone());
    let act = JobAct::Delay(action.delay_ms);
    act_on(app, actor, action, queue, ids, act, given).await
}

async fn act_on<A>(app: &App, actor: &Actor, action: A, queue: QueueRef, ids: Vec<String>, act: JobAct, given: Confirmation) -> Result<Done<ActedOn>>
where
    A: Action + Sync,
{
    let (driver, ids) = (Arc::clone(&source::source(app, &queue.source)?.queue), chosen(ids)?);
    source::named(&queue.queue)?;
    let done = app.gate.perform(actor, action, given, move |permit: Permit<A>| {
        Box::pin(async move {
            let mut acted = ActedOn::of(&queue);
            let answers = driver.act(permit.warrant(), &queue.queue, act, &ids).await?;
            acted.count(&ids, answers);
            let acted = acted.checked()?;
            Ok(Change { after: Some(acted.recorded(&ids)), ..Change::of(acted) })
        })
    });
    let done = done.await?;
    changed(app, &done.value.source, &done.value.queue);
    Ok(done)
}

/// Each chosen id once.
///
/// # Errors
/// [`Error::Invalid`] for none or more than 500; [`Error::NotFound`] for what no id can be.
pub(super) fn chosen(ids: Vec<String>) -> Result<Vec<String>> {
    let mut kept: Vec<String> = Vec::with_capacity(ids.len().min(ACT_MAX));
    for id in ids {
        source::named(&id)?;
        if !kept.contains(&id) {
            kept.push(id);
        }
        if kept.len() > ACT_MAX {
            break;
        }
    }
    if (1..=ACT_MAX).contains(&kept.len()) {
        Ok(kept)
    } else {
        Err(Error::invalid("ids", "Choose 1 to 500 jobs; for more, act on all that a filter matches."))
    }
}
