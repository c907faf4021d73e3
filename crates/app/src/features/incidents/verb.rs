//! The verbs: reading, and changing through the gate.

use qd_core::gate::{Action, Actor, Change, Confirmation, Done, GateTx, Permit, Role, Undo};
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::lifecycle::Move;
use super::pages::Board;
use super::{Close, EventKind, Incident, Mitigate, Note, Open, Regress, Reopen, Severity, Status, TimelineEvent, Update, reference, store};
use crate::features::identity::account;

/// Most cards in a column of the board.
const COLUMN: i64 = 50;
/// Days for which a closed incident stays on the board.
pub const CLOSED_DAYS: i64 = 7;
/// Cards in the last column.
const CLOSED_CARDS: i64 = 10;

/// Which incidents to list. Empty lists and `None` don't filter; the names of a list are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With this in the title, or with this number.
    pub text: Option<String>,
    /// These states.
    pub status: Vec<Status>,
    /// These severities.
    pub severity: Vec<Severity>,
    /// With one of these affected services, in any case.
    pub services: Vec<String>,
    /// With one of these tags, in any case.
    pub tags: Vec<String>,
    /// Led by.
    pub owner: Option<Uuid>,
    /// Begun from then on.
    pub from: Option<Timestamp>,
    /// Begun before then.
    pub to: Option<Timestamp>,
    /// Numbers below this one: the next page.
    pub after: Option<i64>,
    /// Rows a page.
    pub limit: u64,
}

/// One page, newest first, and whether there are more.
pub async fn list(app: &App, filter: &Filter) -> Result<(Vec<Incident>, bool)> {
    let mut rows = store::list(&app.db, filter).await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

/// An incident as a caller names it, and the version that they saw if it must still be that.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    /// `INC-7`, or its id.
    pub name: &'n str,
    /// Another version is [`Error::Outdated`].
    pub version: Option<i64>,
}

impl<'n> From<&'n str> for Named<'n> {
    fn from(name: &'n str) -> Self {
        Self { name, version: None }
    }
}

impl Named<'_> {
    async fn find(self, app: &App) -> Result<(Incident, Option<i64>)> {
        Ok((find(app, self.name).await?, self.version))
    }
}

/// One, by `INC-7` or by id.
///
/// # Errors
/// [`Error::NotFound`], also for what is neither.
pub async fn find(app: &App, name: &str) -> Result<Incident> {
    let number = name.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("INC-")).and_then(|_| name.get(4..)?.parse::<i64>().ok());
    let found = match (number, Uuid::parse_str(name)) {
        (Some(number), _) => store::by_number(&app.db, number).await?,
        (None, Ok(id)) => store::by_id(&app.db, id).await?,
        (None, Err(_)) => None,
    };
    found.ok_or_else(|| Error::NotFound(format!("The incident {}", name.chars().take(40).collect::<String>())))
}

/// The timeline before the entry `before`, newest first, and whether there is more.
pub async fn timeline(app: &App, incident: Uuid, before: Option<Uuid>, limit: usize) -> Result<(Vec<TimelineEvent>, bool)> {
    let most = i64::try_from(limit).unwrap_or(100).clamp(1, 200);
    let mut events = store::events(&app.db, incident, before.unwrap_or(Uuid::max()), most + 1).await?;
    let more = events.len() > limit;
    events.truncate(limit);
    Ok((events, more))
}

/// What stands on the board: three columns, bounded.
pub async fn board(app: &App) -> Result<Board> {
    let since = app.now().plus_seconds(-CLOSED_DAYS * 86_400);
    Ok(Board {
        open: store::with_status(&app.db, Status::Open, COLUMN).await?,
        mitigated: store::with_status(&app.db, Status::Mitigated, COLUMN).await?,
        closed: store::closed_since(&app.db, since, CLOSED_CARDS).await?,
        closed_count: store::closed_count(&app.db, since).await?,
    })
}

/// Opens an incident.
///
/// # Errors
/// [`Error::Invalid`] for its words, times and owner.
pub async fn open(app: &App, actor: &Actor, action: Open, given: Confirmation) -> Result<Done<Incident>> {
    let now = app.now();
    let action = action.checked(now)?;
    let owner = owner_name(app, action.owner_id, None).await?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let number = store::next_number(&mut tx).await?;
            let new = new_incident(&permit, number, owner, now);
            store::insert(&mut tx, &new).await?;
            let text = format!("{} opened as {}: {}", new.reference, new.severity.word(), new.title);
            store::add_event(&mut tx, new.id, &written_by(permit.actor(), EventKind::Update, text, now), Some(1)).await?;
            let undo = undo_by("close", &new.reference, "Close it again");
            let after = facts(&new);
            Ok(Change::between(new.clone(), None, after).on(&new.reference).undo(undo))
        })
    });
    work.await
}

fn new_incident(permit: &Permit<Open>, number: i64, owner_name: Option<String>, now: Timestamp) -> Incident {
    let (asked, actor) = (permit.action().clone(), permit.actor());
    let (mitigate, close) = asked.severity.limits();
    Incident {
        id: Uuid::now_v7(),
        number,
        reference: reference(number),
        title: asked.title,
        severity: asked.severity,
        status: Status::Open,
        summary: asked.summary,
        affected: asked.affected,
        tags: asked.tags,
        owner_id: asked.owner_id,
        owner_name,
        started_at: asked.started_at.unwrap_or(now),
        mitigated_at: None,
        closed_at: None,
        created_at: now,
        created_by: actor.id().into(),
        created_by_name: actor.name().into(),
        sla_mitigate_minutes: asked.sla_mitigate_minutes.unwrap_or(mitigate),
        sla_close_minutes: asked.sla_close_minutes.unwrap_or(close),
        sla_overridden: asked.sla_mitigate_minutes.is_some() || asked.sla_close_minutes.is_some(),
        version: 1,
    }
}

/// Changes facts: title, severity, summary, owner, affected services, tags, limits.
///
/// # Errors
/// [`Error::Outdated`] when the caller saw another version: it says what changed. [`Error::Invalid`] when nothing would.
pub async fn update(app: &App, actor: &Actor, action: Update, given: Confirmation) -> Result<Done<Incident>> {
    let now = app.now();
    let action = action.checked()?;
    let Incident { id, owner_id: leads, .. } = find(app, &action.incident).await?;
    let owner = owner_name(app, action.owner_id.flatten(), leads).await?;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let before = store::get(&mut tx, id).await?;
            unchanged(&mut tx, &before, permit.action().version, now).await?;
            let after = updated(&before, permit.action(), owner)?;
            let (was, is) = differences(&facts(&before), &facts(&after));
            if is.is_empty() {
                return Err(Error::invalid("title", "Nothing would change. Change something first."));
            }
            save(&mut tx, &before, &after).await?;
            if (&before.affected, &before.tags) != (&after.affected, &after.tags) {
                store::set_labels(&mut tx, &after).await?;
            }
            let event = written_by(permit.actor(), EventKind::Update, said(&before, &after), now);
            store::add_event(&mut tx, id, &event, Some(after.version)).await?;
            Ok(Change::between(after, Value::Object(was), Value::Object(is)))
        })
    });
    work.await
}

fn updated(before: &Incident, asked: &Update, owner_name: Option<String>) -> Result<Incident> {
    let mut after = before.clone();
    after.version += 1;
    let asked = asked.clone();
    after.title = asked.title.unwrap_or(after.title);
    after.severity = asked.severity.unwrap_or(after.severity);
    after.summary = asked.summary.unwrap_or(after.summary);
    after.affected = asked.affected.unwrap_or(after.affected);
    after.tags = asked.tags.unwrap_or(after.tags);
    if let Some(owner) = asked.owner_id {
        (after.owner_id, after.owner_name) = (owner, owner_name);
    }
    let limits = (asked.sla_mitigate_minutes.unwrap_or(before.sla_mitigate_minutes), asked.sla_close_minutes.unwrap_or(before.sla_close_minutes));
    // A form sends the limits along with everything else: only other ones than before are set by hand.
    after.sla_overridden |= limits != (before.sla_mitigate_minutes, before.sla_close_minutes);
    (after.sla_mitigate_minutes, after.sla_close_minutes) = limits;
    if limits.0 > limits.1 {
        return Err(Error::invalid("sla_close_minutes", "Closing can't be due before mitigating."));
    }
    Ok(after.with_limits_of_severity())
}

/// Marks it mitigated.
///
/// # Errors
/// [`Error::Conflict`] unless it is open.
pub async fn mitigate<'n>(app: &App, actor: &Actor, incident: impl Into<Named<'n>>, given: Confirmation) -> Result<Done<Incident>> {
    let (incident, seen) = incident.into().find(app).await?;
    moved(app, actor, Mitigate { incident: incident.reference }, given, (incident.id, seen), Move::Mitigate).await
}

/// Closes it.
///
/// # Errors
/// [`Error::Conflict`] when it is closed.
pub async fn close<'n>(app: &App, actor: &Actor, incident: impl Into<Named<'n>>, given: Confirmation) -> Result<Done<Incident>> {
    let (incident, seen) = incident.into().find(app).await?;
    moved(app, actor, Close { incident: incident.reference }, given, (incident.id, seen), Move::Close).await
}

/// Opens a closed one again.
///
/// # Errors
/// [`Error::Conflict`] unless it is closed.
pub async fn reopen<'n>(app: &App, actor: &Actor, incident: impl Into<Named<'n>>, given: Confirmation) -> Result<Done<Incident>> {
    let (incident, seen) = incident.into().find(app).await?;
    moved(app, actor, Reopen { incident: incident.reference }, given, (incident.id, seen), Move::Reopen).await
}

/// Says that a mitigated one hurts again.
///
/// # Errors
/// [`Error::Conflict`] unless it is mitigated.
pub async fn regress<'n>(app: &App, actor: &Actor, incident: impl Into<Named<'n>>, given: Confirmation) -> Result<Done<Incident>> {
    let (incident, seen) = incident.into().find(app).await?;
    moved(app, actor, Regress { incident: incident.reference }, given, (incident.id, seen), Move::Regress).await
}

async fn moved<A: Action>(
    app: &App,
    actor: &Actor,
    action: A,
    given: Confirmation,
    (id, seen): (Uuid, Option<i64>),
    to: Move,
) -> Result<Done<Incident>> {
    let now = app.now();
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let before = store::get(&mut tx, id).await?;
            unchanged(&mut tx, &before, seen, now).await?;
            let after = to.apply(&before, now)?;
            save(&mut tx, &before, &after).await?;
            let (kind, verb, undo) = match to {
                Move::Mitigate => (EventKind::Mitigation, "Mitigated", undo_by("regress", &after.reference, "Set it back to open")),
                Move::Close => (EventKind::Update, "Closed", undo_by("reopen", &after.reference, "Reopen it")),
                Move::Reopen => (EventKind::Update, "Reopened", undo_by("close", &after.reference, "Close it again")),
                Move::Regress => (EventKind::Update, "It hurts again", undo_by("mitigate", &after.reference, "Mark it mitigated")),
            };
            let text = format!("{verb}: {}", permit.reason().unwrap_or_default());
            store::add_event(&mut tx, id, &written_by(permit.actor(), kind, text, now), Some(after.version)).await?;
            let (was, is) = differences(&facts(&before), &facts(&after));
            Ok(Change::between(after, Value::Object(was), Value::Object(is)).undo(undo))
        })
    });
    work.await
}

/// Adds to the timeline.
///
/// # Errors
/// [`Error::Invalid`] for an empty or too long text.
pub async fn note(app: &App, actor: &Actor, action: Note, given: Confirmation) -> Result<Done<TimelineEvent>> {
    let now = app.now();
    let action = action.checked()?;
    let id = find(app, &action.incident).await?.id;
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let Note { kind, text, .. } = permit.action().clone();
            let event = TimelineEvent { automatic: false, ..written_by(permit.actor(), kind, text, now) };
            store::add_event(&mut tx, id, &event, None).await?;
            let after = json!({ "event": event.id, "type": event.kind, "characters": event.text.chars().count() });
            Ok(Change::between(event, None, after))
        })
    });
    work.await
}

/// Name of somebody who can lead: with an active account that may operate. Whoever leads it already may go on.
async fn owner_name(app: &App, owner: Option<Uuid>, leads: Option<Uuid>) -> Result<Option<String>> {
    let Some(id) = owner else { return Ok(None) };
    match account::get(app, id).await {
        Ok(user) if user.disabled_at.is_none() && (user.role.includes(Role::Admin) || leads == owner) => Ok(Some(user.name)),
        Ok(_) | Err(Error::NotFound(_)) => {
            Err(Error::invalid("owner_id", "Choose somebody with an active account who may operate: ADMIN or higher."))
        }
        Err(fault) => Err(fault),
    }
}

async fn save(tx: &mut GateTx<'_>, before: &Incident, after: &Incident) -> Result<()> {
    match store::replace(tx, after, before.version).await? {
        true => Ok(()),
        false => Err(Error::Conflict(format!("Somebody changed {} at the same moment. Nothing was changed. Look at it again.", before.reference))),
    }
}

/// Refuses when the caller saw another version; it says what changed since.
async fn unchanged(tx: &mut GateTx<'_>, incident: &Incident, seen: Option<i64>, now: Timestamp) -> Result<()> {
    let Some(seen) = seen.filter(|seen| *seen != incident.version) else { return Ok(()) };
    let changes = store::changes_after(tx, incident.id, seen).await?;
    let said: Vec<String> = changes
        .iter()
        .map(|event| {
            format!("{} ({}, {} UTC)", event.text.chars().take(200).collect::<String>(), event.author_name, crate::ui::format::moment(event.at, now))
        })
        .collect();
    let what = if said.is_empty() { "It was changed.".to_owned() } else { said.join("; ") };
    Err(Error::Outdated(format!("{} changed since you loaded it: {what} Nothing of yours was saved.", incident.reference)))
}

fn written_by(actor: &Actor, kind: EventKind, text: String, at: Timestamp) -> TimelineEvent {
    let text = text.chars().take(super::action::TEXT_MAX).collect();
    TimelineEvent { id: Uuid::now_v7(), at, kind, automatic: true, author_id: actor.id().into(), author_name: actor.name().into(), text }
}

fn undo_by(verb: &str, reference: &str, label: &str) -> Undo {
    Undo { label: label.into(), path: format!("/api/admin/ops/incidents/{reference}/{verb}"), body: json!({ "reason": "" }) }
}

/// What goes into audit and ledger. Titles, services and tags are operational words; people are ids; of free text there is only its length and
/// a digest, which tell that it changed.
fn facts(incident: &Incident) -> Value {
    json!({
        "title": incident.title, "severity": incident.severity, "status": incident.status, "summary": digest(&incident.summary),
        "affected": incident.affected, "tags": incident.tags, "owner_id": incident.owner_id, "started_at": incident.started_at,
        "mitigated_at": incident.mitigated_at, "closed_at": incident.closed_at,
        "sla_mitigate_minutes": incident.sla_mitigate_minutes, "sla_close_minutes": incident.sla_close_minutes,
    })
}

/// Length and the begin of the SHA-256 of a text; `null` for none.
fn digest(text: &str) -> Option<String> {
    let sum: String = hex::encode(Sha256::digest(text)).chars().take(16).collect();
    (!text.is_empty()).then(|| format!("{} characters, sha256 {sum}", text.chars().count()))
}

/// The fields that differ, before and after.
fn differences(before: &Value, after: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for (key, new) in after.as_object().into_iter().flatten() {
        if let Some(old) = before.get(key).filter(|old| *old != new) {
            was.insert(key.clone(), old.clone());
            is.insert(key.clone(), new.clone());
        }
    }
    (was, is)
}

/// A change in words, for the timeline.
fn said(before: &Incident, after: &Incident) -> String {
    let mut parts = Vec::new();
    let listed = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if before.severity != after.severity {
        let verb = if after.severity < before.severity { "raised" } else { "lowered" };
        parts.push(format!("Severity {verb} {} → {}", before.severity.word(), after.severity.word()));
    }
    if before.title != after.title {
        parts.push(format!("Title: {}", after.title));
    }
    if before.owner_id != after.owner_id {
        parts.push(format!("Owner: {}", after.owner_name.as_deref().unwrap_or("nobody")));
    }
    if before.affected != after.affected {
        parts.push(format!("Affected: {}", listed(&after.affected)));
    }
    if before.tags != after.tags {
        parts.push(format!("Tags: {}", listed(&after.tags)));
    }
    let limits = |of: &Incident| (of.sla_mitigate_minutes, of.sla_close_minutes);
    if limits(before) != limits(after) {
        let words = |minutes: i64| crate::ui::format::duration(minutes * 60);
        parts.push(format!("Limits: {} to mitigate, {} to close", words(after.sla_mitigate_minutes), words(after.sla_close_minutes)));
    }
    if before.summary != after.summary {
        parts.push("Summary changed".into());
    }
    format!("{}.", parts.join(". "))
}
