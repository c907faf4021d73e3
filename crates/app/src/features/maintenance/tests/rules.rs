use qd_core::Timestamp;

use super::{ahead, at, mara, plain, program, step};
use crate::features::maintenance::window::{Cancel, Edit, Times, Window, cancel, edit, series, sweep, upcoming};
use crate::features::maintenance::{Kind, Status, Terms};
use crate::features::testing::{World, because, on_both};

on_both!(
    each_window_of_a_rule_makes_the_next,
    one_is_skipped_or_all_of_them,
    a_moved_window_is_followed_by_the_next_of_the_rule,
    a_rule_that_slept_goes_on_with_the_window_of_now,
    local_times_of_one_window_hold,
);

const YORK: &str = "America/New_York";

/// Every Saturday from 23:00 to 03:30 in New York.
async fn weekly(world: &World) -> Window {
    let times = Times::Recurring { cron: "0 23 * * SAT".into(), minutes: 270 };
    let terms = Terms { zone: YORK.into(), announce_minutes: 0, ..Terms::default() };
    ahead(world, Kind::DatabaseMaintenance, times, terms).await.unwrap().value
}

async fn next(world: &World) -> (Window, Timestamp, Timestamp) {
    let found = upcoming(&world.app).await.unwrap();
    assert_eq!(found.len(), 1);
    let (start, end) = (found[0].scheduled_start, found[0].scheduled_end);
    (found.into_iter().next().unwrap(), start, end)
}

async fn each_window_of_a_rule_makes_the_next(world: &World) {
    // A week before the clocks go forward in New York, on 8 March 2026 at 07:00 UTC.
    world.app.clock.set(at("2026-02-26T12:00:00Z"));
    let first = weekly(world).await;
    assert_eq!((first.scheduled_start, first.scheduled_end), (at("2026-03-01T04:00:00Z"), at("2026-03-01T08:30:00Z")));
    world.app.clock.set(first.scheduled_start);
    assert_eq!(step(world, &first).await.status, Status::Active);
    let (second, start, end) = next(world).await;
    assert_eq!((start, end), (at("2026-03-08T04:00:00Z"), at("2026-03-08T07:30:00Z")), "03:30 by the clock that jumped");
    world.app.clock.set(first.scheduled_end);
    assert_eq!(step(world, &first).await.status, Status::Completed);
    world.app.clock.set(start);
    step(world, &second).await;
    assert_eq!(next(world).await.1, at("2026-03-15T03:00:00Z"));
    world.app.clock.set(at("2026-03-08T07:29:59Z"));
    assert_eq!(step(world, &second).await.status, Status::Active);
    world.app.clock.set(end);
    assert_eq!(step(world, &second).await.status, Status::Completed);
}

async fn one_is_skipped_or_all_of_them(world: &World) {
    let first = weekly(world).await;
    let skipped = cancel(&world.app, &mara(), Cancel { window: first.id, series: false }, plain()).await.unwrap().value;
    assert_eq!(skipped.status, Status::Cancelled);
    let (second, start, _) = next(world).await;
    assert_eq!(start.since(first.scheduled_start), 7 * 86_400);
    assert_eq!((second.series_id, second.terms.clone()), (first.series_id, first.terms.clone()));
    cancel(&world.app, &mara(), Cancel { window: second.id, series: true }, plain()).await.unwrap();
    assert!(upcoming(&world.app).await.unwrap().is_empty());
    assert_eq!(series(&world.app).await.unwrap()[0].cancelled_at, Some(world.app.now()));
    world.later(30 * 86_400);
    sweep(&world.app, &program()).await.unwrap();
    assert!(upcoming(&world.app).await.unwrap().is_empty());
}

async fn a_moved_window_is_followed_by_the_next_of_the_rule(world: &World) {
    let first = weekly(world).await;
    let start = world.app.now().plus_seconds(3_600);
    let times = Some(Times::Once { start, end: start.plus_seconds(600) });
    let moved = Edit { window: first.id, times, terms: first.terms.clone(), version: None };
    edit(&world.app, &super::boss(), moved, because()).await.unwrap();
    world.later(3_600);
    assert_eq!(step(world, &first).await.status, Status::Active);
    assert_eq!(next(world).await.1.since(first.scheduled_start), 7 * 86_400, "not the same one again");
}

async fn a_rule_that_slept_goes_on_with_the_window_of_now(world: &World) {
    let first = weekly(world).await;
    world.app.clock.set(first.scheduled_start.plus_seconds(21 * 86_400 + 60));
    let missed = step(world, &first).await;
    assert!(missed.status == Status::Completed && missed.note.unwrap().starts_with("It never held"));
    let (current, start, _) = next(world).await;
    assert_eq!(start, first.scheduled_start.plus_seconds(21 * 86_400));
    assert_eq!(step(world, &current).await.status, Status::Active);
    assert_eq!(next(world).await.1, first.scheduled_start.plus_seconds(28 * 86_400));
}

async fn local_times_of_one_window_hold(world: &World) {
    // Over midnight, into the morning in which the clocks go back in Berlin: five hours by the wall clock, six by the stopwatch.
    world.app.clock.set(at("2026-10-24T10:00:00Z"));
    let times = Times::Local { start: "2026-10-24T23:00".parse().unwrap(), end: "2026-10-25T04:00".parse().unwrap() };
    let terms = Terms { zone: "Europe/Berlin".into(), ..Terms::default() };
    let window = ahead(world, Kind::GlobalReadonly, times, terms).await.unwrap().value;
    assert_eq!((window.scheduled_start, window.scheduled_end), (at("2026-10-24T21:00:00Z"), at("2026-10-25T03:00:00Z")));
    assert_eq!(window.scheduled_end.since(window.scheduled_start), 6 * 3_600);
}
