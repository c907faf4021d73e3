//! What every queue driver has to do: one suite, filled by a bench for each driver.

use std::sync::Arc;

use qd_core::port::{Queue, QueueState};

/// A job system of its own for one test.
pub trait Bench: Sized {
    /// Starts it, empty.
    async fn start() -> Self;
    /// The driver under test.
    fn queue(&self) -> Arc<dyn Queue>;
    /// Adds a job that is due now; `good` tells whether it will end well.
    async fn add(&self, queue: &str, good: bool);
    /// Adds a job that is due in an hour.
    async fn add_later(&self, queue: &str);
    /// Lets workers take everything that is due, until nothing is or the queue is paused.
    async fn work(&self, queue: &str);
}

/// The state of one queue.
pub async fn state(bench: &impl Bench, name: &str) -> QueueState {
    let states = bench.queue().states().await.unwrap();
    states.into_iter().find(|state| state.name == name).unwrap_or_else(|| panic!("no queue {name}"))
}

/// Makes the suite's tests for one bench. Attributes (`#[ignore]`) go to each of them.
macro_rules! queue_suite {
    ($module:ident, $bench:ty $(, #[$attribute:meta])*) => {
        mod $module {
            use qd_core::Error;

            use crate::queue_suite::{Bench, state};
            use crate::support::with_permit;

            #[tokio::test]
            $(#[$attribute])*
            async fn waiting_and_delayed_jobs_are_told_apart() {
                let bench = <$bench>::start().await;
                bench.add("email", true).await;
                bench.add("email", true).await;
                bench.add_later("email").await;
                bench.add("labels", true).await;
                let email = state(&bench, "email").await;
                assert_eq!((email.waiting, email.delayed, email.active, email.failed), (2, 1, 0, 0));
                assert!(email.oldest_waiting.is_some() && !email.paused);
                assert_eq!(email.average_wait, None, "nothing started: unknown, not zero");
                assert_eq!(state(&bench, "labels").await.waiting, 1);
            }

            #[tokio::test]
            $(#[$attribute])*
            async fn ends_are_counted_and_failures_are_recent() {
                let bench = <$bench>::start().await;
                bench.add("email", true).await;
                bench.add("email", false).await;
                bench.work("email").await;
                let email = state(&bench, "email").await;
                assert_eq!((email.waiting, email.completed, email.failed), (0, 1, 1));
                assert_eq!((email.completed_recently, email.failed_recently), (1, 1));
                assert_eq!(email.oldest_waiting, None);
                assert!(email.average_wait.is_some_and(|seconds| (0.0..60.0).contains(&seconds)));
            }

            #[tokio::test]
            $(#[$attribute])*
            async fn a_paused_queue_keeps_its_jobs_and_a_resumed_one_works() {
                let bench = <$bench>::start().await;
                bench.add("email", true).await;
                let queue = bench.queue();
                let driver = queue.clone();
                with_permit(move |permit| Box::pin(async move { driver.pause(permit.warrant(), "email").await })).await.unwrap();
                bench.work("email").await;
                let held = state(&bench, "email").await;
                assert!(held.paused);
                assert_eq!((held.waiting, held.completed), (1, 0));
                with_permit(move |permit| Box::pin(async move { queue.resume(permit.warrant(), "email").await })).await.unwrap();
                bench.work("email").await;
                let done = state(&bench, "email").await;
                assert_eq!((done.paused, done.waiting, done.completed), (false, 0, 1));
            }

            #[tokio::test]
            $(#[$attribute])*
            async fn an_unknown_queue_is_not_found_and_not_made() {
                let bench = <$bench>::start().await;
                bench.add("email", true).await;
                let queue = bench.queue();
                let refused = with_permit(move |permit| Box::pin(async move { queue.pause(permit.warrant(), "nosuch").await })).await;
                assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
                assert!(bench.queue().states().await.unwrap().iter().all(|state| state.name != "nosuch"));
            }
        }
    };
}
pub(crate) use queue_suite;
