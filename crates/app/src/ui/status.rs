//! State as shape, word and colour: never colour alone.

use maud::{Markup, html};
use qd_core::reading::Status;

use super::icon::icon;

/// What a state looks like. [`Status`] converts into it; the others are states of work and plans, not of figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Measured, within limits; done.
    Ok,
    /// Over the warn limit.
    Warn,
    /// Over the page limit; failed.
    Crit,
    /// A fact worth telling: planned, scheduled.
    #[default]
    Info,
    /// Never measured, or no usable answer.
    Unknown,
    /// Last value too old.
    Stale,
    /// Alerts held by a person.
    Muted,
    /// Working now.
    Running,
    /// Held by a person.
    Paused,
    /// Switched off.
    Off,
    /// Not begun.
    Next,
}

impl From<Status> for Tone {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => Self::Ok,
            Status::Warn => Self::Warn,
            Status::Crit => Self::Crit,
            Status::Unknown => Self::Unknown,
            Status::Stale => Self::Stale,
            Status::Muted => Self::Muted,
        }
    }
}

impl Tone {
    /// The word of `data-status` and of the class `status--…`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Crit => "crit",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Muted => "muted",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Off => "off",
            Self::Next => "todo",
        }
    }

    /// The shape.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "circle-check",
            Self::Warn => "triangle-alert",
            Self::Crit => "octagon-x",
            Self::Info => "info",
            Self::Unknown => "circle-question-mark",
            Self::Stale => "clock-alert",
            Self::Muted => "bell-off",
            Self::Running => "loader-circle",
            Self::Paused => "circle-pause",
            Self::Off => "circle-minus",
            Self::Next => "circle-dashed",
        }
    }

    /// The word on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
            Self::Info => "INFO",
            Self::Unknown => "UNKNOWN",
            Self::Stale => "STALE",
            Self::Muted => "MUTED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Off => "OFF",
            Self::Next => "NEXT",
        }
    }
}

/// A state with its own word, plain: for tables.
pub fn status(tone: impl Into<Tone>) -> Markup {
    let tone = tone.into();
    show(tone, tone.word(), false)
}

/// A state whose word is the view's own (`FAILED`, `BLOCKS 3`); the shape stays.
pub fn status_word(tone: impl Into<Tone>, word: &str) -> Markup {
    show(tone.into(), word, false)
}

/// A state as a pill: for card heads. `None` takes the tone's own word.
pub fn pill(tone: impl Into<Tone>, word: Option<&str>) -> Markup {
    let tone = tone.into();
    show(tone, word.unwrap_or(tone.word()), true)
}

fn show(tone: Tone, word: &str, pill: bool) -> Markup {
    html! { span class={ "status status--" (tone.key()) @if pill { " status--pill" } } { (icon(tone.icon())) (word) } }
}
