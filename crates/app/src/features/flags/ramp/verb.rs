//! The verbs of ramps.

use qd_core::gate::{Action, Actor, Change, Confirmation, Done, GateTx, Permit, Undo};
use qd_core::{App, Error, Result, Timestamp, published};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::action::StepRamp;
use super::lifecycle::check_steps;
use super::{CancelRamp, PauseRamp, Ramp, RampState, RampStep, ResumeRamp, StartRamp, job, store};
use crate::features::flags::definition::change::{self, person, undo};
use crate::features::flags::definition::{self, Definition, Flag, Percent};
use crate::features::flags::serve;

/// Ramps that a flag's history shows.
const SHOWN: i64 = 20;

/// The running or paused ramp of a flag.
///
/// # Errors
/// Those of the database.
pub async fn current(app: &App, key: &str) -> Result<Option<Ramp>> {
    store::current(&app.db, key).await
}

/// The last 20 ramps of a flag, the latest first.
///
/// # Errors
/// Those of the database.
pub async fn history(app: &App, key: &str) -> Result<Vec<Ramp>> {
    store::history(&app.db, key, SHOWN).await
}

/// Starts a ramp: its first step is done at once, and turns the flag on if it is off.
///
/// # Errors
/// [`Error::Invalid`] for its steps; [`Error::Conflict`] when a ramp runs or is paused, or when the first step would lower the rollout.
pub async fn start(app: &App, actor: &Actor, key: &str, steps: Vec<RampStep>, given: Confirmation) -> Result<Done<Ramp>> {
    check_steps(&steps)?;
    definition::find(app, key).await?;
    let (now, flag) = (app.now(), key.to_owned());
    let work = app.gate.transact(actor, StartRamp { flag, steps }, given, move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let asked = permit.action();
            let before = live(&mut tx, &asked.flag).await?;
            let ramp = begun(&mut tx, &permit, &before, now).await?;
            let Some((ramp, percentage)) = ramp.moved(now) else { return Err(Error::invalid("steps", "Give 1 to 20 steps.")) };
            store::insert(&mut tx, &ramp).await?;
            let enabled = Definition { enabled: true, rollout_percentage: percentage, ..before.definition.clone() };
            let (was, is) = moved_flag(&mut tx, &permit, &before, enabled, now).await?;
            job::enqueue_step(&mut tx, &ramp, now).await?;
            let back = undo(format!("Cancel the ramp of {}", ramp.flag), &ramp.flag, "ramp/cancel", json!({}));
            Ok(recorded(ramp, was, is, None).undo(back))
        })
    });
    finished(app, work.await).await
}

/// A ramp before its first step, if the flag allows it.
async fn begun(tx: &mut GateTx<'_>, permit: &Permit<StartRamp>, before: &Flag, now: Timestamp) -> Result<Ramp> {
    if let Some(other) = store::active(tx, &before.key).await? {
        let state = other.state.word().to_lowercase();
        return Err(Error::Conflict(format!("A ramp of {} is {state}. Cancel it first. Nothing was changed.", before.key)));
    }
    let steps = permit.action().steps.clone();
    let first = steps.first().map_or(Percent::NONE, |step| step.percentage);
    if before.definition.enabled && before.definition.rollout_percentage > first {
        let text = format!("The rollout is {} already. Begin there or higher, or lower it first.", before.definition.rollout_percentage);
        return Err(Error::invalid("steps", text));
    }
    Ok(Ramp {
        id: Uuid::now_v7(),
        flag: before.key.clone(),
        state: RampState::Running,
        steps,
        next_step: 0,
        next_at: Some(now),
        wait_seconds: None,
        started_at: now,
        started_by: person(permit.actor()),
        updated_at: now,
        ended_at: None,
    })
}

/// Makes a ramp wait; the percentage stays.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] unless it runs.
pub async fn pause(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Ramp>> {
    let back = undo(format!("Resume the ramp of {key}"), key, "ramp/resume", json!({ "reason": "" }));
    moved(app, actor, PauseRamp { flag: key.into() }, given, key, Some(back), |ramp, _, now| match ramp.state {
        RampState::Running => Ok(ramp.paused(now)),
        _ => Err(Error::Conflict("The ramp is paused already. Nothing was changed.".into())),
    })
    .await
}

/// Lets a ramp go on: what was left of its hold begins now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] unless it is paused, or while its flag is off.
pub async fn resume(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Ramp>> {
    let back = undo(format!("Pause the ramp of {key}"), key, "ramp/pause", json!({}));
    moved(app, actor, ResumeRamp { flag: key.into() }, given, key, Some(back), |ramp, flag, now| match ramp.state {
        RampState::Running => Err(Error::Conflict("The ramp runs already. Nothing was changed.".into())),
        _ if !flag.definition.enabled => Err(Error::Conflict("The flag is off. Turn it on first. Nothing was changed.".into())),
        _ => Ok(ramp.resumed(now)),
    })
    .await
}

/// Ends a ramp; the percentage stays.
///
/// # Errors
/// [`Error::NotFound`] when none runs or is paused.
pub async fn cancel(app: &App, actor: &Actor, key: &str, given: Confirmation) -> Result<Done<Ramp>> {
    moved(app, actor, CancelRamp { flag: key.into() }, given, key, None, |ramp, _, now| Ok(ramp.cancelled(now))).await
}

async fn moved<A, F>(app: &App, actor: &Actor, action: A, given: Confirmation, key: &str, back: Option<Undo>, to: F) -> Result<Done<Ramp>>
where
    A: Action + Sync,
    F: FnOnce(&Ramp, &Flag, Timestamp) -> Result<Ramp> + Send + 'static,
{
    definition::find(app, key).await?;
    let (now, key) = (app.now(), key.to_owned());
    let work = app.gate.transact(actor, action, given, move |mut tx, _| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let flag = live(&mut tx, &key).await?;
            let none = || Error::NotFound(format!("A ramp of {key}"));
            let before = store::active(&mut tx, &key).await?.ok_or_else(none)?;
            let after = to(&before, &flag, now)?;
            store::save(&mut tx, &after).await?;
            job::enqueue_step(&mut tx, &after, now).await?;
            let change = recorded(after, Map::new(), Map::new(), Some(&before));
            Ok(match back {
                Some(back) => change.undo(back),
                None => change,
            })
        })
    });
    finished(app, work.await).await
}

/// What a job does when a ramp's step may be due: `due` is the time that it was made for. Does nothing when the ramp has moved on, and comes again
/// when it is too early. `None`: nothing was done.
///
/// # Errors
/// Those of the gate and the database: the job tries again.
pub async fn advance(app: &App, actor: &Actor, id: Uuid, due: Timestamp) -> Result<Option<Done<Ramp>>> {
    let now = app.now();
    let Some(ramp) = store::by_id(&app.db, id).await?.filter(|ramp| outstanding(ramp, due)) else { return Ok(None) };
    if now < due {
        job::again(app, &ramp, now).await?;
        return Ok(None);
    }
    let given = Confirmation::because(format!("The ramp that {} began", ramp.started_by.name));
    let action = StepRamp { flag: ramp.flag.clone(), ramp: id };
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let gone = || Error::Conflict("The ramp has moved on. Nothing was changed.".into());
            let before = store::get(&mut tx, id).await?.filter(|ramp| outstanding(ramp, due)).ok_or_else(gone)?;
            let (after, percentage) = before.moved(now).ok_or_else(gone)?;
            let flag = live(&mut tx, &before.flag).await?;
            store::save(&mut tx, &after).await?;
            // A ramp never lowers: somebody may have raised it while it was paused.
            let percentage = percentage.max(flag.definition.rollout_percentage);
            let raised = Definition { rollout_percentage: percentage, ..flag.definition.clone() };
            let (was, is) = moved_flag(&mut tx, &permit, &flag, raised, now).await?;
            job::enqueue_step(&mut tx, &after, now).await?;
            Ok(recorded(after, was, is, Some(&before)))
        })
    });
    match work.await {
        // A flag that can't be saved any more: tried for ever, each time with a row in the trail, unless somebody looks.
        Err(fault @ Error::Invalid(_)) => {
            let why: String = format!("Its next step can't be done: {fault}").chars().take(500).collect();
            pause(app, actor, &ramp.flag, Confirmation::because(why)).await?;
            Err(fault)
        }
        done => finished(app, done).await.map(Some),
    }
}

/// Whether a ramp waits for the step of that time.
fn outstanding(ramp: &Ramp, due: Timestamp) -> bool {
    ramp.state == RampState::Running && ramp.next_at == Some(due)
}

/// Saves what a ramp makes of its flag, unless that is how it is already.
async fn moved_flag<A: Action>(
    tx: &mut GateTx<'_>,
    permit: &Permit<A>,
    before: &Flag,
    definition: Definition,
    now: Timestamp,
) -> Result<(Map<String, Value>, Map<String, Value>)> {
    if definition == before.definition {
        return Ok((Map::new(), Map::new()));
    }
    let after = change::save(tx, before, Flag { definition, ..before.clone() }, permit, now).await?;
    change::changed(before, &after)
}

fn recorded(after: Ramp, mut was: Map<String, Value>, mut is: Map<String, Value>, before: Option<&Ramp>) -> Change<Ramp> {
    let facts = |ramp: &Ramp| json!({ "state": ramp.state, "nextStep": ramp.next_step, "nextAt": ramp.next_at });
    was.insert("ramp".into(), before.map_or(Value::Null, facts));
    let mut now = facts(&after);
    if let (None, Value::Object(fields)) = (before, &mut now) {
        fields.insert("steps".into(), json!(after.steps));
    }
    is.insert("ramp".into(), now);
    Change::between(after, Value::Object(was), Value::Object(is))
}

/// A flag that is not archived, within a change.
pub async fn live(tx: &mut GateTx<'_>, key: &str) -> Result<Flag> {
    let found = definition::store::get(tx, key).await?.ok_or_else(|| change::unknown(key))?;
    match found.archived_at {
        None => Ok(found),
        Some(_) => Err(Error::Conflict(format!("{key} is archived. Restore it first. Nothing was changed."))),
    }
}

/// Serves what was changed before the caller is answered.
pub async fn finished<T>(app: &App, done: Result<Done<T>>) -> Result<Done<T>> {
    Ok(serve::publish(app, done?).await)
}
