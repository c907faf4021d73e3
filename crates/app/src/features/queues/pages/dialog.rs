//! Dialogs of a queue and of chosen jobs.

use maud::{Markup, Render, html};
use qd_core::gate::Preview;
use qd_core::{Error, Result};

use super::{body, link, row};
use crate::features::queues::action::{Pause, PauseMany, Promote, QueueRef, Remove, Resume, ResumeMany, Retry, SetDelay, SetLimits, SetPriority};
use crate::features::queues::read::{self, Asked, Line};
use crate::features::queues::{JobRow, JobState};
use crate::ui::field::{self, Field};
use crate::ui::format;
use crate::web::{Ctx, Dialog, Form};

/// The queue of the address as it was counted last.
pub(super) fn named(ctx: &Ctx) -> Result<(String, String, Option<Line>)> {
    let (source, queue) = link::of(ctx)?;
    let line = read::line(&ctx.app, &source, &queue, ctx.now)?;
    Ok((source, queue, line))
}

/// The queue of the address.
///
/// # Errors
/// [`Error::NotFound`] when its source does not have it.
pub(super) fn known(ctx: &Ctx) -> Result<(String, String, Line)> {
    let (source, queue, line) = named(ctx)?;
    let line = line.ok_or_else(|| Error::NotFound(format!("The queue {queue}")))?;
    Ok((source, queue, line))
}

pub(super) fn environment(ctx: &Ctx) -> String {
    format!("In {}.", ctx.app.config.server.environment)
}

/// Workers take no more jobs.
pub async fn pause(ctx: Ctx, _: Form) -> Result<Dialog> {
    let (source, queue, line) = known(&ctx)?;
    let (back, name) = (link::queue(&source, &queue), queue.clone());
    let dialog = Dialog::of(&Pause { source: source.clone(), queue }, format!("Pause {name}")).icon("pause").cancel(back.clone());
    if let Some(why) = &line.state.hazard {
        return Ok(dialog.instead(why.clone(), back, format!("Show {name}")));
    }
    if line.state.paused && !line.lost() {
        return Ok(dialog.instead(format!("{name} is paused already."), link::below(&source, &name, "resume"), format!("Resume {name}")));
    }
    Ok(dialog
        .lead(environment(&ctx))
        .effect(format!("{} that run now finish. {} that wait stay.", jobs(line.state.active), jobs(line.state.waiting)))
        .effect("New jobs are taken in and wait.")
        .undo("Resume it at any time."))
}

fn jobs(count: u64) -> String {
    format::count(i64::try_from(count).unwrap_or(i64::MAX), "job", "jobs")
}

/// Workers take jobs again.
pub async fn resume(ctx: Ctx, _: Form) -> Result<Dialog> {
    let (source, queue, line) = known(&ctx)?;
    let (back, name) = (link::queue(&source, &queue), queue.clone());
    let dialog = Dialog::of(&Resume { source, queue }, format!("Resume {name}")).icon("play").cancel(back.clone());
    if !line.state.paused && !line.lost() && line.state.hazard.is_none() {
        return Ok(dialog.instead(format!("{name} is not paused."), back, format!("Show {name}")));
    }
    let workers = match line.state.workers {
        Some(0) => "No worker is connected: they wait on until one is.".to_owned(),
        Some(count) => format!("{} take them.", format::count(i64::try_from(count).unwrap_or(i64::MAX), "worker", "workers")),
        None => "Its workers take them.".to_owned(),
    };
    Ok(dialog.lead(environment(&ctx)).effect(format!("{} may run. {workers}", jobs(line.state.waiting))).undo("Pause it again at any time."))
}

fn many(ctx: &Ctx, form: &Form, pause: bool) -> (Vec<QueueRef>, Markup, String) {
    let lines = read::lines(&ctx.app, ctx.now);
    let given = |name: &str| Some(form.value(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let (group, source) = (given("group"), given("source"));
    let found = body::meant(&lines, group.as_deref(), source.as_deref(), pause);
    let which = match (&group, &source) {
        (Some(group), _) => format!("all queues of {group}"),
        (None, Some(source)) => format!("all queues of {source}"),
        (None, None) => "all queues".to_owned(),
    };
    let fields = html! {
        @match &group { Some(group) => input type="hidden" name="group" value=(group);, None => input type="hidden" name="all" value="true"; }
        @if let Some(source) = &source { input type="hidden" name="source" value=(source); }
    };
    (found, fields, which)
}

fn listed(queues: &[QueueRef]) -> Vec<String> {
    queues.iter().take(20).map(|queue| format!("{}/{}", queue.source, queue.queue)).collect()
}

/// Workers take no more jobs of several queues.
pub async fn pause_many(ctx: Ctx, form: Form) -> Result<Dialog> {
    let (queues, fields, which) = many(&ctx, &form, true);
    let dialog = Dialog::of(&PauseMany { queues: queues.clone() }, format!("Pause {which}")).icon("pause").cancel("/queues");
    if queues.is_empty() {
        return Ok(dialog.instead("None of them runs: there is nothing to pause.", "/queues", "Show the queues"));
    }
    let count = i64::try_from(queues.len()).unwrap_or(i64::MAX);
    let preview = Preview { effects: Vec::new(), figures: vec![("Queues".into(), count)], sample: listed(&queues) };
    Ok(dialog
        .lead(environment(&ctx))
        .effect("Jobs that run now finish; those that wait stay. New jobs are taken in and wait.")
        .effect("Quarterdeck's own housekeeping pauses with the others when its queues are among them.")
        .preview(preview)
        .fields(fields)
        .submit(format!("Pause {}", format::count(count, "queue", "queues")))
        .undo("Resume them at any time."))
}

/// Workers take jobs of several queues again.
pub async fn resume_many(ctx: Ctx, form: Form) -> Result<Dialog> {
    let (queues, fields, which) = many(&ctx, &form, false);
    let dialog = Dialog::of(&ResumeMany { queues: queues.clone() }, format!("Resume {which}")).icon("play").cancel("/queues");
    if queues.is_empty() {
        return Ok(dialog.instead("None of them is paused.", "/queues", "Show the queues"));
    }
    let count = i64::try_from(queues.len()).unwrap_or(i64::MAX);
    let preview = Preview { effects: Vec::new(), figures: vec![("Queues".into(), count)], sample: listed(&queues) };
    Ok(dialog
        .lead(environment(&ctx))
        .effect("Their workers take jobs again.")
        .preview(preview)
        .fields(fields)
        .submit(format!("Resume {}", format::count(count, "queue", "queues")))
        .undo("Pause them again at any time."))
}

/// Concurrency and rate.
pub async fn limits(ctx: Ctx, form: Form) -> Result<Dialog> {
    let (source, queue, line) = known(&ctx)?;
    let (back, name) = (link::queue(&source, &queue), queue.clone());
    let dialog =
        Dialog::of(&SetLimits { source, queue, dials: Default::default() }, format!("Limits of {name}")).icon("circle-gauge").cancel(back.clone());
    if !line.can.limits {
        return Ok(dialog.instead("This job system has no limits of queues.", back, format!("Show {name}")));
    }
    let now =
        |field: &str, known: Option<u64>| if form.tried() { form.value(field).to_owned() } else { known.map_or_else(String::new, |n| n.to_string()) };
    let rate = line.state.rate;
    let fields = html! {
        (Field::input("number", "concurrency", "Jobs at once, over all workers").value(now("concurrency", line.state.concurrency)).range("1", "1000000", "1").hint("Empty: no limit but the workers' own.").error(form.error("concurrency")))
        div.grid-2 {
            (Field::input("number", "rateJobs", "Jobs that may start").value(now("rateJobs", rate.map(|rate| rate.jobs))).range("1", "1000000", "1").hint("Empty: no limit.").error(form.error("rate")))
            (Field::input("number", "rateMs", "within milliseconds").value(now("rateMs", rate.map(|rate| rate.per_ms))).range("1", "86400000", "1").hint("Empty: 1,000.").error(form.error("rateMs")))
        }
    };
    let limits = row::limits(&line.state);
    let current = if limits.is_empty() { "No limit is set now.".to_owned() } else { format!("Now: {}.", limits.trim_start_matches(", ")) };
    Ok(dialog
        .lead(format!("{} {current}", environment(&ctx)))
        .effect("It holds for all workers together, from the next job on; jobs that run finish.")
        .fields(fields)
        .submit("Set the limits")
        .undo("Set them back at any time."))
}

/// Chosen ids of the form with the jobs that they name, as far as they can be asked.
struct Chosen {
    source: String,
    queue: String,
    ids: Vec<String>,
    sample: Vec<String>,
    gone: usize,
    hidden: Markup,
}

async fn chosen(ctx: &Ctx, form: &Form, fits: fn(JobState) -> bool) -> Result<Chosen> {
    let (source, queue, _) = named(ctx)?;
    let ids: Vec<String> = form.values("ids").take(500).map(str::to_owned).collect();
    let found = if ids.is_empty() { Vec::new() } else { known_jobs(ctx, &source, &queue, &ids).await? };
    let good: Vec<&JobRow> = found.iter().filter(|job| fits(job.state)).collect();
    let sample = good.iter().take(5).map(|job| format!("{} {}", job.id, job.name)).collect();
    let gone = ids.len().saturating_sub(good.len());
    let hidden = html! { @for id in &ids { input type="hidden" name="ids" value=(id); } };
    Ok(Chosen { source, queue, sample, gone, hidden, ids })
}

async fn known_jobs(ctx: &Ctx, source: &str, queue: &str, ids: &[String]) -> Result<Vec<JobRow>> {
    match read::find(&ctx.app, source, queue, ids).await? {
        Asked::Told(jobs) => Ok(jobs),
        Asked::Away(why) => Err(Error::Upstream { driver: "queues", detail: why }),
    }
}

impl Chosen {
    fn name(&self) -> String {
        match self.ids.as_slice() {
            [one] => format!("job {one}"),
            many => format!("{} jobs", many.len()),
        }
    }

    fn finish(self, dialog: Dialog, what: &str, fields: Markup) -> Dialog {
        let back = link::queue(&self.source, &self.queue);
        if self.ids.is_empty() {
            return dialog.instead("No job was chosen. Tick some in the list first.", back.clone(), format!("Show {}", self.queue));
        }
        let left = self.ids.len() - self.gone;
        if left == 0 {
            return dialog.instead(
                format!("None of them is in a state in which it can be {what}: they moved on, or are gone."),
                back,
                format!("Show {}", self.queue),
            );
        }
        let mut figures = vec![("Jobs".to_owned(), i64::try_from(left).unwrap_or(i64::MAX))];
        if self.gone > 0 {
            figures.push(("Moved on".into(), i64::try_from(self.gone).unwrap_or(i64::MAX)));
        }
        let preview = Preview { effects: Vec::new(), figures, sample: self.sample };
        dialog.preview(preview).fields(html! { (self.hidden) (fields) }).cancel(back)
    }
}

/// Chosen jobs run again.
pub async fn retry(ctx: Ctx, form: Form) -> Result<Dialog> {
    let chosen = chosen(&ctx, &form, |state| matches!(state, JobState::Failed | JobState::Completed)).await?;
    let name = chosen.name();
    let action = Retry { source: chosen.source.clone(), queue: chosen.queue.clone(), ids: chosen.ids.clone(), reset: true };
    let reset = field::check("reset", "true", "With all their attempts, as if new", !form.tried() || form.value("reset") == "true");
    let dialog = Dialog::of(&action, format!("Retry {name}"))
        .icon("rotate-ccw")
        .lead(environment(&ctx))
        .effect(format!("It runs again in {}, with its data and priority.", chosen.queue))
        .effect("What it did before it failed is done again: mails, charges, calls.");
    Ok(chosen.finish(dialog, "retried", reset))
}

/// Chosen delayed jobs become due.
pub async fn promote(ctx: Ctx, form: Form) -> Result<Dialog> {
    let chosen = chosen(&ctx, &form, |state| state == JobState::Delayed).await?;
    let name = chosen.name();
    let action = Promote { source: chosen.source.clone(), queue: chosen.queue.clone(), ids: chosen.ids.clone() };
    let dialog = Dialog::of(&action, format!("Promote {name}"))
        .icon("skip-forward")
        .lead(environment(&ctx))
        .effect("It becomes due now and runs as soon as a worker is free.");
    Ok(chosen.finish(dialog, "promoted", html! {}))
}

/// Chosen jobs are deleted.
pub async fn remove(ctx: Ctx, form: Form) -> Result<Dialog> {
    let chosen = chosen(&ctx, &form, |state| state != JobState::Active).await?;
    let name = chosen.name();
    let action = Remove { source: chosen.source.clone(), queue: chosen.queue.clone(), ids: chosen.ids.clone() };
    let dialog = Dialog::of(&action, format!("Remove {name}"))
        .icon("trash-2")
        .lead(environment(&ctx))
        .effect("It is archived, then deleted from the queue. It does not run.")
        .effect("The pending job of a schedule stays: without it the schedule would end.")
        .undo("It can be restored for 72 h.");
    Ok(chosen.finish(dialog, "removed", html! {}))
}

/// Another priority.
pub async fn priority(ctx: Ctx, form: Form) -> Result<Dialog> {
    let ready = |state| matches!(state, JobState::Waiting | JobState::Prioritized | JobState::Delayed | JobState::Paused);
    let chosen = chosen(&ctx, &form, ready).await?;
    let name = chosen.name();
    let action = SetPriority { source: chosen.source.clone(), queue: chosen.queue.clone(), ids: chosen.ids.clone(), priority: 0 };
    let field = Field::input("number", "priority", "Priority").value(form.value("priority")).required().autofocus();
    let field =
        field.hint("In the job system's own numbers. BullMQ: 1 goes first, 0 is none. Embedded: higher goes first.").error(form.error("priority"));
    let dialog = Dialog::of(&action, format!("Set the priority of {name}")).icon("arrow-up").lead(environment(&ctx)).undo("Set it back at any time.");
    Ok(chosen.finish(dialog, "given another priority", field.render()))
}

/// Another time.
pub async fn delay(ctx: Ctx, form: Form) -> Result<Dialog> {
    let chosen = chosen(&ctx, &form, |state| state == JobState::Delayed).await?;
    let name = chosen.name();
    let action = SetDelay { source: chosen.source.clone(), queue: chosen.queue.clone(), ids: chosen.ids.clone(), delay_ms: 0 };
    let field = Field::input("number", "delaySeconds", "Seconds from now")
        .value(form.value("delaySeconds"))
        .range("0", "31622400", "1")
        .required()
        .autofocus();
    let error = form.error("delaySeconds").or(form.error("delayMs"));
    let dialog = Dialog::of(&action, format!("Set the time of {name}")).icon("clock").lead(environment(&ctx)).undo("Set it again at any time.");
    Ok(chosen.finish(dialog, "given another time", field.error(error).render()))
}
