//! Operators' lists and acts on many jobs.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use engine::job::{self, ACT_MAX, Act, Acted, Enqueue, Mark, Obliterated, State};
use engine::{Db, Dialect, Error, args};
use serde_json::json;
use uuid::Uuid;

use crate::support::TestDb;

crate::both!(
    waiting_jobs_are_paged_over_priorities,
    ten_thousand_are_retried_at_once,
    ten_thousand_are_taken_out_and_brought_back,
    keys_are_respected,
    logs_are_measured_and_come_back,
    acts_are_bounded,
    a_queue_is_deleted_in_chunks,
);

/// `count` jobs in `state` of priorities 0 to 2, made by the database itself.
async fn fill(db: &Db, state: &'static str, count: i64) {
    let sql = match db.dialect() {
        Dialect::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
             INSERT INTO job (id, queue, name, payload, state, state_at, priority, attempts, max_attempts, created_at, run_at, error)
             SELECT randomblob(16), 'many', 'one', '{}', $1, 1000 + i / 3, i % 3, 1, 1, 1, 1, 'why' FROM n"
        }
        Dialect::Postgres => {
            "INSERT INTO job (id, queue, name, payload, state, state_at, priority, attempts, max_attempts, created_at, run_at, error)
             SELECT gen_random_uuid(), 'many', 'one', '{}', $1, 1000 + i / 3, i % 3, 1, 1, 1, 1, 'why' FROM generate_series(1, $2::bigint) i"
        }
    };
    db.write(move |tx| Box::pin(async move { tx.exec(sql, args![state, count]).await })).await.unwrap();
    let known = "INSERT INTO job_queue (queue, paused, created_at) VALUES ('many', $1, 0) ON CONFLICT DO NOTHING";
    db.write(move |tx| Box::pin(async move { tx.exec(known, args![false]).await })).await.unwrap();
}

async fn act(db: &Db, act: Act, ids: Vec<Uuid>) -> Vec<Acted> {
    db.write(move |tx| Box::pin(async move { job::act(tx, "many", act, &ids).await })).await.unwrap()
}

async fn all_ids(db: &Db, state: State) -> Vec<Uuid> {
    let marks = job::ids(db, "many", state, None, 10_000).await.unwrap();
    marks.into_iter().map(|mark| mark.id).collect()
}

async fn waiting_jobs_are_paged_over_priorities(t: &TestDb) {
    fill(&t.db, "waiting", 1_000).await;
    let (mut seen, mut after, mut order) = (HashSet::new(), None, Vec::new());
    loop {
        let page = job::page(&t.db, "many", State::Waiting, after, 70).await.unwrap();
        order.extend(page.jobs.iter().map(|job| (-job.priority, job.state_at, job.id)));
        seen.extend(page.jobs.iter().map(|job| job.id));
        // What was seen goes: the next page skips none.
        let gone = page.jobs.iter().map(|job| job.id).collect();
        assert!(act(&t.db, Act::Remove, gone).await.iter().all(|answer| *answer == Acted::Done));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), order.len()), (1_000, 1_000));
    assert!(order.is_sorted());
    assert_eq!(after.map(|mark: Mark| mark.to_string()), None);
}

async fn ten_thousand_are_retried_at_once(t: &TestDb) {
    fill(&t.db, "failed", 100_000).await;
    let ids = all_ids(&t.db, State::Failed).await;
    assert_eq!(ids.len(), 10_000);
    let started = Instant::now();
    for chunk in ids.chunks(ACT_MAX) {
        assert!(act(&t.db, Act::Retry { reset: true }, chunk.to_vec()).await.iter().all(|answer| *answer == Acted::Done));
    }
    let took = started.elapsed();
    println!("retry of 10,000 chosen of 100,000: {took:?}");
    let (paged, started) = (Instant::now(), job::page(&t.db, "many", State::Failed, None, 50).await.unwrap());
    println!("page of 50 of 90,000: {:?}", paged.elapsed());
    assert_eq!(started.jobs.len(), 50);
    let counts = job::counts(&t.db).await.unwrap();
    assert_eq!((counts[0].waiting, counts[0].failed), (10_000, 90_000));
    // Bounds for a loaded machine; the figures themselves are printed.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

async fn ten_thousand_are_taken_out_and_brought_back(t: &TestDb) {
    fill(&t.db, "failed", 10_000).await;
    let ids = all_ids(&t.db, State::Failed).await;
    let before: Vec<job::Brief> = job::page(&t.db, "many", State::Failed, None, 500).await.unwrap().jobs;
    let mut archive = Vec::new();
    let started = Instant::now();
    for chunk in ids.chunks(ACT_MAX) {
        let records = job::records(&t.db, "many", chunk).await.unwrap();
        let kept = serde_json::to_value(&records).unwrap();
        let gone = t.db.write(move |tx| Box::pin(async move { job::remove_recorded(tx, "many", &records, false).await })).await.unwrap();
        assert!(gone.len() == chunk.len() && gone.iter().all(|answer| *answer == Acted::Done));
        archive.push(kept);
    }
    let removed = started.elapsed();
    assert_eq!(job::counts(&t.db).await.unwrap()[0].failed, 0);
    let started = Instant::now();
    for kept in archive {
        let records: Vec<job::Archived> = serde_json::from_value(kept).unwrap();
        let back = t.db.write(move |tx| Box::pin(async move { job::restore(tx, "many", &records).await })).await.unwrap();
        assert!(back.iter().all(|answer| *answer == Acted::Done));
    }
    println!("10,000 recorded and removed in {removed:?}, restored in {:?}", started.elapsed());
    assert_eq!(job::page(&t.db, "many", State::Failed, None, 500).await.unwrap().jobs, before);
    assert_eq!(all_ids(&t.db, State::Failed).await, ids);
}

async fn keys_are_respected(t: &TestDb) {
    fill(&t.db, "failed", 4).await;
    let sql = "UPDATE job SET unique_key = 'k'";
    t.db.write(move |tx| Box::pin(async move { tx.exec(sql, args![]).await })).await.unwrap();
    let ids = all_ids(&t.db, State::Failed).await;
    let answers = act(&t.db, Act::Retry { reset: false }, ids.clone()).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Acted::Done).count(), 1, "{answers:?}");
    let newest = ids.iter().max().unwrap();
    assert_eq!(all_ids(&t.db, State::Waiting).await, [*newest]);
    let rest: Vec<Uuid> = ids.iter().filter(|id| *id != newest).copied().collect();
    let refused = act(&t.db, Act::Retry { reset: false }, rest.clone()).await;
    assert!(refused.iter().all(|answer| matches!(answer, Acted::Refused(why) if why.contains("unique key"))), "{refused:?}");

    // Taken out and brought back while the key is held: refused, and the others come.
    let records = job::records(&t.db, "many", &[*newest]).await.unwrap();
    let taken = records.clone();
    t.db.write(move |tx| Box::pin(async move { job::remove_recorded(tx, "many", &taken, false).await })).await.unwrap();
    assert_eq!(act(&t.db, Act::Retry { reset: true }, vec![rest[0]]).await, [Acted::Done]);
    let back = t.db.write(move |tx| Box::pin(async move { job::restore(tx, "many", &records).await })).await.unwrap();
    assert!(matches!(&back[..], [Acted::Refused(_)]), "{back:?}");
}

async fn logs_are_measured_and_come_back(t: &TestDb) {
    fill(&t.db, "failed", 12).await;
    let ids = all_ids(&t.db, State::Failed).await;
    let put = "INSERT INTO job_log (job, line, at, text) VALUES ($1, $2, $3, $4)";
    let jobs = ids.clone();
    let lines = t.db.write(move |tx| {
        let jobs = jobs.clone();
        Box::pin(async move {
            for job in jobs.iter().take(11) {
                for line in 0..200_i64 {
                    tx.exec(put, args![*job, line, line, format!("größe {line} \"'\\")]).await?;
                }
            }
            Ok(())
        })
    });
    lines.await.unwrap();
    let sizes = job::sizes(&t.db, "many", &ids).await.unwrap();
    assert!(sizes[&ids[0]] > 200 * 70 && sizes[&ids[11]] < 100, "{sizes:?}");
    assert!(job::sizes(&t.db, "another", &ids).await.unwrap().is_empty());
    let records = job::records(&t.db, "many", &ids).await.unwrap();
    let (taken, back) = (records.clone(), records.clone());
    t.db.write(move |tx| Box::pin(async move { job::remove_recorded(tx, "many", &taken, false).await })).await.unwrap();
    let answers = t.db.write(move |tx| Box::pin(async move { job::restore(tx, "many", &back).await })).await.unwrap();
    assert_eq!(answers, vec![Acted::Done; 12]);
    assert_eq!(job::records(&t.db, "many", &ids).await.unwrap(), records, "2,200 lines, over several statements");
}

async fn acts_are_bounded(t: &TestDb) {
    let many = vec![Uuid::now_v7(); ACT_MAX + 1];
    let asked = many.clone();
    let refused = t.db.write(move |tx| Box::pin(async move { job::act(tx, "many", Act::Remove, &asked).await })).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert!(matches!(job::records(&t.db, "many", &many).await, Err(Error::Invalid(_))));
    assert!(!job::is_known(&t.db, "many").await.unwrap());
    let options = Enqueue { queue: Some("many".into()), ..Enqueue::default() };
    let put = t.db.write(move |tx| {
        Box::pin(async move {
            let task = serde_json::from_value::<crate::jobs::Hang>(json!({ "whole": true }))?;
            job::enqueue(tx, &task, options).await
        })
    });
    let id = put.await.unwrap();
    assert!(job::is_known(&t.db, "many").await.unwrap());
    assert_eq!(job::whole(&t.db, "another", id).await.unwrap(), None, "a job of another queue is not found");
    assert_eq!(act(&t.db, Act::Priority(7), vec![id, id]).await, [Acted::Done, Acted::Done]);
}

async fn a_queue_is_deleted_in_chunks(t: &TestDb) {
    fill(&t.db, "failed", 2_500).await;
    let obliterate = async || t.db.write(|tx| Box::pin(async move { job::obliterate(tx, "many", 1_000).await })).await;
    assert_eq!(obliterate().await.unwrap(), Obliterated::NotPaused);
    t.db.write(|tx| Box::pin(async move { job::pause(tx, "many").await })).await.unwrap();
    let steps = [obliterate().await.unwrap(), obliterate().await.unwrap(), obliterate().await.unwrap()];
    assert_eq!(steps, [Obliterated::More, Obliterated::More, Obliterated::Done]);
    assert!(matches!(obliterate().await, Err(Error::NotFound)));
    assert_eq!(job::counts(&t.db).await.unwrap(), []);
}
