//! The verbs: recording and finishing through the gate, and what is live.

use engine::Tx;
use qd_core::gate::{Actor, Change, Confirmation, GateTx};
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Deploy, Finish, Record, Source, Status, same_build, store};

/// Two sources that tell of one deploy of a build begin within so many seconds of its time.
const SAME: i64 = 30 * 60;
/// A build that was only seen when an instance started is the deploy that somebody tells of within so many seconds.
const SEEN_AT_BOOT: i64 = 3_600;

/// Which deploys to list. `None` doesn't filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this environment.
    pub environment: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this branch.
    pub branch: Option<String>,
    /// With this status.
    pub status: Option<Status>,
    /// Told of by this source.
    pub source: Option<Source>,
    /// A build that begins so, or this author.
    pub text: Option<String>,
    /// Begun from then on.
    pub from: Option<Timestamp>,
    /// Begun before then.
    pub to: Option<Timestamp>,
    /// After this one: the next page.
    pub after: Option<Uuid>,
    /// Rows a page.
    pub limit: u64,
}

/// A deploy that is written down.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it is now.
    pub deploy: Deploy,
    /// Number of the audit row; `None` when nothing had to be written.
    pub audit_seq: Option<i64>,
    /// Whether nobody had told of it before.
    pub new: bool,
}

/// What is live in an environment.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The newest deploy that went live.
    pub newest: Option<Deploy>,
    /// The newest of each service.
    pub services: Vec<Deploy>,
}

/// One page, newest first, and whether there are more.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is no deploy.
pub async fn list(app: &App, filter: &Filter) -> Result<(Vec<Deploy>, bool)> {
    let after = match filter.after {
        None => None,
        Some(id) => Some(store::by_id(&app.db, id).await?.ok_or_else(|| Error::invalid("after", "Take `next` of the page before."))?),
    };
    let mut rows = store::list(&app.db, filter, after.as_ref()).await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

/// Environments and their services, for filters.
pub async fn names(app: &App) -> Result<Vec<(String, String)>> {
    store::names(&app.db).await
}

/// How many there are.
pub async fn total(app: &App) -> Result<i64> {
    store::count(&app.db).await
}

/// How many deploys of the same service went live after this one.
pub async fn live_since(app: &App, deploy: &Deploy) -> Result<i64> {
    let at = deploy.live_at().unwrap_or(deploy.started_at);
    store::live_since(&app.db, &deploy.environment, &deploy.service, at, deploy.id).await
}

/// One, by its id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, id: Uuid) -> Result<Deploy> {
    store::by_id(&app.db, id).await?.ok_or_else(|| Error::NotFound(format!("The deploy {id}")))
}

/// What is live in an environment, by service.
pub async fn standing(app: &App, environment: &str) -> Result<Standing> {
    let services = store::latest_live(&app.db, environment).await?;
    let newest = services.iter().max_by_key(|deploy| (deploy.finished_at, deploy.id)).cloned();
    Ok(Standing { newest, services })
}

/// The deploy of a service that is live now.
pub async fn current(app: &App, environment: &str, service: &str) -> Result<Option<Deploy>> {
    live_at(app, environment, service, app.now()).await
}

/// The deploy of a service that was live at a moment.
pub async fn live_at(app: &App, environment: &str, service: &str, at: Timestamp) -> Result<Option<Deploy>> {
    store::live_before(&app.db, environment, service, at, Uuid::nil()).await
}

/// The deploy that was live before this one: what it replaced.
pub async fn before(app: &App, deploy: &Deploy) -> Result<Option<Deploy>> {
    let at = deploy.live_at().unwrap_or(deploy.started_at);
    store::live_before(&app.db, &deploy.environment, &deploy.service, at, deploy.id).await
}

/// Writes a deploy down, or adds to what is known of it: sources tell of the same deploy at different times and in different detail.
///
/// # Errors
/// [`Error::Invalid`] for its words and times, [`Error::Conflict`] when the same deploy ended in another way before.
pub async fn record(app: &App, actor: &Actor, action: Record, given: Confirmation) -> Result<Recorded> {
    let now = app.now();
    let action = action.checked(now)?;
    app.gate.check(actor, &action, &given)?;
    // A repeated report changes nothing and leaves no trace.
    if given.idempotency_key.is_none()
        && let Some(known) = known(app, &action, now).await?
        && merged(&known, &action, now)? == known
    {
        return Ok(Recorded { deploy: known, audit_seq: None, new: false });
    }
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let asked = permit.action().clone();
            match same(&mut tx, &asked, now).await? {
                Some(known) => change(&mut tx, &known, merged(&known, &asked, now)?).await,
                None => begin(&mut tx, asked, permit.actor(), now).await,
            }
        })
    });
    let done = work.await?;
    let new = done.value.version == 1 && !done.replayed;
    Ok(Recorded { deploy: done.value, audit_seq: Some(done.audit_seq), new })
}

/// Says how a running deploy ended.
///
/// # Errors
/// [`Error::Conflict`] when it is over already, in another way.
pub async fn finish(app: &App, actor: &Actor, action: Finish, given: Confirmation) -> Result<Recorded> {
    let now = app.now();
    let action = action.checked(now)?;
    let before = find(app, action.deploy).await?;
    app.gate.check(actor, &action, &given)?;
    if given.idempotency_key.is_none() && before.status == action.status {
        return Ok(Recorded { deploy: before, audit_seq: None, new: false });
    }
    let work = app.gate.transact(actor, action, given, move |mut tx, permit| {
        Box::pin(async move {
            let before = store::get(&mut tx, permit.action().deploy).await?;
            let asked = permit.action().clone();
            let mut after = ended(&before, asked.status, asked.finished_at.unwrap_or(now))?;
            after.error = asked.error.or(after.error);
            after.url = asked.url.or(after.url);
            change(&mut tx, &before, after).await
        })
    });
    let done = work.await?;
    Ok(Recorded { deploy: done.value, audit_seq: Some(done.audit_seq), new: false })
}

/// Whether a report would change what is recorded.
///
/// # Errors
/// [`Error::Invalid`] for its words and times.
pub async fn is_news(app: &App, action: &Record) -> Result<bool> {
    let now = app.now();
    let action = action.clone().checked(now)?;
    match known(app, &action, now).await? {
        // A report that contradicts is no news: what was said first holds.
        Some(known) => Ok(merged(&known, &action, now).is_ok_and(|after| after != known)),
        None => Ok(true),
    }
}

async fn begin(tx: &mut GateTx<'_>, asked: Record, actor: &Actor, now: Timestamp) -> Result<Change<Deploy>> {
    let over = asked.status.is_over();
    let finished_at = over.then(|| asked.finished_at.unwrap_or(now));
    let started_at = asked.started_at.or(finished_at).unwrap_or(now);
    let new = Deploy {
        id: Uuid::now_v7(),
        service: asked.service,
        environment: asked.environment,
        sha: asked.sha,
        branch: asked.branch,
        author: asked.author,
        message: asked.message,
        url: asked.url,
        status: asked.status,
        source: asked.source,
        external_id: asked.external_id,
        started_at,
        finished_at: finished_at.map(|at| at.max(started_at)),
        commit_at: asked.commit_at,
        rollback_of: asked.rollback_of,
        rolled_back_at: None,
        error: asked.error,
        recorded_at: now,
        recorded_by: actor.id().into(),
        recorded_by_name: actor.name().into(),
        version: 1,
    };
    store::insert(tx, &new).await?;
    mark_replaced(tx, &new).await?;
    let after = facts(&new);
    let id = new.id;
    Ok(Change::between(new, None, after).on(id))
}

async fn change(tx: &mut GateTx<'_>, before: &Deploy, mut after: Deploy) -> Result<Change<Deploy>> {
    if after != *before {
        if !store::replace(tx, &after, before.version).await? {
            return Err(Error::Conflict("Somebody wrote down more about this deploy at the same moment. Send it again.".into()));
        }
        after.version = before.version + 1;
        mark_replaced(tx, &after).await?;
    }
    let (was, is) = differences(&facts(before), &facts(&after));
    let id = after.id;
    Ok(Change::between(after, Value::Object(was), Value::Object(is)).on(id))
}

/// A rollback that is live says so of the deploy that it replaced.
async fn mark_replaced(tx: &mut GateTx<'_>, deploy: &Deploy) -> Result<()> {
    match (deploy.rollback_of, deploy.live_at()) {
        (Some(replaced), Some(at)) => store::rolled_back(tx, replaced, at).await,
        _ => Ok(()),
    }
}

/// The recorded deploy that a report is about, read outside of a change.
async fn known(app: &App, asked: &Record, now: Timestamp) -> Result<Option<Deploy>> {
    if let Some(id) = &asked.external_id
        && let Some(found) = store::by_external(&app.db, asked.source, id).await?
    {
        return Ok(Some(found));
    }
    let near = store::near_now(&app.db, &asked.environment, &asked.service, horizon(asked, now)).await?;
    Ok(meant(near, asked, now))
}

async fn same(tx: &mut Tx, asked: &Record, now: Timestamp) -> Result<Option<Deploy>> {
    if let Some(id) = &asked.external_id
        && let Some(found) = store::external(tx, asked.source, id).await?
    {
        return Ok(Some(found));
    }
    let near = store::near(tx, &asked.environment, &asked.service, horizon(asked, now)).await?;
    Ok(meant(near, asked, now))
}

fn horizon(asked: &Record, now: Timestamp) -> Timestamp {
    asked.started_at.or(asked.finished_at).unwrap_or(now).plus_seconds(-SEEN_AT_BOOT - SAME)
}

/// The one of `near` that a report is about.
fn meant(near: Vec<Deploy>, asked: &Record, now: Timestamp) -> Option<Deploy> {
    let place = near.iter().position(|known| is_same(known, asked, now) && !parted(known, asked, &near, now))?;
    near.into_iter().nth(place)
}

/// Whether another build went live between a known deploy and the one that a report is about, whichever of the two came first: a build that comes
/// back is a deploy of its own.
fn parted(known: &Deploy, asked: &Record, near: &[Deploy], now: Timestamp) -> bool {
    let begun = asked.started_at.or(asked.finished_at).unwrap_or(now);
    let over = if asked.status.is_over() { asked.finished_at.unwrap_or(begun) } else { now };
    let between = |live: Timestamp| {
        let after = known.finished_at.is_some_and(|end| end < live && live <= begun);
        after || (over < live && live <= known.started_at)
    };
    near.iter().any(|other| !same_build(&other.sha, &known.sha) && other.live_at().is_some_and(between))
}

/// Whether a report is about a deploy that is known without that id: the same build of the same service in the same environment, and
/// * begun at the same microsecond, or
/// * the known one still runs and neither says that it is another one, or
/// * two different sources tell of it, at nearly the same time.
fn is_same(known: &Deploy, asked: &Record, now: Timestamp) -> bool {
    if !same_build(&known.sha, &asked.sha) {
        return false;
    }
    // Two ids of one source are two deploys.
    if known.source == asked.source && known.external_id.is_some() && asked.external_id.is_some() {
        return false;
    }
    // Whoever says what it brought back from tells of another deploy than the one that went live before.
    if asked.rollback_of.is_some() && known.rollback_of != asked.rollback_of {
        return false;
    }
    let start = asked.started_at.or(asked.finished_at).unwrap_or(now);
    if asked.started_at == Some(known.started_at) {
        return true;
    }
    if known.source == asked.source {
        return known.status == Status::InProgress && asked.started_at.is_none();
    }
    let seen = [known.source, asked.source].contains(&Source::Boot);
    let window = if seen { SEEN_AT_BOOT } else { SAME };
    let end = known.finished_at.unwrap_or(now).max(known.started_at);
    start.plus_seconds(window) >= known.started_at && start <= end.plus_seconds(window)
}

/// What is known after a report: it fills gaps, ends what runs, and never takes anything back.
fn merged(known: &Deploy, asked: &Record, now: Timestamp) -> Result<Deploy> {
    let mut after = known.clone();
    if asked.sha.len() > after.sha.len() {
        after.sha.clone_from(&asked.sha);
    }
    let fill = |have: &mut Option<String>, given: &Option<String>| {
        if have.is_none() {
            have.clone_from(given);
        }
    };
    fill(&mut after.branch, &asked.branch);
    fill(&mut after.author, &asked.author);
    fill(&mut after.message, &asked.message);
    fill(&mut after.url, &asked.url);
    after.commit_at = after.commit_at.or(asked.commit_at);
    after.rollback_of = after.rollback_of.or(asked.rollback_of);
    if known.source == Source::Boot && asked.source != Source::Boot {
        // Somebody who knows tells of what was only seen.
        after.source = asked.source;
        after.started_at = asked.started_at.unwrap_or(known.started_at).min(known.started_at);
    }
    if after.source == asked.source {
        fill(&mut after.external_id, &asked.external_id);
    }
    match (known.status.is_over(), asked.status.is_over()) {
        (false, true) => {
            after = ended(&after, asked.status, asked.finished_at.unwrap_or(now))?;
            fill(&mut after.error, &asked.error);
        }
        (true, true) if known.status != asked.status && known.source == asked.source => return Err(ended_otherwise(known)),
        _ => {}
    }
    Ok(after)
}

fn ended(before: &Deploy, status: Status, at: Timestamp) -> Result<Deploy> {
    match before.status {
        Status::InProgress => Ok(Deploy { status, finished_at: Some(at.max(before.started_at)), ..before.clone() }),
        same if same == status => Ok(before.clone()),
        _ => Err(ended_otherwise(before)),
    }
}

fn ended_otherwise(deploy: &Deploy) -> Error {
    let text = match deploy.status {
        Status::Live => "It is live already",
        Status::Failed => "It failed already",
        Status::Canceled => "It was canceled already",
        Status::InProgress => "It runs",
    };
    Error::Conflict(format!("{text}. Nothing was changed. A new try is a new deploy: record it with its own start."))
}

/// What goes into audit and ledger. Authors are people and messages are free text: neither is.
pub(super) fn facts(deploy: &Deploy) -> Value {
    json!({
        "service": deploy.service, "environment": deploy.environment, "sha": deploy.sha, "branch": deploy.branch, "status": deploy.status,
        "source": deploy.source, "external_id": deploy.external_id, "started_at": deploy.started_at, "finished_at": deploy.finished_at,
        "commit_at": deploy.commit_at, "rollback_of": deploy.rollback_of,
    })
}

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
