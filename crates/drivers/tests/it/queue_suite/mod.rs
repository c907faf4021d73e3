//! What every queue driver has to do: one suite, filled by a bench for each driver.

pub mod archive;
pub mod control;
pub mod counts;
pub mod jobs;

use std::sync::{Arc, Mutex};

use engine::BoxFuture;
use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{Acted, JobAct, JobRow, JobState};
use qd_core::port::{Queue, QueueState};

use crate::support::with_permit;

/// A job system of its own for one test. Its jobs have one attempt. A good one logs the line `hello`, says that it is 50 far, and returns
/// `{"ok":true}`; a bad one fails with `no such address`.
pub trait Bench: Sized {
    /// A priority that runs after jobs without one.
    const LATER: i64;

    /// Starts it, empty.
    async fn start() -> Self;
    /// The driver under test.
    fn queue(&self) -> Arc<dyn Queue>;
    /// Adds a job that is due now; `good` tells whether it will end well. Returns its id.
    async fn add(&self, queue: &str, good: bool) -> String;
    /// Adds a job that is due in an hour. Returns its id.
    async fn add_later(&self, queue: &str) -> String;
    /// Lets one worker, with one job at a time, take everything that is due, until nothing is or the queue is paused.
    async fn work(&self, queue: &str);
    /// Adds a job and starts a worker that runs it until [`Bench::release`]. Returns its id once it runs.
    async fn hold(&self, queue: &str) -> String;
    /// Lets what [`Bench::hold`] holds end well, and waits for it.
    async fn release(&self);
    /// Makes a schedule that fires once a year and has a pending job. Returns that job's id.
    async fn schedule(&self, queue: &str, id: &str) -> String;
    /// Ids of the jobs that ran, in their order.
    fn ran(&self) -> Vec<String>;
}

/// The state of one queue.
pub async fn state(bench: &impl Bench, name: &str) -> QueueState {
    let states = bench.queue().states().await.unwrap();
    states.into_iter().find(|state| state.name == name).unwrap_or_else(|| panic!("no queue {name}"))
}

/// Calls a changing method with the warrant of a real gate.
pub async fn permitted<T, F>(queue: Arc<dyn Queue>, work: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a dyn Queue, &'a Warrant) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    let answer = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&answer);
    let called = with_permit(move |permit| {
        Box::pin(async move {
            let done = work(&*queue, permit.warrant()).await;
            *slot.lock().unwrap() = Some(done);
            Ok(())
        })
    });
    called.await?;
    answer.lock().unwrap().take().unwrap()
}

/// Acts on jobs of `email`.
pub async fn act(bench: &impl Bench, act: JobAct, ids: &[&str]) -> Vec<Acted> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.act(warrant, "email", act, &ids).await })).await.unwrap()
}

/// All jobs of `email` in a state, page by page.
pub async fn list(bench: &impl Bench, state: JobState) -> Vec<JobRow> {
    let (mut jobs, mut after) = (Vec::new(), None);
    loop {
        let page = bench.queue().jobs("email", state, after.as_deref(), 2).await.unwrap();
        jobs.extend(page.jobs);
        after = page.next;
        if after.is_none() {
            return jobs;
        }
    }
}

pub async fn listed(bench: &impl Bench, state: JobState) -> Vec<String> {
    list(bench, state).await.into_iter().map(|job| job.id).collect()
}

/// Makes the suite's tests for one bench. Attributes (`#[ignore]`) go to each of them.
macro_rules! queue_suite {
    ($module:ident, $bench:ty $(, #[$attribute:meta])*) => {
        $crate::queue_suite::queue_suite! { @tests $module, $bench, [$(#[$attribute])*],
            counts: waiting_and_delayed_jobs_are_told_apart, ends_are_counted_and_failures_are_recent, looking_makes_no_queue,
                a_job_is_shown_whole, workers_are_told;
            jobs: pages_skip_none_whatever_is_done_to_them, those_that_wait_are_told_in_their_order, answers_are_in_the_order_of_ids,
                a_retried_job_keeps_its_priority, a_delayed_job_is_made_due, a_priority_changes_the_order, a_delay_is_changed,
                removing_spares_what_runs_and_what_a_schedule_waits_for;
            archive: removed_jobs_come_back_as_they_were, waiting_jobs_come_back_in_their_order, a_job_that_changed_is_not_removed,
                what_runs_or_belongs_to_a_schedule_is_not_recorded, a_removal_that_was_cut_off_is_made_again, sizes_tell_what_a_record_takes,
                a_deleted_queue_is_made_again_as_it_was_set;
            control: a_paused_queue_keeps_its_jobs_and_a_resumed_one_works, an_unknown_queue_is_not_found_and_not_made, limits_are_set_told_and_taken_away,
                only_a_paused_and_idle_queue_is_deleted, a_schedule_is_run_paused_and_removed;
        }
    };
    (@tests $module:ident, $bench:ty, $attributes:tt, $($group:ident: $($name:ident),+;)+) => {
        mod $module {
            $($($crate::queue_suite::queue_suite! { @test $bench, $attributes, $group, $name })+)+
        }
    };
    (@test $bench:ty, [$(#[$attribute:meta])*], $group:ident, $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $name() {
            let bench = <$bench as $crate::queue_suite::Bench>::start().await;
            $crate::queue_suite::$group::$name(&bench).await;
        }
    };
}
pub(crate) use queue_suite;
