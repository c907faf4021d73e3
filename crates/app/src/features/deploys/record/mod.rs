//! Records of deploys: who may write them, what counts as the same one, and what is live.

mod action;
pub(super) mod store;
mod verb;

use qd_core::Timestamp;
use qd_core::port::DeployState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{Finish, Record, SCOPE, is_build, is_name, tidy_build};
pub use verb::{Filter, Recorded, Standing, before, current, find, finish, is_news, list, live_at, live_since, names, record, standing, total};

/// Where a deploy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Begun; nobody said yet how it ended.
    InProgress,
    /// It went live.
    #[default]
    Live,
    /// It did not go live.
    Failed,
    /// Somebody stopped it before it went live.
    Canceled,
}

impl Status {
    /// All, in the order of a life.
    pub const ALL: [Self; 4] = [Self::InProgress, Self::Live, Self::Failed, Self::Canceled];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Live => "live",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The status of that word, in any case; the field's other words count too.
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "in_progress" | "started" | "pending" | "queued" => Some(Self::InProgress),
            "live" | "success" | "succeeded" => Some(Self::Live),
            "failed" | "failure" | "error" => Some(Self::Failed),
            "canceled" | "cancelled" => Some(Self::Canceled),
            _ => None,
        }
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        self != Self::InProgress
    }
}

impl From<DeployState> for Status {
    fn from(state: DeployState) -> Self {
        match state {
            DeployState::Running => Self::InProgress,
            DeployState::Live => Self::Live,
            DeployState::Failed => Self::Failed,
            DeployState::Canceled => Self::Canceled,
        }
    }
}

/// Who told of a deploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A call of the API.
    #[default]
    Api,
    /// `quarterdeck deploy record`.
    Cli,
    /// Render's webhook or API.
    Render,
    /// GitHub's deployment events.
    Github,
    /// An instance that runs a build of which nobody told: it was seen when it started.
    Boot,
}

impl Source {
    /// All.
    pub const ALL: [Self; 5] = [Self::Api, Self::Cli, Self::Render, Self::Github, Self::Boot];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Render => "render",
            Self::Github => "github",
            Self::Boot => "boot",
        }
    }

    /// The source of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

/// A deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deploy {
    /// Id.
    pub id: Uuid,
    /// Service: `web`.
    pub service: String,
    /// Environment: `production`.
    pub environment: String,
    /// A commit in hex, or the name of a release.
    pub sha: String,
    /// Branch.
    pub branch: Option<String>,
    /// Who wrote the commit, as the source names them.
    pub author: Option<String>,
    /// Message of the commit.
    pub message: Option<String>,
    /// Page of the run or the deploy.
    pub url: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Who told of it.
    pub source: Source,
    /// Its id at the source.
    pub external_id: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `null` while it runs.
    pub finished_at: Option<Timestamp>,
    /// When the commit was made.
    pub commit_at: Option<Timestamp>,
    /// The deploy in whose place this one brought an earlier build back.
    pub rollback_of: Option<Uuid>,
    /// When it was rolled back.
    pub rolled_back_at: Option<Timestamp>,
    /// What the source said of its failure.
    pub error: Option<String>,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// Id of who wrote it down.
    pub recorded_by: String,
    /// Name of who wrote it down.
    pub recorded_by_name: String,
    /// Counts its changes; the ETag.
    pub version: i64,
}

impl Deploy {
    /// Seven digits of a commit, or the whole name of a release.
    pub fn build(&self) -> &str {
        short(&self.sha)
    }

    /// First line of the message.
    pub fn headline(&self) -> Option<&str> {
        self.message.as_deref().and_then(|message| message.lines().next()).map(str::trim).filter(|line| !line.is_empty())
    }

    /// When it went live, if it did.
    pub fn live_at(&self) -> Option<Timestamp> {
        self.finished_at.filter(|_| self.status == Status::Live)
    }

    /// Whether it brought an earlier build back.
    pub fn is_rollback(&self) -> bool {
        self.rollback_of.is_some()
    }
}

/// Seven digits of a commit, or the whole name of a release.
pub fn short(sha: &str) -> &str {
    if is_commit(sha) { sha.get(..7).unwrap_or(sha) } else { sha }
}

/// Whether a text is a commit: 7 to 64 digits in hex.
pub fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How a statement finds a build in every length: the pattern of what begins with it, and whether it is a commit at all. Only hex digits and names
/// of releases come here: nothing in them is a pattern but `_`, which can only find too much.
pub(super) fn pattern(sha: &str) -> (String, bool) {
    let commit = is_commit(sha);
    (if commit { format!("{sha}%") } else { sha.to_owned() }, commit)
}

/// Whether two texts name the same build: equal, or one commit is the begin of the other.
pub fn same_build(one: &str, other: &str) -> bool {
    one == other || (is_commit(one) && is_commit(other) && (one.starts_with(other) || other.starts_with(one)))
}
