use qd_core::Timestamp;
use qd_core::gate::Confirmation;

use super::{mara, minutes_ago, recorded, told};
use crate::features::deploys::dora::{self, Hurt, delivery};
use crate::features::deploys::record::{Deploy, Record, Status};
use crate::features::incidents::{self, Open, Severity};
use crate::features::testing::{World, because, on_both};

on_both!(incidents_and_deploys_make_the_five);

const DAY: i64 = 86_400;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
}

/// A deploy so many hours ago; live unless said otherwise.
fn deploy(n: u128, hours: i64, status: Status) -> Deploy {
    let at = now().plus_seconds(-hours * 3_600);
    let json = serde_json::json!({
        "id": uuid::Uuid::from_u128(n), "service": "web", "environment": "production", "sha": format!("{n:07x}"), "status": status, "source": "api",
        "startedAt": at.plus_seconds(-120), "finishedAt": at, "commitAt": at.plus_seconds(-7_200), "recordedAt": at, "recordedBy": "x",
        "recordedByName": "x", "version": 1,
    });
    serde_json::from_value(json).unwrap()
}

fn hurt(hours: f64, eased: Option<f64>) -> Hurt {
    #[allow(clippy::cast_possible_truncation)]
    let at = |hours: f64| now().plus_seconds(-(hours * 3_600.0) as i64);
    Hurt { started_at: at(hours), eased_at: eased.map(at), ..Hurt::default() }
}

/// The panel says that no deploy is recorded where nothing was observed.
#[test]
fn a_deploy_counts_as_recorded_in_the_second_in_which_it_comes() {
    assert!(delivery("production", &[deploy(1, 0, Status::Live)], &[], Some(now()), now()).observed_days > 0.0);
}

#[test]
fn nothing_is_measured_from_nothing() {
    let none = delivery("production", &[], &[], None, now());
    for metric in [
        &none.deployment_frequency,
        &none.change_lead_time,
        &none.change_fail_rate,
        &none.failed_deployment_recovery_time,
        &none.deployment_rework_rate,
    ] {
        assert_eq!(metric.value, None);
        assert!(metric.missing.as_ref().unwrap().starts_with("Not enough data."), "{metric:?}");
    }
    assert!(none.days.iter().all(|day| day.live.is_none()) && none.days.len() == 30);
    // One deploy an hour ago is no frequency of a month.
    let young = delivery("production", &[deploy(1, 1, Status::Live)], &[], Some(now().plus_seconds(-3_600)), now());
    assert_eq!(young.deployment_frequency.value, None);
}

#[test]
fn frequency_counts_the_days_that_were_observed() {
    let deploys: Vec<Deploy> = (0..10_u32).rev().map(|n| deploy(u128::from(n) + 1, i64::from(n) * 24 + 1, Status::Live)).collect();
    let since = Some(now().plus_seconds(-10 * DAY));
    let found = delivery("production", &deploys, &[], since, now());
    assert_eq!((found.deployment_frequency.value, found.deployment_frequency.sample), (Some(1.0), 10));
    assert_eq!((found.change_lead_time.value, found.change_lead_time.unit), (Some(2.0), "h"));
    assert_eq!(found.change_fail_rate.value, Some(0.0), "ten good changes are a measured zero");
    assert_eq!((found.deployment_frequency.previous, found.days.iter().filter(|day| day.live == Some(1)).count()), (None, 10));
}

#[test]
fn one_incident_fails_one_deploy_at_most() {
    // Five deploys within the hour before one incident: only the last is blamed.
    let mut deploys: Vec<Deploy> = (1..=5).map(|n| deploy(n, 10, Status::Live)).collect();
    for (n, one) in deploys.iter_mut().enumerate() {
        one.finished_at = one.finished_at.map(|at| at.plus_seconds(i64::try_from(n).unwrap() * 300));
    }
    let since = Some(now().plus_seconds(-30 * DAY));
    let one = delivery("production", &deploys, &[hurt(9.5, Some(9.0))], since, now());
    assert_eq!((one.change_fail_rate.value, one.change_fail_rate.hits, one.change_fail_rate.sample), (Some(20.0), Some(1), 5));
    // Two incidents of the same deploy are one failure, which lasts until the later one is over.
    let two = delivery("production", &deploys, &[hurt(9.5, Some(9.0)), hurt(9.4, Some(8.0))], since, now());
    assert_eq!((two.change_fail_rate.hits, two.failed_deployment_recovery_time.value), (Some(1), Some(100.0)));
    // Too late, of another service, or said to be nobody's: none is blamed.
    let other = Hurt { affected: vec!["web".into()], ..hurt(7.0, Some(6.0)) };
    let nobodys = Hurt { builds: vec!["none".into()], ..hurt(9.5, Some(9.0)) };
    let calm = delivery("production", &deploys, &[other, nobodys], since, now());
    assert_eq!(calm.change_fail_rate.value, Some(0.0));
    // Tagged: the named one, however long ago.
    let tagged = Hurt { builds: vec![deploys[0].sha.clone()], ..hurt(2.0, None) };
    let named = delivery("production", &deploys, &[tagged], since, now());
    assert_eq!((named.change_fail_rate.hits, named.unrecovered, named.failed_deployment_recovery_time.value), (Some(1), 1, None));
}

#[test]
fn failures_end_and_mending_is_rework() {
    let mut deploys = vec![
        deploy(1, 100, Status::Live),
        deploy(2, 90, Status::Failed),
        deploy(3, 89, Status::Live),
        deploy(4, 50, Status::Live),
        deploy(5, 49, Status::Live),
        deploy(6, 20, Status::Canceled),
        deploy(7, 10, Status::Live),
    ];
    // The fifth rolled the fourth back: the fourth failed, and the fifth is rework and no change.
    deploys[3].rolled_back_at = deploys[4].finished_at;
    deploys[4].rollback_of = Some(deploys[3].id);
    let found = delivery("production", &deploys, &[], Some(now().plus_seconds(-40 * DAY)), now());
    let fail = &found.change_fail_rate;
    assert_eq!((fail.sample, fail.hits, fail.value), (5, Some(2), Some(40.0)), "canceled and rollback are no changes");
    assert_eq!((found.failed_deployment_recovery_time.value, found.failed_deployment_recovery_time.sample), (Some(60.0), 2));
    assert_eq!((found.deployment_rework_rate.value, found.deployment_rework_rate.hits), (Some(20.0), Some(1)));
    let hurting = hurt(9.9, Some(9.0));
    let mut fix = deploy(8, 9, Status::Live);
    fix.started_at = now().plus_seconds(-9 * 3_600 - 600);
    deploys.push(fix);
    let mended = delivery("production", &deploys, &[hurting], Some(now().plus_seconds(-40 * DAY)), now());
    assert_eq!((mended.deployment_rework_rate.hits, mended.change_fail_rate.hits), (Some(2), Some(3)));
}

async fn incidents_and_deploys_make_the_five(world: &World) {
    for n in 0..6_i64 {
        let at = minutes_ago(world, 60 * 24 * (6 - n));
        recorded(world, Record { started_at: at, finished_at: at, commit_at: at.map(|at| at.plus_seconds(-3_600)), ..told(&format!("abcdef{n}")) })
            .await;
    }
    let begun = minutes_ago(world, 60 * 24 - 30);
    let action = Open {
        title: "Checkout fails".into(),
        severity: Severity::Sev2,
        summary: String::new(),
        affected: vec!["web".into()],
        tags: vec![],
        owner_id: None,
        started_at: begun,
        sla_mitigate_minutes: None,
        sla_close_minutes: None,
    };
    incidents::open(&world.app, &mara(), action, Confirmation::default()).await.unwrap();
    incidents::mitigate(&world.app, &mara(), "INC-1", because()).await.unwrap();
    let found = dora::of(&world.app, "production").await.unwrap();
    assert_eq!((found.change_fail_rate.hits, found.change_fail_rate.sample, found.change_lead_time.value), (Some(1), 6, Some(1.0)));
    assert_eq!(found.failed_deployment_recovery_time.value, Some(60.0 * 24.0));
    let elsewhere = dora::of(&world.app, "staging").await.unwrap();
    assert_eq!(elsewhere.deployment_frequency.value, None);
}
