//! Pages and API of flags.

mod archived;
mod dialog;
mod explain;
mod form;
mod input;
mod list;
mod plan;
mod record;
mod revisions;
mod row;
mod say;
mod steps;
mod text;

use axum::http::{Method, Uri};
use qd_core::gate::{Access, Done};
use qd_core::{App, Error, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::definition::{self, Archive, Create, Flag, Kill, Lower, Percent, Restore, Revert, Rollout, Standing, Toggle, Update};
use super::ramp::{CancelRamp, CancelSchedule, PauseRamp, ResumeRamp, ScheduleChange, StartRamp};
use super::{ramp, serve, usage};
use crate::web::{Ctx, Nothing, Place, Reply, Routes, Toast};
use explain::{ExplainQuery, ExplainView};
use input::{FlagBody, RevertBody, RolloutBody, ToggleBody};
use record::RecordView;
use revisions::{RevisionsQuery, RevisionsView};
use row::Item;

pub use list::{ListQuery, ListView, PANEL};

/// The routes.
pub fn routes(routes: Routes) -> Routes {
    let at = |html, api| Place::new(html, api);
    let routes = routes
        .page_at(at("/flags", "/feature-flags"), Access::READ, "List feature flags", list)
        .page_at(at("/flags/{key}", "/feature-flags/{key}"), Access::READ, "One feature flag", one)
        .page_at(at("/flags/{key}/explain", "/feature-flags/{key}/explain"), Access::READ, "Why a flag gives what it gives", explain)
        .page_at(at("/flags/{key}/revisions", "/feature-flags/{key}/revisions"), Access::READ, "Revisions of a flag", revisions)
        .action::<Create, _, _, _, _, _, _>(at("/flags/new", "/feature-flags"), "Create a flag", form::new, create)
        .action::<Update, _, _, _, _, _, _>(
            at("/flags/{key}/edit", "/feature-flags/{key}").method(Method::PATCH),
            "Change a flag; never makes one",
            form::edit,
            edit,
        );
    changes(plans(routes))
}

/// Ramps and planned changes.
fn plans(routes: Routes) -> Routes {
    let at = |html, api| Place::new(html, api);
    routes
        .action::<StartRamp, _, _, _, _, _, _>(
            at("/flags/{key}/ramp", "/feature-flags/{key}/ramp"),
            "Let a rollout rise in steps",
            plan::ramp_dialog,
            plan::start,
        )
        .act::<PauseRamp, _, _, _, _>(at("/flags/{key}/ramp/pause", "/feature-flags/{key}/ramp/pause"), "Pause a ramp", plan::pause)
        .action::<ResumeRamp, _, _, _, _, _, _>(
            at("/flags/{key}/ramp/resume", "/feature-flags/{key}/ramp/resume"),
            "Let a paused ramp go on",
            plan::resume_dialog,
            plan::resume,
        )
        .act::<CancelRamp, _, _, _, _>(at("/flags/{key}/ramp/cancel", "/feature-flags/{key}/ramp/cancel"), "End a ramp", plan::cancel)
        .action::<ScheduleChange, _, _, _, _, _, _>(
            at("/flags/{key}/schedule", "/feature-flags/{key}/schedule"),
            "Change a flag at a time",
            plan::schedule_dialog,
            plan::schedule,
        )
        .act::<CancelSchedule, _, _, _, _>(
            at("/flags/{key}/schedule/{id}/cancel", "/feature-flags/{key}/schedule/{id}/cancel"),
            "Take a planned change back",
            plan::unschedule,
        )
}

fn changes(routes: Routes) -> Routes {
    let at = |html, api| Place::new(html, api);
    routes
        .action::<Toggle, _, _, _, _, _, _>(at("/flags/{key}/toggle", "/feature-flags/{key}/toggle"), "Turn a flag on or off", dialog::toggle, toggle)
        .act::<Kill, _, _, _, _>(at("/flags/{key}/kill", "/feature-flags/{key}/kill"), "Turn a flag off at once", kill)
        .action::<Rollout, _, _, _, _, _, _>(
            at("/flags/{key}/rollout", "/feature-flags/{key}/rollout"),
            "Set the percentage of a flag",
            dialog::rollout,
            rollout,
        )
        .act::<Lower, _, _, _, _>(at("/flags/{key}/lower", "/feature-flags/{key}/lower"), "Lower the percentage of a flag at once", lower)
        .action::<Revert, _, _, _, _, _, _>(
            at("/flags/{key}/revert", "/feature-flags/{key}/revert"),
            "Make a flag what it was at a revision",
            dialog::revert,
            revert,
        )
        .action::<Archive, _, _, _, _, _, _>(
            at("/flags/{key}/archive", "/feature-flags/{key}/archive"),
            "Take a flag away from applications",
            dialog::archive,
            archive,
        )
        .action::<Restore, _, _, _, _, _, _>(
            at("/flags/{key}/restore", "/feature-flags/{key}/restore"),
            "Give an archived flag back to applications",
            dialog::restore,
            restore,
        )
}

/// The list as a view shows it, with at most `most` rows: from memory, but for what is planned and what the last changes were from.
///
/// # Errors
/// [`Error::Invalid`] for a filter that is none; those of the database.
pub async fn listed(app: &App, query: ListQuery, most: usize) -> Result<ListView> {
    let filter = query.filter(most)?;
    let (flags, ramps, due, now) = (serve::flags(app)?, serve::ramps(app)?, ramp::upcoming(app).await?, app.now());
    let standing =
        |flag: &Flag| Standing { stale: flag.stale(now), ramping: ramps.contains_key(&flag.key), next_change_at: due.get(&flag.key).copied() };
    let admitted: Vec<&Flag> = flags.iter().filter(|flag| filter.admits(flag, &standing(flag))).collect();
    let rest: Vec<&Flag> = admitted.iter().copied().filter(|flag| filter.reaches(flag)).collect();
    let shown = rest.get(..filter.rows().min(rest.len())).unwrap_or_default();
    let before = definition::before_last(app, shown.iter().map(|flag| flag.key.as_str())).await?;
    let item = |flag: &&Flag| -> Result<Item> {
        Ok(Item {
            usage: usage::of(app, &flag.key, flag.created_at)?,
            stale: flag.stale(now),
            was: before.get(&flag.key).and_then(|before| revisions::was(before, &flag.definition)),
            ramp: ramps.get(&flag.key).map(|ramp| plan::stands(ramp, now)),
            next_change_at: due.get(&flag.key).copied(),
            flag: (*flag).clone(),
        })
    };
    let (items, more) = (shown.iter().map(item).collect::<Result<Vec<_>>>()?, rest.len() > shown.len());
    let next = items.last().filter(|_| more).map(|last| last.flag.key.clone());
    let matching = admitted.len();
    Ok(ListView { next, matching, unknown: usage::unknown(app)?.to_vec(), ..ListView::of(&flags, now, query, items) })
}

async fn list(ctx: Ctx, query: ListQuery) -> Result<Reply<ListView>> {
    let mut view = listed(&ctx.app, query, list::PAGE).await?;
    if !ctx.wants_json() {
        view.archived = definition::archived(&ctx.app).await?;
    }
    Ok(Reply::ok(view))
}

async fn one(ctx: Ctx, _: Nothing) -> Result<Reply<RecordView>> {
    let view = RecordView::of(&ctx.app, ctx.param("key")?).await?;
    let version = view.flag.version;
    Ok(Reply::ok(view).etag(version))
}

async fn explain(ctx: Ctx, query: ExplainQuery) -> Result<Reply<ExplainView>> {
    let key = ctx.param("key")?;
    let (context, fault) = match query.context() {
        Ok(context) => (context, None),
        Err(Error::Invalid(faults)) if !ctx.wants_json() => (Default::default(), faults.into_iter().next().map(|fault| (fault.field, fault.detail))),
        Err(other) => return Err(other),
    };
    let explanation = serve::explain(&ctx.app, key, &context)?;
    let flag = serve::flags(&ctx.app)?.iter().find(|flag| flag.key == key).cloned();
    let drawer = ctx.header("hx-target") == Some("dialogs");
    Ok(Reply::ok(ExplainView { explanation, flag, query, fault, drawer }))
}

async fn revisions(ctx: Ctx, query: RevisionsQuery) -> Result<Reply<RevisionsView>> {
    Ok(Reply::ok(RevisionsView::of(&ctx.app, ctx.param("key")?, query).await?))
}

/// A flag after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Changed {
    /// As it is now.
    #[serde(flatten)]
    pub flag: Flag,
}

/// People are where they were, or on the flag's page.
fn after(ctx: &Ctx, done: Done<Flag>, toast: Toast) -> Reply<Changed> {
    let flag = done.value;
    let (version, place) = (flag.version, back(ctx, &flag.key));
    Reply::ok(Changed { flag }).toast(toast).recorded(done.audit_seq).etag(version).go(place)
}

/// The page that a dialog was opened over, if it is one of ours; else the flag's.
fn back(ctx: &Ctx, key: &str) -> String {
    let own = format!("/flags/{key}");
    let open = ctx.header("hx-current-url").and_then(|url| url.parse::<Uri>().ok());
    match open.as_ref().and_then(|url| url.path_and_query()) {
        Some(place) if ["/deploys", "/flags", own.as_str()].contains(&place.path()) => place.as_str().to_owned(),
        _ => own,
    }
}

async fn create(ctx: Ctx, body: FlagBody) -> Result<Reply<Changed>> {
    let done = definition::create(&ctx.app, &ctx.actor, body.patch(None)?, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("{} is created", done.value.key)).undo("Archive it", format!("/flags/{}/archive", done.value.key));
    Ok(after(&ctx, done, toast).created())
}

async fn edit(ctx: Ctx, body: FlagBody) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let patch = body.patch(ctx.if_match()?)?;
    let done = definition::update(&ctx.app, &ctx.actor, key, patch, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("{key} changed")).undo("Undo", to_revision(&done.value, done.value.version - 1));
    Ok(after(&ctx, done, toast))
}

fn to_revision(flag: &Flag, number: i64) -> String {
    format!("/flags/{}/revert?revision={number}", flag.key)
}

async fn toggle(ctx: Ctx, body: ToggleBody) -> Result<Reply<Changed>> {
    let version = ctx.if_match()?.or(body.version);
    let done = definition::toggle(&ctx.app, &ctx.actor, ctx.param("key")?, body.enabled, version, ctx.confirmation.clone()).await?;
    let toast = switched(&done.value);
    Ok(after(&ctx, done, toast))
}

async fn kill(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    let done = definition::kill(&ctx.app, &ctx.actor, ctx.param("key")?, ctx.confirmation.clone()).await?;
    let toast = switched(&done.value);
    Ok(after(&ctx, done, toast))
}

fn switched(flag: &Flag) -> Toast {
    let (key, on) = (&flag.key, flag.definition.enabled);
    let word = if on { "on" } else { "off for everybody" };
    Toast::done(format!("{key} is {word}")).undo("Undo", format!("/flags/{key}/toggle?enabled={}", !on))
}

async fn rollout(ctx: Ctx, body: RolloutBody) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let version = ctx.if_match()?.or(body.version);
    let was = definition::find(&ctx.app, key).await?.definition.rollout_percentage;
    let done = definition::set_rollout(&ctx.app, &ctx.actor, key, body.rollout_percentage, version, ctx.confirmation.clone()).await?;
    let toast = moved(&done.value, was);
    Ok(after(&ctx, done, toast))
}

async fn lower(ctx: Ctx, body: RolloutBody) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let version = ctx.if_match()?.or(body.version);
    let was = definition::find(&ctx.app, key).await?.definition.rollout_percentage;
    let done = definition::lower(&ctx.app, &ctx.actor, key, body.rollout_percentage, version, ctx.confirmation.clone()).await?;
    let toast = moved(&done.value, was);
    Ok(after(&ctx, done, toast))
}

fn moved(flag: &Flag, was: Percent) -> Toast {
    let (key, back) = (&flag.key, was.to_string().replace(" %", ""));
    let toast = Toast::done(format!("{key} is at {}", flag.definition.rollout_percentage));
    toast.undo(format!("Back to {was}"), format!("/flags/{key}/rollout?rolloutPercentage={back}"))
}

async fn revert(ctx: Ctx, body: RevertBody) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let version = ctx.if_match()?.or(body.version);
    let done = definition::revert(&ctx.app, &ctx.actor, key, body.revision, version, ctx.confirmation.clone()).await?;
    let toast =
        Toast::done(format!("{key} is as it was at revision {}", body.revision)).undo("Undo", to_revision(&done.value, done.value.version - 1));
    Ok(after(&ctx, done, toast))
}

async fn archive(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let done = definition::archive(&ctx.app, &ctx.actor, key, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("{key} is archived")).undo("Restore it", format!("/flags/{key}/restore"));
    Ok(after(&ctx, done, toast))
}

async fn restore(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    let key = ctx.param("key")?;
    let done = definition::restore(&ctx.app, &ctx.actor, key, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("{key} is restored")).undo("Archive it", format!("/flags/{key}/archive"));
    Ok(after(&ctx, done, toast))
}
