//! Changes at a time.

use std::collections::HashMap;

use qd_core::gate::{Actor, Change, Confirmation, Done, GateTx, Permit};
use qd_core::{App, Error, Result, Timestamp, published};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::action::RunSchedule;
use super::verb::{finished, live};
use super::{CancelSchedule, NewSchedule, ScheduleChange, ScheduleState, Scheduled, job, store};
use crate::features::flags::definition::change::{self, person, undo};
use crate::features::flags::definition::{self, Definition, Flag};

/// Most changes of one flag that wait for their time.
pub const SCHEDULES_MAX: i64 = 20;
const SHOWN: i64 = 50;
const AHEAD_SECONDS: i64 = 366 * 86_400;

/// The last 50 scheduled changes of a flag, the latest time first.
///
/// # Errors
/// Those of the database.
pub async fn schedules(app: &App, key: &str) -> Result<Vec<Scheduled>> {
    store::schedules(&app.db, key, SHOWN).await
}

/// When the next planned change of each flag is due, by key.
///
/// # Errors
/// Those of the database.
pub async fn upcoming(app: &App) -> Result<HashMap<String, Timestamp>> {
    Ok(store::upcoming(&app.db).await?.into_iter().map(|(key, at)| (key, Timestamp(at))).collect())
}

/// Schedules a change.
///
/// # Errors
/// [`Error::Invalid`] for its time or an empty change; [`Error::Conflict`] when 20 wait already.
pub async fn schedule(app: &App, actor: &Actor, key: &str, new: NewSchedule, given: Confirmation) -> Result<Done<Scheduled>> {
    let now = app.now();
    if new.at <= now || new.at.since(now) > AHEAD_SECONDS {
        return Err(Error::invalid("at", "Give a time that lies ahead, within a year (UTC if no zone is said)."));
    }
    if new.enabled.is_none() && new.rollout_percentage.is_none() {
        return Err(Error::invalid("enabled", "Say what changes: on or off, or a percentage."));
    }
    definition::find(app, key).await?;
    let action = ScheduleChange { flag: key.into(), change: new };
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let asked = permit.action();
            live(&mut tx, &asked.flag).await?;
            if store::pending(&mut tx, &asked.flag).await? >= SCHEDULES_MAX {
                return Err(Error::Conflict(format!("20 changes of {} wait already. Take one back first. Nothing was changed.", asked.flag)));
            }
            let new = scheduled(&permit, now);
            store::add_schedule(&mut tx, &new).await?;
            job::enqueue_schedule(&mut tx, &new, now).await?;
            let back = undo("Take it back", &new.flag, &format!("schedule/{}/cancel", new.id), json!({}));
            let after = json!({ "scheduledChange": facts(&new) });
            Ok(Change::between(new, None, after).undo(back))
        })
    });
    work.await
}

fn scheduled(permit: &Permit<ScheduleChange>, now: Timestamp) -> Scheduled {
    let ScheduleChange { flag, change } = permit.action().clone();
    Scheduled {
        id: Uuid::now_v7(),
        flag,
        at: change.at,
        enabled: change.enabled,
        rollout_percentage: change.rollout_percentage,
        state: ScheduleState::Pending,
        reason: permit.reason().map(str::to_owned),
        created_at: now,
        created_by: person(permit.actor()),
        ended_at: None,
        fault: None,
    }
}

/// Takes a scheduled change back.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it no longer waits.
pub async fn cancel_schedule(app: &App, actor: &Actor, key: &str, id: Uuid, given: Confirmation) -> Result<Done<Scheduled>> {
    let now = app.now();
    let found = store::schedule(&app.db, id).await?.filter(|found| found.flag == key);
    let before = found.ok_or_else(|| Error::NotFound("The scheduled change".into()))?;
    let action = CancelSchedule { flag: key.into(), schedule: id };
    let work = app.gate.transact(actor, action, given, move |mut tx, _| {
        Box::pin(async move {
            if !store::end_schedule(&mut tx, id, ScheduleState::Cancelled, None, now).await? {
                return Err(Error::Conflict("This change no longer waits. Nothing was changed.".into()));
            }
            let again = json!({ "at": before.at, "enabled": before.enabled, "rolloutPercentage": before.rollout_percentage, "reason": "" });
            let back = undo("Schedule it again", &before.flag, "schedule", again);
            let was = json!({ "scheduledChange": facts(&before) });
            let after = Scheduled { state: ScheduleState::Cancelled, ended_at: Some(now), ..before };
            let is = json!({ "scheduledChange": facts(&after) });
            Ok(Change::between(after, was, is).undo(back))
        })
    });
    work.await
}

/// What a job does when the time of a change may have come. Does nothing when it no longer waits, and comes again when it is too early. What can't
/// be done then (a running ramp holds the flag) is recorded as failed and not tried again. `None`: nothing was done.
///
/// # Errors
/// Those of the gate and the database: the job tries again.
pub async fn run_schedule(app: &App, actor: &Actor, id: Uuid) -> Result<Option<Done<Scheduled>>> {
    let now = app.now();
    let waiting = |found: &Scheduled| found.state == ScheduleState::Pending;
    let Some(found) = store::schedule(&app.db, id).await?.filter(waiting) else { return Ok(None) };
    if now < found.at {
        job::again_at(app, &found, now).await?;
        return Ok(None);
    }
    let by = format!("Scheduled by {}: {}", found.created_by.name, found.reason.as_deref().unwrap_or_default());
    let given = Confirmation::because(by.chars().take(500).collect::<String>());
    let action = RunSchedule { flag: found.flag.clone(), schedule: id };
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let (was, is, fault) = match carried_out(&mut tx, &permit, &found, now).await {
                Ok((was, is)) => (was, is, None),
                // Nothing was written by then.
                Err(Error::Conflict(fault)) => (Map::new(), Map::new(), Some(fault)),
                Err(fault @ Error::Invalid(_)) => (Map::new(), Map::new(), Some(fault.to_string())),
                Err(other) => return Err(other),
            };
            let state = if fault.is_some() { ScheduleState::Failed } else { ScheduleState::Done };
            if !store::end_schedule(&mut tx, id, state, fault.as_deref(), now).await? {
                return Err(Error::Conflict("This change no longer waits. Nothing was changed.".into()));
            }
            let after = Scheduled { state, ended_at: Some(now), fault, ..found.clone() };
            Ok(recorded(&found, after, was, is))
        })
    });
    finished(app, work.await).await.map(Some)
}

/// The flag, and what it is to become.
async fn change_of(tx: &mut GateTx<'_>, asked: &Scheduled, now: Timestamp) -> Result<(Flag, Definition)> {
    let before = live(tx, &asked.flag).await?;
    let was = before.definition.clone();
    let rollout_percentage = asked.rollout_percentage.unwrap_or(was.rollout_percentage);
    let definition = Definition { enabled: asked.enabled.unwrap_or(was.enabled), rollout_percentage, ..was };
    // Looked at before anything is written: what a ramp forbids is a fault of the schedule, not of the transaction.
    if let Some(ramp) = store::active(tx, &asked.flag).await? {
        ramp.heeding(&before, &Flag { definition: definition.clone(), ..before.clone() }, now)?;
    }
    Ok((before, definition))
}

/// Does what was asked for; what it changed. A conflict or an invalid flag is found before anything is written.
async fn carried_out(
    tx: &mut GateTx<'_>,
    permit: &Permit<RunSchedule>,
    asked: &Scheduled,
    now: Timestamp,
) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let (before, definition) = change_of(tx, asked, now).await?;
    if definition == before.definition {
        return Ok((Map::new(), Map::new()));
    }
    let after = change::save(tx, &before, Flag { definition, ..before.clone() }, permit, now).await?;
    let (mut was, mut is) = change::changed(&before, &after)?;
    for (name, before, after) in super::heed(tx, &before, &after, now).await? {
        was.insert(name.into(), before);
        is.insert(name.into(), after);
    }
    Ok((was, is))
}

fn recorded(before: &Scheduled, after: Scheduled, mut was: Map<String, Value>, mut is: Map<String, Value>) -> Change<Scheduled> {
    was.insert("scheduledChange".into(), facts(before));
    is.insert("scheduledChange".into(), facts(&after));
    let back = (!is.contains_key("ramp")).then(|| undo_of(&after, &was)).flatten();
    let change = Change::between(after, Value::Object(was), Value::Object(is));
    match back {
        Some(back) => change.undo(back),
        None => change,
    }
}

/// How to take back what was changed: on or off first.
fn undo_of(after: &Scheduled, was: &Map<String, Value>) -> Option<qd_core::gate::Undo> {
    if let Some(enabled) = was.get("enabled") {
        return Some(undo("Turn it back", &after.flag, "toggle", json!({ "enabled": enabled, "reason": "" })));
    }
    let percentage = was.get("rolloutPercentage")?;
    Some(undo("Set it back", &after.flag, "rollout", json!({ "rolloutPercentage": percentage, "reason": "" })))
}

fn facts(of: &Scheduled) -> Value {
    json!({ "id": of.id, "at": of.at, "enabled": of.enabled, "rolloutPercentage": of.rollout_percentage, "state": of.state, "fault": of.fault })
}
