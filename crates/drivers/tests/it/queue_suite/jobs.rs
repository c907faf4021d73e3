//! Lists of jobs, and what is done to chosen ones.

use std::collections::BTreeSet;

use qd_core::port::queue::{Acted, JobAct, JobState};

use super::{Bench, act, list, listed, state};

async fn add(bench: &impl Bench, count: usize, good: bool) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(bench.add("email", good).await);
    }
    ids
}

pub async fn pages_skip_none_whatever_is_done_to_them(bench: &impl Bench) {
    let mut ids = add(bench, 7, false).await;
    bench.work("email").await;
    ids.reverse();
    assert_eq!(listed(bench, JobState::Failed).await, ids, "the newest first");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = bench.queue().jobs("email", JobState::Failed, after.as_deref(), 3).await.unwrap();
        let of_page: Vec<String> = page.jobs.into_iter().map(|job| job.id).collect();
        let some: Vec<&str> = of_page.iter().map(String::as_str).collect();
        let done = if seen.is_empty() { JobAct::Retry { reset: true } } else { JobAct::Remove };
        assert_eq!(act(bench, done, &some).await, vec![Acted::Done; some.len()]);
        seen.extend(of_page);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let (email, later) = (state(bench, "email").await, add_later(bench, 5).await);
    assert_eq!((email.failed, email.waiting), (0, 3));
    let first = bench.queue().jobs("email", JobState::Delayed, None, 2).await.unwrap();
    assert_eq!(act(bench, JobAct::Promote, &[&first.jobs[0].id, &first.jobs[1].id]).await, [Acted::Done, Acted::Done]);
    let rest = bench.queue().jobs("email", JobState::Delayed, first.next.as_deref(), 10).await.unwrap();
    let found = first.jobs.iter().chain(&rest.jobs).map(|job| job.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(found, later.into_iter().collect());
}

async fn add_later(bench: &impl Bench, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(bench.add_later("email").await);
    }
    ids
}

pub async fn those_that_wait_are_told_in_their_order(bench: &impl Bench) {
    let ids = add(bench, 5, true).await;
    assert_eq!(listed(bench, JobState::Waiting).await, ids, "the next to run first");
    assert_eq!(bench.queue().ids("email", JobState::Waiting, None).await.unwrap(), (ids.clone(), None));
    bench.work("email").await;
    assert_eq!(bench.ran(), ids);
    assert_eq!(bench.queue().ids("email", JobState::Completed, None).await.unwrap().0, ids, "the oldest first");
}

pub async fn answers_are_in_the_order_of_ids(bench: &impl Bench) {
    let bad = add(bench, 2, false).await;
    bench.work("email").await;
    let waiting = bench.add("email", true).await;
    let answers = act(bench, JobAct::Retry { reset: true }, &[&bad[1], &waiting, "nosuch", &bad[0]]).await;
    assert_eq!(answers, [Acted::Done, Acted::Gone, Acted::Gone, Acted::Done]);
    let removed = act(bench, JobAct::Remove, &["nosuch", &waiting]).await;
    assert_eq!(removed, [Acted::Gone, Acted::Done]);
    assert_eq!(act(bench, JobAct::Promote, &[&bad[0]]).await, [Acted::Gone]);
    assert_eq!(state(bench, "email").await.waiting, 2);
}

pub async fn a_retried_job_keeps_its_priority(bench: &impl Bench) {
    let bad = add(bench, 2, false).await;
    assert_eq!(act(bench, JobAct::Priority(<Of<_>>::later(bench)), &[&bad[0]]).await, [Acted::Done]);
    bench.work("email").await;
    let before = bench.ran().len();
    assert_eq!(act(bench, JobAct::Retry { reset: true }, &[&bad[0], &bad[1]]).await, [Acted::Done, Acted::Done]);
    let retried = bench.queue().find("email", &bad).await.unwrap();
    assert!(retried.iter().all(|job| job.attempts == 0), "{retried:?}");
    bench.work("email").await;
    assert_eq!(bench.ran()[before..], [bad[1].clone(), bad[0].clone()]);
    assert_eq!(state(bench, "email").await.failed, 2);
    // Not reset: one more try than it had.
    assert_eq!(act(bench, JobAct::Retry { reset: false }, &[&bad[0]]).await, [Acted::Done]);
    bench.work("email").await;
    let again = bench.queue().job("email", &bad[0]).await.unwrap().unwrap();
    assert_eq!((again.row.state, again.row.attempts), (JobState::Failed, 2));
    let good = bench.add("email", true).await;
    bench.work("email").await;
    assert_eq!(act(bench, JobAct::RetryFailed { reset: true }, &[&good]).await, [Acted::Gone], "not when only failed ones are meant");
    assert_eq!(act(bench, JobAct::Retry { reset: true }, &[&good]).await, [Acted::Done], "a completed one, too");
    bench.work("email").await;
    assert_eq!(bench.ran().iter().filter(|id| **id == good).count(), 2);
}

/// Reads the constant of a bench that is known only by its trait.
struct Of<B>(std::marker::PhantomData<B>);

impl<B: Bench> Of<B> {
    fn later(_bench: &B) -> i64 {
        B::LATER
    }
}

pub async fn a_delayed_job_is_made_due(bench: &impl Bench) {
    let later = bench.add_later("email").await;
    assert_eq!(act(bench, JobAct::Promote, &[&later]).await, [Acted::Done]);
    let email = state(bench, "email").await;
    assert_eq!((email.waiting, email.delayed), (1, 0));
    bench.work("email").await;
    assert_eq!(bench.ran(), [later]);
}

pub async fn a_priority_changes_the_order(bench: &impl Bench) {
    let ids = add(bench, 3, true).await;
    assert_eq!(act(bench, JobAct::Priority(<Of<_>>::later(bench)), &[&ids[0]]).await, [Acted::Done]);
    assert_eq!(bench.queue().find("email", &ids[..1]).await.unwrap()[0].priority, <Of<_>>::later(bench));
    bench.work("email").await;
    assert_eq!(bench.ran(), [ids[1].clone(), ids[2].clone(), ids[0].clone()]);
    assert_eq!(act(bench, JobAct::Priority(0), &[&ids[0]]).await, [Acted::Gone], "it has ended");
}

pub async fn a_delay_is_changed(bench: &impl Bench) {
    let (later, waiting) = (bench.add_later("email").await, bench.add("email", true).await);
    assert_eq!(act(bench, JobAct::Delay(60_000), &[&later, &waiting]).await, [Acted::Done, Acted::Gone]);
    let changed = list(bench, JobState::Delayed).await;
    let wait = changed[0].due_at.unwrap().since(qd_core::Clock::system().now());
    assert!((50..=60).contains(&wait), "{wait}");
}

pub async fn removing_spares_what_runs_and_what_a_schedule_waits_for(bench: &impl Bench) {
    let held = bench.hold("email").await;
    let pending = bench.schedule("reports", "yearly").await;
    let refused = act(bench, JobAct::Remove, &[&held]).await;
    assert!(matches!(&refused[..], [Acted::Refused(why)] if !why.is_empty()), "{refused:?}");
    let ids = vec![pending.clone()];
    let spared =
        super::permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.act(warrant, "reports", JobAct::Remove, &ids).await }));
    let spared = spared.await.unwrap();
    assert!(matches!(&spared[..], [Acted::Refused(why)] if why.contains("schedule")), "{spared:?}");
    assert!(bench.queue().job("reports", &pending).await.unwrap().is_some());
    bench.release().await;
    assert_eq!(act(bench, JobAct::Remove, &[&held]).await, [Acted::Done]);
}
