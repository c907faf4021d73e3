//! What happens to windows by itself: announced, started, ended, found to last too long. Each step is a durable job that looks at the row and
//! does what is due, so that it may run twice, late, or on another replica; a net every few minutes finds what a job missed.

use std::time::Duration;

use engine::job::{self, Enqueue, Job, JobError, RunInfo};
use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Confirmation, Danger, Done, GateTx, Permit, Target};
use qd_core::published::bump;
use qd_core::reading::{Reading, Status as Light};
use qd_core::{App, Error, Result, Runner, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::action::action;
use super::verb::{renew, saved, served};
use super::{Kind, Status, Step, Window, store};
use crate::features::maintenance::drain;

/// Seconds ahead that the net looks: the longest announcement.
const AHEAD: i64 = 7 * 86_400;
/// Seconds between two looks at the clock for the readings on the board.
const LOOK: Duration = Duration::from_secs(5);
/// Steps of one window in one go: announce, start and end may all be due.
const STEPS: usize = 6;

/// People are told that a window comes.
#[derive(Debug, Serialize)]
struct Announce {
    window: Uuid,
}

/// A window begins to hold.
#[derive(Debug, Serialize)]
struct Start {
    window: Uuid,
}

/// The span of a window passed while nothing ran.
#[derive(Debug, Serialize)]
struct Miss {
    window: Uuid,
}

/// A window's planned end has come.
#[derive(Debug, Serialize)]
struct Finish {
    window: Uuid,
}

/// A window lasts past its planned end. The event of this name tells people once.
#[derive(Debug, Serialize)]
struct Overrun {
    window: Uuid,
}

action!(Announce, "maintenance.announce", "CONFIG_MAINTENANCE_ANNOUNCED", RULE, Routine, "maintenance", |a| a.window.to_string());
action!(Start, "maintenance.start", "CONFIG_MAINTENANCE_MODE_TOGGLED", RULE, Routine, "maintenance", |a| a.window.to_string());
action!(Miss, "maintenance.miss", "CONFIG_MAINTENANCE_CHANGED", RULE, Routine, "maintenance", |a| a.window.to_string());
action!(Finish, "maintenance.finish", "CONFIG_MAINTENANCE_MODE_TOGGLED", RULE, Routine, "maintenance", |a| a.window.to_string());
action!(Overrun, "maintenance.overrun", "CONFIG_MAINTENANCE_OVERRUN", RULE, Routine, "maintenance", |a| a.window.to_string());

/// The job of one step.
#[derive(Debug, Serialize, Deserialize)]
pub struct Advance {
    window: Uuid,
    /// When the step is due.
    at: Timestamp,
}

impl Job for Advance {
    const NAME: &'static str = "maintenance-step";
    const QUEUE: &'static str = "housekeeping";
    const ATTEMPTS: u32 = 8;
    type Context = Runner;

    async fn run(self, runner: Runner, _run: RunInfo) -> std::result::Result<(), JobError> {
        advance(&runner.app, &runner.actor, self.window).await.map_err(|fault| JobError::retry(fault.to_string()))?;
        // The clock of this machine may lag behind the one that planned the job.
        let early = self.at.0 - runner.app.now().0;
        if early > 0 {
            return Err(JobError::after("early", Duration::from_micros(early.unsigned_abs())));
        }
        Ok(())
    }
}

/// Plans the next step of a window, in the transaction that made it due.
pub async fn plan(tx: &mut GateTx<'_>, window: &Window, now: Timestamp) -> Result<()> {
    if let Some(at) = window.next_step_at() {
        let delay = Duration::from_micros(u64::try_from(at.0 - now.0).unwrap_or(0));
        job::enqueue(tx, &Advance { window: window.id, at }, Enqueue::delayed(delay)).await?;
    }
    if window.kind == Kind::QueueDrain && matches!(window.status, Status::Active | Status::Completed) {
        drain::kick(tx, window.id).await?;
    }
    Ok(())
}

/// No job runs any more in the queues of an active drain. [`Error::Outdated`] when the window is not as it was seen.
pub async fn drained(tx: &mut GateTx<'_>, id: Uuid, version: i64, now: Timestamp) -> Result<Change<Window>> {
    let before = store::get(tx, id).await?;
    if before.status != Status::Active || before.version != version {
        return Err(moved());
    }
    saved(tx, &before, Window { drained_at: Some(now), ..before.next() }, now).await
}

/// Takes every step of one window that is due. Does nothing when none is, or when another replica took it.
///
/// # Errors
/// Those of the database; what was done before stays done.
pub async fn advance(app: &App, actor: &Actor, id: Uuid) -> Result<()> {
    for _ in 0..STEPS {
        let window = store::by_id(&app.db, id).await?;
        let done = match window.due(app.now()) {
            None => return Ok(()),
            Some(Step::Announce) => take(app, actor, Announce { window: id }, &window).await,
            Some(Step::Start) => take(app, actor, Start { window: id }, &window).await,
            Some(Step::Miss) => take(app, actor, Miss { window: id }, &window).await,
            Some(Step::Finish) => take(app, actor, Finish { window: id }, &window).await,
            Some(Step::Overrun) => take(app, actor, Overrun { window: id }, &window).await,
        };
        match done {
            // A person or another replica was faster: nothing was done and nothing is recorded, and the window is looked at again.
            Err(Error::Outdated(_)) => {}
            done => drop(done?),
        }
    }
    Ok(())
}

fn moved() -> Error {
    Error::Outdated("The window was changed in the same moment; its new state decides.".into())
}

/// The net below the jobs: takes what is due of every window.
///
/// # Errors
/// The last one, after every window was tried.
pub async fn sweep(app: &App, actor: &Actor) -> Result<()> {
    let now = app.now();
    let mut last = Ok(());
    for window in store::open(&app.db, now.plus_seconds(AHEAD)).await? {
        if window.due(now).is_some()
            && let Err(fault) = advance(app, actor, window.id).await
        {
            last = Err(fault);
        }
    }
    if let Err(fault) = drain::sweep(app).await {
        last = Err(fault);
    }
    last
}

/// Takes a step; [`Error::Outdated`] when the window is not as it was seen. Its version is the idempotency key: of two replicas that saw the same
/// row, one does it and the other hears so.
async fn take<A: Action + Sync>(app: &App, actor: &Actor, action: A, seen: &Window) -> Result<Done<Window>> {
    let (now, id, version) = (app.now(), seen.id, seen.version);
    let given = Confirmation { idempotency_key: Some(format!("{id}:{version}")), ..Confirmation::default() };
    let work = app.gate.transact(actor, action, given, move |mut tx, _permit: Permit<A>| {
        Box::pin(async move {
            bump(&mut tx).await?;
            let before = store::get(&mut tx, id).await?;
            match before.due(now).filter(|_| before.version == version) {
                Some(step) => taken(&mut tx, &before, step, now).await,
                None => Err(moved()),
            }
        })
    });
    served(app, work.await?).await
}

async fn taken(tx: &mut GateTx<'_>, before: &Window, step: Step, now: Timestamp) -> Result<Change<Window>> {
    match step {
        Step::Announce => saved(tx, before, Window { announced_at: Some(now), ..before.next() }, now).await,
        Step::Overrun => saved(tx, before, Window { overrun_at: Some(now), ..before.next() }, now).await,
        Step::Finish => saved(tx, before, before.finished(now), now).await,
        Step::Miss => {
            let change = saved(tx, before, before.missed(now), now).await?;
            renew(tx, before, now).await?;
            Ok(change)
        }
        Step::Start => {
            let change = start(tx, before, now).await?;
            renew(tx, before, now).await?;
            Ok(change)
        }
    }
}

/// Begins to hold, or becomes part of the one that holds: one mode is one state.
async fn start(tx: &mut GateTx<'_>, before: &Window, now: Timestamp) -> Result<Change<Window>> {
    let Some(holding) = store::active_of(tx, before.kind).await? else {
        return saved(tx, before, before.started(now), now).await;
    };
    let note = format!("A {} held already: it became part of that one ({}).", before.kind.label().to_lowercase(), holding.id);
    let mut change = saved(tx, before, before.ended(now, Some(note)), now).await?;
    let held = saved(tx, &holding, holding.absorbing(before, now), now).await?;
    // The trail has both: the one that ends, and the one that lasts longer or concerns more from now on.
    for (own, other) in [(&mut change.before, held.before), (&mut change.after, held.after)] {
        if let (Some(Value::Object(own)), Some(Value::Object(mut other))) = (own, other) {
            other.insert("id".into(), json!(holding.id));
            own.insert("holding".into(), Value::Object(other));
        }
    }
    Ok(change)
}

/// Keeps the readings of the board: how many windows are active, and how long the worst has lasted past its end.
pub async fn watch(app: App) {
    let mut moved = app.published.watch();
    loop {
        look(&app);
        // A time-out is the look at the clock; a closed channel ends with the process.
        if let Ok(Err(_)) = tokio::time::timeout(LOOK, moved.changed()).await {
            return;
        }
    }
}

fn look(app: &App) {
    const FRESH: u32 = 30;
    let Ok(state) = crate::features::maintenance::state(app) else { return };
    let now = app.now();
    #[expect(clippy::cast_precision_loss, reason = "a few windows, some minutes")]
    let (count, overrun) =
        (state.active().count() as f64, state.active().filter_map(|window| window.overrun(now)).max().map(|seconds| seconds as f64 / 60.0));
    app.board.put("maintenance.active", Reading::measured(count, "", "maintenance", now, FRESH), now);
    let reading = Reading::measured(overrun.unwrap_or(0.0), "min", "maintenance", now, FRESH);
    let status = if overrun.is_some() { Light::Warn } else { Light::Ok };
    app.board.put("maintenance.overrun", reading.judged(status, || "A maintenance holds past its planned end. End or extend it.".into()), now);
}

#[cfg(test)]
mod tests {
    use qd_core::audit;
    use qd_core::gate::Role;

    use super::*;
    use crate::features::maintenance::window::{Audience, Reword, Schedule, Terms, Times, reword, schedule};
    use crate::features::testing::{World, on_both, person};

    on_both!(a_job_that_a_person_overtook_looks_again_and_records_nothing);

    async fn a_job_that_a_person_overtook_looks_again_and_records_nothing(world: &World) {
        let (app, job) = (&world.app, Actor::system("housekeeping"));
        let start = app.now().plus_seconds(60);
        let times = Times::Once { start, end: start.plus_seconds(600) };
        let terms = Terms { announce_minutes: 0, ..Terms::default() };
        let given = Confirmation { phrase: Some(super::super::PHRASE.into()), ..Confirmation::because("the database moves house") };
        let asked = Schedule { kind: Kind::GlobalReadonly, times, terms };
        let seen = schedule(app, &person(Role::SuperAdmin), asked, given).await.unwrap().value;
        world.later(60);
        // Between the job's look at the row and its transaction.
        let text = Reword { window: seen.id, message: "Back at noon.".into(), audience: Audience::All };
        reword(app, &person(Role::Admin), text, Confirmation::default()).await.unwrap();
        let overtaken = take(app, &job, Start { window: seen.id }, &seen).await.unwrap_err();
        assert!(matches!(overtaken, Error::Outdated(_)), "{overtaken}");
        let rows = audit::list(&app.db, &audit::Filter { limit: Some(20), ..audit::Filter::default() }).await.unwrap();
        let kinds: Vec<(&str, &str)> = rows.iter().map(|row| (row.action.as_str(), row.kind.as_str())).collect();
        assert_eq!(kinds, [("maintenance.reword", "done"), ("maintenance.schedule", "done")]);
        advance(app, &job, seen.id).await.unwrap();
        let window = store::by_id(&app.db, seen.id).await.unwrap();
        assert_eq!((window.status, window.terms.message.as_str()), (Status::Active, "Back at noon."));
    }
}
