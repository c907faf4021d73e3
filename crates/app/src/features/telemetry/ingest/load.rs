//! What one request brings, normalised and grouped by endpoint, so that the writer only adds up.

use std::collections::{BTreeMap, HashMap};

use qd_core::Timestamp;

use crate::features::telemetry::endpoints::{Endpoint, Reject, Sample, sample, service};
use crate::features::telemetry::logs;
use crate::features::telemetry::otlp::{self, Answer, Encoding, Malformed};

/// Samples of one service, by endpoint.
pub type Traced = HashMap<Endpoint, Vec<Sample>>;

/// What one request brings.
#[derive(Debug, Default)]
pub struct Load {
    /// Samples by service and endpoint.
    pub traced: HashMap<String, Traced>,
    /// Log records.
    pub logs: Vec<logs::store::Row>,
    /// When it arrived.
    pub arrived: Timestamp,
    /// Items that are taken, spans of other kinds included.
    pub taken: u64,
    rejected: BTreeMap<Reject, u64>,
}

impl Load {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.traced.is_empty() && self.logs.is_empty()
    }

    /// Samples in all endpoints.
    pub fn samples(&self) -> usize {
        self.traced.values().flat_map(HashMap::values).map(Vec::len).sum()
    }

    fn reject(&mut self, why: Reject) {
        *self.rejected.entry(why).or_default() += 1;
    }

    /// The answer once the rest is stored: how many were not taken, and why.
    pub fn answer(&self) -> Answer {
        let reasons: Vec<String> = self.rejected.iter().map(|(why, count)| format!("{count} {}", why.reason())).collect();
        let message = if reasons.is_empty() { String::new() } else { format!("Not stored: {}.", reasons.join("; ")) };
        for (why, count) in &self.rejected {
            metrics::counter!("qd_ingest_rejected_total", "reason" => why.word()).increment(*count);
        }
        Answer { rejected: self.rejected.values().sum(), message }
    }
}

/// Samples of an export of spans.
///
/// # Errors
/// [`Malformed`]: nothing of the request counts.
pub fn read_traces(encoding: Encoding, body: &[u8], now: Timestamp) -> Result<Load, Malformed> {
    let mut load = Load { arrived: now, ..Load::default() };
    otlp::traces(encoding, body, &mut |name, span| match span.map_or(Err(Reject::Large), |span| sample(&span, now)) {
        Ok(found) => {
            load.taken += 1;
            if let Some((endpoint, sample)) = found {
                let traced = match load.traced.get_mut(name) {
                    Some(traced) => traced,
                    None => load.traced.entry(service(name)).or_default(),
                };
                traced.entry(endpoint).or_default().push(sample);
            }
        }
        Err(why) => load.reject(why),
    })?;
    Ok(load)
}

/// Rows of an export of log records, of which none is older than `past` seconds.
///
/// # Errors
/// As [`read_traces`].
pub fn read_logs(encoding: Encoding, body: &[u8], now: Timestamp, past: i64) -> Result<Load, Malformed> {
    let mut load = Load { arrived: now, ..Load::default() };
    let mut place = 0;
    otlp::logs(encoding, body, &mut |name, record| {
        place += 1;
        match record.map_or(Err(Reject::Large), |record| logs::row(&service(name), &record, place, now, past)) {
            Ok(row) => {
                load.taken += 1;
                load.logs.push(row);
            }
            Err(why) => load.reject(why),
        }
    })?;
    Ok(load)
}
