//! Windows: their types, states and terms, their life from announced to ended, and the verbs that change them.

mod action;
mod lifecycle;
mod read;
mod recurrence;
mod step;
pub(super) mod store;
mod verb;

use std::collections::BTreeSet;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{Cancel, Edit, Enable, End, Extend, PHRASE, Reword, Schedule, Times, Toggle};
pub(super) use action::{Faults, action};
pub use lifecycle::{ENDED_SHOWN_SECONDS, Phase, STARTING_SECONDS, Step};
pub use read::{Filter, active, find, list, series, upcoming};
pub use recurrence::{Occurrence, occurrence, occurrences, resolve};
pub(super) use step::{Advance, drained, plan, watch};
pub use step::{advance, sweep};
pub(super) use verb::served;
pub use verb::{cancel, edit, enable, end, extend, reword, schedule, toggle};

/// What a maintenance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Nobody writes.
    GlobalReadonly,
    /// The database is worked on: nobody writes.
    DatabaseMaintenance,
    /// A new version is installed: nobody writes.
    Deployment,
    /// Vendors, or some of them, don't write; customers do.
    VendorReadonly,
    /// Workers take no new jobs; those that run end.
    QueueDrain,
}

/// Whose writes are blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blocks {
    /// Nobody's.
    #[default]
    None,
    /// Vendors'.
    Vendors,
    /// Everybody's.
    All,
}

impl Kind {
    /// All, the strongest first.
    pub const ALL: [Self; 5] = [Self::GlobalReadonly, Self::DatabaseMaintenance, Self::Deployment, Self::VendorReadonly, Self::QueueDrain];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::GlobalReadonly => "GLOBAL_READONLY",
            Self::DatabaseMaintenance => "DATABASE_MAINTENANCE",
            Self::Deployment => "DEPLOYMENT",
            Self::VendorReadonly => "VENDOR_READONLY",
            Self::QueueDrain => "QUEUE_DRAIN",
        }
    }

    /// The word in the mode header and in the state.
    pub fn mode(self) -> &'static str {
        match self {
            Self::GlobalReadonly => "global_readonly",
            Self::DatabaseMaintenance => "database_maintenance",
            Self::Deployment => "deployment",
            Self::VendorReadonly => "vendor_readonly",
            Self::QueueDrain => "queue_drain",
        }
    }

    /// The words on screens.
    pub fn label(self) -> &'static str {
        match self {
            Self::GlobalReadonly => "Global read-only",
            Self::DatabaseMaintenance => "Database maintenance",
            Self::Deployment => "Deployment",
            Self::VendorReadonly => "Vendor read-only",
            Self::QueueDrain => "Queue drain",
        }
    }

    /// Minutes that it lasts unless somebody says otherwise.
    pub fn minutes(self) -> i64 {
        if self == Self::QueueDrain { 30 } else { 60 }
    }

    /// Whose writes it blocks.
    pub fn blocks(self) -> Blocks {
        match self {
            Self::GlobalReadonly | Self::DatabaseMaintenance | Self::Deployment => Blocks::All,
            Self::VendorReadonly => Blocks::Vendors,
            Self::QueueDrain => Blocks::None,
        }
    }

    /// What people read when nobody wrote a message.
    pub fn text(self) -> &'static str {
        match self {
            Self::GlobalReadonly => "We are doing maintenance. You can look around; nothing can be changed until it is over.",
            Self::DatabaseMaintenance => "We are working on the database. You can look around; nothing can be changed until it is over.",
            Self::Deployment => "A new version is being installed. You can look around; nothing can be changed for a moment.",
            Self::VendorReadonly => "Vendor tools are read-only during maintenance. Shopping works as usual.",
            Self::QueueDrain => "Background work is paused for maintenance. E-mails and labels come a little later.",
        }
    }

    /// The type of that word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word.trim()))
    }
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It will start.
    Scheduled,
    /// It holds.
    Active,
    /// It is over, or its time passed.
    Completed,
    /// It never started.
    Cancelled,
}

impl Status {
    /// All, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Active, Self::Completed, Self::Cancelled];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Active => "ACTIVE",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of that word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word().eq_ignore_ascii_case(word.trim()))
    }
}

/// Who sees the banner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody.
    #[default]
    All,
    /// Vendors, and admins.
    Vendors,
    /// Admins.
    Admins,
}

/// Minutes before the start from which a window is announced, unless somebody says otherwise.
pub const ANNOUNCE_MINUTES: i64 = 30;

/// What a window says and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Terms {
    /// Text for people; empty for the usual one of the type.
    pub message: String,
    /// Who sees the banner.
    pub audience: Audience,
    /// Ids of the vendors that a vendor read-only concerns; `null` for all.
    pub vendors: Option<Vec<String>>,
    /// Queues that a drain pauses, as `source/queue`; `null` for all of the platform's.
    pub queues: Option<Vec<String>>,
    /// Services that it touches, for people.
    pub affected_services: Vec<String>,
    /// Minutes before the start from which it is announced; 0 for not at all.
    pub announce_minutes: i64,
    /// Whether it ends by itself at its planned end. If not, it stays active and people are alerted.
    pub auto_end: bool,
    /// IANA zone in which its times were meant.
    pub zone: String,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            message: String::new(),
            audience: Audience::All,
            vendors: None,
            queues: None,
            affected_services: Vec::new(),
            announce_minutes: ANNOUNCE_MINUTES,
            auto_end: true,
            zone: "UTC".into(),
        }
    }
}

impl Terms {
    /// The terms of one state that came from two windows of one type: whoever is named in either is concerned.
    fn joined(&self, other: &Self) -> Self {
        let both = |one: &Option<Vec<String>>, two: &Option<Vec<String>>| {
            let (one, two) = (one.as_ref()?, two.as_ref()?);
            Some(one.iter().chain(two).cloned().collect::<BTreeSet<_>>().into_iter().collect())
        };
        let mut joined = self.clone();
        joined.vendors = both(&self.vendors, &other.vendors);
        joined.queues = both(&self.queues, &other.queues);
        joined.auto_end = self.auto_end && other.auto_end;
        let new = other.affected_services.iter().filter(|service| !self.affected_services.contains(service));
        joined.affected_services.extend(new.cloned());
        if !other.message.is_empty() {
            joined.message.clone_from(&other.message);
        }
        joined
    }
}

/// A window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Id.
    pub id: Uuid,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// Why, for operators.
    pub reason: String,
    /// What it says.
    #[serde(flatten)]
    pub terms: Terms,
    /// Planned start.
    pub scheduled_start: Timestamp,
    /// Planned end.
    pub scheduled_end: Timestamp,
    /// When it started.
    pub actual_start: Option<Timestamp>,
    /// When it ended.
    pub actual_end: Option<Timestamp>,
    /// When it was announced.
    pub announced_at: Option<Timestamp>,
    /// When it was found to last past its planned end.
    pub overrun_at: Option<Timestamp>,
    /// When no job ran any more in the queues that it holds.
    pub drained_at: Option<Timestamp>,
    /// What became of it, where that is not plain.
    pub note: Option<String>,
    /// The rule that made it.
    pub series_id: Option<Uuid>,
    /// When the rule would have it start.
    pub series_start: Option<Timestamp>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Id of who made it.
    pub created_by_id: String,
    /// Name of who made it.
    pub created_by_name: String,
    /// Counts its changes; the ETag.
    pub version: i64,
}

impl Window {
    /// The text for people.
    pub fn text(&self) -> &str {
        if self.terms.message.is_empty() { self.kind.text() } else { &self.terms.message }
    }
}

/// A rule that makes windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// Id.
    pub id: Uuid,
    /// What its windows do.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Why, for operators.
    pub reason: String,
    /// When a window starts, by the wall clock of `zone`.
    pub cron: String,
    /// IANA zone.
    pub zone: String,
    /// Minutes of the wall clock from start to end.
    pub duration_minutes: i64,
    /// What its windows say.
    #[serde(flatten)]
    pub terms: Terms,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Id of who made it.
    pub created_by_id: String,
    /// Name of who made it.
    pub created_by_name: String,
    /// When it was ended.
    pub cancelled_at: Option<Timestamp>,
}
