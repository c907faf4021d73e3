//! Jobs. Their names, data, results and errors are foreign text of any size: drivers cut them, pages escape and scrub them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::time::Timestamp;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It could run now.
    Waiting,
    /// It could run now, before those without a priority.
    Prioritized,
    /// It could run if its queue were not paused, and is kept apart for that (BullMQ 5).
    Paused,
    /// It runs.
    Active,
    /// It waits for its time.
    Delayed,
    /// It waits for jobs of its own.
    WaitingChildren,
    /// It is done and kept.
    Completed,
    /// It failed for good and is kept.
    Failed,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Waiting, Self::Prioritized, Self::Paused, Self::Active, Self::Delayed, Self::WaitingChildren, Self::Completed, Self::Failed];

    /// The word in URLs and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Prioritized => "prioritized",
            Self::Paused => "paused",
            Self::Active => "active",
            Self::Delayed => "delayed",
            Self::WaitingChildren => "waiting-children",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A job by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct JobRef {
    /// Its queue.
    pub queue: String,
    /// Its id.
    pub id: String,
}

/// A foreign text, cut to what is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextCut {
    /// Its beginning, at most 64 KiB.
    pub text: String,
    /// Bytes that it really has.
    pub bytes: u64,
}

impl TextCut {
    /// Most bytes that are kept.
    pub const MAX: usize = 65_536;

    /// The text, cut at a character when it is longer than `max` (at most [`TextCut::MAX`]).
    pub fn of(text: &str, max: usize) -> Self {
        let max = max.min(Self::MAX);
        let end = if text.len() <= max { text.len() } else { (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0) };
        Self { text: text.get(..end).unwrap_or_default().to_owned(), bytes: u64::try_from(text.len()).unwrap_or(u64::MAX) }
    }

    /// Whether something is left out.
    pub fn is_cut(&self) -> bool {
        u64::try_from(self.text.len()).unwrap_or(u64::MAX) < self.bytes
    }
}

/// One job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// Its id, unique within the queue.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: JobState,
    /// Its data as JSON text, cut at 4 KiB in lists and at 64 KiB in details.
    pub data: TextCut,
    /// Priority in the driver's own numbers; 0 is none.
    pub priority: i64,
    /// Attempts that ended.
    pub attempts: u64,
    /// Attempts that it may have; `None` when it does not say.
    pub attempts_max: Option<u64>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it is due, while it waits for its time.
    pub due_at: Option<Timestamp>,
    /// When the last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed last, cut at 1 KiB in lists.
    pub reason: Option<TextCut>,
    /// The worker of the last attempt.
    pub worker: Option<String>,
    /// The schedule that made it.
    pub schedule: Option<String>,
}

/// One page of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// A job that another one waits for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Child {
    /// Which.
    #[serde(flatten)]
    pub job: JobRef,
    /// Its name; `None` when it is gone.
    pub name: Option<String>,
    /// Where it stands; `None` when it is gone.
    pub state: Option<JobState>,
}

/// Everything about one job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub row: JobRow,
    /// Options as JSON text.
    pub options: TextCut,
    /// How far it says it is, as JSON text.
    pub progress: Option<TextCut>,
    /// What it returned, as JSON text.
    pub result: Option<TextCut>,
    /// The stack of each failed attempt that is kept, newest last, at most 50.
    pub stacks: Vec<TextCut>,
    /// The first page of its log lines.
    pub log: LogPage,
    /// The job that waits for it.
    pub parent: Option<JobRef>,
    /// Jobs that it waits for or waited for, at most 100.
    pub children: Vec<Child>,
    /// How many those are.
    pub children_total: u64,
    /// How often it stalled: its worker vanished.
    pub stalled: u64,
    /// Milliseconds that it was delayed when it was made.
    pub delay_ms: u64,
    /// Key that keeps a second one like it away.
    pub unique_key: Option<String>,
}

/// Log lines of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<TextCut>,
    /// Number of the first of them, from 0.
    pub from: u64,
    /// Lines that there are.
    pub total: u64,
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// It was made.
    Added,
    /// It is ready to run.
    Waiting,
    /// It waits for its time: made so, or to be tried again.
    Delayed,
    /// It began to run.
    Active,
    /// It is done.
    Completed,
    /// It failed for good.
    Failed,
    /// An attempt failed and is tried again.
    Retrying,
    /// Its worker vanished.
    Stalled,
    /// It was deleted.
    Removed,
    /// The queue was paused, resumed, cleaned or drained; no job is named.
    Queue,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobEvent {
    /// What.
    pub kind: EventKind,
    /// To which job; empty for the queue itself.
    pub job: String,
    /// When.
    pub at: Timestamp,
}

/// What happened in a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<JobEvent>,
    /// Where to go on; `None` when there is nothing to go on from yet.
    pub last: Option<String>,
    /// Events between the last call and the first of these were already thrown away.
    pub gap: bool,
}

/// A deleted job, whole, in the driver's own form. It may hold personal data: it is stored, never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it stood.
    pub state: JobState,
    /// What [`super::Queue::restore`] needs.
    pub whole: Value,
}
