//! One registered kind of job with its type erased.

use std::marker::PhantomData;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{Job, JobError, RunInfo};

/// Longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

pub(super) trait Handler<C>: Send + Sync {
    fn run(&self, ctx: C, payload: Value, run: RunInfo) -> BoxFuture<'static, Result<(), JobError>>;
    fn timeout(&self) -> Duration;
    fn backoff(&self) -> Duration;
}

pub(super) struct Kind<J>(PhantomData<fn() -> J>);

impl<J> Kind<J> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<J: Job> Handler<J::Context> for Kind<J> {
    fn run(&self, ctx: J::Context, payload: Value, run: RunInfo) -> BoxFuture<'static, Result<(), JobError>> {
        Box::pin(async move {
            let job: J =
                serde_json::from_value(payload).map_err(|error| JobError::fatal(format!("the stored job does not fit {}: {error}", J::NAME)))?;
            job.run(ctx, run).await
        })
    }

    fn timeout(&self) -> Duration {
        J::TIMEOUT
    }

    fn backoff(&self) -> Duration {
        J::BACKOFF
    }
}

/// The wait after the failed `attempt` (from 1): `base` doubled each time, ± 25 %, so that jobs that failed together
/// do not come back together.
pub(super) fn backoff(base: Duration, attempt: u32) -> Duration {
    let doubled = base.saturating_mul(1_u32 << attempt.saturating_sub(1).min(20)).min(BACKOFF_MAX);
    doubled.mul_f64(rand::random_range(0.75..=1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_within_its_jitter_and_ends_at_an_hour() {
        for (attempt, seconds) in [(1, 2.0), (2, 4.0), (5, 32.0), (40, 3600.0)] {
            let wait = backoff(Duration::from_secs(2), attempt).as_secs_f64();
            assert!((0.75 * seconds..=1.25 * seconds).contains(&wait), "{attempt}: {wait}");
        }
    }
}
