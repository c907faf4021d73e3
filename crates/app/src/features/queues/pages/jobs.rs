//! A page of jobs: chosen ones, and everything that the filter matches, can be acted on.

use maud::{Markup, Render, html};
use qd_core::Timestamp;

use super::input::{QueueQuery, with};
use super::may::May;
use super::{link, row};
use crate::features::queues::read::{self, Line};
use crate::features::queues::{JobRow, JobState};
use crate::ui::status::{Tone, status_word};
use crate::ui::table::{Column, Priority};
use crate::ui::{Button, Empty, format};
use crate::web::Page;

/// Where the jobs are and who looks.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// Job system.
    pub source: &'a str,
    /// Queue.
    pub queue: &'a str,
    /// The state that is shown; `None` for what a search found.
    pub state: Option<JobState>,
    /// What the person may do.
    pub may: May,
}

/// How a job stands, as shape and word.
pub fn state(state: JobState) -> Markup {
    let (tone, word) = match state {
        JobState::Waiting => (Tone::Next, "WAITING"),
        JobState::Prioritized => (Tone::Next, "PRIORITIZED"),
        JobState::Paused => (Tone::Paused, "PAUSED"),
        JobState::Active => (Tone::Running, "ACTIVE"),
        JobState::Delayed => (Tone::Info, "DELAYED"),
        JobState::WaitingChildren => (Tone::Info, "WAITS FOR CHILDREN"),
        JobState::Completed => (Tone::Ok, "COMPLETED"),
        JobState::Failed => (Tone::Crit, "FAILED"),
    };
    status_word(tone, word)
}

fn columns(of: &Of<'_>) -> Vec<Column> {
    let what = match of.state {
        Some(JobState::Failed) => "Error",
        _ => "Data",
    };
    let mut columns = vec![Column::new("Job")];
    if of.state.is_none() {
        columns.push(Column::new("State"));
    }
    columns.extend([Column::new(what).priority(Priority::Medium), Column::number("Tries"), Column::new(moment_name(of.state)), Column::actions()]);
    columns
}

fn moment_name(state: Option<JobState>) -> &'static str {
    match state {
        Some(JobState::Failed) => "Failed",
        Some(JobState::Completed) => "Completed",
        Some(JobState::Delayed) => "Due",
        Some(JobState::Active) => "Began",
        _ => "Made",
    }
}

/// The moment that matters in its state.
fn moment(job: &JobRow, now: Timestamp) -> Markup {
    let at = match job.state {
        JobState::Failed | JobState::Completed => job.finished_at,
        JobState::Active => job.started_at,
        JobState::Delayed => job.due_at,
        _ => job.created_at,
    };
    match at {
        Some(at) if at > now => html! { "in " (format::duration(at.since(now))) },
        Some(at) => format::time_ago(at, now),
        None => html! { (format::NONE) },
    }
}

/// `3 of 5`
pub fn tries(job: &JobRow) -> String {
    let made = row::number(job.attempts);
    job.attempts_max.map_or_else(|| made.clone(), |most| format!("{made} of {}", row::number(most)))
}

/// Why it failed, or what it is about: one line, scrubbed.
fn about(job: &JobRow) -> String {
    let text = match (&job.reason, job.state) {
        (Some(reason), JobState::Failed | JobState::Delayed) if !reason.text.is_empty() => reason.text.lines().next().unwrap_or_default(),
        _ => job.data.text.as_str(),
    };
    let short: String = text.chars().take(400).collect();
    let scrubbed = read::scrubbed(&short);
    let shown: String = scrubbed.chars().take(160).collect();
    if shown.len() < scrubbed.len() || short.len() < text.len() { format!("{shown}…") } else { shown }
}

/// The table in a form: what is ticked goes to the dialog of the button.
pub fn table(jobs: &[JobRow], of: &Of<'_>, now: Timestamp) -> Markup {
    let columns = columns(of);
    html! {
        form method="get" action=(link::below(of.source, of.queue, "retry")) data-dialog data-bulk {
            @if of.may.work { (bulk(of)) }
            div class="table-wrap" tabindex="0" role="region" aria-label="Jobs, table" {
                table class="table jobs" {
                    thead { tr { @if of.may.work { th scope="col" { span.vh { "Choose" } } } @for column in &columns { (column) } } }
                    tbody { @for job in jobs { (line(job, of, now)) } }
                }
            }
        }
    }
}

fn line(job: &JobRow, of: &Of<'_>, now: Timestamp) -> Markup {
    let href = link::job(of.source, of.queue, &job.id);
    html! {
        tr data-row {
            @if of.may.work { td.pick { input type="checkbox" name="ids" value=(job.id) aria-label={ "Choose job " (job.id) }; } }
            th scope="row" {
                a class="rowlink mono wrap-any" id={ "job-" (job.id) } href=(link::with(&href, &[("view", "drawer")])) data-dialog { (job.id) }
                span class="sub mono wrap-any" { (job.name) @if job.priority != 0 { " · priority " (format::number(job.priority)) } @if job.schedule.is_some() { " · scheduled" } }
                span class="sub brief" { (about(job)) }
            }
            @if of.state.is_none() { td { (state(job.state)) } }
            td class="col-md about" { span.mono { (about(job)) } }
            td class="num nowrap" { (tries(job)) }
            td.nowrap { (moment(job, now)) }
            td.num { div.actions { (Button::link(format!("Page of job {}", job.id), href).ghost().small().icon_only("arrow-right")) } }
        }
    }
}

fn bulk(of: &Of<'_>) -> Markup {
    let act = |text: &str, what: &str, icon: &str| {
        let formaction = link::below(of.source, of.queue, what);
        html! { button type="submit" class="btn btn--s" formaction=(formaction) { (crate::ui::icon(icon)) (text) } }
    };
    let any = of.state.is_none();
    html! {
        div class="bulk" role="group" aria-label="Chosen jobs" {
            label.check.needs-js { input type="checkbox" data-check-all; " All on this page" }
            span class="quiet small needs-js" { span data-checked { "0" } " chosen" }
            span.push {}
            @if any || matches!(of.state, Some(JobState::Failed | JobState::Completed)) { (act("Retry chosen", "retry", "rotate-ccw")) }
            @if any || of.state == Some(JobState::Delayed) { (act("Promote chosen", "promote", "skip-forward")) (act("Set time of chosen", "delay", "clock")) }
            @if any || matches!(of.state, Some(JobState::Waiting | JobState::Prioritized | JobState::Delayed)) { (act("Set priority of chosen", "priority", "arrow-up")) }
            @if of.state != Some(JobState::Active) { (act("Remove chosen", "remove", "trash-2")) }
        }
    }
}

/// What can be done to everything that the filter matches, as a run in the background.
pub fn everything(line: &Line, query: &QueueQuery, state: JobState, may: May, count: u64) -> Markup {
    let filter = query.filter_query(state);
    let (source, queue) = (&line.row.source, &line.row.name);
    let at = |what: &str| with(&link::below(source, queue, what), &filter);
    let words = if query.narrows() { "all that match".to_owned() } else { format!("all {}", row::number(count)) };
    let button = |text: String, what: &str, icon: &str| Button::dialog(text, at(what)).small().icon(icon);
    let ended = matches!(state, JobState::Failed | JobState::Completed);
    html! {
        @if may.work && ended { (button(format!("Retry {words}…"), "retry-all", "rotate-ccw")) }
        @if may.work && state == JobState::Failed && (count > 5 || query.narrows()) { (button("Retry 5 first…".into(), "retry-cohort", "list-checks")) }
        @if may.work && state == JobState::Delayed { (button(format!("Promote {words}…"), "promote-all", "skip-forward")) }
        // What a pause holds is counted among what waits: draining takes both.
        @if may.lose && !matches!(state, JobState::Active | JobState::Paused) { (button(format!("Remove {words}…"), "purge", "brush-cleaning").risk()) }
    }
}

/// No job to show, and why.
pub fn none(query: &QueueQuery, state: JobState, looked: usize, page: &Page<'_>) -> Markup {
    if query.narrows() || query.q.is_some() {
        let text = match looked {
            0 => "No job has this name, error, time and data.".to_owned(),
            n => {
                format!("Looked through {} of them; none has this name, error, time and data.", format::number(i64::try_from(n).unwrap_or(i64::MAX)))
            }
        };
        return Empty::filtered("No job fits the filter", text, &link::with(page.path, &[("state", state.word())])).render();
    }
    let (icon, title, text) = match state {
        JobState::Failed => (
            "circle-check",
            "No job failed",
            "Jobs that fail for good stay here until somebody retries or removes them, or the job system forgets them.",
        ),
        JobState::Active => ("loader-circle", "No job runs", "A job stands here while a worker runs it."),
        JobState::Delayed => ("clock", "No job waits for its time", "Jobs made with a delay, and those to be tried again, stand here."),
        JobState::Completed => ("circle-check", "No completed job is kept", "How many are kept is set where jobs are made."),
        JobState::WaitingChildren => {
            ("network", "No job waits for jobs of its own", "The parents of a flow stand here until their children are done.")
        }
        JobState::Paused => ("inbox", "No job is held", "Jobs that a pause keeps from running stand here, or among those that wait."),
        _ => ("inbox", "No job waits", "A job stands here until a worker is free."),
    };
    Empty::new(icon, title, text).render()
}
