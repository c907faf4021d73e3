//! What can be asked for about incidents, and what the words in it may look like.

use qd_core::error::FieldError;
use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Severity;

/// Kind of a timeline entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// Worth keeping.
    #[default]
    Note,
    /// Somebody did something.
    Action,
    /// How it stands.
    Update,
    /// What took the pain away.
    Mitigation,
    /// Who or what is hurt.
    Impact,
    /// Why it happened.
    RootCause,
}

impl EventKind {
    /// All.
    pub const ALL: [Self; 6] = [Self::Note, Self::Action, Self::Update, Self::Mitigation, Self::Impact, Self::RootCause];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "NOTE",
            Self::Action => "ACTION",
            Self::Update => "UPDATE",
            Self::Mitigation => "MITIGATION",
            Self::Impact => "IMPACT",
            Self::RootCause => "ROOT_CAUSE",
        }
    }

    /// The word on screens.
    pub fn label(self) -> &'static str {
        match self {
            Self::Note => "Note",
            Self::Action => "Action",
            Self::Update => "Update",
            Self::Mitigation => "Mitigation",
            Self::Impact => "Impact",
            Self::RootCause => "Root cause",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A new incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// What hurts, 1 to 200 characters.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is known, at most 4,000 characters.
    pub summary: String,
    /// Affected services, at most 20.
    pub affected: Vec<String>,
    /// Tags, at most 20.
    pub tags: Vec<String>,
    /// Who leads.
    pub owner_id: Option<Uuid>,
    /// When it began; now if not given.
    pub started_at: Option<Timestamp>,
    /// Minutes to mitigate, if not those of the severity.
    pub sla_mitigate_minutes: Option<i64>,
    /// Minutes to close, if not those of the severity.
    pub sla_close_minutes: Option<i64>,
}

/// Other facts; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    /// `INC-7`.
    pub incident: String,
    /// What hurts.
    pub title: Option<String>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// What is known.
    pub summary: Option<String>,
    /// Affected services.
    pub affected: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// Who leads; `Some(None)` for nobody.
    pub owner_id: Option<Option<Uuid>>,
    /// Minutes to mitigate.
    pub sla_mitigate_minutes: Option<i64>,
    /// Minutes to close.
    pub sla_close_minutes: Option<i64>,
    /// The version that the caller saw; another one is a conflict.
    pub version: Option<i64>,
}

/// It no longer hurts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mitigate {
    /// `INC-7`.
    pub incident: String,
}

/// It is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Close {
    /// `INC-7`.
    pub incident: String,
}

/// It was closed too early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reopen {
    /// `INC-7`.
    pub incident: String,
}

/// It was mitigated and hurts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Regress {
    /// `INC-7`.
    pub incident: String,
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// `INC-7`.
    pub incident: String,
    /// Kind.
    pub kind: EventKind,
    /// What happened, 1 to 4,000 characters.
    pub text: String,
}

macro_rules! action {
    ($type:ty, $name:literal, $event:literal, $danger:ident, $target:expr) => {
        impl Action for $type {
            const NAME: &'static str = $name;
            const EVENT: AuditEvent = AuditEvent($event);
            const WHO: Access = Access::OPERATE;
            const DANGER: Danger = Danger::$danger;

            fn target(&self) -> Target {
                let id: fn(&Self) -> &str = $target;
                Target::new("incident", id(self))
            }
        }
    };
}

action!(Open, "incident.open", "INCIDENT_CREATED", Routine, |_| "new");
action!(Update, "incident.update", "INCIDENT_UPDATED", Routine, |action| &action.incident);
action!(Mitigate, "incident.mitigate", "INCIDENT_STATUS_CHANGED", Guarded, |action| &action.incident);
action!(Close, "incident.close", "INCIDENT_STATUS_CHANGED", Guarded, |action| &action.incident);
action!(Reopen, "incident.reopen", "INCIDENT_REOPENED", Guarded, |action| &action.incident);
action!(Regress, "incident.regress", "INCIDENT_REOPENED", Guarded, |action| &action.incident);
action!(Note, "incident.note", "INCIDENT_EVENT_ADDED", Routine, |action| &action.incident);

/// Longest summary and timeline text, in characters.
pub const TEXT_MAX: usize = 4_000;
/// Longest title, in characters.
pub const TITLE_MAX: usize = 200;
const LABEL_MAX: usize = 60;
const LABELS_MAX: usize = 20;
const SLA_MAX: i64 = 90 * 24 * 60;

/// Collects what is wrong, all at once.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn check(&mut self, good: bool, field: &str, detail: &str) {
        if !good {
            self.0.push(FieldError { field: field.into(), detail: detail.into() });
        }
    }

    fn title(&mut self, text: &str) {
        let good = (1..=TITLE_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        self.check(good, "title", "Give a title of 1 to 200 characters in one line.");
    }

    fn text(&mut self, field: &str, text: &str, least: usize) {
        let good = (least..=TEXT_MAX).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        let detail = if least == 0 { "Use at most 4,000 characters." } else { "Write 1 to 4,000 characters." };
        self.check(good, field, detail);
    }

    fn labels(&mut self, field: &str, labels: &[String]) {
        let good = |label: &String| label.chars().count() <= LABEL_MAX && !label.chars().any(char::is_control);
        self.check(labels.len() <= LABELS_MAX && labels.iter().all(good), field, "Give at most 20 names of at most 60 characters each.");
    }

    fn limits(&mut self, mitigate: Option<i64>, close: Option<i64>) {
        for (field, minutes) in [("sla_mitigate_minutes", mitigate), ("sla_close_minutes", close)] {
            self.check(minutes.is_none_or(|minutes| (1..=SLA_MAX).contains(&minutes)), field, "Give 1 minute to 90 days, in minutes.");
        }
        let ordered = mitigate.zip(close).is_none_or(|(mitigate, close)| mitigate <= close);
        self.check(ordered, "sla_close_minutes", "Closing can't be due before mitigating.");
    }

    fn done<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Trims, drops empty ones and repetitions (in any case), keeps the order.
fn tidy(labels: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for label in labels {
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        if !label.is_empty() && !kept.iter().any(|other| other.to_lowercase() == label.to_lowercase()) {
            kept.push(label);
        }
    }
    kept
}

impl Open {
    /// The same with tidy words.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self, now: Timestamp) -> Result<Self> {
        let action = Self {
            title: self.title.trim().into(),
            summary: self.summary.trim().into(),
            affected: tidy(self.affected),
            tags: tidy(self.tags),
            ..self
        };
        let mut faults = Faults::default();
        faults.title(&action.title);
        faults.text("summary", &action.summary, 0);
        faults.labels("affected", &action.affected);
        faults.labels("tags", &action.tags);
        let (mitigate, close) = action.severity.limits();
        faults.limits(action.sla_mitigate_minutes.or(Some(mitigate)), action.sla_close_minutes.or(Some(close)));
        let good = |at: Timestamp| now.since(at) >= -60 && now.since(at) <= 366 * 86_400;
        faults.check(action.started_at.is_none_or(good), "started_at", "Give a time in the past, at most a year ago (UTC).");
        faults.done(action)
    }
}

impl Update {
    /// The same with tidy words.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self) -> Result<Self> {
        let action = Self {
            title: self.title.map(|text| text.trim().into()),
            summary: self.summary.map(|text| text.trim().into()),
            affected: self.affected.map(tidy),
            tags: self.tags.map(tidy),
            ..self
        };
        let mut faults = Faults::default();
        action.title.iter().for_each(|text| faults.title(text));
        action.summary.iter().for_each(|text| faults.text("summary", text, 0));
        action.affected.iter().for_each(|labels| faults.labels("affected", labels));
        action.tags.iter().for_each(|labels| faults.labels("tags", labels));
        faults.limits(action.sla_mitigate_minutes, action.sla_close_minutes);
        faults.done(action)
    }
}

impl Note {
    /// The same with a tidy text.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or too long text.
    pub fn checked(self) -> Result<Self> {
        let action = Self { text: self.text.trim().into(), ..self };
        let mut faults = Faults::default();
        faults.text("text", &action.text, 1);
        faults.done(action)
    }
}
