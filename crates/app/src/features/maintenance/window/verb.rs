//! The verbs of people: enable, schedule, edit, extend, end, cancel. Each goes through the gate and is served when it answers.

use qd_core::gate::{Action, Actor, Change, Confirmation, Done, GateTx, Permit, Undo};
use qd_core::published::bump;
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cancel, Edit, Enable, End, Extend, Kind, Reword, Schedule, Series, Status, Terms, Times, Toggle, Window, occurrence, plan, store};

/// Starts a maintenance now. If one of its type holds already, that one is extended and given back: one mode is one state.
///
/// # Errors
/// [`Error::Invalid`] for its words.
pub async fn enable(app: &App, actor: &Actor, action: Enable, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let action = action.checked()?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            // First: it makes changes of what is published wait for each other.
            bump(&mut tx).await?;
            let Enable { kind, minutes, terms } = permit.action().clone();
            let end = now.plus_seconds(minutes.unwrap_or(kind.minutes()) * 60);
            let new = new_window(&permit, kind, terms, now, end, now).started(now);
            let undo = undo_by("end", "End it");
            match store::active_of(&mut tx, kind).await? {
                None => {
                    let new = Window { version: 1, ..new };
                    store::insert(&mut tx, &new).await?;
                    plan(&mut tx, &new, now).await?;
                    let (id, after) = (new.id, facts(&new));
                    Ok(Change::between(new, None, after).on(id).undo(undo(id)))
                }
                Some(before) => {
                    let after = before.absorbing(&new, now);
                    let (id, change) = (before.id, saved(&mut tx, &before, after, now).await?);
                    Ok(change.on(id).undo(undo(id)))
                }
            }
        })
    });
    served(app, work.await?).await
}

/// Writes down a maintenance to come; of a recurring one the rule and its first window, which is given back.
///
/// # Errors
/// [`Error::Invalid`] for its words and times.
pub async fn schedule(app: &App, actor: &Actor, action: Schedule, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let action = action.checked(now)?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            bump(&mut tx).await?;
            let Schedule { kind, times, terms } = permit.action().clone();
            let (start, end) = times.first(&terms.zone, now)?;
            let mut new = new_window(&permit, kind, terms, start, end, now);
            let mut after = facts(&new);
            if let Times::Recurring { cron, minutes } = times {
                let series = new_series(&new, cron, minutes);
                store::insert_series(&mut tx, &series).await?;
                (new.series_id, new.series_start) = (Some(series.id), Some(start));
                after = json!({ "window": after, "series": { "id": series.id, "cron": series.cron, "zone": series.zone, "minutes": minutes } });
            }
            store::insert(&mut tx, &new).await?;
            plan(&mut tx, &new, now).await?;
            let id = new.id;
            Ok(Change::between(new, None, after).on(id).undo(undo_by("cancel", "Cancel it")(id)))
        })
    });
    served(app, work.await?).await
}

/// Changes a scheduled window; of a recurring one this occurrence only.
///
/// # Errors
/// [`Error::Conflict`] once it has started, or when the caller saw another version.
pub async fn edit(app: &App, actor: &Actor, action: Edit, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let id = action.window;
    let action = action.checked(store::by_id(&app.db, id).await?.kind, now)?;
    let done = change(app, actor, action, given, id, move |before, action| {
        must_be(before, Status::Scheduled, "Only a scheduled window can be edited.")?;
        if action.version.is_some_and(|seen| seen != before.version) {
            return Err(Error::Conflict("The window was changed since you loaded it. Nothing of yours was saved. Look at it again.".into()));
        }
        let mut after = before.next();
        after.terms = action.terms.clone();
        if let Some(times) = &action.times {
            (after.scheduled_start, after.scheduled_end) = times.first(&action.terms.zone, now)?;
        }
        // Moved or announced at another time: people are told anew.
        if (after.scheduled_start, after.terms.announce_minutes) != (before.scheduled_start, before.terms.announce_minutes) {
            after.announced_at = None;
        }
        Ok(after)
    });
    done.await
}

/// Changes what people read, before and while it holds.
///
/// # Errors
/// [`Error::Conflict`] once it is over.
pub async fn reword(app: &App, actor: &Actor, action: Reword, given: Confirmation) -> Result<Done<Window>> {
    let action = action.checked()?;
    let id = action.window;
    let done = change(app, actor, action, given, id, |before, action| {
        if !matches!(before.status, Status::Scheduled | Status::Active) {
            return Err(conflict(before, "Nobody reads its text any more."));
        }
        let mut after = before.next();
        after.terms.message.clone_from(&action.message);
        after.terms.audience = action.audience;
        Ok(after)
    });
    done.await
}

/// Gives an active window a later end.
///
/// # Errors
/// [`Error::Conflict`] unless it is active.
pub async fn extend(app: &App, actor: &Actor, action: Extend, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let action = action.checked()?;
    let id = action.window;
    let done = change(app, actor, action, given, id, move |before, action| {
        must_be(before, Status::Active, "Only an active window can be extended.")?;
        let mut after = before.next();
        after.scheduled_end = before.scheduled_end.max(now).plus_seconds(action.minutes * 60);
        after.overrun_at = None;
        Ok(after)
    });
    done.await
}

/// Ends an active window: writes are open again when this answers.
///
/// # Errors
/// [`Error::Conflict`] unless it is active.
pub async fn end(app: &App, actor: &Actor, window: Uuid, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let done = change(app, actor, End { window }, given, window, move |before, _| {
        must_be(before, Status::Active, "Only an active window can be ended.")?;
        Ok(before.ended(now, None))
    });
    done.await
}

/// Calls a scheduled window off; of a recurring one this occurrence, or the rule too.
///
/// # Errors
/// [`Error::Conflict`] once it has started: then it is ended.
pub async fn cancel(app: &App, actor: &Actor, action: Cancel, given: Confirmation) -> Result<Done<Window>> {
    let now = app.now();
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            bump(&mut tx).await?;
            let before = store::get(&mut tx, permit.action().window).await?;
            must_be(&before, Status::Scheduled, "Only a scheduled window can be cancelled; an active one is ended.")?;
            if let Some(series) = before.series_id.filter(|_| permit.action().series) {
                store::cancel_series(&mut tx, series, now).await?;
            }
            let after = Window { status: Status::Cancelled, actual_end: Some(now), ..before.next() };
            let change = saved(&mut tx, &before, after, now).await?;
            renew(&mut tx, &before, now).await?;
            Ok(change)
        })
    });
    served(app, work.await?).await
}

/// Turns a type on as [`enable`] does, or off by ending its active window. `None` when it was off already.
///
/// # Errors
/// As [`enable`] and [`end`].
pub async fn toggle(app: &App, actor: &Actor, asked: Toggle, given: Confirmation) -> Result<Option<Done<Window>>> {
    let Toggle { kind, enabled, minutes, terms } = asked;
    if enabled {
        return enable(app, actor, Enable { kind, minutes, terms }, given).await.map(Some);
    }
    match store::active(&app.db).await?.into_iter().find(|window| window.kind == kind) {
        Some(window) => end(app, actor, window.id, given).await.map(Some),
        None => Ok(None),
    }
}

/// Serves the change in this process; the others hear of it.
pub async fn served<T>(app: &App, done: Done<T>) -> Result<Done<T>> {
    if let Err(fault) = app.published.refresh(app).await {
        // It is done and recorded; whoever follows the revision tries again every second.
        tracing::error!(%fault, audit_seq = done.audit_seq, "a maintenance change is not served here yet");
    }
    Ok(done)
}

async fn change<A, F>(app: &App, actor: &Actor, action: A, given: Confirmation, id: Uuid, work: F) -> Result<Done<Window>>
where
    A: Action + Sync,
    F: FnOnce(&Window, &A) -> Result<Window> + Send + 'static,
{
    let now = app.now();
    let done = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            bump(&mut tx).await?;
            let before = store::get(&mut tx, id).await?;
            let after = work(&before, permit.action())?;
            saved(&mut tx, &before, after, now).await
        })
    });
    served(app, done.await?).await
}

/// Saves a window, plans its next step, and tells what changed.
pub(super) async fn saved(tx: &mut GateTx<'_>, before: &Window, after: Window, now: Timestamp) -> Result<Change<Window>> {
    if !store::replace(tx, &after, before.version).await? {
        return Err(Error::Conflict("Somebody changed the window at the same moment. Nothing was changed. Look at it again.".into()));
    }
    plan(tx, &after, now).await?;
    let (was, is) = (facts(before), facts(&after));
    Ok(Change::between(after, was, is))
}

/// Makes the next window of the rule behind one that is no longer to come.
pub(super) async fn renew(tx: &mut GateTx<'_>, gone: &Window, now: Timestamp) -> Result<()> {
    let Some(id) = gone.series_id else { return Ok(()) };
    let series = store::series_of(tx, id).await?;
    if series.cancelled_at.is_some() {
        return Ok(());
    }
    let Some(next) = following(&series, gone, now) else { return Ok(()) };
    store::insert(tx, &next).await?;
    plan(tx, &next, now).await
}

/// The first occurrence after the one that is gone whose end has not passed.
fn following(series: &Series, gone: &Window, now: Timestamp) -> Option<Window> {
    // Those that ended long ago need not be walked through; a day more than the length, for a change of the clocks.
    let passed = now.plus_seconds(-series.duration_minutes * 60 - 86_400);
    let mut from = gone.series_start.unwrap_or(gone.scheduled_start).max(passed);
    loop {
        let next = occurrence(&series.cron, &series.zone, series.duration_minutes, from).ok()?;
        if next.end > now {
            return Some(Window {
                id: Uuid::now_v7(),
                kind: series.kind,
                status: Status::Scheduled,
                reason: series.reason.clone(),
                terms: series.terms.clone(),
                scheduled_start: next.start,
                scheduled_end: next.end,
                actual_start: None,
                actual_end: None,
                announced_at: None,
                overrun_at: None,
                drained_at: None,
                note: None,
                series_id: Some(series.id),
                series_start: Some(next.start),
                created_at: now,
                created_by_id: series.created_by_id.clone(),
                created_by_name: series.created_by_name.clone(),
                version: 1,
            });
        }
        from = next.start;
    }
}

fn new_window<A>(permit: &Permit<A>, kind: Kind, terms: Terms, start: Timestamp, end: Timestamp, now: Timestamp) -> Window {
    let actor = permit.actor();
    Window {
        id: Uuid::now_v7(),
        kind,
        status: Status::Scheduled,
        reason: permit.reason().unwrap_or_default().into(),
        terms,
        scheduled_start: start,
        scheduled_end: end,
        actual_start: None,
        actual_end: None,
        announced_at: None,
        overrun_at: None,
        drained_at: None,
        note: None,
        series_id: None,
        series_start: None,
        created_at: now,
        created_by_id: actor.id().into(),
        created_by_name: actor.name().into(),
        version: 1,
    }
}

fn new_series(window: &Window, cron: String, minutes: i64) -> Series {
    Series {
        id: Uuid::now_v7(),
        kind: window.kind,
        reason: window.reason.clone(),
        cron,
        zone: window.terms.zone.clone(),
        duration_minutes: minutes,
        terms: window.terms.clone(),
        created_at: window.created_at,
        created_by_id: window.created_by_id.clone(),
        created_by_name: window.created_by_name.clone(),
        cancelled_at: None,
    }
}

fn must_be(window: &Window, status: Status, rule: &str) -> Result<()> {
    if window.status == status { Ok(()) } else { Err(conflict(window, rule)) }
}

fn conflict(window: &Window, rule: &str) -> Error {
    let when = window.actual_end.or(window.actual_start).map_or_else(String::new, |at| format!(" since {} UTC", at.rfc3339()));
    Error::Conflict(format!("It is {}{when}. {rule}", window.status.word().to_lowercase()))
}

fn undo_by(verb: &'static str, label: &'static str) -> impl Fn(Uuid) -> Undo {
    move |id| Undo { label: label.into(), path: format!("/api/admin/ops/maintenance/windows/{id}/{verb}"), body: json!({}) }
}

/// What goes into audit and ledger: the message is public anyway, vendors are ids.
pub(super) fn facts(window: &Window) -> Value {
    json!({
        "type": window.kind, "status": window.status, "scheduledStart": window.scheduled_start, "scheduledEnd": window.scheduled_end,
        "actualStart": window.actual_start, "actualEnd": window.actual_end, "vendors": window.terms.vendors, "queues": window.terms.queues,
        "message": window.terms.message, "audience": window.terms.audience, "announceMinutes": window.terms.announce_minutes,
        "autoEnd": window.terms.auto_end, "affectedServices": window.terms.affected_services, "zone": window.terms.zone, "note": window.note,
    })
}
