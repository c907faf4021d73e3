//! Pages and API of deploys.

mod config;
mod delivery;
mod dialog;
mod history;
mod input;
mod instances;
mod links;
mod one;
mod panels;
mod running;

use axum::http::Method;
use qd_core::gate::Access;
use qd_core::{Error, Result};
use serde_json::Value;

use super::record::{self, Finish, Record, Recorded};
use super::rollback::{self, RollBack, RolledBack, SetAutoDeploy};
use super::{dora, environment, instances as fleet, outside};
use crate::web::{Ctx, Place, Reply, Routes, Toast};
use config::{DiffView, EnvironmentView};
use delivery::DeliveryView;
use dialog::{AutoDeployView, RolledBackView};
use history::HistoryView;
use input::{AutoDeployBody, CurrentQuery, DiffQuery, EnvironmentQuery, FinishBody, InstanceQuery, ListQuery, RecordBody};
use instances::InstancesView;
use one::{OneView, Written};
use running::CurrentView;

pub use config::config_panel;
pub use delivery::delivery_panel;
pub use history::history_panel;
pub use links::marks;
pub use panels::{Panels, load};
pub use running::{running_panel, sentence};

/// The routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = outside::routes(fleet::routes(routes))
        .page_at(Place::new("/deployments", "/deployment/history"), Access::READ, "Deploys, the newest first", history)
        .page("/deployments/{id}", Access::READ, "One deploy: what it replaced and what it was configured with", one)
        .page_at(Place::new("/deployments/metrics", "/deployment/metrics"), Access::READ, "How we deliver: DORA's five metrics", metrics)
        .page_at(Place::new("/deployments/current", "/deployment/current"), Access::READ, "Which build is live, and what runs", current)
        .page("/instances", Access::READ, "Processes that say that they run", list_instances)
        .page_at(Place::new("/environment", "/config/env"), Access::READ, "What applications are configured with", env)
        .page_at(Place::new("/environment/diff", "/config/diff"), Access::READ, "How two configurations differ", diff);
    routes
        .act::<Record, _, _, _, _>(Place::new("/deployments/record", "/deployments"), "Record a deploy that begins or is over", write_down)
        .act::<Finish, _, _, _, _>(finish_place(), "Say how a running deploy ended", end)
        .action::<RollBack, _, _, _, _, _, _>("/deployments/{id}/rollback", "Make this deploy live again", dialog::rollback, roll_back)
        .action::<SetAutoDeploy, _, _, _, _, _, _>(
            Place::new("/deployments/auto-deploy/{target}", "/deployment/auto-deploy/{target}"),
            "Let pushes deploy a service by themselves, or not",
            dialog::auto_deploy,
            auto_deploy,
        )
}

fn finish_place() -> Place {
    Place::new("/deployments/{id}/finish", "/deployments/{id}").method(Method::PATCH)
}

async fn history(ctx: Ctx, query: ListQuery) -> Result<Reply<HistoryView>> {
    let (deploys, more) = record::list(&ctx.app, &query.filter()?).await?;
    let next = deploys.last().filter(|_| more).map(|last| last.id);
    let names = if ctx.wants_json() { Vec::new() } else { record::names(&ctx.app).await? };
    let live = record::standing(&ctx.app, &ctx.app.config.server.environment).await?.services;
    Ok(Reply::ok(HistoryView::new(deploys, next, query, names, &live)))
}

async fn one(ctx: Ctx, _: crate::web::Nothing) -> Result<Reply<OneView>> {
    let deploy = record::find(&ctx.app, ctx.id("id")?).await?;
    let version = deploy.version;
    Ok(Reply::ok(one::load(&ctx.app, deploy).await?).etag(version))
}

async fn metrics(ctx: Ctx, query: CurrentQuery) -> Result<Reply<DeliveryView>> {
    let delivery = dora::figures(&ctx.app, &query.environment(&ctx)).await?;
    Ok(Reply::ok(DeliveryView { delivery }))
}

async fn current(ctx: Ctx, query: CurrentQuery) -> Result<Reply<CurrentView>> {
    let running = panels::running(&ctx.app, &query.environment(&ctx)).await?;
    Ok(Reply::ok(CurrentView::new(running, query.service.as_deref())))
}

async fn list_instances(ctx: Ctx, query: InstanceQuery) -> Result<Reply<InstancesView>> {
    let environment = query.environment(&ctx);
    let all = fleet::all(&ctx.app, Some(&environment)).await?;
    let names = if ctx.wants_json() { Vec::new() } else { fleet::names(&ctx.app).await? };
    let runs = fleet::fleet(&ctx.app, &environment).await?;
    Ok(Reply::ok(InstancesView::new(all, runs, environment, (ctx.app.published.revision(), names), query)))
}

async fn env(ctx: Ctx, query: EnvironmentQuery) -> Result<Reply<EnvironmentView>> {
    let environment = query.environment(&ctx);
    let found = environment::across(&ctx.app, &environment).await?;
    let all = environment::choices(&ctx.app).await?;
    Ok(Reply::ok(EnvironmentView::new(&ctx.app, environment, found, all, query)))
}

async fn diff(ctx: Ctx, query: DiffQuery) -> Result<Reply<DiffView>> {
    let choices = if ctx.wants_json() { Vec::new() } else { environment::choices(&ctx.app).await? };
    let Some((from, to)) = query.places()? else {
        if ctx.wants_json() {
            return Err(Error::invalid("from", "Say from and to: deploy:ID, env:ENVIRONMENT/SERVICE or instance:ENVIRONMENT/SERVICE/INSTANCE."));
        }
        return Ok(Reply::ok(DiffView::empty(choices, query)));
    };
    let (from, to, rows) = environment::compare(&ctx.app, from, to).await?;
    Ok(Reply::ok(DiffView::new(from, to, rows, choices, query)))
}

fn written(recorded: Recorded, what: &str) -> Reply<Written> {
    let Recorded { deploy, audit_seq, new } = recorded;
    let (place, version) = (format!("/deployments/{}", deploy.id), deploy.version);
    let toast = Toast::done(format!("{} of {} {what}", deploy.build(), deploy.service));
    let reply = Reply::ok(Written { deploy }).toast(toast).etag(version).go(place);
    let reply = if new { reply.created() } else { reply };
    match audit_seq {
        Some(seq) => reply.recorded(seq),
        None => reply,
    }
}

async fn write_down(ctx: Ctx, body: RecordBody) -> Result<Reply<Written>> {
    let action = body.action(&ctx.app)?;
    Ok(written(record::record(&ctx.app, &ctx.actor, action, ctx.confirmation).await?, "recorded"))
}

async fn end(ctx: Ctx, body: FinishBody) -> Result<Reply<Written>> {
    let action = body.action(ctx.id("id")?)?;
    let what = action.status.word();
    Ok(written(record::finish(&ctx.app, &ctx.actor, action, ctx.confirmation).await?, what))
}

async fn roll_back(ctx: Ctx, _: crate::web::Nothing) -> Result<Reply<RolledBackView>> {
    let deploy = record::find(&ctx.app, ctx.id("id")?).await?;
    let done = rollback::roll_back(&ctx.app, &ctx.actor, deploy, ctx.confirmation).await?;
    let RolledBack { deploy, auto_deploy_off, .. } = &done.value;
    let place = deploy.as_ref().map_or_else(|| "/deployments".to_owned(), |deploy| format!("/deployments/{}", deploy.id));
    let status = if *auto_deploy_off { qd_core::reading::Status::Ok } else { qd_core::reading::Status::Crit };
    let toast = Toast { status, ..Toast::done(dialog::said(&done.value)) };
    Ok(Reply::ok(RolledBackView { rolled_back: done.value }).toast(toast).recorded(done.audit_seq).go(place))
}

async fn auto_deploy(ctx: Ctx, body: AutoDeployBody) -> Result<Reply<AutoDeployView>> {
    let target = rollback::target(&ctx.app, ctx.param("target")?)?;
    let on = body.on;
    let done = rollback::set_auto_deploy(&ctx.app, &ctx.actor, target, on, ctx.confirmation).await?;
    let service = done.value.get("service").and_then(Value::as_str).unwrap_or_default().to_owned();
    let toast = Toast::done(format!("Auto-deploy of {service} is {}", if on { "on" } else { "off" }));
    Ok(Reply::ok(AutoDeployView { service, auto_deploy: on }).toast(toast).recorded(done.audit_seq).go("/deployments"))
}
