//! What a job does, whoever runs it: our own engine, or a worker of BullMQ that asks for it.

use std::future::Future;

use engine::job::{Job, JobError, RunInfo};
use tracing::{Instrument, field};
use uuid::Uuid;

use super::Works;

/// One try of a job.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The job's id: the same at every try.
    pub id: Uuid,
    /// The queue that it came from.
    pub queue: String,
    /// Which try, from 1.
    pub number: u32,
    /// The job system: `quarterdeck-engine` or `bullmq`.
    pub system: &'static str,
}

/// A job of the shop.
pub trait Work: Job<Context = Works> {
    /// Does it.
    fn work(self, works: Works, attempt: Attempt) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// Does a job that our own engine runs.
///
/// # Errors
/// What the job says.
pub async fn direct<W: Work>(job: W, works: Works, run: &RunInfo) -> Result<(), JobError> {
    let attempt = Attempt { id: run.id, queue: run.queue.clone(), number: run.attempt, system: "quarterdeck-engine" };
    observed(job, works, attempt).await
}

/// Does a job in a span of its own and tells of its failure.
pub(super) async fn observed<W: Work>(job: W, works: Works, attempt: Attempt) -> Result<(), JobError> {
    let span = tracing::info_span!(
        "job",
        otel.name = W::NAME,
        otel.kind = "consumer",
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
        messaging.system = attempt.system,
        messaging.operation.r#type = "process",
        messaging.destination.name = %attempt.queue,
        messaging.message.id = %attempt.id,
        messaging.message.delivery_attempt = attempt.number,
    );
    async move {
        let number = attempt.number;
        let result = job.work(works, attempt).await;
        if let Err(error) = &result {
            let span = tracing::Span::current();
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", error.message.as_str());
            tracing::warn!(job = W::NAME, attempt = number, error = %error, "job failed");
        }
        result
    }
    .instrument(span)
    .await
}
