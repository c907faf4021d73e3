use qd_core::gate::{Actor, Client, Role};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::features::flags::definition::{self, Patch};
use crate::features::testing::{World, because, on_both, person};

async fn flag(world: &World, key: &str) -> Timestamp {
    let fields: Patch = serde_json::from_value(json!({ "key": key })).unwrap();
    definition::create(&world.app, &person(Role::Admin), fields, because()).await.unwrap();
    world.app.now()
}

async fn counts_are_added_up_and_outlive_the_process(world: &World) {
    let made = flag(world, "checkout").await;
    let meter = world.app.state::<Meter>().unwrap();
    for _ in 0..3 {
        meter.asked("checkout", world.app.now());
    }
    world.later(5);
    assert_eq!(of(&world.app, "checkout", made).unwrap().asked, 3, "before they are written");
    flush(&world.app).await.unwrap();
    meter.asked("checkout", world.app.now());
    flush(&world.app).await.unwrap();
    let used = of(&world.app, "checkout", made).unwrap();
    assert_eq!((used.asked, used.per_minute, used.asked_per_minute, used.last_asked_at), (4, 4, 4, Some(world.app.now())));
    let stored = store::totals(&world.app.db).await.unwrap();
    assert_eq!(stored.iter().map(|total| (total.key.as_str(), total.evaluations)).collect::<Vec<_>>(), [("checkout", 4)]);
    world.later(30);
    assert_eq!(of(&world.app, "checkout", made).unwrap().per_minute, 4, "within the minute");
    world.later(60);
    let later = of(&world.app, "checkout", made).unwrap();
    assert!(later.per_minute < 4, "the minute slides: {later:?}");
    world.later(60);
    let quiet = of(&world.app, "checkout", made).unwrap();
    assert_eq!((quiet.per_minute, quiet.asked, quiet.last_asked_at), (0, 4, used.last_asked_at));
}

/// What was evaluated with all others counts for those flags that were there.
async fn evaluation_of_all_says_nothing_of_later_flags(world: &World) {
    let first = flag(world, "first").await;
    let meter = world.app.state::<Meter>().unwrap();
    meter.asked_all(world.app.now());
    flush(&world.app).await.unwrap();
    world.later(1);
    let second = flag(world, "second").await;
    let (one, other) = (of(&world.app, "first", first).unwrap(), of(&world.app, "second", second).unwrap());
    assert_eq!((one.last_evaluated_at, one.last_asked_at, one.per_minute, one.asked_per_minute), (Some(first), None, 1, 0));
    assert_eq!(other, Usage::default());
}

async fn unknown_keys_are_told_with_who_asked_until_there_is_such_a_flag(world: &World) {
    let meter = world.app.state::<Meter>().unwrap();
    let shop = Actor::token(Uuid::from_u128(3), "shop", vec!["flags:read".into()], Client::default());
    let began = world.app.now();
    meter.missed("chekout", &shop, began);
    flush(&world.app).await.unwrap();
    world.later(7);
    let till = Actor::token(Uuid::from_u128(4), "till", Vec::new(), Client::default());
    meter.missed("chekout", &till, world.app.now());
    meter.missed("beta", &till, world.app.now());
    flush(&world.app).await.unwrap();
    let told = unknown(&world.app).unwrap();
    assert_eq!(told.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["beta", "chekout"]);
    let misspelt = &told[1];
    assert_eq!((misspelt.requests, misspelt.first_seen_at, misspelt.last_seen_at), (2, began, world.app.now()));
    assert_eq!((misspelt.last_by.as_str(), misspelt.last_by_name.as_str()), (till.id(), "till"));
    flag(world, "beta").await;
    world.app.published.refresh(&world.app).await.unwrap();
    flush(&world.app).await.unwrap();
    assert_eq!(unknown(&world.app).unwrap().iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["chekout"]);
}

async fn the_tables_stay_small(world: &World) {
    let meter = world.app.state::<Meter>().unwrap();
    let nobody = Actor::anonymous(Client::default());
    for round in 0..3 {
        for number in 0..256 {
            meter.missed(&format!("made-up-{round}-{number}"), &nobody, world.app.now());
        }
        meter.asked_all(world.app.now());
        flush(&world.app).await.unwrap();
        world.later(60);
    }
    assert_eq!(unknown(&world.app).unwrap().len(), 200);
    assert_eq!(store::unknown(&world.app.db, 10_000).await.unwrap().len(), 200);
    world.later(3_600);
    flush(&world.app).await.unwrap();
    assert!(store::minutes(&world.app.db, 0).await.unwrap().is_empty(), "an hour is kept");
}

on_both!(
    counts_are_added_up_and_outlive_the_process,
    evaluation_of_all_says_nothing_of_later_flags,
    unknown_keys_are_told_with_who_asked_until_there_is_such_a_flag,
    the_tables_stay_small,
);
