//! What the forms of runs and of recurring jobs do.

use maud::{Markup, html};
use qd_core::Result;
use qd_core::gate::Done;

use super::act::stay;
use super::body::AllBody;
use super::link;
use super::run::{RunView, title};
use crate::features::queues::JobState;
use crate::features::queues::action::{PauseSchedule, RemoveSchedule, ResumeSchedule, RunSchedule};
use crate::features::queues::read;
use crate::features::queues::run::{self, Filter, Run, StartRun, Work};
use crate::features::queues::schedules::{self, ScheduleChange};
use crate::web::{Ctx, Nothing, Page, Reply, Toast, View};

async fn begin(ctx: Ctx, work: Work, filter: Filter, rate: Option<u32>) -> Result<Reply<RunView>> {
    let (source, queue) = link::of(&ctx)?;
    let asked = StartRun { source, queue, work, filter, rate };
    Ok(led(run::start(&ctx.app, &ctx.actor, asked, ctx.confirmation.clone()).await?, "has begun"))
}

/// People are led to the run, to watch it.
fn led(done: Done<Run>, what: &str) -> Reply<RunView> {
    let place = link::run(done.value.id);
    let toast = Toast::done(format!("{} {what}", title(&done.value)));
    Reply::ok(RunView { run: done.value }).created().toast(toast).recorded(done.audit_seq).go(place)
}

fn stated(mut body: AllBody, state: JobState) -> AllBody {
    body.state = body.state.or_else(|| Some(state.word().into()));
    body
}

/// `POST /queues/{source}/{queue}/retry-all`
pub async fn retry_all(ctx: Ctx, body: AllBody) -> Result<Reply<RunView>> {
    let filter = body.filter(ctx.now).filter()?;
    begin(ctx, Work::Retry { reset: body.reset }, filter, body.rate).await
}

/// `POST /queues/{source}/{queue}/promote-all`
pub async fn promote_all(ctx: Ctx, body: AllBody) -> Result<Reply<RunView>> {
    let body = stated(body, JobState::Delayed);
    let filter = body.filter(ctx.now).filter()?;
    begin(ctx, Work::Promote, filter, body.rate).await
}

/// `POST /queues/{source}/{queue}/retry-cohort`
pub async fn retry_cohort(ctx: Ctx, body: AllBody) -> Result<Reply<RunView>> {
    let filter = body.filter(ctx.now).filter()?;
    let work = Work::Cohort { first: body.first.unwrap_or(5), concurrency: body.concurrency, reset: body.reset };
    begin(ctx, work, filter, None).await
}

/// `POST /queues/{source}/{queue}/purge`
pub async fn purge(ctx: Ctx, body: AllBody) -> Result<Reply<RunView>> {
    let body = stated(body, JobState::Completed);
    let filter = body.filter(ctx.now).filter()?;
    begin(ctx, Work::Remove, filter, body.rate).await
}

/// `POST /queues/{source}/{queue}/drain`
pub async fn drain(ctx: Ctx, body: AllBody) -> Result<Reply<RunView>> {
    begin(ctx, Work::Drain { delayed: body.delayed }, Filter::all(JobState::Waiting), body.rate).await
}

/// `POST /queues/{source}/{queue}/obliterate`
pub async fn obliterate(ctx: Ctx, _: Nothing) -> Result<Reply<RunView>> {
    begin(ctx, Work::Obliterate, Filter::all(JobState::Waiting), None).await
}

/// `POST /queues/runs/{id}/restore`
pub async fn restore(ctx: Ctx, _: Nothing) -> Result<Reply<RunView>> {
    let done = run::restore(&ctx.app, &ctx.actor, ctx.id("id")?, ctx.confirmation.clone()).await?;
    Ok(led(done, "has begun"))
}

/// `POST /queues/runs/{id}/cancel`
pub async fn cancel(ctx: Ctx, _: Nothing) -> Result<Reply<RunView>> {
    let done = run::cancel(&ctx.app, &ctx.actor, ctx.id("id")?, ctx.confirmation.clone()).await?;
    let place = link::run(done.value.id);
    let toast = Toast::done(format!("{} stops", title(&done.value)));
    let done = Done { value: RunView { run: done.value }, audit_seq: done.audit_seq, replayed: done.replayed };
    Ok(stay(&ctx, done, toast, place))
}

impl View for ScheduleChange {
    fn title(&self) -> String {
        "Done".into()
    }

    fn body(&self, _: &Page<'_>) -> Markup {
        html! {}
    }
}

async fn changed(ctx: &Ctx, done: Done<ScheduleChange>, what: &str) -> Result<Reply<ScheduleChange>> {
    read::renew(&ctx.app, &done.value.source).await;
    let toast = Toast::done(format!("{} {what}", done.value.schedule));
    Ok(stay(ctx, done, toast, "/queues?tab=scheduled".into()))
}

fn schedule(ctx: &Ctx) -> Result<(String, String, String)> {
    let (source, queue) = link::of(ctx)?;
    Ok((source, queue, link::named(ctx, "id")?))
}

/// `POST …/schedules/{id}/run`
pub async fn run_now(ctx: Ctx, _: Nothing) -> Result<Reply<ScheduleChange>> {
    let (source, queue, schedule) = schedule(&ctx)?;
    let done = schedules::run_now(&ctx.app, &ctx.actor, RunSchedule { source, queue, schedule }, ctx.confirmation.clone()).await?;
    changed(&ctx, done, "was enqueued").await
}

/// `POST …/schedules/{id}/pause`
pub async fn pause_schedule(ctx: Ctx, _: Nothing) -> Result<Reply<ScheduleChange>> {
    let (source, queue, schedule) = schedule(&ctx)?;
    let done = schedules::pause(&ctx.app, &ctx.actor, PauseSchedule { source, queue, schedule }, ctx.confirmation.clone()).await?;
    changed(&ctx, done, "is paused").await
}

/// `POST …/schedules/{id}/resume`
pub async fn resume_schedule(ctx: Ctx, _: Nothing) -> Result<Reply<ScheduleChange>> {
    let (source, queue, schedule) = schedule(&ctx)?;
    let done = schedules::resume(&ctx.app, &ctx.actor, ResumeSchedule { source, queue, schedule }, ctx.confirmation.clone()).await?;
    changed(&ctx, done, "fires again").await
}

/// `POST …/schedules/{id}/remove`
pub async fn remove_schedule(ctx: Ctx, _: Nothing) -> Result<Reply<ScheduleChange>> {
    let (source, queue, schedule) = schedule(&ctx)?;
    let done = schedules::remove(&ctx.app, &ctx.actor, RemoveSchedule { source, queue, schedule }, ctx.confirmation.clone()).await?;
    changed(&ctx, done, "is removed").await
}
