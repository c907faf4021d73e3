//! Cron in a time zone, across clock changes and replicas.

use std::collections::HashSet;
use std::time::Duration;

use engine::job::{self, Job, JobError, RunInfo, Schedule, State, Worker, next_after, upsert_schedules};
use engine::{Db, Error, args};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::support::{TestDb, eventually};

crate::both!(each_occurrence_once_over_replicas, upserts_keep_what_they_may, a_clock_that_was_ahead_silences_nothing, outcomes_and_skips);

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

/// The next occurrences after `from`, as UTC.
fn next(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = at(from);
    for _ in 0..count {
        after = next_after(cron, zone, after).unwrap();
        found.push(Timestamp::from_microsecond(after).unwrap().to_string());
    }
    found
}

#[test]
fn a_skipped_wall_clock_time_fires_that_day() {
    // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST.
    assert_eq!(
        next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
}

#[test]
fn a_doubled_wall_clock_time_fires_once() {
    // New York, 2026-11-01: 02:00 EDT becomes 01:00 EST, so 01:30 happens twice.
    assert_eq!(
        next("30 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", 3),
        ["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
    );
}

#[test]
fn an_interval_goes_on_through_the_change() {
    let hours = next("0 * * * *", "America/New_York", "2026-11-01T04:30:00Z", 4);
    assert_eq!(hours, ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"]);
}

#[test]
fn mistakes_are_explained() {
    for (cron, zone) in [("61 * * * *", "UTC"), ("* * * * *", "Mars/Olympus"), ("0 0 30 2 *", "UTC"), ("", "UTC")] {
        let error = next_after(cron, zone, 0).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{cron} {zone}: {error:?}");
    }
}

proptest::proptest! {
    #[test]
    fn the_next_occurrence_is_later_and_matches(minute in 0..60_u32, hour in 0..24_u32, from in 0..4_000_000_000_i64) {
        let from = from * 1_000_000;
        let found = next_after(&format!("{minute} {hour} * * *"), "Europe/London", from).unwrap();
        let zone = jiff::tz::TimeZone::get("Europe/London").unwrap();
        let civil = Timestamp::from_microsecond(found).unwrap().to_zoned(zone);
        proptest::prop_assert!(found > from);
        // Two days and an hour bound every gap and every double hour.
        proptest::prop_assert!(found - from <= (2 * 24 + 1) * 3_600_000_000);
        proptest::prop_assert!(i64::from(civil.minute()) == i64::from(minute) || civil.minute() == 0);
    }
}

#[derive(Serialize, Deserialize)]
struct Tick {
    fail: bool,
    hold_ms: u64,
}

impl Job for Tick {
    const NAME: &'static str = "tick";
    const QUEUE: &'static str = "ticks";
    const ATTEMPTS: u32 = 1;
    type Context = ();

    async fn run(self, (): (), run: RunInfo) -> Result<(), JobError> {
        assert!(run.scheduled_for.is_some() && run.schedule.is_some());
        tokio::time::sleep(Duration::from_millis(self.hold_ms)).await;
        if self.fail { Err(JobError::fatal("no")) } else { Ok(()) }
    }
}

async fn worker(db: &Db) -> job::WorkerHandle {
    Worker::new(db.clone(), ()).register::<Tick>().queue("ticks", 4).start().await.unwrap()
}

fn every_second(name: &str, tick: &Tick) -> Schedule {
    Schedule::of(name, "* * * * * *", "UTC", tick).unwrap()
}

async fn each_occurrence_once_over_replicas(t: &TestDb) {
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(worker(&t.other().await).await);
    }
    upsert_schedules(&t.db, &[every_second("pulse", &Tick { fail: false, hold_ms: 0 })]).await.unwrap();
    let rows = eventually("four occurrences", || async {
        let rows = job::list(&t.db, "ticks", State::Completed, None, 100).await.unwrap();
        (rows.len() >= 4).then_some(rows)
    })
    .await;
    let occurrences: HashSet<i64> = rows.iter().map(|row| row.scheduled_for.unwrap()).collect();
    assert_eq!(occurrences.len(), rows.len(), "an occurrence ran twice");
    assert!(occurrences.iter().all(|at| at % 1_000_000 == 0));
    let schedule = job::schedules(&t.db).await.unwrap().remove(0);
    assert!(schedule.last_at.is_some() && schedule.next_at > schedule.last_at.unwrap());
    for worker in workers {
        worker.stop().await;
    }
}

async fn upserts_keep_what_they_may(t: &TestDb) {
    let tick = Tick { fail: false, hold_ms: 0 };
    let daily = Schedule::of("daily", "0 3 * * *", "America/New_York", &tick).unwrap();
    upsert_schedules(&t.db, std::slice::from_ref(&daily)).await.unwrap();
    let first = job::schedules(&t.db).await.unwrap().remove(0);
    assert!(first.next_at > Timestamp::now().as_microsecond());
    t.db.write(|tx| Box::pin(async move { job::pause_schedule(tx, "daily").await })).await.unwrap();
    upsert_schedules(&t.db, std::slice::from_ref(&daily)).await.unwrap();
    let same = job::schedules(&t.db).await.unwrap().remove(0);
    assert_eq!((same.next_at, same.paused), (first.next_at, true));
    upsert_schedules(&t.db, &[Schedule { cron: "0 4 * * *".to_owned(), ..daily.clone() }]).await.unwrap();
    let moved = job::schedules(&t.db).await.unwrap().remove(0);
    assert_ne!(moved.next_at, first.next_at);
    let wrong = Schedule { cron: "never".to_owned(), ..daily };
    assert!(matches!(upsert_schedules(&t.db, &[wrong]).await, Err(Error::Invalid(_))));
    t.db.write(|tx| Box::pin(async move { job::resume_schedule(tx, "daily").await })).await.unwrap();
    t.db.write(|tx| Box::pin(async move { job::remove_schedule(tx, "daily").await })).await.unwrap();
    let gone = t.db.write(|tx| Box::pin(async move { job::remove_schedule(tx, "daily").await })).await;
    assert!(matches!(gone, Err(Error::NotFound)));
}

async fn a_clock_that_was_ahead_silences_nothing(t: &TestDb) {
    let hourly = Schedule::of("hourly", "0 * * * *", "UTC", &Tick { fail: false, hold_ms: 0 }).unwrap();
    let again = async || {
        upsert_schedules(&t.db, std::slice::from_ref(&hourly)).await.unwrap();
        job::schedules(&t.db).await.unwrap().remove(0).next_at
    };
    let (first, hour, year) = (again().await, 3_600_000_000_i64, 31_536_000_000_000_i64);
    let set = async |next_at: i64, last_at: Option<i64>| {
        let sql = "UPDATE job_schedule SET next_at = $1, last_at = $2";
        t.db.write(move |tx| Box::pin(async move { tx.exec(sql, args![next_at, last_at]).await })).await.unwrap();
    };
    for last_at in [None, Some(first - hour), Some(first + year - hour)] {
        set(first + year, last_at).await;
        assert!((first..=first + hour).contains(&again().await), "fired last at {last_at:?}");
    }
    let now = again().await;
    set(now - 2 * hour, Some(now - 3 * hour)).await;
    assert_eq!(again().await, now - 2 * hour, "one that was missed still comes");
    set(now + hour, Some(now + 5_000)).await;
    assert_eq!(again().await, now + hour, "another replica fired the one between at this moment");
}

async fn outcomes_and_skips(t: &TestDb) {
    let schedules = [every_second("fails", &Tick { fail: true, hold_ms: 0 }), every_second("slow", &Tick { fail: false, hold_ms: 60_000 })];
    upsert_schedules(&t.db, &schedules).await.unwrap();
    let worker = worker(&t.db).await;
    let find = |name: &'static str| async move { job::schedules(&t.db).await.unwrap().into_iter().find(|s| s.name == name).unwrap() };
    eventually("a failure", || async {
        let s = find("fails").await;
        (s.last_outcome.as_deref() == Some("failed") && s.last_error.as_deref() == Some("no")).then_some(())
    })
    .await;
    eventually("a skip", || async {
        let s = find("slow").await;
        (s.last_outcome.as_deref() == Some("running") && s.last_error.is_some_and(|e| e.contains("skipped"))).then_some(())
    })
    .await;
    let active = job::list(&t.db, "ticks", State::Active, None, 10).await.unwrap();
    assert_eq!(active.iter().filter(|job| job.schedule.as_deref() == Some("slow")).count(), 1);
    drop(worker);
}
