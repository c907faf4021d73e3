//! One queue: how it stands, over time, why its jobs fail, and its jobs by state.

use maud::{Markup, Render, html};
use qd_core::reading::Status;
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::failed;
use super::input::QueueQuery;
use super::jobs::{self, Of};
use super::may::{May, may};
use super::old::OldJob;
use super::{chart, link, row, tools};
use crate::features::queues::failure::Group;
use crate::features::queues::read::{self, Asked, Line, Listed, Step};
use crate::features::queues::{JobRow, JobState};
use crate::ui::head::record_head;
use crate::ui::stats::{Stat, stats_card};
use crate::ui::tabs::{Tab, crumbs, tabs};
use crate::ui::{Banner, Empty, Tone, badge, card, format, pager};
use crate::web::{Ctx, Page, View};

/// One queue and a page of its jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueView {
    /// Its name.
    pub queue_name: String,
    /// Its job system.
    pub source: String,
    /// The state whose jobs these are.
    pub state: JobState,
    /// The jobs; data and errors are cut, secrets and personal data in them masked.
    pub jobs: Vec<JobRow>,
    /// Those of them that failed, under the names of older clients.
    pub failed_jobs: Vec<OldJob>,
    /// Cursor of the next page; `null` on the last.
    pub next: Option<String>,
    /// What a search did not look at, in a sentence.
    pub coverage: Option<String>,
    #[serde(skip)]
    looked: usize,
    #[serde(skip)]
    away: Option<String>,
    #[serde(skip)]
    line: Option<Line>,
    #[serde(skip)]
    steps: Vec<Step>,
    #[serde(skip)]
    causes: Vec<Group>,
    #[serde(skip)]
    query: QueueQuery,
    #[serde(skip)]
    range: &'static str,
}

/// Causes on the page of a queue.
const CAUSES: usize = 5;

impl QueueView {
    /// Gathers it. For clients the jobs alone, and a failure when the job system does not answer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown queue; [`Error::Invalid`] for a filter that is none.
    pub async fn load(ctx: &Ctx, source: String, queue: String, query: QueueQuery) -> Result<Self> {
        let (app, now, json) = (&ctx.app, ctx.now, ctx.wants_json());
        let line = read::line(app, &source, &queue, now)?;
        let state = match query.state.as_deref().map(JobState::parse) {
            Some(None) => {
                return Err(Error::invalid("state", "Give waiting, prioritized, paused, active, delayed, waiting-children, completed or failed."));
            }
            _ => query.state(line.as_ref().map(|line| &line.state)),
        };
        let (state, asked) = match query.part.as_deref() {
            Some("head" | "figures") if !json => (state, Asked::Told(Listed::default())),
            _ if json => (state, read::listed(app, &source, &queue, state, &query).await?),
            _ => listed(app, (&source, &queue), state, &query, line.as_ref()).await?,
        };
        let (listed, away) = match asked {
            Asked::Away(_) if json => (asked.or_fail()?, None),
            Asked::Away(why) => (Listed::default(), Some(why)),
            Asked::Told(listed) => (listed, None),
        };
        let mut view = Self {
            queue_name: queue,
            source,
            state,
            failed_jobs: if state == JobState::Failed && json { listed.jobs.iter().map(OldJob::of).collect() } else { Vec::new() },
            jobs: listed.jobs,
            next: listed.next,
            coverage: listed.coverage,
            looked: listed.looked,
            away,
            line,
            steps: Vec::new(),
            causes: Vec::new(),
            range: chart::range(query.range.as_deref()).0,
            query,
        };
        if !json && !matches!(view.query.part.as_deref(), Some("figures" | "jobs")) {
            view.fill(app, now).await?;
        }
        Ok(view)
    }

    /// What a page shows beside the jobs. What our own database can't tell is no empty history: the page fails and says so.
    async fn fill(&mut self, app: &App, now: Timestamp) -> Result<()> {
        let seconds = chart::range(Some(self.range)).1;
        let (source, queue) = (self.source.as_str(), self.queue_name.as_str());
        let (steps, causes) =
            tokio::try_join!(read::steps(app, source, queue, now.plus_seconds(-seconds), now), read::causes(app, Some(source), Some(queue), CAUSES))?;
        self.steps = steps;
        self.causes = causes;
        Ok(())
    }

    fn head(&self, may: May, page: &Page<'_>) -> Markup {
        let Some(line) = &self.line else {
            let text = "It is not among the queues that its job system counted last.";
            return html! { div #queue-head data-live="kpi queue" data-live-src=(part(page, "head")) { (record_head(&html! { span.quiet { (self.source) } }, &self.queue_name, text, &html! {})) } };
        };
        let facts = html! {
            (row::state(line)) span.badge { (self.source) }
            @if let Some(version) = &line.state.version { (badge::mono(version)) }
            @if super::sentence::unattended(&line.state) && !line.lost() { (badge::badge_kind("sev1", "no workers")) }
        };
        html! {
            div #queue-head data-live="kpi queue" data-live-src=(part(page, "head")) {
                (record_head(&facts, &self.queue_name, &chart::said(line, &self.steps, page.now), &tools::buttons(line, may)))
            }
        }
    }

    fn figures(&self, page: &Page<'_>) -> Markup {
        let Some(line) = &self.line else { return html! {} };
        let state = &line.state;
        let lost = line.row.status == Status::Unknown;
        let known = |count: u64| if lost { format::UNKNOWN.to_owned() } else { row::counted(state, count) };
        let stat = |label: &str, value: String, note: String| Stat::new(label, if lost { format::UNKNOWN.to_owned() } else { value }, "", note);
        let oldest = line.oldest(page.now).map_or_else(|| format::NONE.into(), format::duration);
        let workers = state.workers.map_or_else(|| format::UNKNOWN.into(), row::number);
        let wait = state.average_wait.map_or_else(|| format::NONE.into(), |seconds| format::millis(seconds * 1_000.0));
        let limits = row::limits(state);
        let limits = limits.trim_start_matches(", ");
        let figures = [
            stat(
                "Waiting",
                known(state.waiting),
                if state.prioritized > 0 { format!("{} with priority", row::number(state.prioritized)) } else { String::new() },
            ),
            stat("Active", known(state.active), if limits.is_empty() { "no limit is set".into() } else { limits.to_owned() }),
            stat("Delayed", known(state.delayed), String::new()),
            stat("Failed", known(state.failed), format!("{} within 5 min", known(state.failed_recently))),
            stat("Completed", known(state.completed), format!("{} within 5 min", known(state.completed_recently))),
            stat("Oldest", oldest, "waiting".into()),
            stat("Mean wait", wait, "over 5 min".into()),
            stat("Workers", workers, if state.workers.is_none() { "the driver can't know".into() } else { "connected".into() }),
        ];
        html! { div #queue-figures data-live="kpi queue" data-live-src=(part(page, "figures")) { (stats_card(&figures)) } }
    }

    fn over_time(&self, page: &Page<'_>) -> Markup {
        let Some(line) = &self.line else { return html! {} };
        let history = link::below(&self.source, &self.queue_name, "performance");
        let actions = html! { (chart::ranges(page, self.range)) (crate::ui::Button::link("Wait and run times", history).small().icon("chart-line")) };
        card("Over time").id("queue-over-time").actions(actions).body(chart::plot("q-depth", line, &self.steps, page)).render()
    }

    fn states(&self, page: &Page<'_>) -> Markup {
        let counts = self.line.as_ref().filter(|line| line.row.status != Status::Unknown).map(|line| &line.state);
        let tab = |state: JobState, label: &str, count: Option<u64>| {
            let href = link::with(&link::queue(&self.source, &self.queue_name), &[("state", state.word())]);
            let tab = Tab::new(label, href, self.query.q.is_none() && self.state == state);
            count.map_or(tab.clone(), |count| tab.count(i64::try_from(count).unwrap_or(i64::MAX)))
        };
        let mut all = vec![
            tab(JobState::Failed, "Failed", counts.map(|c| c.failed)),
            tab(JobState::Waiting, "Waiting", counts.map(|c| c.waiting.saturating_sub(c.prioritized))),
            tab(JobState::Prioritized, "Prioritized", counts.map(|c| c.prioritized)),
            tab(JobState::Active, "Active", counts.map(|c| c.active)),
            tab(JobState::Delayed, "Delayed", counts.map(|c| c.delayed)),
            tab(JobState::WaitingChildren, "Parents", counts.map(|c| c.waiting_children)),
            tab(JobState::Completed, "Completed", counts.map(|c| c.completed)),
        ];
        // A pause holds its jobs in one of two lists, by the clients' version; where they use both, each has its tab.
        let mixed = counts.is_some_and(|c| c.paused && c.hazard.is_some());
        if mixed || self.state == JobState::Paused {
            all.insert(3, tab(JobState::Paused, "Held by the pause", counts.filter(|_| !mixed).map(|c| c.waiting.saturating_sub(c.prioritized))));
        }
        if self.state == JobState::Paused && !mixed {
            all.retain(|tab| !tab.href.ends_with("state=waiting"));
        }
        // What hardly any queue has is shown where there is some.
        let rare = [JobState::Prioritized, JobState::WaitingChildren].map(JobState::word);
        all.retain(|tab| tab.current || tab.count != Some(0) || !rare.iter().any(|word| tab.href.ends_with(&format!("state={word}"))));
        html! { div #queue-states data-live="kpi queue" data-live-src=(part(page, "figures")) { (tabs("Jobs by state", &all)) } }
    }

    fn list(&self, may: May, page: &Page<'_>) -> Markup {
        let searched = self.query.q.is_some();
        let state = (!searched).then_some(self.state);
        let of = Of { source: &self.source, queue: &self.queue_name, state, may };
        // A page of a state, or of one cause, is read again while people look at it. A look through thousands is repeated by hand.
        let live = !searched && (!self.query.narrows() || self.query.only_cause().is_some());
        let content = match &self.away {
            Some(why) => Empty::error(
                "unplug",
                "Its jobs can't be asked",
                format!("{why} Nothing is known of them now; nothing was changed. Load the page again in a moment."),
            )
            .render(),
            None if self.jobs.is_empty() => jobs::none(&self.query, self.state, self.looked, page),
            None => jobs::table(&self.jobs, &of, page.now),
        };
        let next = self.next.as_deref().map(|next| link::changed(page.path, page.query, &[("after", next), ("part", "")]));
        let first = self.query.after.as_ref().map(|_| link::changed(page.path, page.query, &[("after", ""), ("part", "")]));
        let shown = format::count(i64::try_from(self.jobs.len()).unwrap_or(i64::MAX), "job", "jobs");
        html! {
            section class="card" id="queue-jobs" aria-label="Jobs" {
                (tools::filters(self, searched, page))
                div id="queue-list" data-live=[live.then_some("kpi queue")] data-live-src=(part(page, "jobs")) data-live-keep {
                    @if let Some(coverage) = &self.coverage { p class="card__body small quiet" { (coverage) } }
                    @if self.away.is_none() { (self.bar(may, live, page)) }
                    (content)
                    @if next.is_some() || first.is_some() { (pager::pager(&self.shown(&shown), first.as_deref(), next.as_deref())) }
                }
            }
        }
    }

    /// How many there are, when they were read, and what can be done to all of them.
    fn bar(&self, may: May, live: bool, page: &Page<'_>) -> Markup {
        let line = self.line.as_ref().filter(|_| self.query.q.is_none() && !self.jobs.is_empty());
        let counted = line.map_or(0, |line| tools::count(&line.state, self.state));
        let again = link::changed(page.path, page.query, &[("part", "")]);
        let all = line.map_or_else(|| html! {}, |line| jobs::everything(line, &self.query, self.state, may, counted));
        html! {
            div class="bulk" role="group" aria-label="All of them" {
                span class="quiet small" {
                    @if line.is_some() && !(self.query.narrows() && all.0.is_empty()) { (self.said(counted)) " " }
                    "As of " (format::time(page.now, page.now)) "."
                }
                @if !live { (crate::ui::Button::link("Read again", again).small().ghost().icon("refresh-cw")) }
                @if !all.0.is_empty() { span.push {} (all) }
            }
        }
    }

    fn said(&self, counted: u64) -> String {
        let counted = row::number(counted);
        match self.state {
            _ if self.query.narrows() => "What is done to all that match runs in the background, with a preview first.".into(),
            JobState::WaitingChildren => format!("{counted} wait for jobs of their own."),
            JobState::Paused => format!("{counted} held by the pause."),
            state => format!("{counted} {}.", state.word()),
        }
    }

    fn shown(&self, shown: &str) -> String {
        if self.query.narrows() && self.looked > self.jobs.len() {
            return format!("{shown} of {} looked through", format::number(i64::try_from(self.looked).unwrap_or(i64::MAX)));
        }
        shown.to_owned()
    }

    pub(super) fn query(&self) -> &QueueQuery {
        &self.query
    }
}

/// The jobs of a state. Those that a pause holds stand in one of two lists, by the version of its clients: where one is empty, the other is shown.
async fn listed(
    app: &App,
    (source, queue): (&str, &str),
    state: JobState,
    query: &QueueQuery,
    line: Option<&Line>,
) -> Result<(JobState, Asked<Listed>)> {
    let asked = read::listed(app, source, queue, state, query).await?;
    let other = match state {
        JobState::Waiting => JobState::Paused,
        JobState::Paused => JobState::Waiting,
        _ => return Ok((state, asked)),
    };
    let held = line.is_some_and(|line| line.state.paused && line.state.waiting > line.state.prioritized);
    let whole = !query.narrows() && query.q.is_none() && query.after.is_none();
    if !(held && whole && is_empty(&asked)) {
        return Ok((state, asked));
    }
    let there = read::listed(app, source, queue, other, query).await?;
    Ok(if is_empty(&there) { (state, asked) } else { (other, there) })
}

fn is_empty(asked: &Asked<Listed>) -> bool {
    asked.told().is_none_or(|listed| listed.jobs.is_empty())
}

/// The address of a part of this page, for a screen that renews it.
fn part(page: &Page<'_>, what: &str) -> String {
    link::changed(page.path, page.query, &[("part", what)])
}

impl View for QueueView {
    fn title(&self) -> String {
        self.queue_name.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let may = may(page);
        let hazard = self.line.as_ref().and_then(|line| line.state.hazard.clone());
        html! {
            (crumbs(&[("Jobs & Queues", "/queues")], &self.queue_name))
            (self.head(may, page))
            @if let Some(why) = hazard { (Banner::new(Tone::Warn, "Its pause could lose jobs").text(why)) }
            (self.figures(page))
            (self.over_time(page))
            @if self.state == JobState::Failed && !self.query.narrows() && self.query.q.is_none() { (failed::of_queue(&self.causes, may, page)) }
            (self.states(page))
            (self.list(may, page))
        }
    }
}
