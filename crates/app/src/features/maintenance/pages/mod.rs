//! Pages and API of maintenance.

mod bypass;
mod dialog;
mod drained;
mod fields;
mod form;
mod input;
mod list;
mod panel;
mod record;

use axum::http::{Method, Uri};
use maud::{Markup, html};
use qd_core::Result;
use qd_core::gate::{Access, Done};
use serde::Serialize;
use utoipa::ToSchema;

use super::bypass::{Issue, Revoke};
use super::window::{self, Cancel, Edit, Enable, End, Extend, Reword, Schedule, Window};
use crate::ui::{Button, page_head};
use crate::web::{Ctx, Nothing, Page, Place, Reply, Routes, Toast, View};
use input::{CancelBody, ExtendBody, ListQuery, TextBody, WindowBody};
use list::ListView;
use record::RecordView;

pub use panel::{Panel, StatusView, banner, panel, panel_of};

/// The routes.
pub(super) fn routes(routes: Routes) -> Routes {
    let at = Place::new;
    let routes = routes
        .page_at(at("/maintenance", "/maintenance/windows"), Access::READ, "Maintenance windows, and how applications and proxies obey them", list)
        .page("/maintenance/status", Access::READ, "Which maintenance holds", status)
        .page_at(at("/maintenance/{id}", "/maintenance/windows/{id}"), Access::READ, "One maintenance window", one)
        .page("/maintenance/bypass", Access::READ, "Bypass tokens, without what makes them work", bypass::list)
        .action::<Enable, _, _, _, _, _, _>("/maintenance/enable", "Start a maintenance now", dialog::enable, enable)
        .action::<Schedule, _, _, _, _, _, _>(at("/maintenance/schedule", "/maintenance/windows"), "Schedule a maintenance", form::schedule, schedule)
        .form("/maintenance/toggle", Access::OPERATE, "Turn a type of maintenance on or off", toggle);
    let (edit_at, text_at) =
        (at("/maintenance/{id}/edit", "/maintenance/windows/{id}"), at("/maintenance/{id}/text", "/maintenance/windows/{id}/text"));
    routes
        .action::<Edit, _, _, _, _, _, _>(edit_at.method(Method::PATCH), "Change a scheduled maintenance", form::edit, edit)
        .action::<Reword, _, _, _, _, _, _>(text_at, "Change what people read of a maintenance", dialog::reword, reword)
        .action::<Extend, _, _, _, _, _, _>(
            at("/maintenance/{id}/extend", "/maintenance/windows/{id}/extend"),
            "Give it a later end",
            dialog::extend,
            extend,
        )
        .action::<Cancel, _, _, _, _, _, _>(
            at("/maintenance/{id}/cancel", "/maintenance/windows/{id}/cancel"),
            "Cancel a scheduled maintenance",
            dialog::cancel,
            cancel,
        )
        .act::<End, _, _, _, _>(at("/maintenance/{id}/end", "/maintenance/windows/{id}/end"), "End a maintenance: writes are open again", end)
        .action::<Issue, _, _, _, _, _, _>(at("/maintenance/bypass/new", "/maintenance/bypass"), "Make a bypass token", bypass::dialog, bypass::issue)
        .act::<Revoke, _, _, _, _>("/maintenance/bypass/{bypass}/revoke", "Take a bypass token back", bypass::revoke)
}

async fn list(ctx: Ctx, query: ListQuery) -> Result<Reply<ListView>> {
    Ok(Reply::ok(ListView::of(&ctx, query).await?))
}

async fn status(ctx: Ctx, _: Nothing) -> Result<Reply<StatusView>> {
    Ok(Reply::ok(StatusView::of(panel_of(&ctx.app).await?)))
}

async fn one(ctx: Ctx, _: Nothing) -> Result<Reply<RecordView>> {
    let view = RecordView::of(&ctx, window::find(&ctx.app, ctx.id("id")?).await?).await?;
    let version = view.window.version;
    Ok(Reply::ok(view).etag(version))
}

/// A window after a change; `null` where there was nothing to change.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct Changed {
    /// As it is now.
    pub window: Option<Window>,
}

impl View for Changed {
    fn title(&self) -> String {
        "Maintenance".into()
    }

    fn body(&self, _page: &Page<'_>) -> Markup {
        let (title, href) = match &self.window {
            Some(window) => (format!("{} is {}", window.kind.label(), window.status.word()), format!("/maintenance/{}", window.id)),
            None => ("Nothing was changed".to_owned(), "/maintenance".to_owned()),
        };
        html! { (page_head(&title, "", &html! { (Button::link("Show it", href)) })) }
    }
}

/// The page that somebody was on, if it is one of ours; else the window's.
fn back(ctx: &Ctx, window: &Window) -> String {
    let own = format!("/maintenance/{}", window.id);
    let open = ctx.header("hx-current-url").or_else(|| ctx.header("referer")).and_then(|url| url.parse::<Uri>().ok());
    let place = open
        .as_ref()
        .and_then(|url| url.path_and_query())
        .filter(|place| ["/deploys", "/maintenance", "/maintenance/status"].contains(&place.path()));
    place.map_or(own, |place| place.as_str().to_owned())
}

fn after(ctx: &Ctx, done: Done<Window>, what: &str) -> Reply<Changed> {
    let window = done.value;
    let (version, place, toast) = (window.version, back(ctx, &window), Toast::done(format!("{} {what}", window.kind.label())));
    Reply::ok(Changed { window: Some(window) }).toast(toast).recorded(done.audit_seq).etag(version).go(place)
}

async fn enable(ctx: Ctx, body: WindowBody) -> Result<Reply<Changed>> {
    let action = body.enable(zone(&ctx))?;
    Ok(after(&ctx, window::enable(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "is on").created())
}

async fn schedule(ctx: Ctx, body: WindowBody) -> Result<Reply<Changed>> {
    let action = body.schedule(zone(&ctx))?;
    Ok(after(&ctx, window::schedule(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "is scheduled").created())
}

async fn toggle(ctx: Ctx, body: WindowBody) -> Result<Reply<Changed>> {
    let asked = body.toggle(zone(&ctx))?;
    let what = if asked.enabled { "is on" } else { "is off" };
    match window::toggle(&ctx.app, &ctx.actor, asked, ctx.confirmation.clone()).await? {
        Some(done) => Ok(after(&ctx, done, what)),
        None => Ok(Reply::ok(Changed { window: None }).toast(Toast::done("It was off already")).go("/maintenance")),
    }
}

async fn edit(ctx: Ctx, body: WindowBody) -> Result<Reply<Changed>> {
    let found = window::find(&ctx.app, ctx.id("id")?).await?;
    let action = body.edit(&found, ctx.header("if-match"))?;
    Ok(after(&ctx, window::edit(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "is changed"))
}

async fn reword(ctx: Ctx, body: TextBody) -> Result<Reply<Changed>> {
    let action = Reword { window: ctx.id("id")?, message: body.message, audience: body.audience };
    Ok(after(&ctx, window::reword(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "has another text"))
}

async fn extend(ctx: Ctx, body: ExtendBody) -> Result<Reply<Changed>> {
    let action = Extend { window: ctx.id("id")?, minutes: body.minutes };
    Ok(after(&ctx, window::extend(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "ends later"))
}

async fn cancel(ctx: Ctx, body: CancelBody) -> Result<Reply<Changed>> {
    let action = Cancel { window: ctx.id("id")?, series: body.series };
    Ok(after(&ctx, window::cancel(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?, "is cancelled"))
}

async fn end(ctx: Ctx, _: Nothing) -> Result<Reply<Changed>> {
    let done = window::end(&ctx.app, &ctx.actor, ctx.id("id")?, ctx.confirmation.clone()).await?;
    Ok(after(&ctx, done, "is off"))
}

/// The zone of times that name none.
fn zone(ctx: &Ctx) -> &str {
    &ctx.app.config.platform.time_zone
}
