//! What an inspector saw, judged: shared by the database and the cache.

use qd_core::Timestamp;
use qd_core::port::Figure;
use qd_core::reading::{Reading, Status, outdated};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::sample::INSPECTED_FRESH;
use super::super::{Inspected, judge};
use super::Measured;

/// A figure with its name.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedFigure {
    /// Key: `cache_hit_ratio`.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The figure.
    #[serde(flatten)]
    pub measured: Measured,
}

/// A system's figures as they stand now, and the worst of them.
pub(super) struct Judged {
    pub status: Status,
    pub reason: Option<String>,
    pub figures: Vec<NamedFigure>,
    driver: &'static str,
}

impl Judged {
    /// `absent` says why there is none when it is not configured.
    pub(super) fn of(seen: &Inspected, absent: Option<&str>, now: Timestamp) -> Self {
        let gap = gap(seen, absent, now);
        let verdict = judge::inspected(&seen.figures);
        let (status, reason) = gap.clone().map_or_else(|| (verdict.status, verdict.reason()), |(status, why)| (status, Some(why)));
        let named = |figure: &Figure| NamedFigure { key: figure.key, name: figure.name, measured: reading(figure, seen, gap.as_ref()).into() };
        Self { status, reason, figures: seen.figures.iter().map(named).collect(), driver: seen.driver }
    }

    /// The driver's name; `None` before the first look.
    pub(super) fn driver(&self) -> Option<&'static str> {
        Some(self.driver).filter(|driver| !driver.is_empty())
    }

    /// A figure; UNKNOWN with the reason when this system does not have it.
    pub(super) fn figure(&self, key: &str, unit: &'static str) -> Measured {
        let found = self.figures.iter().find(|figure| figure.key == key);
        let why = || self.reason.clone().unwrap_or_else(|| format!("{} does not tell it.", self.driver));
        found.map_or_else(|| Reading::unknown(unit, self.driver, why()).into(), |figure| figure.measured.clone())
    }
}

/// Why the whole system does not count now: not configured, a fault, or silence.
fn gap(seen: &Inspected, absent: Option<&str>, now: Timestamp) -> Option<(Status, String)> {
    match (absent, &seen.fault, seen.taken_at) {
        (Some(why), _, _) => Some((Status::Unknown, why.into())),
        (None, Some(why), _) => Some((Status::Unknown, why.clone())),
        (None, None, None) => Some((Status::Unknown, "Not measured yet.".into())),
        (None, None, Some(at)) => outdated(at, INSPECTED_FRESH, now).map(|why| (Status::Stale, why)),
    }
}

/// A figure as a reading: judged when it counts, with the gap's state when it does not.
fn reading(figure: &Figure, seen: &Inspected, gap: Option<&(Status, String)>) -> Reading {
    let (Some(value), Some(at)) = (figure.value, seen.taken_at) else {
        let why = figure.missing.clone().unwrap_or_else(|| "Not measured.".into());
        return Reading::unknown(figure.unit, seen.driver, why);
    };
    let measured = Reading::measured(value, figure.unit, seen.driver, at, INSPECTED_FRESH);
    match gap {
        Some((status, why)) => measured.judged(*status, || why.clone()),
        None => {
            let status = judge::figure(figure).unwrap_or(Status::Ok);
            measured.judged(status, || judge::sentence(figure, status))
        }
    }
}
