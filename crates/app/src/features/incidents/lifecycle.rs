//! The life of an incident: severities with their time limits, the three states, and the four moves between them.

use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Incident;
use crate::ui::format;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// A core flow is down.
    Sev1,
    /// Many users are degraded.
    Sev2,
    /// Some users; there is a workaround.
    Sev3,
    /// Nobody outside notices.
    Sev4,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// The word on screens, in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sev1 => "SEV1",
            Self::Sev2 => "SEV2",
            Self::Sev3 => "SEV3",
            Self::Sev4 => "SEV4",
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Sev1 => "Core flow down",
            Self::Sev2 => "Many users degraded",
            Self::Sev3 => "Some users, workaround",
            Self::Sev4 => "Nobody outside notices",
        }
    }

    /// The severity of that word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word().eq_ignore_ascii_case(word.trim()))
    }

    /// Minutes from the start to mitigated and to closed.
    pub fn limits(self) -> (i64, i64) {
        match self {
            Self::Sev1 => (15, 2 * 60),
            Self::Sev2 => (60, 8 * 60),
            Self::Sev3 => (4 * 60, 24 * 60),
            Self::Sev4 => (24 * 60, 7 * 24 * 60),
        }
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It hurts.
    Open,
    /// It no longer hurts; the cause may still be there.
    Mitigated,
    /// Over.
    Closed,
}

impl Status {
    /// All, in the order of a good life.
    pub const ALL: [Self; 3] = [Self::Open, Self::Mitigated, Self::Closed];

    /// The word on screens, in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Mitigated => "MITIGATED",
            Self::Closed => "CLOSED",
        }
    }

    /// The status of that word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word().eq_ignore_ascii_case(word.trim()))
    }
}

/// A change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It no longer hurts.
    Mitigate,
    /// It is over.
    Close,
    /// It was closed too early.
    Reopen,
    /// It hurts again.
    Regress,
}

impl Move {
    /// Where it leads from `status`, if it is allowed there.
    pub fn from(self, status: Status) -> Option<Status> {
        match (self, status) {
            (Self::Mitigate, Status::Open) => Some(Status::Mitigated),
            (Self::Close, Status::Open | Status::Mitigated) => Some(Status::Closed),
            (Self::Reopen, Status::Closed) | (Self::Regress, Status::Mitigated) => Some(Status::Open),
            _ => None,
        }
    }

    /// The incident after this move at `now`. Opening again clears both times; the timeline keeps them.
    ///
    /// # Errors
    /// [`Error::Conflict`] that says how it stands and what is possible.
    pub fn apply(self, incident: &Incident, now: Timestamp) -> Result<Incident> {
        let Some(status) = self.from(incident.status) else { return Err(self.refusal(incident, now)) };
        let mut after = Incident { status, version: incident.version + 1, ..incident.clone() };
        match self {
            Self::Mitigate => after.mitigated_at = Some(now),
            Self::Close => after.closed_at = Some(now),
            Self::Reopen | Self::Regress => (after.mitigated_at, after.closed_at) = (None, None),
        }
        Ok(after)
    }

    fn refusal(self, incident: &Incident, now: Timestamp) -> Error {
        let since = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(", since {} UTC", format::moment(at, now)));
        let text = match (self, incident.status) {
            (Self::Mitigate, Status::Mitigated) => format!("It is already mitigated{}.", since(incident.mitigated_at)),
            (Self::Close, Status::Closed) => format!("It is already closed{}.", since(incident.closed_at)),
            (Self::Mitigate | Self::Regress, Status::Closed) => format!("It is closed{}. Reopen it first.", since(incident.closed_at)),
            (Self::Regress, _) => "It is open: it can only get worse from mitigated.".into(),
            (Self::Reopen, Status::Mitigated) => "It is mitigated, not closed. Say that it regressed instead.".into(),
            _ => "It is open already.".into(),
        };
        Error::Conflict(format!("{text} Nothing was changed."))
    }
}

/// One of the two time limits of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it is due.
    pub due: Timestamp,
    /// Minutes from the start to then.
    pub minutes: i64,
    /// When it was done.
    pub done: Option<Timestamp>,
}

/// How a timer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Sla {
    /// It runs, with at least a fifth left.
    Running,
    /// It runs, with less than a fifth left.
    Ending,
    /// It runs, and its time is over.
    Breached,
    /// Done in time.
    Met,
    /// Done too late.
    Missed,
}

impl Timer {
    /// How it stands at `now`.
    pub fn state(&self, now: Timestamp) -> Sla {
        match self.done {
            Some(done) if done <= self.due => Sla::Met,
            Some(_) => Sla::Missed,
            None if now > self.due => Sla::Breached,
            None if self.left(now) < 0.2 => Sla::Ending,
            None => Sla::Running,
        }
    }

    /// Share of the time that is left, 0 to 1.
    pub fn left(&self, now: Timestamp) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
        let share = self.due.since(now) as f64 / (self.minutes.max(1) * 60) as f64;
        share.clamp(0.0, 1.0)
    }
}

impl Incident {
    /// The timer until it no longer hurts. Closing at once counts as mitigating.
    pub fn mitigation(&self) -> Timer {
        let minutes = self.sla_mitigate_minutes;
        Timer { due: self.started_at.plus_seconds(minutes * 60), minutes, done: self.mitigated_at.or(self.closed_at) }
    }

    /// The timer until it is over.
    pub fn closing(&self) -> Timer {
        let minutes = self.sla_close_minutes;
        Timer { due: self.started_at.plus_seconds(minutes * 60), minutes, done: self.closed_at }
    }

    /// Sets the limits that belong to the severity, unless somebody set others.
    #[must_use]
    pub fn with_limits_of_severity(mut self) -> Self {
        if !self.sla_overridden {
            (self.sla_mitigate_minutes, self.sla_close_minutes) = self.severity.limits();
        }
        self
    }
}
