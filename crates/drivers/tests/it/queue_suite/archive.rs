//! Jobs that are taken out whole and brought back.

use qd_core::port::queue::{Acted, JobAct, JobRecord, JobState, Limits, Once};

use super::{Bench, act, list, listed, permitted, state};

async fn records(bench: &impl Bench, queue: &str, ids: &[String]) -> Vec<JobRecord> {
    let mut records = bench.queue().records(queue, ids).await.unwrap();
    let place = |record: &JobRecord| ids.iter().position(|id| *id == record.id);
    records.sort_by_key(place);
    // What is stored is read back from JSON.
    serde_json::from_value(serde_json::to_value(records).unwrap()).unwrap()
}

async fn remove(bench: &impl Bench, records: &[JobRecord]) -> Vec<Acted> {
    let name = format!("out:{}", uuid::Uuid::new_v4());
    remove_once(bench, records, name, false).await
}

async fn remove_once(bench: &impl Bench, records: &[JobRecord], name: String, again: bool) -> Vec<Acted> {
    let records = records.to_vec();
    permitted(bench.queue(), move |queue, warrant| {
        Box::pin(async move { queue.remove_recorded(warrant, "email", &records, Once { name: &name, again }).await })
    })
    .await
    .unwrap()
}

async fn restore(bench: &impl Bench, records: &[JobRecord]) -> Vec<Acted> {
    let records = records.to_vec();
    permitted(bench.queue(), move |queue, warrant| {
        Box::pin(async move { queue.restore(warrant, "email", &records, Once { name: "back:1", again: true }).await })
    })
    .await
    .unwrap()
}

pub async fn removed_jobs_come_back_as_they_were(bench: &impl Bench) {
    for good in [false, true, false, false] {
        bench.add("email", good).await;
    }
    bench.work("email").await;
    bench.add_later("email").await;
    let queue = bench.queue();
    let (failed, completed, delayed) =
        (list(bench, JobState::Failed).await, list(bench, JobState::Completed).await, list(bench, JobState::Delayed).await);
    let ids: Vec<String> = failed.iter().chain(&completed).chain(&delayed).map(|job| job.id.clone()).collect();
    let before = queue.job("email", &completed[0].id).await.unwrap();
    let taken = records(bench, "email", &ids).await;
    assert_eq!(taken.iter().map(|record| record.id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!((taken[0].state, taken[4].state), (JobState::Failed, JobState::Delayed));
    assert_eq!(remove(bench, &taken).await, vec![Acted::Done; 5]);
    let email = state(bench, "email").await;
    assert_eq!((email.failed, email.completed, email.delayed), (0, 0, 0));
    assert!(queue.find("email", &ids).await.unwrap().is_empty());
    assert_eq!(remove(bench, &taken).await, vec![Acted::Gone; 5], "they are gone");

    assert_eq!(restore(bench, &taken).await, vec![Acted::Done; 5]);
    assert_eq!(list(bench, JobState::Failed).await, failed);
    assert_eq!(list(bench, JobState::Delayed).await, delayed);
    assert_eq!(queue.job("email", &completed[0].id).await.unwrap(), before, "with its result and its log");
    let again = restore(bench, &taken[..1]).await;
    assert!(matches!(&again[..], [Acted::Done | Acted::There]), "it is back, and is no second time: {again:?}");
    assert_eq!(list(bench, JobState::Failed).await, failed);
    assert_eq!(act(bench, JobAct::Retry { reset: true }, &[&ids[0]]).await, [Acted::Done], "one that came back runs again");
    bench.work("email").await;
    assert_eq!(bench.ran().last(), Some(&ids[0]));
}

pub async fn a_removal_that_was_cut_off_is_made_again(bench: &impl Bench) {
    let ids = [bench.add("email", false).await, bench.add("email", false).await];
    bench.work("email").await;
    let taken = records(bench, "email", &ids).await;
    assert_eq!(remove_once(bench, &taken, "out:a".into(), false).await, vec![Acted::Done; 2]);
    assert_eq!(remove_once(bench, &taken, "out:a".into(), true).await, vec![Acted::Done; 2], "it was this call that removed them");
    restore(bench, &taken).await;
    // Recorded, and the call never arrived: one goes by itself.
    act(bench, JobAct::Remove, &[&ids[0]]).await;
    assert_eq!(remove_once(bench, &taken, "out:b".into(), true).await, [Acted::Gone, Acted::Done]);
}

pub async fn sizes_tell_what_a_record_takes(bench: &impl Bench) {
    let id = bench.add("email", true).await;
    bench.work("email").await;
    let asked = [id, "nosuch".into()];
    let sizes = bench.queue().sizes("email", &asked).await.unwrap();
    assert!(sizes.len() == 2 && sizes[0] > 0 && sizes[0] < 16_384 && sizes[1] == 0, "{sizes:?}");
}

pub async fn a_deleted_queue_is_made_again_as_it_was_set(bench: &impl Bench) {
    let id = bench.add("email", true).await;
    let set = Limits { concurrency: Some(Some(3)), rate: None };
    permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.limit(warrant, "email", set).await })).await.unwrap();
    permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.pause(warrant, "email").await })).await.unwrap();
    let (settings, taken) = (bench.queue().settings("email").await.unwrap(), records(bench, "email", &[id]).await);
    remove(bench, &taken).await;
    while !permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.obliterate(warrant, "email").await })).await.unwrap() {}
    let revive = async || {
        let settings = settings.clone();
        permitted(bench.queue(), move |queue, warrant| Box::pin(async move { queue.revive(warrant, "email", &settings).await })).await.unwrap()
    };
    assert!(revive().await && revive().await, "without jobs it can be done again");
    restore(bench, &taken).await;
    let email = state(bench, "email").await;
    assert_eq!((email.paused, email.concurrency, email.waiting), (true, Some(3), 1));
    bench.work("email").await;
    assert!(bench.ran().is_empty(), "it stays paused");
    assert!(!revive().await, "it has jobs");
    permitted(bench.queue(), |queue, warrant| Box::pin(async move { queue.resume(warrant, "email").await })).await.unwrap();
    bench.work("email").await;
    assert_eq!(bench.ran(), [taken[0].id.clone()]);
}

pub async fn waiting_jobs_come_back_in_their_order(bench: &impl Bench) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.add("email", true).await);
    }
    let taken = records(bench, "email", &ids[1..4]).await;
    assert_eq!(remove(bench, &taken).await, vec![Acted::Done; 3]);
    assert_eq!(listed(bench, JobState::Waiting).await, [ids[0].clone(), ids[4].clone()]);
    assert_eq!(restore(bench, &taken).await, vec![Acted::Done; 3]);
    let mut back = listed(bench, JobState::Waiting).await;
    bench.work("email").await;
    assert_eq!(bench.ran(), back, "each ran, in the order that was told");
    // A list in Redis takes them back at one of its ends: among themselves they are in order.
    let among: Vec<String> = back.iter().filter(|id| ids[1..4].contains(id)).cloned().collect();
    assert_eq!(among, ids[1..4]);
    back.sort();
    ids.sort();
    assert_eq!(back, ids);
}

pub async fn a_job_that_changed_is_not_removed(bench: &impl Bench) {
    let (bad, other) = (bench.add("email", false).await, bench.add("email", false).await);
    bench.work("email").await;
    let taken = records(bench, "email", &[bad.clone(), other.clone()]).await;
    act(bench, JobAct::Retry { reset: true }, &[&bad]).await;
    assert_eq!(remove(bench, &taken).await, [Acted::Gone, Acted::Done]);
    bench.work("email").await;
    assert_eq!(listed(bench, JobState::Failed).await, [bad], "it failed again and stays");
    assert_eq!(remove(bench, &taken).await, [Acted::Gone, Acted::Gone], "what failed anew is not what was recorded");
}

pub async fn what_runs_or_belongs_to_a_schedule_is_not_recorded(bench: &impl Bench) {
    let held = bench.hold("email").await;
    assert_eq!(records(bench, "email", &[held, "nosuch".into()]).await, []);
    let pending = bench.schedule("reports", "yearly").await;
    assert_eq!(records(bench, "reports", &[pending]).await, []);
    bench.release().await;
}
