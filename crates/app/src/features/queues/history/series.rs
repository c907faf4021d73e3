//! The past of a queue for charts.

use std::collections::BTreeMap;

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::delta::Delta;
use super::store::{self, Grain};

/// Up to so many seconds minutes are told, up to the second so many hours, beyond days.
const FINE: i64 = 6 * 3_600;
const MIDDLE: i64 = 14 * 86_400;
/// Most points.
const POINTS: i64 = 4_000;

/// A minute, hour or day of a queue. `None`: nobody counted then; never a zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Its begin.
    pub at: Timestamp,
    /// Seconds that it is long.
    pub seconds: i64,
    /// Jobs that waited at its end.
    pub waiting: Option<i64>,
    /// Most jobs that waited in it.
    pub waiting_max: Option<i64>,
    /// Jobs that were made; `None` also where the driver does not count them.
    pub added: Option<i64>,
    /// Jobs that were done.
    pub completed: Option<i64>,
    /// Jobs that failed for good.
    pub failed: Option<i64>,
    /// Attempts that failed and were tried again.
    pub retried: Option<i64>,
    /// Milliseconds from ready to started: half of the jobs waited shorter.
    pub wait_p50: Option<f64>,
    /// 95 % of the jobs waited shorter.
    pub wait_p95: Option<f64>,
    /// Milliseconds that jobs ran: half of them shorter.
    pub run_p50: Option<f64>,
    /// 95 % of them shorter.
    pub run_p95: Option<f64>,
    /// So much happened at once that the times are of some jobs only.
    pub sampled: bool,
    /// Some of it was not counted: the figures are "at least".
    pub partial: bool,
}

impl Point {
    fn of(at: i64, grain: Grain, delta: &Delta) -> Self {
        Self {
            at: Timestamp(at),
            seconds: grain.micros() / 1_000_000,
            waiting: delta.waiting.map(|(last, _)| last),
            waiting_max: delta.waiting.map(|(_, most)| most),
            added: delta.added,
            completed: delta.completed,
            failed: delta.failed,
            retried: delta.retried,
            wait_p50: delta.waits.quantile(0.5),
            wait_p95: delta.waits.quantile(0.95),
            run_p50: delta.runs.quantile(0.5),
            run_p95: delta.runs.quantile(0.95),
            sampled: delta.sampled,
            partial: delta.partial,
        }
    }
}

/// A queue between two moments: minutes up to six hours, hours up to two weeks, else days; oldest first, without holes: where nobody counted there is
/// a point without figures. At most 4,000 points, the newest of them.
///
/// # Errors
/// Those of the database.
pub async fn series(app: &App, source: &str, queue: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Point>> {
    let grain = match to.since(from) {
        span if span <= FINE => Grain::Minute,
        span if span <= MIDDLE => Grain::Hour,
        _ => Grain::Day,
    };
    let start = grain.start(from.0).max(grain.start(to.0) - POINTS * grain.micros() + grain.micros());
    let rows = store::series(&app.db, grain, (source, queue), (start, to.0)).await?;
    let rows: BTreeMap<i64, store::Row> = rows.into_iter().map(|row| (row.start_at, row)).collect();
    let (mut points, mut at) = (Vec::new(), start);
    while at < to.0 {
        let delta = rows.get(&at).map_or_else(|| Ok(Delta::default()), Delta::of)?;
        points.push(Point::of(at, grain, &delta));
        at += grain.micros();
    }
    Ok(points)
}
