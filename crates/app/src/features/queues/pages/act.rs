//! What the forms of a queue and of chosen jobs do.

use maud::{Markup, html};
use qd_core::gate::Done;
use qd_core::reading::Status;
use qd_core::{Error, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{ActionBody, ChosenBody, LimitsBody, ManyBody};
use super::link;
use crate::features::queues::action::{Pause, PauseMany, Promote, Remove, Resume, ResumeMany, Retry, SetDelay, SetLimits, SetPriority};
use crate::features::queues::archive;
use crate::features::queues::read;
use crate::features::queues::verb::{self, ActedOn, Limited, Paused, PausedMany};
use crate::ui::format;
use crate::web::{Ctx, Nothing, Page, Reply, Toast, View};

/// What stays of a form after it was sent: nothing. The screen behind it is fetched again.
macro_rules! silent {
    ($($type:ty),+) => {
        $(impl View for $type {
            fn title(&self) -> String {
                "Done".into()
            }

            fn body(&self, _: &Page<'_>) -> Markup {
                html! {}
            }
        })+
    };
}
silent!(Paused, PausedMany, Limited, ActedOn, ActionDone);

/// The answer: people with script stay where they are, others are led to `place`.
pub(super) fn stay<V>(ctx: &Ctx, done: Done<V>, toast: Toast, place: String) -> Reply<V> {
    let reply = Reply::ok(done.value).toast(toast).recorded(done.audit_seq);
    if ctx.header("hx-request").is_some() { reply.bare() } else { reply.go(place) }
}

/// `POST /queues/{source}/{queue}/pause`
pub async fn pause(ctx: Ctx, _: Nothing) -> Result<Reply<Paused>> {
    let (source, queue) = link::of(&ctx)?;
    let done = verb::pause(&ctx.app, &ctx.actor, Pause { source, queue }, ctx.confirmation.clone()).await?;
    turned(&ctx, done).await
}

/// `POST /queues/{source}/{queue}/resume`
pub async fn resume(ctx: Ctx, _: Nothing) -> Result<Reply<Paused>> {
    let (source, queue) = link::of(&ctx)?;
    let done = verb::resume(&ctx.app, &ctx.actor, Resume { source, queue }, ctx.confirmation.clone()).await?;
    turned(&ctx, done).await
}

async fn turned(ctx: &Ctx, done: Done<Paused>) -> Result<Reply<Paused>> {
    let Paused { source, queue, paused, .. } = &done.value;
    read::renew(&ctx.app, source).await;
    let place = link::queue(source, queue);
    let toast = match paused {
        true => Toast::done(format!("{queue} is paused")).undo("Resume", link::below(source, queue, "resume")),
        false => Toast::done(format!("{queue} runs again")).undo("Pause", link::below(source, queue, "pause")),
    };
    Ok(stay(ctx, done, toast, place))
}

/// `POST /queues/pause`
pub async fn pause_many(ctx: Ctx, body: ManyBody) -> Result<Reply<PausedMany>> {
    let queues = body.which(&read::lines(&ctx.app, ctx.now), true)?;
    let done = verb::pause_many(&ctx.app, &ctx.actor, PauseMany { queues }, ctx.confirmation.clone()).await?;
    turned_many(&ctx, done, "paused").await
}

/// `POST /queues/resume`
pub async fn resume_many(ctx: Ctx, body: ManyBody) -> Result<Reply<PausedMany>> {
    let queues = body.which(&read::lines(&ctx.app, ctx.now), false)?;
    let done = verb::resume_many(&ctx.app, &ctx.actor, ResumeMany { queues }, ctx.confirmation.clone()).await?;
    turned_many(&ctx, done, "resumed").await
}

async fn turned_many(ctx: &Ctx, done: Done<PausedMany>, word: &str) -> Result<Reply<PausedMany>> {
    let mut sources: Vec<&str> = done.value.queues.iter().map(|queue| queue.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        read::renew(&ctx.app, source).await;
    }
    let count = |n: usize| format::count(i64::try_from(n).unwrap_or(i64::MAX), "queue", "queues");
    let mut toast = Toast::done(format!("{} {word}", count(done.value.queues.len())));
    if let Some(first) = done.value.failed.first() {
        toast.status = Status::Crit;
        toast.title = format!("{}, {} not: {}: {}", toast.title, done.value.failed.len(), first.queue, first.why);
    }
    Ok(stay(ctx, done, toast, "/queues".into()))
}

/// `POST /queues/{source}/{queue}/limits`
pub async fn limits(ctx: Ctx, body: LimitsBody) -> Result<Reply<Limited>> {
    let (source, queue) = link::of(&ctx)?;
    let place = link::queue(&source, &queue);
    let toast = Toast::done(format!("Limits of {queue} set"));
    let action = SetLimits { source: source.clone(), queue, dials: body.dials() };
    let done = verb::limit(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    read::renew(&ctx.app, &source).await;
    Ok(stay(&ctx, done, toast, place))
}

async fn acted(ctx: &Ctx, done: Done<ActedOn>, word: &str) -> Result<Reply<ActedOn>> {
    let acted = &done.value;
    read::renew(&ctx.app, &acted.source).await;
    let count = |n: u64| format::count(i64::try_from(n).unwrap_or(i64::MAX), "job", "jobs");
    let mut toast = Toast::done(format!("{} {word}", count(acted.done)));
    if acted.gone > 0 {
        toast.title = format!("{}, {} had moved on", toast.title, count(acted.gone));
    }
    if let Some(first) = acted.refusals.first() {
        toast.status = Status::Warn;
        toast.title = format!("{}, {} refused: {}", toast.title, count(acted.refused), first.why);
    }
    if let Some(run) = acted.run {
        toast = toast.undo("Restore", format!("{}/restore", link::run(run)));
    }
    let place = link::queue(&acted.source, &acted.queue);
    Ok(stay(ctx, done, toast, place))
}

/// `POST /queues/{source}/{queue}/retry`
pub async fn retry(ctx: Ctx, body: ChosenBody) -> Result<Reply<ActedOn>> {
    let (source, queue) = link::of(&ctx)?;
    let action = Retry { source, queue, ids: body.ids, reset: body.reset };
    let done = verb::retry(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    acted(&ctx, done, "queued again").await
}

/// `POST /queues/{source}/{queue}/promote`
pub async fn promote(ctx: Ctx, body: ChosenBody) -> Result<Reply<ActedOn>> {
    let (source, queue) = link::of(&ctx)?;
    let done = verb::promote(&ctx.app, &ctx.actor, Promote { source, queue, ids: body.ids }, ctx.confirmation.clone()).await?;
    acted(&ctx, done, "promoted").await
}

/// `POST /queues/{source}/{queue}/remove`
pub async fn remove(ctx: Ctx, body: ChosenBody) -> Result<Reply<ActedOn>> {
    let (source, queue) = link::of(&ctx)?;
    let done = archive::remove(&ctx.app, &ctx.actor, Remove { source, queue, ids: body.ids }, ctx.confirmation.clone()).await?;
    acted(&ctx, done, "removed").await
}

/// `POST /queues/{source}/{queue}/priority`
pub async fn priority(ctx: Ctx, body: ChosenBody) -> Result<Reply<ActedOn>> {
    let (source, queue) = link::of(&ctx)?;
    let priority = body.priority.ok_or_else(|| Error::invalid("priority", "Give a number."))?;
    let action = SetPriority { source, queue, ids: body.ids, priority };
    let done = verb::set_priority(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    acted(&ctx, done, "given another priority").await
}

/// `POST /queues/{source}/{queue}/delay`
pub async fn delay(ctx: Ctx, body: ChosenBody) -> Result<Reply<ActedOn>> {
    let (source, queue) = link::of(&ctx)?;
    let delay_ms = body.delay()?;
    let done = verb::set_delay(&ctx.app, &ctx.actor, SetDelay { source, queue, ids: body.ids, delay_ms }, ctx.confirmation.clone()).await?;
    acted(&ctx, done, "given another time").await
}

/// What became of the old clients' one action.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionDone {
    /// What was done, in a sentence.
    pub message: String,
    /// Queue.
    pub queue_name: String,
    /// Its job system.
    pub source: String,
    /// Jobs that it was done to.
    pub done: Option<u64>,
    /// The run under which deleted jobs can be restored.
    pub run: Option<uuid::Uuid>,
}

/// `POST /api/admin/ops/queues/action`
pub async fn any(ctx: Ctx, body: ActionBody) -> Result<Reply<ActionDone>> {
    let queue = body.queue_name.clone();
    let source = read::source_of(&ctx.app, &queue, body.source.as_deref(), ctx.now)?;
    let ids: Vec<String> = body.job_id.into_iter().chain(body.job_ids).collect();
    let (app, actor, given) = (&ctx.app, &ctx.actor, ctx.confirmation.clone());
    let needs = || if ids.is_empty() { Err(Error::invalid("jobId", "Say which job.")) } else { Ok(ids.clone()) };
    let (source_, queue_) = (source.clone(), queue.clone());
    let (word, seq, done, run) = match body.action.as_str() {
        "pause" => ("paused", verb::pause(app, actor, Pause { source: source_, queue: queue_ }, given).await?.audit_seq, None, None),
        "resume" => ("resumed", verb::resume(app, actor, Resume { source: source_, queue: queue_ }, given).await?.audit_seq, None, None),
        "retry" => counted("retried", verb::retry(app, actor, Retry { source: source_, queue: queue_, ids: needs()?, reset: true }, given).await?),
        "promote" => counted("promoted", verb::promote(app, actor, Promote { source: source_, queue: queue_, ids: needs()? }, given).await?),
        "remove" => counted("removed", archive::remove(app, actor, Remove { source: source_, queue: queue_, ids: needs()? }, given).await?),
        _ => return Err(Error::invalid("action", "Give pause, resume, retry, promote or remove.")),
    };
    read::renew(&ctx.app, &source).await;
    let place = link::queue(&source, &queue);
    let message = done.map_or_else(
        || format!("{queue} is {word}."),
        |done| format!("{} {word}.", format::count(i64::try_from(done).unwrap_or(i64::MAX), "job", "jobs")),
    );
    Ok(Reply::ok(ActionDone { message, queue_name: queue, source, done, run }).recorded(seq).go(place))
}

fn counted(word: &'static str, done: Done<ActedOn>) -> (&'static str, i64, Option<u64>, Option<uuid::Uuid>) {
    (word, done.audit_seq, Some(done.value.done), done.value.run)
}
