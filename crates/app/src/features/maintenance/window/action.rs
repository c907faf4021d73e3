//! What can be asked for about windows, and what the words in it may look like.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use qd_core::error::FieldError;
use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use qd_core::{Error, Result, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{Kind, Terms, recurrence, resolve};

/// What is typed to start or schedule a maintenance.
pub const PHRASE: &str = "ENABLE MAINTENANCE";

/// Longest window, in minutes: a week.
const LONGEST: i64 = 7 * 24 * 60;
/// Furthest start, in seconds: two years.
const FURTHEST: i64 = 2 * 366 * 86_400;
const MESSAGE_MAX: usize = 500;
const NAME_MAX: usize = 100;
const NAMES_MAX: usize = 500;

/// A maintenance that starts now. If one of its type holds already, that one is extended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enable {
    /// What it does.
    pub kind: Kind,
    /// Minutes that it lasts; the usual ones of the type if not given.
    pub minutes: Option<i64>,
    /// What it says.
    pub terms: Terms,
}

/// When a scheduled maintenance holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "times")]
pub enum Times {
    /// Once, between two moments.
    Once {
        /// Start.
        start: Timestamp,
        /// End.
        end: Timestamp,
    },
    /// Once, between two readings of the wall clock of the zone of the terms.
    Local {
        /// Start.
        start: DateTime,
        /// End.
        end: DateTime,
    },
    /// Again and again, by the wall clock of the zone of the terms.
    Recurring {
        /// When it starts: `minute hour day month weekday`.
        cron: String,
        /// Minutes of the wall clock from start to end.
        minutes: i64,
    },
}

/// A maintenance to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// What it does.
    pub kind: Kind,
    /// When.
    pub times: Times,
    /// What it says.
    pub terms: Terms,
}

/// Other facts of a scheduled window; of a recurring one, of this occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// Which.
    pub window: Uuid,
    /// When, if not as before. Not recurring.
    pub times: Option<Times>,
    /// What it says.
    pub terms: Terms,
    /// The version that the caller saw; another one is a conflict.
    pub version: Option<i64>,
}

/// Another text for people, of a scheduled or active window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reword {
    /// Which.
    pub window: Uuid,
    /// Text; empty for the usual one of the type.
    pub message: String,
    /// Who sees it.
    pub audience: super::Audience,
}

/// A later end of an active window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Extend {
    /// Which.
    pub window: Uuid,
    /// Minutes from its planned end, or from now if that has passed.
    pub minutes: i64,
}

/// It is over: writes are open again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// Which.
    pub window: Uuid,
}

/// A scheduled window does not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancel {
    /// Which.
    pub window: Uuid,
    /// Whether the rule that made it ends too.
    pub series: bool,
}

/// A type on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toggle {
    /// Which type.
    pub kind: Kind,
    /// On: as [`Enable`]. Off: as [`End`] of the active one, if there is one.
    pub enabled: bool,
    /// Minutes, when on.
    pub minutes: Option<i64>,
    /// What it says, when on.
    pub terms: Terms,
}

macro_rules! action {
    ($type:ty, $name:literal, $event:literal, $who:ident, $danger:ident, $kind:literal, $target:expr $(, $phrase:expr)?) => {
        impl Action for $type {
            const NAME: &'static str = $name;
            const EVENT: AuditEvent = AuditEvent($event);
            const WHO: Access = Access::$who;
            const DANGER: Danger = Danger::$danger;

            fn target(&self) -> Target {
                let id: fn(&Self) -> String = $target;
                Target::new($kind, id(self))
            }

            $(fn phrase(&self) -> Option<String> {
                Some($phrase.into())
            })?
        }
    };
}
pub(in crate::features::maintenance) use action;

action!(Enable, "maintenance.enable", "CONFIG_MAINTENANCE_MODE_TOGGLED", RULE, Destructive, "maintenance", |a| a.kind.word().into(), PHRASE);
action!(Schedule, "maintenance.schedule", "CONFIG_MAINTENANCE_SCHEDULED", RULE, Destructive, "maintenance", |a| a.kind.word().into(), PHRASE);
action!(Edit, "maintenance.edit", "CONFIG_MAINTENANCE_CHANGED", RULE, Guarded, "maintenance", |a| a.window.to_string());
action!(Reword, "maintenance.reword", "CONFIG_MAINTENANCE_CHANGED", OPERATE, Routine, "maintenance", |a| a.window.to_string());
action!(Extend, "maintenance.extend", "CONFIG_MAINTENANCE_CHANGED", OPERATE, Guarded, "maintenance", |a| a.window.to_string());
action!(End, "maintenance.end", "CONFIG_MAINTENANCE_MODE_TOGGLED", OPERATE, Routine, "maintenance", |a| a.window.to_string());
action!(Cancel, "maintenance.cancel", "CONFIG_MAINTENANCE_CANCELLED", OPERATE, Routine, "maintenance", |a| a.window.to_string());

/// Collects what is wrong, all at once.
#[derive(Default)]
pub(in crate::features::maintenance) struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes `detail` for `field` unless it is good.
    pub fn check(&mut self, good: bool, field: &str, detail: &str) {
        if !good {
            self.0.push(FieldError { field: field.into(), detail: detail.into() });
        }
    }

    fn names(&mut self, field: &str, names: &[String], most: usize) {
        let good = |name: &String| (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        let detail = format!("Give at most {most} names of 1 to {NAME_MAX} characters each.");
        self.check(names.len() <= most && names.iter().all(good), field, &detail);
    }

    fn terms(&mut self, kind: Kind, terms: &Terms) {
        self.message(&terms.message);
        self.names("vendors", terms.vendors.as_deref().unwrap_or_default(), NAMES_MAX);
        self.check(terms.vendors.as_ref().is_none_or(|ids| !ids.is_empty()), "vendors", "Name at least one vendor, or hold all.");
        self.check(kind == Kind::VendorReadonly || terms.vendors.is_none(), "vendors", "Only a vendor read-only names vendors.");
        self.names("queues", terms.queues.as_deref().unwrap_or_default(), NAMES_MAX);
        self.check(terms.queues.as_ref().is_none_or(|names| !names.is_empty()), "queues", "Name at least one queue, or drain all.");
        self.check(kind == Kind::QueueDrain || terms.queues.is_none(), "queues", "Only a queue drain names queues.");
        self.names("affectedServices", &terms.affected_services, 20);
        self.check((0..=LONGEST).contains(&terms.announce_minutes), "announceMinutes", "Give 0 minutes to a week, in minutes.");
        self.check(TimeZone::get(&terms.zone).is_ok(), "zone", "Give an IANA time zone, such as America/New_York.");
    }

    fn message(&mut self, text: &str) {
        let good = text.chars().count() <= MESSAGE_MAX && !text.chars().any(|c| c.is_control() && c != '\n');
        self.check(good, "message", "Use at most 500 characters.");
    }

    fn minutes(&mut self, minutes: i64) {
        self.check((1..=LONGEST).contains(&minutes), "minutes", "Give 1 minute to a week, in minutes.");
    }

    /// `value`, if nothing was noted.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that was.
    pub fn done<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }
}

fn tidy(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

impl Terms {
    fn tidy(self) -> Self {
        Self {
            message: self.message.replace("\r\n", "\n").trim().to_owned(),
            vendors: self.vendors.map(tidy),
            queues: self.queues.map(tidy),
            affected_services: tidy(self.affected_services),
            zone: self.zone.trim().to_owned(),
            ..self
        }
    }
}

impl Enable {
    /// The same with tidy words.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self) -> Result<Self> {
        let action = Self { terms: self.terms.tidy(), ..self };
        let mut faults = Faults::default();
        faults.terms(action.kind, &action.terms);
        action.minutes.iter().for_each(|minutes| faults.minutes(*minutes));
        faults.done(action)
    }
}

impl Times {
    /// First start and end.
    ///
    /// # Errors
    /// [`Error::Invalid`] for times in the past, in the wrong order, too long, or that never come.
    pub fn first(&self, zone: &str, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        let mut faults = Faults::default();
        let (start, end) = match self {
            Self::Once { start, end } => (*start, *end),
            Self::Local { start, end } => (resolve(*start, zone)?, resolve(*end, zone)?),
            Self::Recurring { cron, minutes } => {
                faults.minutes(*minutes);
                faults.check(cron.split_whitespace().count() == 5, "cron", "Give five fields: minute hour day month weekday.");
                faults.done(())?;
                let first = recurrence::check(cron, zone, *minutes, now)?;
                return Ok((first.start, first.end));
            }
        };
        faults.check(start.since(now) >= -60, "start", "Give a start that has not passed.");
        faults.check(start.since(now) <= FURTHEST, "start", "Give a start within two years.");
        faults.check(end > start && end > now, "end", "Give an end after the start.");
        faults.check(end.since(start) <= LONGEST * 60, "end", "A window lasts at most a week.");
        faults.done((start, end))
    }
}

impl Schedule {
    /// The same with tidy words.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self, now: Timestamp) -> Result<Self> {
        let action = Self { terms: self.terms.tidy(), ..self };
        let mut faults = Faults::default();
        faults.terms(action.kind, &action.terms);
        let action = faults.done(action)?;
        action.times.first(&action.terms.zone, now)?;
        Ok(action)
    }
}

impl Edit {
    /// The same with tidy words, for a window of `kind`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self, kind: Kind, now: Timestamp) -> Result<Self> {
        let action = Self { terms: self.terms.tidy(), ..self };
        let mut faults = Faults::default();
        faults.terms(kind, &action.terms);
        faults.check(!matches!(action.times, Some(Times::Recurring { .. })), "times", "Cancel the rule and schedule another one.");
        let action = faults.done(action)?;
        action.times.iter().try_for_each(|times| times.first(&action.terms.zone, now).map(|_| ()))?;
        Ok(action)
    }
}

impl Reword {
    /// The same with a tidy text.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a text that is too long.
    pub fn checked(self) -> Result<Self> {
        let action = Self { message: self.message.replace("\r\n", "\n").trim().to_owned(), ..self };
        let mut faults = Faults::default();
        faults.message(&action.message);
        faults.done(action)
    }
}

impl Extend {
    /// The same, looked at.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no time or more than a week.
    pub fn checked(self) -> Result<Self> {
        let mut faults = Faults::default();
        faults.minutes(self.minutes);
        faults.done(self)
    }
}
