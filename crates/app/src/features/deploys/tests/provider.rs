use qd_core::gate::Role;
use qd_core::reading::Reading;
use serde_json::json;

use super::{minutes_ago, recorded, told};
use crate::features::deploys::environment::{self, Entries};
use crate::features::deploys::instances::{Beat, Run, beat, fleet};
use crate::features::deploys::record::{Record, Status, store};
use crate::features::deploys::{dora, load, running_panel};
use crate::features::testing::{World, on_both, person};
use crate::web::Page;

on_both!(
    a_provider_that_fails_is_told_of,
    a_build_that_failed_is_no_old_one,
    the_newest_are_read_first,
    figures_are_read_from_memory,
    configurations_are_bounded,
);

async fn a_provider_that_fails_is_told_of(world: &World) {
    let mara = person(Role::Admin);
    let drawn = || async {
        let page = Page { actor: &mara, now: world.app.now(), path: "/deploys", query: "", htmx: false, app: &world.app };
        running_panel(&load(&world.app).await.unwrap(), &page).into_string()
    };
    let put = |reading| world.app.board.put("deploys.provider", reading, world.app.now());
    assert!(!drawn().await.contains("id=\"provider\""), "none is connected");
    put(Reading::unknown("", "Render", "Render: It can't be reached."));
    let unknown = drawn().await;
    assert!(unknown.contains("Deploys of Render are not read. Render: It can't be reached.") && unknown.contains("UNKNOWN"), "{unknown}");
    recorded(world, told("aaaaaaa1")).await;
    assert!(drawn().await.contains("It can't be reached."), "beside a live build, too");
    put(Reading::measured(1.0, "", "Render", world.app.now(), 180));
    assert!(!drawn().await.contains("id=\"provider\""));
    world.later(181);
    assert!(drawn().await.contains("STALE"), "nobody has asked for three minutes");
}

async fn a_build_that_failed_is_no_old_one(world: &World) {
    let ended = |status, minutes| Record {
        status,
        started_at: minutes_ago(world, minutes),
        finished_at: minutes_ago(world, minutes - 1),
        ..told("aaaaaaa1")
    };
    recorded(world, ended(Status::Failed, 300)).await;
    recorded(world, told("bbbbbbb2")).await;
    let said: Beat = serde_json::from_value(json!({ "instance": "w1", "service": "web", "sha": "aaaaaaa1", "environment": "production" })).unwrap();
    beat(&world.app, said).await.unwrap();
    assert_eq!(fleet(&world.app, "production").await.unwrap()[0].state, Run::NotRecorded);
    recorded(world, ended(Status::Live, 200)).await;
    assert_eq!(fleet(&world.app, "production").await.unwrap()[0].state, Run::OldBuild);
}

async fn the_newest_are_read_first(world: &World) {
    for n in 1..=3_i64 {
        let at = minutes_ago(world, 100 - n);
        recorded(world, Record { started_at: at, finished_at: at, ..told(&format!("abcdef{n}")) }).await;
    }
    let from = world.app.now().plus_seconds(-86_400);
    let found = store::begun_since(&world.app.db, "production", from, 2).await.unwrap();
    assert_eq!(found.iter().map(|deploy| deploy.sha.as_str()).collect::<Vec<_>>(), ["abcdef3", "abcdef2"]);
    let oldest = store::by_id(&world.app.db, found[1].id).await.unwrap().unwrap();
    assert_eq!(crate::features::deploys::record::live_since(&world.app, &oldest).await.unwrap(), 1);
}

async fn figures_are_read_from_memory(world: &World) {
    dora::measure(&world.app).await.unwrap();
    let measured = world.app.now();
    let staging = dora::figures(&world.app, "staging").await.unwrap();
    world.later(59);
    assert_eq!(dora::figures(&world.app, "production").await.unwrap().to, measured);
    assert_eq!(dora::figures(&world.app, "staging").await.unwrap(), staging);
    world.later(2);
    assert_eq!(dora::figures(&world.app, "staging").await.unwrap().to, world.app.now());
    for n in 0..40 {
        assert_eq!(dora::figures(&world.app, &format!("e{n}")).await.unwrap().cut, None);
    }
}

async fn configurations_are_bounded(world: &World) {
    for n in 0..4 {
        let entries: Entries = serde_json::from_value(json!({ "N": { "set": true, "value": n.to_string() } })).unwrap();
        let now = world.app.now();
        let keep = world
            .app
            .db
            .write_with(move |tx| Box::pin(async move { environment::store::keep(tx, "production", "web", "aaaaaaa1", &entries, now).await }));
        keep.await.unwrap();
        world.later(60);
    }
    let before = world.app.now().plus_seconds(-86_400);
    let gone = world.app.db.write_with(move |tx| Box::pin(async move { environment::store::trim(tx, before, 3).await }));
    assert_eq!(gone.await.unwrap(), 1);
    let left = environment::across(&world.app, "production").await.unwrap();
    assert_eq!(left[0].entries["N"].shown(), "3", "the last one stays");
}
