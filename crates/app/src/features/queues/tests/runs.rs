//! Runs over everything that a filter matches.

use qd_core::gate::{Confirmation, Role};
use qd_core::port::queue::JobState;
use qd_core::{Error, Timestamp};

use super::{QUEUE, SOURCE, Shop, boss, failed, json, named, typed};
use crate::features::queues::run::{self, Filter, FilterQuery, RunStatus, StartRun, Work};
use crate::features::testing::{World, because, on_both, person};

const RETRY: Work = Work::Retry { reset: true };

async fn everything_that_failed_runs_again_under_one_intent(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_700);
    shop.queue.fill(JobState::Completed, 3);
    let mut heard = shop.app.bus.listen();
    let done = shop.done(RETRY, failed()).await;
    assert_eq!((done.status, done.total, done.seen, done.done, done.gone, done.refused), (RunStatus::Done, Some(1_700), 1_700, 1_700, 0, 0));
    assert_eq!((shop.queue.count(JobState::Waiting), shop.queue.count(JobState::Completed)), (1_700, 3));
    let trail = shop.trail(3).await;
    let kinds: Vec<_> = trail.iter().map(|row| (row.kind.as_str(), row.action.as_str())).collect();
    assert_eq!(kinds, [("outcome", "queue.execute"), ("intent", "queue.execute"), ("done", "queue.retry_all")]);
    let outcome = json(&trail[0].after);
    assert_eq!((&outcome["done"], &outcome["status"], &outcome["askedBy"]), (&1_700.into(), &"DONE".into(), &boss().id().into()));
    assert!(!serde_json::to_string(&trail).unwrap().contains("4111-secret"), "nothing of the jobs' data");
    let mut told = Vec::new();
    while let Ok(event) = heard.try_recv() {
        told.push(event.name);
    }
    assert!(told.iter().any(|name| name == "queue.run") && told.iter().any(|name| name == "queue.changed"), "{told:?}");
}

async fn a_filter_takes_what_it_matches_and_nothing_else(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_200);
    shop.queue.change("failed-8", |job| job.data = format!(r#"{{"blob":"{}","n":"long"}}"#, "x".repeat(5_000)));
    shop.queue.change("failed-10", |job| job.data = format!(r#"{{"blob":"{}","n":"long"}}"#, "x".repeat(70_000)));
    assert_eq!(shop.done(RETRY, named("odd")).await.done, 600);
    assert!(shop.queue.all().values().all(|job| (job.state == JobState::Waiting) == (job.name == "odd")));
    let long = FilterQuery { field: vec!["data.n = long".into()], ..FilterQuery::default() }.filter().unwrap();
    let done = shop.done(RETRY, long).await;
    assert_eq!((done.done, shop.queue.all()["failed-8"].state), (1, JobState::Waiting), "looked up whole");
    assert!(done.note.unwrap().starts_with("1 jobs were left alone"), "too long even so");
    assert_eq!(shop.queue.all()["failed-10"].state, JobState::Failed);
    assert!(shop.queue.inner.lock().unwrap().largest <= 500);
}

async fn a_list_longer_than_memory_is_walked_to_its_end(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Delayed, 7_000);
    let done = shop.done(Work::Promote, Filter::all(JobState::Delayed)).await;
    assert_eq!((done.status, done.seen, done.done, done.note), (RunStatus::Done, 7_000, 7_000, None));
    assert_eq!(shop.queue.count(JobState::Waiting), 7_000);
    shop.queue.fill(JobState::Delayed, 4_000);
    let half = shop.done(Work::Promote, Filter { name: Some("even".into()), ..Filter::all(JobState::Delayed) }).await;
    assert_eq!((half.seen, half.done, shop.queue.count(JobState::Delayed)), (4_000, 2_000, 2_000), "each is counted once");
    shop.queue.fill(JobState::Delayed, 4_000);
    let none = shop.done(Work::Promote, Filter { name: Some("nobody".into()), ..Filter::all(JobState::Delayed) }).await;
    assert!(none.note.unwrap().contains("was not looked at"), "never as if it had been");
}

async fn what_fails_again_is_not_retried_again(world: &World) {
    for filter in [failed(), named("even")] {
        let shop = Shop::of(world);
        shop.queue.fill(JobState::Failed, 1_100);
        shop.queue.fate(|_| Some(JobState::Failed));
        let done = shop.done(RETRY, filter.clone()).await;
        let retried: Vec<u32> = shop.queue.all().values().filter(|job| filter.is_all() || job.name == "even").map(|job| job.retried).collect();
        assert!(retried.iter().all(|times| *times == 1), "each once");
        assert_eq!((done.status, done.done), (RunStatus::Done, i64::try_from(retried.len()).unwrap()));
    }
}

async fn one_run_at_a_time_over_a_state(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 2);
    shop.queue.fill(JobState::Delayed, 2);
    let first = shop.start(RETRY, failed()).await.unwrap();
    let Err(Error::Conflict(why)) = shop.start(Work::Remove, named("odd")).await else { panic!("two runs over one state") };
    assert!(why.contains(&first.id.to_string()), "{why}");
    let other = shop.start(Work::Promote, Filter::all(JobState::Delayed)).await.unwrap();
    assert!(shop.execute(first.id).await.unwrap() && shop.execute(other.id).await.unwrap());
    assert_eq!(shop.done(RETRY, failed()).await.status, RunStatus::Done, "it is free again");
    assert!(run::open(&shop.app).await.unwrap().is_empty());
    assert_eq!(run::runs(&shop.app, None, 2).await.unwrap().len(), 2);
    assert_eq!(run::of_queue(&shop.app, SOURCE, QUEUE, 9).await.unwrap().len(), 3);
}

async fn the_same_key_starts_one_run(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 2);
    let start = async || {
        let asked = StartRun { source: SOURCE.into(), queue: QUEUE.into(), work: RETRY, filter: failed(), rate: None };
        let given = Confirmation { idempotency_key: Some("k1".into()), preview_digest: Some("ab".repeat(32)), ..because() };
        run::start(&shop.app, &boss(), asked, given).await.unwrap()
    };
    let (one, two) = (start().await, start().await);
    assert_eq!((one.value.id, two.replayed), (two.value.id, true));
    assert_eq!(shop.trail(1).await[0].preview_digest, Some("ab".repeat(32)));
}

async fn who_may_not_and_what_makes_no_sense_is_refused(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 2);
    let asked = |work, filter| StartRun { source: SOURCE.into(), queue: QUEUE.into(), work, filter, rate: None };
    for (role, work) in [(Role::StaffAdmin, RETRY), (Role::Admin, Work::Remove), (Role::Admin, Work::Drain { delayed: false })] {
        let refused = run::start(&shop.app, &person(role), asked(work, failed()), typed(work)).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        assert_eq!(shop.trail(1).await[0].kind.as_str(), "refused");
    }
    let untyped = run::start(&shop.app, &boss(), asked(Work::Remove, failed()), because()).await;
    assert!(matches!(untyped, Err(Error::Invalid(faults)) if faults[0].field == "phrase"));
    for (work, state) in [(RETRY, JobState::Waiting), (Work::Promote, JobState::Failed), (Work::Remove, JobState::Active)] {
        assert!(matches!(shop.start(work, Filter::all(state)).await, Err(Error::Invalid(_))), "{work:?} {state:?}");
    }
    let unknown = StartRun { queue: "nowhere".into(), ..asked(RETRY, failed()) };
    assert!(matches!(run::start(&shop.app, &boss(), unknown, because()).await, Err(Error::NotFound(_))));
    assert_eq!(shop.queue.count(JobState::Failed), 2);
}

async fn it_is_cancelled_before_it_begins_and_in_the_middle(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 400);
    let waiting = shop.start(RETRY, failed()).await.unwrap();
    let cancelled = run::cancel(&shop.app, &person(Role::Admin), waiting.id, Confirmation::default()).await.unwrap().value;
    assert_eq!(cancelled.status, RunStatus::Cancelled);
    assert!(shop.execute(waiting.id).await.unwrap());
    assert_eq!(shop.queue.count(JobState::Failed), 400);
    // 20 a second: it would take 20 s.
    let slow = shop.start_at(RETRY, failed(), Some(20)).await.unwrap();
    let (app, id) = (shop.app.clone(), slow.id);
    let going = tokio::spawn(async move { run::execute(&app, &super::system(), id, None).await });
    while shop.run(id).await.done == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    run::cancel(&shop.app, &boss(), id, Confirmation::default()).await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_secs(10), going).await.unwrap().unwrap().unwrap());
    let run = shop.run(id).await;
    assert!(run.status == RunStatus::Cancelled && run.ended_at.is_some() && run.done < 200, "{run:?}");
    assert!(matches!(run::cancel(&shop.app, &boss(), id, Confirmation::default()).await, Err(Error::Conflict(_))));
}

async fn a_rate_is_kept(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 30);
    let run = shop.start_at(RETRY, failed(), Some(20)).await.unwrap();
    let began = std::time::Instant::now();
    shop.execute(run.id).await.unwrap();
    assert!(began.elapsed() >= std::time::Duration::from_millis(990), "20 at once, then a second's wait: {:?}", began.elapsed());
    assert_eq!(shop.run(run.id).await.done, 30);
}

async fn a_preview_counts_and_shows_five(world: &World) {
    let shop = Shop::of(world);
    shop.queue.fill(JobState::Failed, 1_200);
    let all = run::preview(&shop.app, SOURCE, QUEUE, RETRY, &failed()).await.unwrap();
    assert_eq!((all.figures[0].clone(), all.sample.len()), (("jobs".into(), 1_200), 5));
    let some = run::preview(&shop.app, SOURCE, QUEUE, Work::Remove, &named("odd")).await.unwrap();
    assert_eq!(some.figures[0], ("jobs".into(), 600));
    assert!(some.effects[1].contains("restored for 72 h") && !format!("{some:?}").contains("4111-secret"));
    let early = Filter { to: Some(Timestamp(0)), ..failed() };
    assert_eq!(run::preview(&shop.app, SOURCE, QUEUE, Work::Remove, &early).await.unwrap().figures[0].1, 0);
}

on_both!(
    everything_that_failed_runs_again_under_one_intent,
    a_filter_takes_what_it_matches_and_nothing_else,
    a_list_longer_than_memory_is_walked_to_its_end,
    what_fails_again_is_not_retried_again,
    one_run_at_a_time_over_a_state,
    the_same_key_starts_one_run,
    who_may_not_and_what_makes_no_sense_is_refused,
    it_is_cancelled_before_it_begins_and_in_the_middle,
    a_rate_is_kept,
    a_preview_counts_and_shows_five,
);
