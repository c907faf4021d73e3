//! The dead man's alarm: a schedule that should have fired and did not.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use qd_core::event::{self, Event};
use qd_core::port::queue::{Cadence, ScheduleState};
use qd_core::reading::{Reading, Status};
use qd_core::{App, Result, Timestamp};
use serde_json::json;

use super::Scheduled;
use crate::ui::format;

/// Seconds that a schedule may be late.
const LATE: i64 = 5 * 60;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Where the number of alarms stands on the board.
const KEY: &str = "queues.schedules.stopped";

/// Alarms that were told.
#[derive(Debug, Default)]
pub(in crate::features::queues) struct Alarms(Mutex<BTreeSet<String>>);

/// Why a schedule is believed dead: its driver says so, or its time passed more than five minutes and two of its cadences ago.
pub fn overdue(state: &ScheduleState, now: Timestamp) -> Option<String> {
    if let Some(why) = &state.stopped {
        return Some(why.clone());
    }
    let due = state.next_at.filter(|_| !state.paused)?;
    let late = now.since(due);
    (late > LATE.max(2 * cadence(state, due)))
        .then(|| format!("It should have fired at {} UTC, {} ago, and did not.", format::moment(due, now), format::duration(late)))
}

/// Seconds between two occurrences; 0 when nobody knows.
fn cadence(state: &ScheduleState, due: Timestamp) -> i64 {
    match &state.cadence {
        Cadence::Every(ms) => i64::try_from(ms / 1_000).unwrap_or(i64::MAX / 4),
        Cadence::Cron { pattern, zone } => {
            let zone = if zone.is_empty() { "UTC" } else { zone };
            engine::job::next_after(pattern, zone, due.0).map_or(0, |next| (next - due.0).div_euclid(1_000_000).max(0))
        }
    }
}

/// Looks at every schedule, and tells of those that died, as long as the process lives.
pub(in crate::features::queues) async fn watch(app: App) {
    loop {
        if let Err(fault) = look(&app).await {
            tracing::warn!(%fault, "schedules of queues were not looked at");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One look.
pub(in crate::features::queues) async fn look(app: &App) -> Result<()> {
    let all = super::list(app).await?;
    let dead: Vec<&Scheduled> = all.schedules.iter().filter(|one| one.alarm.is_some()).collect();
    let new = news(app, &dead, &all.unknown)?;
    if !new.is_empty() {
        let (now, names) = (app.now(), new.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
        app.db
            .write_with(move |tx| {
                Box::pin(async move {
                    for (subject, payload) in new {
                        event::emit(tx, Event::new("queue.schedule_stopped", subject, payload, now)).await?;
                    }
                    Ok::<_, qd_core::Error>(())
                })
            })
            .await?;
        // Only now: what could not be written is told at the next look.
        app.state::<Alarms>()?.0.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }
    show(app, &dead);
    Ok(())
}

/// Those that were not told yet. What can't be asked now stays told.
fn news(app: &App, dead: &[&Scheduled], unknown: &[(String, String)]) -> Result<Vec<(String, serde_json::Value)>> {
    let alarms = app.state::<Alarms>()?;
    let mut told = alarms.0.lock().unwrap_or_else(PoisonError::into_inner);
    let name = |one: &Scheduled| format!("{}/{}/{}", one.source, one.state.queue, one.state.id);
    let now: BTreeSet<String> = dead.iter().map(|one| name(one)).collect();
    let silent = |known: &String| unknown.iter().any(|(source, _)| known.starts_with(&format!("{source}/")));
    told.retain(|known| now.contains(known) || silent(known));
    let payload = |one: &Scheduled| json!({ "source": one.source, "queue": one.state.queue, "schedule": one.state.id, "why": one.alarm });
    Ok(dead.iter().filter(|one| !told.contains(&name(one))).map(|one| (name(one), payload(one))).collect())
}

fn show(app: &App, dead: &[&Scheduled]) {
    let now = app.now();
    let Some(first) = dead.first() else {
        app.board.forget(KEY);
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "some schedules")]
    let count = dead.len() as f64;
    let why = || format!("The schedule {} of {} stopped. {}", first.state.id, first.state.queue, first.alarm.clone().unwrap_or_default());
    app.board.put(KEY, Reading::measured(count, "", "queues", now, 180).judged(Status::Warn, why), now);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(cadence: Cadence, next_at: Option<Timestamp>) -> ScheduleState {
        ScheduleState {
            queue: "night".into(),
            id: "invoices".into(),
            job: "invoices".into(),
            cadence,
            next_at,
            last_at: None,
            last_outcome: None,
            last_error: None,
            last_finished_at: None,
            paused: false,
            runs: None,
            overlap: String::new(),
            missed: String::new(),
            stopped: None,
        }
    }

    #[test]
    fn it_is_late_after_five_minutes_and_two_cadences() {
        let due = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let every = |ms| state(Cadence::Every(ms), Some(due));
        assert_eq!(overdue(&every(1_000), due.plus_seconds(300)), None);
        let why = overdue(&every(1_000), due.plus_seconds(301)).unwrap();
        assert_eq!(why, "It should have fired at 12:00:00 UTC, 5 min ago, and did not.");
        assert_eq!(overdue(&every(600_000), due.plus_seconds(1_200)), None);
        assert!(overdue(&every(600_000), due.plus_seconds(1_201)).is_some());
        let hourly = state(Cadence::Cron { pattern: "0 * * * *".into(), zone: "Europe/Oslo".into() }, Some(due));
        assert_eq!(overdue(&hourly, due.plus_seconds(7_200)), None);
        assert!(overdue(&hourly, due.plus_seconds(7_201)).is_some());
        let strange = state(Cadence::Cron { pattern: "every full moon".into(), zone: String::new() }, Some(due));
        assert!(overdue(&strange, due.plus_seconds(301)).is_some(), "what can't be read has no cadence");
    }

    #[test]
    fn what_is_paused_is_not_late_and_what_its_driver_calls_dead_is() {
        let due = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let paused = ScheduleState { paused: true, ..state(Cadence::Every(1_000), Some(due)) };
        assert_eq!(overdue(&paused, due.plus_seconds(86_400)), None);
        let dead = ScheduleState { stopped: Some("Its pending job is gone.".into()), ..state(Cadence::Every(1_000), Some(due)) };
        assert_eq!(overdue(&dead, due).as_deref(), Some("Its pending job is gone."));
        assert_eq!(overdue(&state(Cadence::Every(1_000), None), due), None);
    }
}
