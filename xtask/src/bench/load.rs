//! Steady load that does not lie: requests are due at fixed times, and each is timed from when it was due. A server that stalls is charged for
//! everything that had to wait behind it (no coordinated omission).

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::http::Client;
use crate::Result;

/// What to send.
pub struct Load<'a> {
    pub address: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// Requests a second, over all connections.
    pub rate: u32,
    pub seconds: u32,
    pub connections: u32,
}

/// What came back.
pub struct Outcome {
    /// Microseconds from when a request was due to the end of its answer.
    pub latency: Histogram<u64>,
    /// Answers that were not 200, and requests that failed.
    pub errors: u64,
    pub took: Duration,
}

impl Outcome {
    /// Seconds at a quantile, 0 to 1.
    pub fn at(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// Sends the load and waits for the last answer.
pub fn run(load: &Load) -> Result<Outcome> {
    let start = Instant::now() + Duration::from_millis(200);
    let each = Duration::from_secs_f64(f64::from(load.connections) / f64::from(load.rate));
    let parts: Vec<Result<(Histogram<u64>, u64)>> = thread::scope(|scope| {
        let spawn = |index: u32| {
            let first = start + each.mul_f64(f64::from(index) / f64::from(load.connections));
            scope.spawn(move || connection(load, first, each, start + Duration::from_secs(load.seconds.into())).map_err(|fault| fault.to_string()))
        };
        let threads: Vec<_> = (0..load.connections).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a connection's thread panicked")?.map_err(Into::into)).collect()
    });
    let mut outcome = Outcome { latency: Histogram::new(3)?, errors: 0, took: start.elapsed() };
    for part in parts {
        let (latency, errors) = part?;
        outcome.latency.add(latency)?;
        outcome.errors += errors;
    }
    Ok(outcome)
}

fn connection(load: &Load, first: Instant, each: Duration, end: Instant) -> Result<(Histogram<u64>, u64)> {
    let mut client = Client::new(load.address, load.headers);
    let (mut latency, mut errors, mut due) = (Histogram::new(3)?, 0, first);
    while due < end {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        match client.get(load.path) {
            Ok(answer) if answer.status == 200 => {}
            _ => errors += 1,
        }
        latency.record(u64::try_from(due.elapsed().as_micros())?)?;
        due += each;
    }
    Ok((latency, errors))
}
