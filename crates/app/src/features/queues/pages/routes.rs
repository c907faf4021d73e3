//! The routes.

use axum::http::StatusCode;
use qd_core::Result;
use qd_core::gate::Access;

use super::find::{SearchQuery, SearchView};
use super::input::{JobQuery, PerformanceQuery, QueueQuery};
use super::job::JobView;
use super::performance::PerformanceView;
use super::queue::QueueView;
use super::run::RunView;
use super::{act, act_runs, dialog, dialog_runs, dialog_schedules, link};
use crate::features::queues::action::{
    CancelRun, Drain, Obliterate, Pause, PauseMany, PauseSchedule, Promote, PromoteAll, Purge, QueueAction, Remove, RemoveSchedule, RestoreRun,
    Resume, ResumeMany, ResumeSchedule, Retry, RetryAll, RetryCohort, RunSchedule, SetDelay, SetLimits, SetPriority,
};
use crate::features::queues::read;
use crate::web::{Ctx, Nothing, Place, Reply, Routes};

/// The routes of this feature; the view has the one of the whole.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .page_at(
            Place::new("/queues/{source}/{queue}", "/queues/{name}/jobs"),
            Access::READ,
            "One queue: how it stands, and its jobs by state",
            queue,
        )
        .page_at(
            Place::new("/queues/{source}/{queue}/performance", "/queues/{name}/performance"),
            Access::READ,
            "A queue over time: throughput, depth, wait and run times",
            performance,
        )
        .page("/queues/{source}/{queue}/jobs/{id}", Access::READ, "One job: data, errors, log, flow", job)
        .page("/queues/search", Access::READ, "Look for a job in every queue", find)
        .page("/queues/runs/{id}", Access::READ, "One run: how far it is, and what it was asked for", run);
    recurring(everything(chosen(several(routes))))
}

fn several(routes: Routes) -> Routes {
    routes
        .act::<QueueAction, _, _, _, _>("/queues/action", "Pause or resume a queue; retry, promote or remove a job", act::any)
        .action::<PauseMany, _, _, _, _, _, _>("/queues/pause", "Pause a group of queues, or all", dialog::pause_many, act::pause_many)
        .action::<ResumeMany, _, _, _, _, _, _>("/queues/resume", "Resume a group of queues, or all", dialog::resume_many, act::resume_many)
        .action::<Pause, _, _, _, _, _, _>("/queues/{source}/{queue}/pause", "Pause a queue", dialog::pause, act::pause)
        .action::<Resume, _, _, _, _, _, _>("/queues/{source}/{queue}/resume", "Resume a queue", dialog::resume, act::resume)
        .action::<SetLimits, _, _, _, _, _, _>("/queues/{source}/{queue}/limits", "Set concurrency and rate of a queue", dialog::limits, act::limits)
}

fn chosen(routes: Routes) -> Routes {
    routes
        .action::<Retry, _, _, _, _, _, _>("/queues/{source}/{queue}/retry", "Retry chosen jobs", dialog::retry, act::retry)
        .action::<Promote, _, _, _, _, _, _>("/queues/{source}/{queue}/promote", "Make chosen delayed jobs due", dialog::promote, act::promote)
        .action::<Remove, _, _, _, _, _, _>("/queues/{source}/{queue}/remove", "Remove chosen jobs", dialog::remove, act::remove)
        .action::<SetPriority, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/priority",
            "Set the priority of chosen jobs",
            dialog::priority,
            act::priority,
        )
        .action::<SetDelay, _, _, _, _, _, _>("/queues/{source}/{queue}/delay", "Set the time of chosen delayed jobs", dialog::delay, act::delay)
}

fn everything(routes: Routes) -> Routes {
    use {act_runs as act, dialog_runs as dialog};
    routes
        .action::<RetryAll, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/retry-all",
            "Retry every job that a filter matches",
            dialog::retry_all,
            act::retry_all,
        )
        .action::<PromoteAll, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/promote-all",
            "Promote every job that a filter matches",
            dialog::promote_all,
            act::promote_all,
        )
        .action::<RetryCohort, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/retry-cohort",
            "Retry a few first, then the rest",
            dialog::retry_cohort,
            act::retry_cohort,
        )
        .action::<Purge, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/purge",
            "Archive and delete every job that a filter matches",
            dialog::purge,
            act::purge,
        )
        .action::<Drain, _, _, _, _, _, _>("/queues/{source}/{queue}/drain", "Archive and delete what waits", dialog::drain, act::drain)
        .action::<Obliterate, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/obliterate",
            "Archive and delete a whole queue",
            dialog::obliterate,
            act::obliterate,
        )
        .act::<CancelRun, _, _, _, _>("/queues/runs/{id}/cancel", "End a run after the jobs that it is at", act::cancel)
        .action::<RestoreRun, _, _, _, _, _, _>("/queues/runs/{id}/restore", "Bring back what a run deleted", dialog::restore, act::restore)
}

fn recurring(routes: Routes) -> Routes {
    use {act_runs as act, dialog_schedules as dialog};
    routes
        .action::<RunSchedule, _, _, _, _, _, _>("/queues/{source}/{queue}/schedules/{id}/run", "Run a recurring job now", dialog::run, act::run_now)
        .action::<PauseSchedule, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/schedules/{id}/pause",
            "Pause a recurring job",
            dialog::pause,
            act::pause_schedule,
        )
        .action::<ResumeSchedule, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/schedules/{id}/resume",
            "Resume a recurring job",
            dialog::resume,
            act::resume_schedule,
        )
        .action::<RemoveSchedule, _, _, _, _, _, _>(
            "/queues/{source}/{queue}/schedules/{id}/remove",
            "Remove a recurring job",
            dialog::remove,
            act::remove_schedule,
        )
}

/// Source and queue of the address: people's names both, the old clients' names the queue alone.
fn of(ctx: &Ctx, given: Option<&str>) -> Result<(String, String)> {
    if let Ok(both) = link::of(ctx) {
        return Ok(both);
    }
    let queue = link::named(ctx, "name")?;
    Ok((read::source_of(&ctx.app, &queue, given, ctx.now)?, queue))
}

async fn queue(ctx: Ctx, query: QueueQuery) -> Result<Reply<QueueView>> {
    let (source, queue) = of(&ctx, query.source.as_deref())?;
    Ok(Reply::ok(QueueView::load(&ctx, source, queue, query).await?))
}

async fn performance(ctx: Ctx, query: PerformanceQuery) -> Result<Reply<PerformanceView>> {
    let (source, queue) = of(&ctx, query.source.as_deref())?;
    Ok(Reply::ok(PerformanceView::load(&ctx, source, queue, query).await?))
}

async fn job(ctx: Ctx, query: JobQuery) -> Result<Reply<JobView>> {
    let view = JobView::load(&ctx, query).await?;
    let htmx = ctx.header("hx-request").is_some();
    let (drawer, gone) = (view.is_drawer(htmx), view.is_gone());
    let reply = Reply::ok(view);
    let reply = if drawer { reply.bare() } else { reply };
    Ok(if gone && !htmx { reply.refused(StatusCode::NOT_FOUND) } else { reply })
}

async fn find(ctx: Ctx, query: SearchQuery) -> Result<Reply<SearchView>> {
    Ok(Reply::ok(SearchView::load(&ctx, query).await?))
}

async fn run(ctx: Ctx, _: Nothing) -> Result<Reply<RunView>> {
    Ok(Reply::ok(RunView::load(&ctx).await?))
}
