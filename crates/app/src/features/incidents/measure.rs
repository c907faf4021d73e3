//! Figures about incidents: counted by a sampler and after each change, so that a dial reads memory.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use engine::Db;
use qd_core::event::Handler;
use qd_core::reading::{Reading, Status};
use qd_core::{App, Result, StateMap, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Incident, Severity, Status as State, store};
use crate::web::Starter;

/// Where the figures come from.
const SOURCE: &str = "Quarterdeck";
/// Seconds between two measurements without a change: limits pass by themselves.
const EVERY: u64 = 15;
/// Three measurements missed.
const FRESH: u32 = 45;
/// Days that the mean times look back.
const DAYS: i64 = 30;

/// Figures about incidents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct IncidentKpis {
    /// Open ones by severity.
    pub open_by_severity: OpenBySeverity,
    /// Open ones.
    pub open: i64,
    /// Mitigated ones that are not closed.
    pub mitigated: i64,
    /// Mean minutes from start to mitigated, over those mitigated within 30 days; `null` when there are none.
    pub mttm_minutes: Option<f64>,
    /// Mean minutes from start to closed, over those closed within 30 days; `null` when there are none.
    pub mttr_minutes: Option<f64>,
    /// Incidents past a time limit now, or late today (in the platform's time zone).
    pub sla_breaches: i64,
}

/// A count for each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub struct OpenBySeverity {
    /// SEV1
    pub sev1: i64,
    /// SEV2
    pub sev2: i64,
    /// SEV3
    pub sev3: i64,
    /// SEV4
    pub sev4: i64,
}

impl OpenBySeverity {
    fn add(&mut self, severity: Severity, count: i64) {
        match severity {
            Severity::Sev1 => self.sev1 += count,
            Severity::Sev2 => self.sev2 += count,
            Severity::Sev3 => self.sev3 += count,
            Severity::Sev4 => self.sev4 += count,
        }
    }

    /// The worst severity that is open.
    pub fn worst(&self) -> Option<Severity> {
        let counts = [(Severity::Sev1, self.sev1), (Severity::Sev2, self.sev2), (Severity::Sev3, self.sev3), (Severity::Sev4, self.sev4)];
        counts.into_iter().find(|(_, count)| *count > 0).map(|(severity, _)| severity)
    }
}

/// The figures, counted now by statements over indexes.
pub async fn kpis(app: &App) -> Result<IncidentKpis> {
    let now = app.now();
    count(&app.db, now, day_of(now, &app.config.platform.time_zone)).await
}

async fn count(db: &Db, now: Timestamp, day: Timestamp) -> Result<IncidentKpis> {
    let mut figures = IncidentKpis { sla_breaches: store::breaches(db, now, day).await?, ..IncidentKpis::default() };
    for (severity, status, count) in store::active_counts(db).await? {
        match (status.as_str(), Severity::parse(&severity)) {
            ("OPEN", Some(severity)) => {
                figures.open += count;
                figures.open_by_severity.add(severity, count);
            }
            _ => figures.mitigated += count,
        }
    }
    let from = now.plus_seconds(-DAYS * 86_400);
    figures.mttm_minutes = mean_minutes(store::mitigated_in(db, from).await?);
    figures.mttr_minutes = mean_minutes(store::closed_in(db, from).await?);
    Ok(figures)
}

fn mean_minutes((count, micros): (i64, i64)) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "minutes with one digit")]
    let mean = |count: i64| micros as f64 / count as f64 / 60e6;
    (count > 0).then(|| (mean(count) * 10.0).round() / 10.0)
}

/// Midnight in the platform's zone; in UTC when the zone is not known.
fn day_of(now: Timestamp, zone: &str) -> Timestamp {
    let begin = || {
        let zoned = jiff::Timestamp::from_microsecond(now.0).ok()?.in_tz(zone).ok()?;
        Some(Timestamp(zoned.start_of_day().ok()?.timestamp().as_microsecond()))
    };
    begin().unwrap_or(Timestamp::from_seconds(now.seconds().div_euclid(86_400) * 86_400))
}

/// The worst open incident, in memory: every page's banner reads it.
#[derive(Debug, Default)]
pub struct Headline(RwLock<Seen>);

/// What was open, when that was known, and whether the last look failed.
#[derive(Debug, Default)]
struct Seen {
    worst: Option<Incident>,
    at: Timestamp,
    failed: bool,
}

impl Headline {
    /// As of the last measurement that did not fail.
    pub fn worst(&self) -> Option<Incident> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).worst.clone()
    }

    /// When it was measured last, if that no longer counts: the database failed since, or nobody looked for too long.
    pub fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (seen.failed || now.since(seen.at) > i64::from(FRESH)).then_some(seen.at)
    }

    fn set(&self, worst: Option<Incident>, at: Timestamp) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Seen { worst, at, failed: false };
    }

    fn fail(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).failed = true;
    }
}

/// Makes the state of this feature.
pub(super) fn state(_: &qd_core::config::Config, state: &mut StateMap) -> Result<()> {
    state.insert(Headline::default());
    Ok(())
}

async fn worst(app: &App) -> Result<()> {
    let worst = store::with_status(&app.db, State::Open, 1).await?.pop();
    app.state::<Headline>()?.set(worst, app.now());
    Ok(())
}

/// What is put on the board, and its unit.
const FIGURES: [(&str, &str); 9] = [
    ("incidents.open", ""),
    ("incidents.open.sev1", ""),
    ("incidents.open.sev2", ""),
    ("incidents.open.sev3", ""),
    ("incidents.open.sev4", ""),
    ("incidents.mitigated", ""),
    ("incidents.sla_breaches", ""),
    ("incidents.mttm", "min"),
    ("incidents.mttr", "min"),
];

/// Nothing is known any more: the last figures stay, dimmed.
fn lose(app: &App, now: Timestamp) {
    for (key, unit) in FIGURES {
        app.board.put(key, Reading::unknown(unit, SOURCE, "Our own database did not answer."), now);
    }
    if let Ok(headline) = app.state::<Headline>() {
        headline.fail();
    }
}

/// Measures and puts the figures on the board under `incidents.`; a database that does not answer reads UNKNOWN.
pub async fn measure(app: &App) {
    let now = app.now();
    let counted = match worst(app).await {
        Ok(()) => kpis(app).await,
        Err(fault) => Err(fault),
    };
    match counted {
        Ok(figures) => put(app, &figures, now),
        Err(fault) => {
            tracing::warn!(%fault, "incidents not counted");
            lose(app, now);
        }
    }
}

fn put(app: &App, figures: &IncidentKpis, now: Timestamp) {
    #[expect(clippy::cast_precision_loss, reason = "some incidents")]
    let count = |value: i64| Reading::measured(value as f64, "", SOURCE, now, FRESH);
    let (status, reason) = judge(figures);
    app.board.put("incidents.open", count(figures.open).judged(status, || reason), now);
    app.board.put("incidents.mitigated", count(figures.mitigated), now);
    let late = if figures.sla_breaches > 0 { Status::Crit } else { Status::Ok };
    app.board.put("incidents.sla_breaches", count(figures.sla_breaches).judged(late, || "A time limit has passed.".into()), now);
    let severities = figures.open_by_severity;
    for (key, value) in [("sev1", severities.sev1), ("sev2", severities.sev2), ("sev3", severities.sev3), ("sev4", severities.sev4)] {
        app.board.put(format!("incidents.open.{key}"), count(value), now);
    }
    for (key, minutes, verb) in [("mttm", figures.mttm_minutes, "mitigated"), ("mttr", figures.mttr_minutes, "closed")] {
        let none = || Reading::unknown("min", SOURCE, format!("No incident was {verb} within {DAYS} days."));
        let reading = minutes.map_or_else(none, |minutes| Reading::measured(minutes, "min", SOURCE, now, FRESH));
        if minutes.is_none() {
            // A mean of nothing is no figure. `put` alone would keep the last one, as after a failure: here the old mean is gone on purpose.
            app.board.forget(&format!("incidents.{key}"));
        }
        app.board.put(format!("incidents.{key}"), reading, now);
    }
}

/// CRIT for SEV1, SEV2 and passed limits, WARN for anything else that is open.
fn judge(figures: &IncidentKpis) -> (Status, String) {
    match (figures.open_by_severity.worst(), figures.sla_breaches) {
        (Some(worst @ (Severity::Sev1 | Severity::Sev2)), _) => (Status::Crit, format!("{} is open.", worst.word())),
        (_, late) if late > 0 => (Status::Crit, format!("{} past a time limit.", crate::ui::format::count(late, "incident", "incidents"))),
        (Some(worst), _) => (Status::Warn, format!("{} is open.", worst.word())),
        (None, _) => (Status::Ok, String::new()),
    }
}

/// Measures every 15 seconds for as long as the process lives.
pub(super) fn start(starter: &mut Starter) {
    starter.keep("incident figures", |app| async move {
        let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            measure(&app).await;
        }
    });
}

/// Measures after every change: the event reaches the screens when the figures are there.
pub(super) fn subscriptions() -> Vec<(&'static str, Handler<App>)> {
    let handler: Handler<App> = Arc::new(|app, _event| {
        Box::pin(async move {
            measure(&app).await;
            Ok(())
        })
    });
    vec![("incident.", handler)]
}
