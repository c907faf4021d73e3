//! Dialogs of what is done to everything that a filter matches, in the background; counted at this moment.

use maud::{Markup, Render, html};
use qd_core::Result;

use super::body::AllBody;
use super::dialog::{environment, known};
use super::input::pairs;
use super::{link, run as pages};
use crate::features::queues::JobState;
use crate::features::queues::action::{Drain, Obliterate, PromoteAll, Purge, RestoreRun, RetryAll, RetryCohort};
use crate::features::queues::run::{self, Filter, FilterQuery, Work};
use crate::ui::field::{self, Field};
use crate::web::{Ctx, Dialog, Form};

/// Whose form this is.
struct Asked {
    source: String,
    queue: String,
    query: FilterQuery,
    filter: Filter,
    back: String,
    able: bool,
}

fn given(form: &Form) -> AllBody {
    let text = |name: &str| Some(form.value(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    AllBody {
        state: text("state"),
        name: text("name"),
        reason_has: text("reasonHas"),
        fingerprint: text("fingerprint"),
        from: text("from"),
        to: text("to"),
        field: form.values("field").map(str::to_owned).collect(),
        older_hours: text("olderHours").and_then(|hours| hours.parse().ok()),
        reset: !form.tried() && form.value("reset") != "false" || form.value("reset") == "true",
        rate: text("rate").and_then(|rate| rate.parse().ok()),
        first: text("first").and_then(|first| first.parse().ok()),
        concurrency: text("concurrency").and_then(|most| most.parse().ok()),
        delayed: form.value("delayed") == "true",
    }
}

fn asked(ctx: &Ctx, body: &AllBody) -> Result<Asked> {
    let (source, queue, line) = known(ctx)?;
    let query = body.filter(ctx.now);
    let filter = query.filter()?;
    let back = super::input::with(&link::queue(&source, &queue), &query);
    Ok(Asked { able: line.can.jobs, source, queue, query, filter, back })
}

impl Asked {
    /// Says no where it can't be done; else counts.
    async fn finish(self, ctx: &Ctx, dialog: Dialog, work: Work, fields: Markup, verb: &str) -> Result<Dialog> {
        let show = format!("Show {}", self.queue);
        if !self.able {
            return Ok(dialog.instead("This job system shows no jobs: nothing can be done to them from here.", self.back, show));
        }
        let preview = run::preview(&ctx.app, &self.source, &self.queue, work, &self.filter).await?;
        let jobs = preview.figures.first().map_or(0, |(_, count)| *count);
        let least = preview.figures.first().is_some_and(|(name, _)| name.contains("least"));
        if jobs == 0 && !least && work != Work::Obliterate {
            return Ok(dialog.instead(format!("No job matches: {}.", self.filter.words()), self.back, show));
        }
        let count = crate::ui::format::count(jobs, "job", "jobs");
        let mut dialog = dialog.lead(format!("{} Jobs that are {}.", environment(ctx), self.filter.words()));
        for effect in &preview.effects {
            dialog = dialog.effect(effect.clone());
        }
        let least = if least { "at least " } else { "" };
        Ok(dialog.preview(preview).fields(fields).submit(format!("{verb} {least}{count}")).cancel(self.back))
    }

    fn hidden(&self) -> Markup {
        html! { @for (name, value) in pairs(&self.query) { input type="hidden" name=(name) value=(value); } }
    }
}

fn rate(form: &Form) -> Markup {
    let field = Field::input("number", "rate", "At most a second").value(form.value("rate")).range("1", "100000", "1");
    field.hint("Empty: as fast as it goes. Slower is kinder to what the jobs call.").error(form.error("rate")).render()
}

fn reset(body: &AllBody) -> Markup {
    field::check("reset", "true", "With all their attempts, as if new", body.reset)
}

/// Every failed or completed job that matches runs again.
pub async fn retry_all(ctx: Ctx, form: Form) -> Result<Dialog> {
    let body = given(&form);
    let asked = asked(&ctx, &body)?;
    let (work, name) = (Work::Retry { reset: body.reset }, asked.queue.clone());
    let action = RetryAll { source: asked.source.clone(), queue: name.clone(), filter: asked.filter.clone(), reset: body.reset, rate: body.rate };
    let fields = html! { (asked.hidden()) (reset(&body)) (rate(&form)) };
    let dialog = Dialog::of(&action, format!("Retry in {name}")).icon("rotate-ccw").undo("You can stop it while it runs.");
    asked.finish(&ctx, dialog, work, fields, "Retry").await
}

/// Every delayed job that matches becomes due.
pub async fn promote_all(ctx: Ctx, form: Form) -> Result<Dialog> {
    let mut body = given(&form);
    body.state = body.state.or_else(|| Some(JobState::Delayed.word().into()));
    let asked = asked(&ctx, &body)?;
    let name = asked.queue.clone();
    let action = PromoteAll { source: asked.source.clone(), queue: name.clone(), filter: asked.filter.clone(), rate: body.rate };
    let fields = html! { (asked.hidden()) (rate(&form)) };
    let dialog = Dialog::of(&action, format!("Promote in {name}")).icon("skip-forward").undo("You can stop it while it runs.");
    asked.finish(&ctx, dialog, Work::Promote, fields, "Promote").await
}

/// A few first, then the rest.
pub async fn retry_cohort(ctx: Ctx, form: Form) -> Result<Dialog> {
    let body = given(&form);
    let asked = asked(&ctx, &body)?;
    let (first, name) = (body.first.unwrap_or(5), asked.queue.clone());
    let work = Work::Cohort { first, concurrency: body.concurrency, reset: body.reset };
    let action = RetryCohort {
        source: asked.source.clone(),
        queue: name.clone(),
        filter: asked.filter.clone(),
        reset: body.reset,
        first,
        concurrency: body.concurrency,
    };
    let number = |name: &str, label: &str, value: String, most: &str| {
        Field::input("number", name.to_owned(), label.to_owned()).value(value).range("1", most, "1").error(form.error(name))
    };
    let fields = html! {
        (asked.hidden())
        div.grid-2 {
            (number("first", "Jobs that go first", first.to_string(), "50"))
            (number("concurrency", "Then at once, at most", form.value("concurrency").to_owned(), "10000").hint("Empty: as the queue allows. Put back at the end."))
        }
        (reset(&body))
    };
    let dialog = Dialog::of(&action, format!("Retry {first} first in {name}"))
        .icon("list-checks")
        .undo("It stops by itself when they fail again; you can stop it, too.");
    Ok(asked.finish(&ctx, dialog, work, fields, "Retry").await?.submit(format!("Retry {first} first")))
}

/// Everything that matches is archived and deleted.
pub async fn purge(ctx: Ctx, form: Form) -> Result<Dialog> {
    let mut body = given(&form);
    body.state = body.state.or_else(|| Some(JobState::Completed.word().into()));
    let asked = asked(&ctx, &body)?;
    let name = asked.queue.clone();
    let action = Purge { source: asked.source.clone(), queue: name.clone(), filter: asked.filter.clone(), rate: body.rate };
    let fields = html! { (asked.hidden()) @if open_age(&body) { (ages(&asked, form.value("olderHours"))) } (rate(&form)) };
    let dialog = Dialog::of(&action, format!("Purge {name}")).icon("brush-cleaning").undo("They can be restored for 72 h.");
    asked.finish(&ctx, dialog, Work::Remove, fields, "Remove").await
}

/// Whether the age is still to be chosen: the filter says nothing else.
fn open_age(body: &AllBody) -> bool {
    [&body.name, &body.reason_has, &body.fingerprint, &body.from, &body.to].into_iter().all(Option::is_none) && body.field.is_empty()
}

/// How old they must be; a choice counts anew.
fn ages(asked: &Asked, now: &str) -> Markup {
    const AGES: [(&str, &str); 5] =
        [("", "of any age"), ("1", "older than 1 h"), ("24", "older than 1 day"), ("168", "older than 7 days"), ("720", "older than 30 days")];
    let again = link::with(&link::below(&asked.source, &asked.queue, "purge"), &[("state", asked.filter.state.word())]);
    html! {
        div.field {
            label.field__label for="f-older" { "Only jobs" }
            select.select id="f-older" name="olderHours" hx-get=(again) hx-target="#confirm" hx-swap="outerHTML" hx-trigger="change" {
                @for (value, text) in AGES { option value=(value) selected[value == now] { (text) } }
            }
            p.field__hint { "Since they ended, or were made." }
        }
    }
}

/// Everything that waits is archived and deleted; schedules go on.
pub async fn drain(ctx: Ctx, form: Form) -> Result<Dialog> {
    let body = AllBody { state: Some(JobState::Waiting.word().into()), ..given(&form) };
    let asked = asked(&ctx, &AllBody { state: body.state.clone(), delayed: body.delayed, ..AllBody::default() })?;
    let name = asked.queue.clone();
    let action = Drain { source: asked.source.clone(), queue: name.clone(), delayed: body.delayed, rate: body.rate };
    let delayed = field::check("delayed", "true", "Those too that wait for their time", body.delayed);
    let fields = html! { (delayed) (rate(&form)) };
    let dialog = Dialog::of(&action, format!("Remove what waits in {name}")).icon("droplets").undo("They can be restored for 72 h.");
    asked.finish(&ctx, dialog, Work::Drain { delayed: body.delayed }, fields, "Remove").await
}

/// The whole queue is archived and deleted.
pub async fn obliterate(ctx: Ctx, _: Form) -> Result<Dialog> {
    let asked = asked(&ctx, &AllBody { state: Some(JobState::Waiting.word().into()), ..AllBody::default() })?;
    let (source, queue, line) = known(&ctx)?;
    let dialog = Dialog::of(&Obliterate { source: source.clone(), queue: queue.clone() }, format!("Delete the queue {queue}")).icon("trash-2");
    if !line.can.obliterate {
        return Ok(dialog.instead("This job system does not delete queues.", link::queue(&source, &queue), format!("Show {queue}")));
    }
    if !line.state.paused && !line.lost() {
        return Ok(dialog.instead(
            "Pause it first: a queue that takes jobs is not deleted.",
            link::below(&source, &queue, "pause"),
            format!("Pause {queue}"),
        ));
    }
    asked.finish(&ctx, dialog.undo("Its jobs can be restored for 72 h."), Work::Obliterate, html! {}, "Delete the queue and").await
}

/// What a run deleted comes back.
pub async fn restore(ctx: Ctx, _: Form) -> Result<Dialog> {
    let found = run::find(&ctx.app, ctx.id("id")?).await?;
    let (place, name) = (link::run(found.id), pages::title(&found));
    let dialog = Dialog::of(&RestoreRun { run: found.id }, format!("Undo: {name}")).icon("undo-2").cancel(place.clone());
    if !found.is_restorable(ctx.now) {
        let why = if found.archived > 0 {
            "It can't be undone: it still goes on, or its 72 h are over."
        } else {
            "It can't be undone: it keeps no job that is not back."
        };
        return Ok(dialog.instead(why, place, "Show the run"));
    }
    let preview = run::preview(&ctx.app, &found.source, &found.queue, Work::Restore { run: found.id }, &found.filter).await?;
    let mut dialog = dialog.lead(environment(&ctx));
    for effect in &preview.effects {
        dialog = dialog.effect(effect.clone());
    }
    let count = crate::ui::format::count(found.archived, "job", "jobs");
    Ok(dialog.preview(preview).submit(format!("Restore {count}")).undo("Remove them again at any time."))
}
