//! Pages and API of incidents.

mod board;
mod dialog;
pub(super) mod input;
mod list;
pub(super) mod record;

use axum::http::Method;
use qd_core::Result;
use qd_core::gate::Access;
use serde::Serialize;
use utoipa::ToSchema;

use super::lifecycle::Move;
use super::verb::Named;
use super::{Close, Incident, IncidentKpis, Mitigate, Note, Open, Regress, Reopen, TimelineEvent, Update, verb};
use crate::features::identity::account;
use crate::web::{Ctx, Nothing, Place, Reply, Routes, Toast};
use input::{EventsQuery, ListQuery, NoteBody, OpenBody, RecordQuery, UpdateBody};

pub use board::{Board, banner, board_panel};
use list::ListView;
use record::{EventsView, RecordView};

/// Entries that a record shows at once.
const SHOWN: usize = 100;

/// The routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .page("/incidents", Access::READ, "List incidents", list)
        .page("/incidents/kpis", Access::READ, "Figures about incidents", kpis)
        .page("/incidents/{id}", Access::READ, "One incident with its timeline", one)
        .page("/incidents/{id}/events", Access::READ, "Timeline of an incident", events)
        .action::<Open, _, _, _, _, _, _>(Place::new("/incidents/new", "/incidents"), "Open an incident", dialog::open, open)
        .action::<Update, _, _, _, _, _, _>(edit_place(), "Change facts of an incident", dialog::edit, edit)
        .act::<Note, _, _, _, _>("/incidents/{id}/events", "Add to the timeline", note);
    routes
        .action::<Mitigate, _, _, _, _, _, _>("/incidents/{id}/mitigate", "Mark mitigated", dialog::mitigate, mitigate)
        .action::<Close, _, _, _, _, _, _>("/incidents/{id}/close", "Close", dialog::close, close)
        .action::<Reopen, _, _, _, _, _, _>("/incidents/{id}/reopen", "Reopen a closed incident", dialog::reopen, reopen)
        .action::<Regress, _, _, _, _, _, _>("/incidents/{id}/regress", "Say that a mitigated incident hurts again", dialog::regress, regress)
}

fn edit_place() -> Place {
    Place::new("/incidents/{id}/edit", "/incidents/{id}").method(Method::PATCH)
}

async fn list(ctx: Ctx, query: ListQuery) -> Result<Reply<ListView>> {
    let (incidents, more) = verb::list(&ctx.app, &query.filter()?).await?;
    let next = incidents.last().filter(|_| more).map(|last| last.reference.clone());
    let people = if ctx.wants_json() { Vec::new() } else { account::list(&ctx.app).await? };
    Ok(Reply::ok(ListView { incidents, next, query, people }))
}

/// Counted now, so that it holds right after a change: five statements over indexes, over what is not closed and over 30 days.
async fn kpis(ctx: Ctx, _: Nothing) -> Result<Reply<IncidentKpis>> {
    Ok(Reply::ok(super::kpis(&ctx.app).await?))
}

async fn one(ctx: Ctx, query: RecordQuery) -> Result<Reply<RecordView>> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let (events, more) = verb::timeline(&ctx.app, incident.id, None, SHOWN).await?;
    let version = incident.version;
    Ok(Reply::ok(RecordView::new(incident, events, more, query.show, ctx.now)).etag(version))
}

async fn events(ctx: Ctx, query: EventsQuery) -> Result<Reply<EventsView>> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let (events, more) = verb::timeline(&ctx.app, incident.id, query.after, limit).await?;
    let next = events.last().filter(|_| more).map(|event| event.id);
    Ok(Reply::ok(EventsView { events, next, incident, first: query.after.is_none() }))
}

/// The incident after a change: people are led to its page.
fn after(done: qd_core::gate::Done<Incident>, what: &str) -> Reply<Changed> {
    let incident = done.value;
    let (version, place) = (incident.version, format!("/incidents/{}", incident.reference));
    let toast = Toast::done(format!("{} {what}", incident.reference));
    Reply::ok(Changed { incident }).toast(toast).recorded(done.audit_seq).etag(version).go(place)
}

/// An incident after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Changed {
    /// As it is now.
    #[serde(flatten)]
    pub incident: Incident,
}

async fn open(ctx: Ctx, body: OpenBody) -> Result<Reply<Changed>> {
    let done = verb::open(&ctx.app, &ctx.actor, body.into(), ctx.confirmation).await?;
    Ok(after(done, "opened").created())
}

async fn edit(ctx: Ctx, body: UpdateBody) -> Result<Reply<Changed>> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?.reference;
    let action = body.action(incident, ctx.if_match()?);
    Ok(after(verb::update(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "changed"))
}

async fn mitigate(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    step(&ctx, Move::Mitigate).await
}

async fn close(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    step(&ctx, Move::Close).await
}

async fn reopen(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    step(&ctx, Move::Reopen).await
}

async fn regress(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    step(&ctx, Move::Regress).await
}

async fn step(ctx: &Ctx, to: Move) -> Result<Reply<Changed>> {
    let (app, actor, given) = (&ctx.app, &ctx.actor, ctx.confirmation.clone());
    let id = Named { name: ctx.param("id")?, version: ctx.if_match()? };
    let (done, what) = match to {
        Move::Mitigate => (verb::mitigate(app, actor, id, given).await?, "mitigated"),
        Move::Close => (verb::close(app, actor, id, given).await?, "closed"),
        Move::Reopen => (verb::reopen(app, actor, id, given).await?, "reopened"),
        Move::Regress => (verb::regress(app, actor, id, given).await?, "is open again"),
    };
    Ok(after(done, what))
}

async fn note(ctx: Ctx, body: NoteBody) -> Result<Reply<TimelineEvent>> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?.reference;
    let place = format!("/incidents/{incident}");
    let toast = Toast::done(format!("Added to {incident}"));
    let action = Note { incident, kind: body.kind, text: body.text };
    let done = verb::note(&ctx.app, &ctx.actor, action, ctx.confirmation).await?;
    Ok(Reply::ok(done.value).created().toast(toast).recorded(done.audit_seq).go(place))
}
