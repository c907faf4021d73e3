//! Nothing counts twice, silence is a zero and what was lost a gap.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, pending};
use qd_core::gate::Warrant;
use qd_core::port::queue::{Can, EventKind, EventPage, JobEvent, QueueMinute, QueueState};
use qd_core::port::{Ports, Queue, QueueSource};
use qd_core::{App, Error, Result, Timestamp};

use super::{Follower, Point, series, spark, trim};
use crate::features::health;
use crate::features::testing::{World, on_both};

on_both!(
    what_happened_is_counted_once_though_the_process_dies,
    two_processes_count_once,
    what_was_thrown_away_is_a_gap,
    a_driver_that_counts_minutes_is_taken_at_its_word,
    hours_and_days_sum_up_and_outlive_minutes,
);

/// A job system that tells what a test wrote down.
struct Tape {
    events: Mutex<Vec<JobEvent>>,
    thrown_away: AtomicUsize,
    minutes: Option<Mutex<Vec<QueueMinute>>>,
    waiting: AtomicU64,
    hangs: AtomicBool,
}

impl Tape {
    fn new(minutes: Option<Vec<QueueMinute>>) -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            thrown_away: AtomicUsize::new(0),
            minutes: minutes.map(Mutex::new),
            waiting: AtomicU64::new(3),
            hangs: AtomicBool::new(false),
        })
    }

    fn tell(&self, kind: EventKind, job: &str, at: Timestamp) {
        self.events.lock().unwrap().push(JobEvent { kind, job: job.into(), at });
    }

    /// A job that waits two seconds and runs one, from `at` on.
    fn job(&self, id: &str, at: Timestamp, end: EventKind) {
        self.tell(EventKind::Added, id, at);
        self.tell(EventKind::Waiting, id, at);
        self.tell(EventKind::Active, id, at.plus_seconds(2));
        self.tell(end, id, at.plus_seconds(3));
    }
}

impl Queue for Tape {
    fn driver(&self) -> &'static str {
        "tape"
    }

    fn can(&self) -> Can {
        Can { events: self.minutes.is_none(), ..Can::default() }
    }

    fn states(&self) -> BoxFuture<'_, Result<Vec<QueueState>>> {
        let state = QueueState { name: "mail".into(), waiting: self.waiting.load(Ordering::SeqCst), ..QueueState::default() };
        Box::pin(async { Ok(vec![state]) })
    }

    fn events<'a>(&'a self, _: &'a str, after: Option<&'a str>) -> BoxFuture<'a, Result<EventPage>> {
        Box::pin(async move {
            if self.hangs.load(Ordering::SeqCst) {
                pending::<()>().await;
            }
            let events = self.events.lock().unwrap();
            let Some(after) = after else { return Ok(EventPage { events: vec![], last: Some(events.len().to_string()), gap: false }) };
            let (after, lost): (usize, usize) = (after.parse().unwrap(), self.thrown_away.load(Ordering::SeqCst));
            let page: Vec<_> = events.iter().skip(after.max(lost)).take(7).cloned().collect();
            Ok(EventPage { last: Some((after.max(lost) + page.len()).to_string()), gap: after < lost, events: page })
        })
    }

    fn minutes<'a>(&'a self, _: &'a str, since: Timestamp) -> BoxFuture<'a, Result<Vec<QueueMinute>>> {
        let minutes = self.minutes.as_ref().unwrap().lock().unwrap();
        let found = minutes.iter().filter(|minute| minute.minute * 60_000_000 >= since.0).cloned().collect();
        Box::pin(async { Ok(found) })
    }

    fn pause<'a>(&'a self, _: &'a Warrant, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::Broken("not here".into())) })
    }

    fn resume<'a>(&'a self, _: &'a Warrant, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::Broken("not here".into())) })
    }
}

fn source(tape: &Arc<Tape>) -> QueueSource {
    QueueSource { name: "shop".into(), queue: tape.clone() }
}

fn app(world: &World, tape: &Arc<Tape>) -> App {
    world.with(Ports { queues: vec![source(tape)], ..Ports::default() })
}

async fn look(app: &App, follower: &mut Follower, tape: &Arc<Tape>) {
    assert!(health::recount(app, &source(tape)).await);
    follower.look(app).await.unwrap();
}

async fn last(app: &App, minutes: i64) -> Vec<Point> {
    let now = app.now();
    series(app, "shop", "mail", now.plus_seconds(-60 * minutes), now.plus_seconds(1)).await.unwrap()
}

fn sum(points: &[Point], figure: fn(&Point) -> Option<i64>) -> i64 {
    points.iter().filter_map(figure).sum()
}

async fn what_happened_is_counted_once_though_the_process_dies(world: &World) {
    let tape = Tape::new(None);
    let app = app(world, &tape);
    let mut first = Follower::new(source(&tape));
    look(&app, &mut first, &tape).await;
    tape.job("1", app.now(), EventKind::Completed);
    tape.job("2", app.now(), EventKind::Failed);
    world.later(70);
    look(&app, &mut first, &tape).await;
    assert_eq!((sum(&last(&app, 5).await, |point| point.completed), spark(&app, "shop", "mail").pop().unwrap()), (1, Some(2.0)));
    // Read, and lost before it was stored.
    tape.job("3", app.now(), EventKind::Completed);
    look(&app, &mut first, &tape).await;
    drop(first);
    let mut second = Follower::new(source(&tape));
    for _ in 0..3 {
        world.later(70);
        look(&app, &mut second, &tape).await;
    }
    second.store_all(&app).await.unwrap();
    let points = last(&app, 8).await;
    let sums = [sum(&points, |point| point.added), sum(&points, |point| point.completed), sum(&points, |point| point.failed)];
    assert_eq!(sums, [3, 2, 1], "{points:#?}");
    let begun = points.iter().find(|point| point.completed == Some(1)).unwrap();
    assert!((begun.wait_p50.unwrap() - 2_000.0).abs() < 30.0 && (begun.run_p95.unwrap() - 1_000.0).abs() < 30.0, "{begun:?}");
    assert_eq!((begun.waiting, begun.partial), (Some(3), true), "nobody counted before the first look");
    assert_eq!(points.first().unwrap().completed, None, "nobody counted then");
    assert!(points.iter().rev().take(2).all(|point| point.completed == Some(0) && !point.partial), "{points:#?}");
}

async fn two_processes_count_once(world: &World) {
    let tape = Tape::new(None);
    let app = app(world, &tape);
    let (mut one, mut two) = (Follower::new(source(&tape)), Follower::new(source(&tape)));
    for round in 0..6 {
        for follower in [&mut one, &mut two] {
            look(&app, follower, &tape).await;
        }
        tape.job(&round.to_string(), app.now(), EventKind::Completed);
        world.later(65);
    }
    for _ in 0..2 {
        look(&app, &mut one, &tape).await;
        look(&app, &mut two, &tape).await;
        world.later(65);
    }
    let points = last(&app, 30).await;
    assert_eq!(sum(&points, |point| point.completed), 6, "{points:#?}");
}

async fn what_was_thrown_away_is_a_gap(world: &World) {
    let tape = Tape::new(None);
    let app = app(world, &tape);
    let mut follower = Follower::new(source(&tape));
    look(&app, &mut follower, &tape).await;
    world.later(65);
    look(&app, &mut follower, &tape).await;
    // For ten minutes nobody looks, and most of what happened is thrown away.
    for minute in 0..10 {
        tape.job(&minute.to_string(), app.now().plus_seconds(minute * 60), EventKind::Completed);
    }
    tape.thrown_away.store(36, Ordering::SeqCst);
    world.later(600);
    look(&app, &mut follower, &tape).await;
    world.later(65);
    look(&app, &mut follower, &tape).await;
    let points = last(&app, 13).await;
    let counted: Vec<_> = points.iter().map(|point| (point.completed, point.partial)).collect();
    assert!(counted.iter().filter(|(completed, _)| completed.is_none()).count() >= 8, "a gap, not a zero: {counted:?}");
    assert_eq!(sum(&points, |point| point.completed), 1, "{counted:?}");
    assert!(counted.iter().any(|(completed, partial)| *completed == Some(1) && *partial), "{counted:?}");
}

async fn a_driver_that_counts_minutes_is_taken_at_its_word(world: &World) {
    let minute = |back: i64, completed| QueueMinute {
        minute: world.app.now().0 / 60_000_000 - back,
        completed,
        failed: 1,
        waits: vec![(20.0, 3), (400.0, 1)],
        runs: vec![(5.0, 4)],
        ..QueueMinute::default()
    };
    // The running minute is not over yet: it grows.
    let tape = Tape::new(Some(vec![minute(30, 4), minute(10, 2), minute(0, 1)]));
    let app = app(world, &tape);
    let mut follower = Follower::new(source(&tape));
    look(&app, &mut follower, &tape).await;
    look(&app, &mut follower, &tape).await;
    tape.minutes.as_ref().unwrap().lock().unwrap().last_mut().unwrap().completed = 9;
    world.later(70);
    let mut again = Follower::new(source(&tape));
    look(&app, &mut again, &tape).await;
    look(&app, &mut again, &tape).await;
    let points = last(&app, 40).await;
    assert_eq!((sum(&points, |point| point.completed), sum(&points, |point| point.failed)), (15, 3), "{points:#?}");
    assert_eq!(points[0].completed, None, "before the driver's first minute nothing is known");
    let known: Vec<_> = points.iter().filter(|point| point.completed.is_some()).collect();
    assert_eq!((known.len(), known[1].completed, known[1].added), (31, Some(0), None), "made jobs are not counted: not known, not zero");
    assert!((known[0].wait_p50.unwrap() - 20.0).abs() < 1.0 && (known[0].run_p95.unwrap() - 5.0).abs() < 0.2, "{:?}", known[0]);
}

async fn hours_and_days_sum_up_and_outlive_minutes(world: &World) {
    let tape = Tape::new(None);
    let app = app(world, &tape);
    let mut follower = Follower::new(source(&tape));
    for job in 0..5 {
        look(&app, &mut follower, &tape).await;
        tape.job(&job.to_string(), app.now(), EventKind::Completed);
        world.later(1_800);
    }
    look(&app, &mut follower, &tape).await;
    follower.store_all(&app).await.unwrap();
    let now = app.now();
    for hours in [3, 24, 24 * 30] {
        let points = series(&app, "shop", "mail", now.plus_seconds(-3_600 * hours), now.plus_seconds(60)).await.unwrap();
        assert_eq!(sum(&points, |point| point.completed), 5, "{hours} h");
    }
    assert_eq!(trim(&app).await.unwrap(), 0);
    world.later(50 * 3_600);
    assert!(trim(&app).await.unwrap() > 100);
    let points = series(&app, "shop", "mail", now.plus_seconds(-3_600 * 5), now.plus_seconds(3_000)).await.unwrap();
    assert_eq!(sum(&points, |point| point.completed), 0);
    let points = series(&app, "shop", "mail", now.plus_seconds(-3_600 * 24), now).await.unwrap();
    assert_eq!(sum(&points, |point| point.completed), 5, "hours stay");
}

#[tokio::test]
async fn a_source_that_hangs_holds_up_no_other() {
    let world = World::sqlite().await;
    let (dead, alive) = (Tape::new(None), Tape::new(None));
    dead.hangs.store(true, Ordering::SeqCst);
    let sources = [QueueSource { name: "dead".into(), queue: dead }, source(&alive)];
    let app = world.with(Ports { queues: sources.to_vec(), ..Ports::default() });
    for source in &sources {
        assert!(health::recount(&app, source).await);
    }
    let tasks: Vec<_> = sources.iter().map(|source| tokio::spawn(super::sample::follow(app.clone(), source.clone()))).collect();
    alive.job("1", app.now(), EventKind::Completed);
    let told = async {
        // The clock of the test stands still, and the look after the next minute stores it.
        while super::store::follow(&app.db, "shop", "mail").await.unwrap().is_none() {
            world.later(61);
            health::recount(&app, &sources[1]).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the other one is followed");
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    world.end().await;
}
