//! The view Jobs & Queues: everything that its tabs show.

use maud::{Markup, html};
use qd_core::reading::Status;
use qd_core::{App, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{chart, driver, failed, link, may, run, schedule, table, worker};
use crate::features::health::overview::{self, QueuesReply};
use crate::features::queues::failure::Group;
use crate::features::queues::read::{self, Known, Line, Step};
use crate::features::queues::run::Run;
use crate::features::queues::schedules::{self, Schedules};
use crate::ui::format;
use crate::ui::tabs::{Tab, tabs};
use crate::web::Page;

/// What to show of the view.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct BoardQuery {
    /// queues | failed | scheduled | workers | runs; queues if not given.
    pub tab: Option<String>,
    /// Part of a queue's name.
    pub q: Option<String>,
    /// over | paused | failures | unknown
    pub state: Option<String>,
    /// Name of a job system.
    pub source: Option<String>,
    /// Beginning of queues' names.
    pub group: Option<String>,
    /// Cursor of the runs.
    pub after: Option<String>,
    /// `table` or `tabs`: a live screen renews that alone.
    pub part: Option<String>,
}

impl BoardQuery {
    /// Whether it shows less than everything.
    pub fn narrows(&self) -> bool {
        [&self.q, &self.state, &self.source, &self.group].into_iter().any(Option::is_some)
    }
}

/// The tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Every queue.
    #[default]
    Queues,
    /// Failures by cause.
    Failed,
    /// Recurring jobs.
    Scheduled,
    /// Who works.
    Workers,
    /// Work in the background.
    Runs,
}

impl Place {
    fn of(word: Option<&str>) -> Self {
        match word {
            Some("failed") => Self::Failed,
            Some("scheduled") => Self::Scheduled,
            Some("workers") => Self::Workers,
            Some("runs") => Self::Runs,
            _ => Self::Queues,
        }
    }
}

/// What was gathered for a tab.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Every queue, and all together.
    #[serde(flatten)]
    pub reply: QueuesReply,
    /// Every job system.
    pub sources: Vec<Known>,
    /// Failures by cause; only with `tab=failed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Group>,
    /// Recurring jobs; only with `tab=scheduled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Schedules>,
    /// Runs; only with `tab=runs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    #[serde(skip)]
    pub(super) lines: Vec<Line>,
    #[serde(skip)]
    pub(super) query: BoardQuery,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    worst: Option<usize>,
    #[serde(skip)]
    steps: Vec<Step>,
    #[serde(skip)]
    going: usize,
}

/// Most causes of failure that are shown.
const CAUSES: usize = 100;
/// Runs that are shown at once.
const RUNS: usize = 50;

impl Board {
    /// Gathers what the tab shows: figures from memory, causes and runs from our own database, schedules from their job systems.
    ///
    /// # Errors
    /// Those of our own database.
    pub async fn load(app: &App, query: BoardQuery, now: Timestamp, json: bool) -> Result<Self> {
        let place = Place::of(query.tab.as_deref());
        let reply = QueuesReply { queues: overview::queue_rows(app, now), health: overview::queues(app, now) };
        let lines = read::lines(app, now);
        let mut board = Self {
            reply,
            sources: read::sources(app, now),
            failures: Vec::new(),
            recurring: None,
            runs: Vec::new(),
            lines,
            query,
            place,
            worst: None,
            steps: Vec::new(),
            going: 0,
        };
        board.fill(app, now, json).await?;
        Ok(board)
    }

    async fn fill(&mut self, app: &App, now: Timestamp, json: bool) -> Result<()> {
        match self.place {
            Place::Queues if !json => {
                self.worst = self.looked_at();
                // A live screen that renews its table does not ask for the chart.
                if let Some(line) = self.worst.and_then(|index| self.lines.get(index)).filter(|_| self.query.part.is_none()) {
                    self.steps = read::steps(app, &line.row.source, &line.row.name, now.plus_seconds(-7_200), now).await?;
                }
            }
            Place::Queues | Place::Workers => {}
            Place::Failed => self.failures = read::causes(app, self.query.source.as_deref(), None, CAUSES).await?,
            Place::Scheduled => self.recurring = Some(schedules::list(app).await?),
            Place::Runs => self.runs = run::list(app, self.query.after.as_deref(), RUNS).await?,
        }
        if !json {
            self.going = run::going(app).await?;
        }
        Ok(())
    }

    /// The queue that most needs a look: the worst, else the one with most to do.
    fn looked_at(&self) -> Option<usize> {
        if self.query.narrows() {
            return None;
        }
        let bad = self.lines.iter().position(|line| matches!(line.row.status, Status::Crit | Status::Warn));
        let busy = |line: &&Line| (line.state.waiting + line.state.active, line.state.completed_recently);
        bad.or_else(|| {
            let most = self.lines.iter().filter(|line| !line.lost()).max_by_key(busy)?;
            self.lines.iter().position(|line| std::ptr::eq(line, most))
        })
    }

    /// Whether the chart is of this queue.
    pub(super) fn is_worst(&self, line: &Line) -> bool {
        self.worst.and_then(|index| self.lines.get(index)).is_some_and(|worst| std::ptr::eq(worst, line))
    }

    /// Jobs finished every five minutes of two hours.
    pub(super) fn spark(&self, app: &App, line: &Line) -> Vec<Option<f64>> {
        read::spark(app, &line.row.source, &line.row.name)
    }

    /// The state of the view in one sentence.
    pub fn sentence(&self) -> String {
        let health = &self.reply.health;
        let lost: Vec<&str> =
            self.sources.iter().filter(|known| matches!(known.status, Status::Unknown | Status::Stale)).map(|known| known.name.as_str()).collect();
        if self.sources.is_empty() {
            return "No job system is connected.".into();
        }
        let over = health.critical_queues + health.warning_queues;
        let calm = self.lines.iter().filter(|line| line.row.status == Status::Ok).count();
        let mut parts = Vec::new();
        if !lost.is_empty() {
            parts.push(format!("Nothing is known of {} now.", listed(&lost)));
        }
        match over {
            0 if calm > 0 => parts.push(format!("{} {} within limits.", many(calm), if calm == 1 { "is" } else { "are" })),
            0 => {}
            _ => {
                parts.push(format!(
                    "{} {} over {}.",
                    many(over),
                    if over == 1 { "is" } else { "are" },
                    if over == 1 { "its limits" } else { "their limits" }
                ));
                if calm > 0 {
                    parts.push(format!("{} {} healthy.", counted(calm), if calm == 1 { "is" } else { "are" }));
                }
            }
        }
        let paused = self.lines.iter().filter(|line| line.state.paused && !line.lost()).count();
        if paused > 0 {
            parts.push(format!("{} {} paused.", counted(paused), if paused == 1 { "is" } else { "are" }));
        }
        parts.join(" ")
    }

    /// The tabs with their counts.
    pub fn tabs(&self, page: &Page<'_>) -> Markup {
        let at = |place: Place, label: &str, word: &str, count: Option<usize>| {
            let tab = Tab::new(label, link::with("/queues", &[("tab", word)]), self.place == place);
            count.map_or(tab.clone(), |count| tab.count(i64::try_from(count).unwrap_or(i64::MAX)))
        };
        // A sum without those that can't be asked would be too small, and without any of them a false zero.
        let failed = self.sources.iter().all(|known| known.status != Status::Unknown).then(|| self.lines.iter().map(|line| line.state.failed).sum());
        let (workers, schedules) = (worker::count(page.app), schedule::count(page.app));
        let failed = failed.filter(|_| !self.lines.is_empty()).map(|failed: u64| usize::try_from(failed).unwrap_or(usize::MAX));
        let going = (self.going > 0).then_some(self.going);
        let all = [
            at(Place::Queues, "Queues", "", (!self.lines.is_empty()).then_some(self.lines.len())),
            at(Place::Failed, "Failed", "failed", failed),
            at(Place::Scheduled, "Scheduled", "scheduled", schedules),
            at(Place::Workers, "Workers", "workers", workers),
            at(Place::Runs, "Runs", "runs", going),
        ];
        html! { div #queue-tabs data-live="kpi queue" data-live-src=(link::changed(page.path, page.query, &[("part", "tabs")])) { (tabs("Jobs", &all)) } }
    }

    /// Cards of the job systems.
    pub fn drivers(&self, page: &Page<'_>) -> Markup {
        html! { div.drivers #queue-sources data-live="kpi queue" data-live-src=(link::changed(page.path, page.query, &[("part", "tabs")])) { (driver::cards(&self.sources, page)) } }
    }

    /// What the tab shows.
    pub fn panel(&self, page: &Page<'_>) -> Markup {
        let may = may::may(page);
        match self.place {
            Place::Queues => html! {
                @if let Some(line) = self.worst.and_then(|index| self.lines.get(index)) { (chart::worst(line, &self.steps, may, page)) }
                (table::panel(self, page))
                p class="small quiet" { (crate::features::health::judge::queue_limits()) }
            },
            Place::Failed => failed::panel(&self.failures, may, page),
            Place::Scheduled => schedule::panel(self.recurring.as_ref().unwrap_or(&Schedules::default()), &self.sources, may, page),
            Place::Workers => worker::panel(&self.lines, &self.sources, page),
            Place::Runs => run::panel(&self.runs, RUNS, page),
        }
    }

    /// What may be done to all at once.
    pub fn actions(&self, page: &Page<'_>) -> Markup {
        let may = may::may(page);
        let any_paused = self.lines.iter().any(|line| line.state.paused);
        html! {
            @if may.work && any_paused { (crate::ui::Button::dialog("Resume queues…", "/queues/resume").icon("play")) }
            @if may.work && !self.lines.is_empty() { (crate::ui::Button::dialog("Pause all queues…", "/queues/pause").risk().icon("pause")) }
        }
    }
}

/// `a, b and c`
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn many(n: usize) -> String {
    format!("{} {}", counted(n), if n == 1 { "queue" } else { "queues" })
}

/// `One`, `Two`, … as the first word of a sentence.
fn counted(n: usize) -> String {
    const WORDS: [&str; 11] = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
    WORDS.get(n).map_or_else(|| format::number(i64::try_from(n).unwrap_or(i64::MAX)), |word| (*word).to_owned())
}

/// Names that fit in a sentence.
pub fn some(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}
