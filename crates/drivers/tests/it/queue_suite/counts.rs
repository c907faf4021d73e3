//! What a driver tells.

use qd_core::Error;
use qd_core::port::queue::JobState;

use super::{Bench, list, listed, state};

pub async fn waiting_and_delayed_jobs_are_told_apart(bench: &impl Bench) {
    bench.add("email", true).await;
    bench.add("email", true).await;
    bench.add_later("email").await;
    bench.add("labels", true).await;
    let email = state(bench, "email").await;
    assert_eq!((email.waiting, email.delayed, email.active, email.failed), (2, 1, 0, 0));
    assert!(email.oldest_waiting.is_some() && !email.paused);
    assert_eq!(email.average_wait, None, "nothing started: unknown, not zero");
    assert_eq!(state(bench, "labels").await.waiting, 1);
}

pub async fn ends_are_counted_and_failures_are_recent(bench: &impl Bench) {
    bench.add("email", true).await;
    bench.add("email", false).await;
    bench.work("email").await;
    let email = state(bench, "email").await;
    assert_eq!((email.waiting, email.completed, email.failed), (0, 1, 1));
    assert_eq!((email.completed_recently, email.failed_recently), (1, 1));
    assert_eq!(email.oldest_waiting, None);
    assert!(email.average_wait.is_some_and(|seconds| (0.0..60.0).contains(&seconds)));
}

pub async fn looking_makes_no_queue(bench: &impl Bench) {
    bench.add("email", true).await;
    let queue = bench.queue();
    let not_found = |error: Error| assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    for state in JobState::ALL {
        not_found(queue.jobs("nosuch", state, None, 10).await.unwrap_err());
        not_found(queue.ids("nosuch", state, None).await.unwrap_err());
        // A state that the driver has not is empty.
        assert!(listed(bench, state).await.len() <= 1);
    }
    not_found(queue.find("nosuch", &["1".into()]).await.unwrap_err());
    not_found(queue.job("nosuch", "1").await.unwrap_err());
    assert!(queue.job("email", "nosuch").await.unwrap().is_none());
    assert!(queue.find("email", &["nosuch".into()]).await.unwrap().is_empty());
    queue.workers().await.unwrap();
    queue.schedules().await.unwrap();
    queue.about().await.unwrap();
    let names: Vec<String> = queue.states().await.unwrap().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["email"]);
}

pub async fn a_job_is_shown_whole(bench: &impl Bench) {
    let good = bench.add("email", true).await;
    let bad = bench.add("email", false).await;
    let later = bench.add_later("email").await;
    bench.work("email").await;
    let queue = bench.queue();
    let good = queue.job("email", &good).await.unwrap().unwrap();
    assert_eq!((good.row.state, good.row.attempts, good.row.attempts_max), (JobState::Completed, 1, Some(1)));
    assert_eq!(good.result.unwrap().text.replace(' ', ""), r#"{"ok":true}"#);
    assert_eq!(good.progress.unwrap().text, "50");
    assert_eq!((good.log.total, good.log.lines[0].text.as_str()), (1, "hello"));
    assert_eq!(queue.log("email", &good.row.id, 1).await.unwrap().lines, []);
    assert!(good.row.created_at.is_some() && good.row.started_at.is_some() && good.row.finished_at >= good.row.started_at);
    assert!(good.row.worker.is_some());

    let shown = queue.job("email", &bad).await.unwrap().unwrap();
    assert_eq!(shown.row.state, JobState::Failed);
    assert!(shown.row.reason.is_some_and(|reason| reason.text.contains("no such address")));
    assert!(shown.stacks.len() == 1 && shown.stacks[0].text.contains("no such address"));
    assert!(shown.result.is_none() && shown.delay_ms == 0);

    let later = queue.job("email", &later).await.unwrap().unwrap();
    assert_eq!((later.row.state, later.delay_ms), (JobState::Delayed, 3_600_000));
    assert!(later.row.due_at.is_some_and(|due| due.since(later.row.created_at.unwrap()) >= 3_599));

    let found = queue.find("email", &[bad.clone(), "nosuch".into()]).await.unwrap();
    assert_eq!(found.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), [bad.as_str()]);
    let failed = list(bench, JobState::Failed).await;
    assert_eq!((failed.len(), failed[0].id.as_str(), failed[0].attempts), (1, bad.as_str(), 1));
}

pub async fn workers_are_told(bench: &impl Bench) {
    let held = bench.hold("email").await;
    let workers = bench.queue().workers().await.unwrap();
    assert_eq!(workers.iter().filter(|worker| worker.queue == "email").count(), 1, "{workers:?}");
    assert_eq!(state(bench, "email").await.workers, Some(1));
    let running = list(bench, JobState::Active).await;
    assert_eq!((running.len(), running[0].id.as_str(), running[0].attempts), (1, held.as_str(), 0));
    bench.release().await;
}
