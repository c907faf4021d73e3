//! The platform's cache: hits, memory, and what limits they have.

use qd_core::reading::Status;
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{Health, Inspected};
use super::inspected::{Judged, NamedFigure};
use super::{Measured, NO_CACHE};

/// The platform's cache.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheHealth {
    /// The worst of its figures.
    pub status: Status,
    /// Why it is not OK.
    pub reason: Option<String>,
    /// `Redis`; `null` when none is configured.
    pub driver: Option<&'static str>,
    /// Share of hits within five minutes, in percent.
    pub hit_rate: Measured,
    /// Used memory of that allowed, in percent.
    pub used_memory_percent: Measured,
    /// All figures.
    pub figures: Vec<NamedFigure>,
}

/// The platform's cache as it stands at `now`.
pub fn cache(app: &App, now: Timestamp) -> CacheHealth {
    let seen = app.state::<Health>().map(|health| health.cache()).unwrap_or_default();
    of(app.ports.cache.is_some(), &seen, now)
}

fn of(connected: bool, seen: &Inspected, now: Timestamp) -> CacheHealth {
    let judged = Judged::of(seen, (!connected).then_some(NO_CACHE), now);
    CacheHealth {
        hit_rate: judged.figure("hit_rate", "%"),
        used_memory_percent: judged.figure("used_memory_percent", "%"),
        driver: judged.driver(),
        status: judged.status,
        reason: judged.reason,
        figures: judged.figures,
    }
}

impl CacheHealth {
    /// A figure by its key.
    pub fn figure(&self, key: &str) -> Option<&NamedFigure> {
        self.figures.iter().find(|figure| figure.key == key)
    }
}

#[cfg(test)]
mod tests {
    use qd_core::port::Figure;

    use super::*;

    fn seen(percent: Option<f64>, at: Timestamp) -> Inspected {
        let (key, name) = ("used_memory_percent", "Used memory of maxmemory");
        let memory = percent.map_or_else(|| Figure::missing(key, name, "%", "No maxmemory."), |percent| Figure::of(key, name, "%", percent));
        Inspected { driver: "Redis", figures: vec![memory, Figure::of("hit_rate", "Hits, 5 min", "%", 94.0)], taken_at: Some(at), fault: None }
    }

    #[test]
    fn memory_decides_and_without_a_limit_nothing_is_green() {
        let now = Timestamp::from_seconds(1_000_000);
        assert_eq!((of(true, &seen(Some(60.0), now), now).status, of(true, &seen(Some(95.0), now), now).status), (Status::Ok, Status::Crit));
        let free = of(true, &seen(None, now), now);
        assert_eq!((free.status, free.reason.as_deref()), (Status::Unknown, Some("No maxmemory.")));
        assert_eq!((free.used_memory_percent.value, free.hit_rate.value), (None, Some(94.0)), "what was measured is told");
    }

    #[test]
    fn away_is_unknown_and_silence_is_stale() {
        let now = Timestamp::from_seconds(1_000_000);
        let away = Inspected { fault: Some("Redis: Connection refused.".into()), ..seen(Some(60.0), now) };
        let away = of(true, &away, now);
        assert_eq!((away.status, away.hit_rate.value, away.hit_rate.last_value), (Status::Unknown, None, Some(94.0)));
        assert_eq!(away.reason.as_deref(), Some("Redis: Connection refused."));
        assert_eq!(of(true, &seen(Some(60.0), now), now.plus_seconds(46)).status, Status::Stale);
        assert_eq!(of(false, &Inspected::default(), now).reason.as_deref(), Some(NO_CACHE));
    }
}
