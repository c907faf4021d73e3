//! Runs: what is done in the background, how far it is, and how it is taken back.

use maud::{Markup, Render, html};
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{link, row};
use crate::features::queues::action::{CancelRun, RestoreRun};
use crate::features::queues::run::{self, Run, RunStatus, Work};
use crate::ui::button::post;
use crate::ui::head::record_head;
use crate::ui::spark::progress;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::status::{Tone, status_word};
use crate::ui::table::{Column, Priority, cell_at, cell_number, cell_status, table_stacking};
use crate::ui::tabs::crumbs;
use crate::ui::{Banner, Button, Empty, card, format, icon_small, pager};
use crate::web::{Ctx, Page, View};

/// The newest runs.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is none, and those of our own database.
pub async fn list(app: &App, after: Option<&str>, most: usize) -> Result<Vec<Run>> {
    let after = after.map(|text| Uuid::parse_str(text).map_err(|_| Error::invalid("after", "Give the cursor of the page before."))).transpose()?;
    run::runs(app, after, most).await
}

/// Runs that are not over.
///
/// # Errors
/// Those of our own database.
pub async fn going(app: &App) -> Result<usize> {
    Ok(run::open(app).await?.len())
}

/// How a run stands, as shape and word.
pub fn state(run: &Run) -> Markup {
    let tone = match run.status {
        RunStatus::Waiting => Tone::Next,
        RunStatus::Running | RunStatus::Cancelling => Tone::Running,
        RunStatus::Done if run.refused > 0 => Tone::Warn,
        RunStatus::Done => Tone::Ok,
        RunStatus::Cancelled => Tone::Off,
        RunStatus::Failed => Tone::Crit,
    };
    status_word(tone, run.status.word())
}

/// `Retry in email.outbound`
pub fn title(run: &Run) -> String {
    let what = match run.work {
        Work::Retry { .. } => "Retry",
        Work::Promote => "Promotion",
        Work::Remove => "Removal",
        Work::Drain { .. } => "Removal of what waits",
        Work::Obliterate => "Deletion of the queue",
        Work::Cohort { .. } => "Cohort retry",
        Work::Restore { .. } => "Restore",
    };
    format!("{what} in {}", run.queue)
}

fn whole(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// How far it is, in a sentence.
fn sentence(run: &Run, now: Timestamp) -> String {
    let of = run.total.map_or_else(String::new, |total| format!(" of {}", format::number(total)));
    let looked = format!("Looked at {}{of}, done {}.", format::number(run.seen), format::number(run.done));
    let phase = if run.phase.is_empty() { String::new() } else { format!(" {}.", sentence_case(&run.phase)) };
    match run.status {
        RunStatus::Waiting => "It begins in a moment.".into(),
        RunStatus::Running => format!("{looked}{phase}{}", left(run, now)),
        RunStatus::Cancelling => format!("{looked} It ends after the jobs that it is at."),
        RunStatus::Done | RunStatus::Cancelled | RunStatus::Failed => looked,
    }
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// When it will be over at this speed.
fn left(run: &Run, now: Timestamp) -> String {
    let Some((total, started)) = run.total.zip(run.started_at) else { return String::new() };
    let took = now.since(started);
    if took < 5 || run.seen < 100 || total <= run.seen {
        return String::new();
    }
    format!(" About {} left.", format::duration((total - run.seen).saturating_mul(took) / run.seen.max(1)))
}

/// The tab.
pub fn panel(runs: &[Run], most: usize, page: &Page<'_>) -> Markup {
    let columns = [
        Column::new("Run"),
        Column::new("State"),
        Column::number("Done"),
        Column::new("By").priority(Priority::Medium),
        Column::new("When"),
        Column::actions(),
    ];
    let rows = html! { @for run in runs { (line(run, page)) } };
    let content = if runs.is_empty() {
        Empty::new(
            "list-checks",
            "Nothing was done in the background yet",
            "Retrying or removing everything that a filter matches is a run: it has progress, a stop and, where jobs were deleted, an undo.",
        )
        .render()
    } else {
        table_stacking("Runs", &columns, &rows)
    };
    let older = runs
        .last()
        .filter(|_| runs.len() >= most)
        .map(|last| link::changed("/queues", page.query, &[("tab", "runs"), ("after", &last.id.to_string())]));
    let newest = page.query.contains("after=").then(|| "/queues?tab=runs".to_owned());
    html! {
        section class="card" id="queue-runs" aria-label="Runs" data-live="queue" {
            div.card__head { h2 { "Runs" } p { "The newest first. What they deleted can be restored for 72 h." } }
            (content)
            @if older.is_some() || newest.is_some() { (pager::pager("", newest.as_deref(), older.as_deref())) }
        }
    }
}

fn line(run: &Run, page: &Page<'_>) -> Markup {
    html! {
        tr data-row {
            th scope="row" { a class="rowlink" href=(link::run(run.id)) { (title(run)) } span.sub { (run.filter.words()) } }
            (cell_status(state(run)))
            (cell_number("Done", html! { (format::number(run.done)) @if let Some(total) = run.total { span class="quiet" { " of " (format::number(total)) } } }))
            (cell_at(Priority::Medium, "By", html! { (run.actor_name) }))
            td data-label="When" { (format::time_ago(run.created_at, page.now)) }
            td.num { div.actions { (buttons(run, true, page)) } }
        }
    }
}

fn buttons(run: &Run, small: bool, page: &Page<'_>) -> Markup {
    let href = link::run(run.id);
    let size = |button: Button| if small { button.small() } else { button };
    html! {
        @if page.may::<CancelRun>() && matches!(run.status, RunStatus::Waiting | RunStatus::Running) { (post(&format!("{href}/cancel"), &size(Button::submit("Stop").icon("circle-stop")))) }
        @if page.may::<RestoreRun>() && run.is_restorable(page.now) { (size(Button::dialog("Undo…", format!("{href}/restore")).icon("undo-2"))) }
    }
}

/// One run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
}

impl RunView {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn load(ctx: &Ctx) -> Result<Self> {
        Ok(Self { run: run::find(&ctx.app, ctx.id("id")?).await? })
    }

    fn figures(&self, now: Timestamp) -> Markup {
        let run = &self.run;
        let stat = |label: &str, value: String, note: &str| Stat::new(label, value, "", note);
        let took = run.started_at.map_or_else(|| format::NONE.into(), |at| format::duration(run.ended_at.unwrap_or(now).since(at).max(0)));
        stats_card(&[
            stat(
                "Looked at",
                format::number(run.seen),
                &run.total.map_or_else(|| "how many there are is not known".into(), |total| format!("of {}", format::number(total))),
            ),
            stat("Done", format::number(run.done), run.work.word()),
            stat("Moved on", format::number(run.gone), "by themselves"),
            stat("Refused", format::number(run.refused), "left as they are"),
            stat(
                "Took",
                took,
                &run.rate.map_or_else(|| "as fast as it goes".into(), |rate| format!("at most {} a second", row::number(u64::from(rate)))),
            ),
            stat(
                "Kept for undo",
                format::number(run.archived),
                &run.restorable_until.map_or_else(String::new, |until| format!("until {}", format::moment(until, now))),
            ),
        ])
    }

    fn body_of(&self, page: &Page<'_>) -> Markup {
        let run = &self.run;
        let done = run.total.unwrap_or(run.seen).max(1);
        html! {
            @if !run.status.is_over() { (progress("Progress of the run", whole(run.seen), whole(done))) }
            @if let Some(fault) = &run.fault { (Banner::new(if run.status == RunStatus::Failed { Tone::Crit } else { Tone::Warn }, if run.status == RunStatus::Failed { "It stopped by itself" } else { "The last try failed" }).text(fault)) }
            @if let Some(note) = &run.note { (Banner::new(Tone::Info, "What stays").text(note)) }
            (self.figures(page.now))
        }
    }

    fn facts(&self, now: Timestamp) -> Markup {
        let run = &self.run;
        let queue = html! { a class="mono wrap-any" href=(link::queue(&run.source, &run.queue)) { (run.queue) } " " span.quiet { (run.source) } };
        let mut pairs: Vec<(&str, Markup)> = vec![
            ("Queue", queue),
            ("Which jobs", html! { (run.filter.words()) }),
            ("Asked for by", html! { (run.actor_name) ", " (format::time(run.created_at, now)) }),
            ("Why", html! { (run.reason.clone().unwrap_or_else(|| format::NONE.into())) }),
        ];
        if let Some(at) = run.ended_at {
            pairs.push(("Over", format::time(at, now)));
        }
        if let Work::Restore { run } = run.work {
            pairs.push(("Undoes", html! { a href=(link::run(run)) { "this run" } }));
        }
        card("What it does").body(kv(pairs)).render()
    }
}

impl View for RunView {
    fn title(&self) -> String {
        title(&self.run)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let run = &self.run;
        let name = title(run);
        html! {
            (crumbs(&[("Jobs & Queues", "/queues"), ("Runs", "/queues?tab=runs")], &name))
            div.stack #run data-live="queue" {
                (record_head(&state(run), &name, &sentence(run, page.now), &buttons(run, false, page)))
                (self.body_of(page))
                @if !run.refusals.is_empty() {
                    (card("Left as they are").note("the first few").fill(html! {
                        ul.rows { @for refusal in &run.refusals { li { a class="mono wrap-any" href=(link::job(&run.source, &run.queue, &refusal.id)) { (refusal.id) } span class="quiet small" { (icon_small("info")) " " (refusal.why) } } } }
                    }))
                }
            }
            (self.facts(page.now))
        }
    }
}
