//! Retention: what is older than configured goes, in bounded steps, so that ingest never waits long behind it.

use qd_core::{App, Result, Timestamp};
use serde::Serialize;

use super::endpoints::store::{self as rollups, Grain};
use super::logs::{record::first_id, store as logs};

/// Log records of one step.
const RECORDS: i64 = 2_000;
/// Steps of one run.
const STEPS: usize = 50;

/// What a run deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trimmed {
    /// Rows of roll-ups.
    pub rollups: u64,
    /// Log records.
    pub records: u64,
    /// Whether more is left for the next run.
    pub more: bool,
}

/// Deletes what is older than `telemetry.rollup_days` and `log_hours`, and what is beyond `log_rows`. Bounded: at most 50 steps of each kind,
/// each step one stretch of a roll-up or 2,000 records.
///
/// # Errors
/// Those of the database; what is deleted by then stays deleted.
pub async fn trim(app: &App) -> Result<Trimmed> {
    let mut done = Trimmed::default();
    for grain in Grain::ALL {
        trim_rollups(app, grain, &mut done).await?;
    }
    trim_records(app, &mut done).await?;
    Ok(done)
}

async fn trim_rollups(app: &App, grain: Grain, done: &mut Trimmed) -> Result<()> {
    let keep = app.now().plus_seconds(-86_400 * i64::from(app.config.telemetry.rollup_days)).0;
    for _ in 0..STEPS {
        let Some(oldest) = rollups::oldest(&app.db, grain).await?.filter(|oldest| oldest + grain.micros() <= keep) else { return Ok(()) };
        let before = (oldest + grain.micros()).min(keep);
        done.rollups += app.db.write(move |tx| Box::pin(rollups::trim(tx, grain, before))).await?;
    }
    done.more = true;
    Ok(())
}

async fn trim_records(app: &App, done: &mut Trimmed) -> Result<()> {
    let settings = &app.config.telemetry;
    let old = first_id(Timestamp(app.now().0 - 3_600_000_000 * i64::from(settings.log_hours)));
    let beyond = logs::nth(&app.db, i64::try_from(settings.log_rows).unwrap_or(i64::MAX).saturating_sub(1).max(0)).await?;
    let before = beyond.map_or(old, |beyond| beyond.max(old));
    for _ in 0..STEPS {
        let count = app.db.write(move |tx| Box::pin(logs::trim(tx, before, RECORDS))).await?;
        done.records += count;
        if count < RECORDS.unsigned_abs() {
            return Ok(());
        }
    }
    done.more = true;
    Ok(())
}
