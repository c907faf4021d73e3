use maud::Render;
use qd_core::Timestamp;
use qd_core::reading::Status as State;

use super::{down, mara, opened};
use crate::features::incidents::{Filter, Open, Severity, Sla, Status, banner, board, close, kpis, list, measure, mitigate, open};
use crate::features::testing::{World, because, on_both};

on_both!(figures_are_counted_and_none_is_not_zero, a_lost_database_stops_every_count, the_board_has_its_columns, filters_and_pages_hold,);

async fn a_lost_database_stops_every_count(world: &World) {
    opened(world, Severity::Sev1).await;
    measure(&world.app).await;
    let shown = |app: &qd_core::App| banner(app).unwrap().render().into_string();
    assert!(shown(&world.app).contains("To be mitigated in"));
    let taken = world.app.now();
    world.app.db.close().await;
    world.later(10);
    measure(&world.app).await;
    let readings = world.app.board.under("incidents.", world.app.now());
    assert_eq!(readings.len(), 9);
    for (key, reading) in readings {
        let unit = if key.contains("mtt") { "min" } else { "" };
        assert_eq!((reading.status, reading.unit), (State::Unknown, unit), "{key}");
    }
    let open = world.app.board.get("incidents.open", world.app.now()).unwrap();
    assert_eq!((open.value, open.taken_at), (Some(1.0), Some(taken)), "the last figure stays with its time");
    let lost = shown(&world.app);
    assert!(lost.contains("12:00") && lost.contains("not measured since") && !lost.contains("To be mitigated in"), "{lost}");
}

async fn figures_are_counted_and_none_is_not_zero(world: &World) {
    measure(&world.app).await;
    let none = kpis(&world.app).await.unwrap();
    assert_eq!((none.open, none.mttm_minutes, none.mttr_minutes, none.sla_breaches), (0, None, None, 0));
    let now = world.app.now();
    let read = |key: &str| world.app.board.get(key, world.app.now()).unwrap();
    assert_eq!((read("incidents.open").value, read("incidents.open").status), (Some(0.0), State::Ok));
    assert_eq!((read("incidents.mttr").value, read("incidents.mttr").status), (None, State::Unknown));
    for severity in [Severity::Sev1, Severity::Sev3, Severity::Sev3] {
        opened(world, severity).await;
    }
    world.later(600);
    mitigate(&world.app, &mara(), "INC-1", because()).await.unwrap();
    world.later(1_200);
    close(&world.app, &mara(), "INC-1", because()).await.unwrap();
    let figures = kpis(&world.app).await.unwrap();
    assert_eq!((figures.open, figures.mitigated, figures.open_by_severity.sev3), (2, 0, 2));
    assert_eq!((figures.mttm_minutes, figures.mttr_minutes, figures.sla_breaches), (Some(10.0), Some(30.0), 0));
    measure(&world.app).await;
    assert_eq!((read("incidents.open").status, read("incidents.mttr").value), (State::Warn, Some(30.0)));
    world.later(4 * 3_600);
    let late = kpis(&world.app).await.unwrap();
    assert_eq!(late.sla_breaches, 2, "both SEV3 were to be mitigated within 4 h");
    measure(&world.app).await;
    assert_eq!((read("incidents.open").status, read("incidents.sla_breaches").value), (State::Crit, Some(2.0)));
    world.app.clock.set(now.plus_seconds(31 * 86_400));
    assert_eq!(kpis(&world.app).await.unwrap().mttr_minutes, None, "none within 30 days");
    measure(&world.app).await;
    assert_eq!((read("incidents.mttr").value, read("incidents.mttr").status), (None, State::Unknown));
}

async fn the_board_has_its_columns(world: &World) {
    for severity in [Severity::Sev3, Severity::Sev1, Severity::Sev2, Severity::Sev4] {
        opened(world, severity).await;
    }
    mitigate(&world.app, &mara(), "INC-3", because()).await.unwrap();
    close(&world.app, &mara(), "INC-4", because()).await.unwrap();
    let shown = board(&world.app).await.unwrap();
    let names = |cards: &[crate::features::incidents::Incident]| cards.iter().map(|card| card.reference.clone()).collect::<Vec<_>>();
    assert_eq!(names(&shown.open), ["INC-2", "INC-1"], "the worst first");
    assert_eq!((names(&shown.mitigated), names(&shown.closed), shown.closed_count), (vec!["INC-3".into()], vec!["INC-4".into()], 1));
    assert_eq!(shown.open[0].affected, ["API", "checkout"]);
    world.later(8 * 86_400);
    assert_eq!(board(&world.app).await.unwrap().closed_count, 0);
}

async fn filters_and_pages_hold(world: &World) {
    let app = &world.app;
    for number in 1..=5 {
        let tags = vec![format!("t{number}"), "all".into()];
        open(app, &mara(), Open { tags, ..down("Down", Severity::Sev3) }, because()).await.unwrap();
        world.later(3_600);
    }
    close(app, &mara(), "INC-5", because()).await.unwrap();
    let found = async |filter: Filter| {
        let (rows, more) = list(app, &Filter { limit: filter.limit.max(1), ..filter }).await.unwrap();
        (rows.into_iter().map(|row| row.number).collect::<Vec<_>>(), more)
    };
    let all = Filter { limit: 50, ..Filter::default() };
    let text = |text: &str| vec![text.to_owned()];
    assert_eq!(found(all.clone()).await, (vec![5, 4, 3, 2, 1], false));
    assert_eq!(found(Filter { limit: 2, ..all.clone() }).await, (vec![5, 4], true));
    assert_eq!(found(Filter { limit: 2, after: Some(2), ..all.clone() }).await, (vec![1], false));
    assert_eq!(found(Filter { status: vec![Status::Open, Status::Mitigated], ..all.clone() }).await.0, [4, 3, 2, 1]);
    assert_eq!(found(Filter { severity: vec![Severity::Sev1], ..all.clone() }).await.0, [0; 0]);
    assert_eq!(found(Filter { tags: vec!["T2".into(), "t3".into()], services: text("api"), ..all.clone() }).await.0, [3, 2]);
    assert_eq!(found(Filter { services: text("t2"), ..all.clone() }).await.0, [0; 0], "a tag is no service");
    assert_eq!(found(Filter { owner: Some(uuid::Uuid::nil()), ..all.clone() }).await.0, [0; 0]);
    let noon = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    assert_eq!(found(Filter { from: Some(noon.plus_seconds(3_600)), to: Some(noon.plus_seconds(3 * 3_600)), ..all }).await.0, [3, 2]);
}

#[test]
fn timers_run_end_and_are_met_or_missed() {
    let at = Timestamp::from_seconds;
    let timer = |done: Option<i64>| crate::features::incidents::lifecycle::Timer { due: at(1_000 * 60), minutes: 1_000, done: done.map(at) };
    let state = |minute: i64| timer(None).state(at(minute * 60));
    assert_eq!((state(0), state(800), state(801), state(1_000)), (Sla::Running, Sla::Running, Sla::Ending, Sla::Ending));
    assert_eq!(timer(None).state(at(60_001)), Sla::Breached);
    assert_eq!((timer(Some(60_000)).state(at(90_000)), timer(Some(60_001)).state(at(90_000))), (Sla::Met, Sla::Missed));
    assert_eq!((timer(None).left(at(30_000)), timer(None).left(at(90_000))), (0.5, 0.0));
}
