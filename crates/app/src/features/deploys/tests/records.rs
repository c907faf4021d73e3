use qd_core::Error;
use qd_core::gate::{Confirmation, Role};
use uuid::Uuid;

use super::{ci, mara, minutes_ago, recorded, told};
use crate::features::deploys::record::{self, Deploy, Filter, Finish, Record, Source, Status, record};
use crate::features::testing::{World, on_both, person};

on_both!(
    a_deploy_begins_and_ends_in_the_trail,
    one_deploy_told_of_by_several_is_one,
    a_build_that_comes_back_is_a_deploy_of_its_own,
    a_rollback_never_merges_into_what_was_live_before,
    the_same_id_is_recorded_once,
    words_have_limits,
    what_is_live_is_known_by_service,
    lists_are_filtered_and_paged,
    only_the_scope_or_an_admin_records,
);

async fn a_deploy_begins_and_ends_in_the_trail(world: &World) {
    let begun = recorded(
        world,
        Record { status: Status::InProgress, author: Some("Jo Web".into()), message: Some("Fix\n\nmore".into()), ..told("4D7C3A9F") },
    )
    .await;
    assert_eq!((begun.sha.as_str(), begun.build(), begun.headline(), begun.finished_at), ("4d7c3a9f", "4d7c3a9", Some("Fix"), None));
    let row = world.last().await;
    assert_eq!(
        (row.event.as_str(), row.actor_kind.as_str(), row.target_id.as_str()),
        ("OPS_DEPLOY_RECORDED", "TOKEN", begun.id.to_string().as_str())
    );
    let text = serde_json::to_string(&row).unwrap();
    assert!(text.contains("4d7c3a9f") && !text.contains("Jo Web") && !text.contains("more"), "{text}");
    world.later(180);
    let finish = |status| Finish { deploy: begun.id, status, finished_at: None, error: None, url: None };
    let ended = record::finish(&world.app, &ci(), finish(Status::Live), Confirmation::default()).await.unwrap().deploy;
    assert_eq!((ended.status, ended.finished_at.unwrap().since(ended.started_at)), (Status::Live, 180));
    let again = record::finish(&world.app, &ci(), finish(Status::Live), Confirmation::default()).await.unwrap();
    assert_eq!((again.audit_seq, again.deploy), (None, ended), "the same again is nothing");
    let other = record::finish(&world.app, &ci(), finish(Status::Failed), Confirmation::default()).await.unwrap_err();
    assert!(matches!(other, Error::Conflict(_)), "{other}");
    let unknown = Finish { deploy: Uuid::now_v7(), ..finish(Status::Live) };
    assert_eq!(record::finish(&world.app, &ci(), unknown, Confirmation::default()).await.unwrap_err().code(), "not-found");
    let kinds: Vec<_> = qd_core::ledger::since(&world.app.db, begun.started_at, 10).await.unwrap().into_iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ["deploy.finish", "deploy.record"]);
}

async fn one_deploy_told_of_by_several_is_one(world: &World) {
    let at = minutes_ago(world, 10);
    let boot = recorded(world, Record { source: Source::Boot, started_at: at, finished_at: at, ..told("4d7c3a9f") }).await;
    let ci = recorded(
        world,
        Record { started_at: minutes_ago(world, 14), finished_at: minutes_ago(world, 9), author: Some("Jo".into()), ..told("4d7c3a9f0011") },
    )
    .await;
    assert_eq!((ci.id, ci.source, ci.sha.as_str(), ci.author.as_deref()), (boot.id, Source::Api, "4d7c3a9f0011", Some("Jo")));
    assert_eq!(Some(ci.started_at), minutes_ago(world, 14), "whoever knows says when it began");
    let render = recorded(
        world,
        Record { source: Source::Render, external_id: Some("dep-1".into()), started_at: minutes_ago(world, 12), ..told("4d7c3a9f0011") },
    )
    .await;
    assert_eq!((render.id, render.source, render.external_id), (ci.id, Source::Api, None));
    let same = recorded(
        world,
        Record { source: Source::Render, external_id: Some("dep-1".into()), started_at: minutes_ago(world, 12), ..told("4d7c3a9f0011") },
    )
    .await;
    assert_eq!(same.version, render.version, "nothing is written twice");
    let later =
        recorded(world, Record { source: Source::Render, external_id: Some("dep-2".into()), started_at: minutes_ago(world, 12), ..told("bbbbbbb") })
            .await;
    let elsewhere = recorded(world, Record { environment: "staging".into(), ..told("4d7c3a9f0011") }).await;
    assert!(later.id != ci.id && elsewhere.id != ci.id);
    world.later(7_200);
    let redeployed = recorded(world, told("4d7c3a9f0011")).await;
    assert_ne!(redeployed.id, ci.id, "two hours later it is a new one");
}

async fn a_build_that_comes_back_is_a_deploy_of_its_own(world: &World) {
    let live = |sha: &str, minutes| Record { started_at: minutes_ago(world, minutes + 2), finished_at: minutes_ago(world, minutes), ..told(sha) };
    let (first, _) = (recorded(world, live("aaaaaaa1", 18)).await, recorded(world, live("bbbbbbb2", 8)).await);
    let back = recorded(world, Record { source: Source::Cli, external_id: Some("run-3".into()), ..told("aaaaaaa1") }).await;
    assert_ne!(back.id, first.id, "another build was live in between");
    assert_eq!(record::current(&world.app, "production", "web").await.unwrap().map(|deploy| deploy.id), Some(back.id));
    // Render's next poll tells of both of them: each report finds its own.
    let dep = |id: &str, minutes| Record { source: Source::Render, external_id: Some(id.into()), ..live("aaaaaaa1", minutes) };
    assert_eq!(recorded(world, dep("dep-1", 18)).await.id, first.id);
    assert_eq!(recorded(world, dep("dep-3", 1)).await.id, back.id);
    assert_eq!(recorded(world, dep("dep-1", 18)).await.id, first.id);
    assert_eq!(record::store::count(&world.app.db).await.unwrap(), 3);
}

async fn a_rollback_never_merges_into_what_was_live_before(world: &World) {
    let live = |sha: &str, minutes| Record { started_at: minutes_ago(world, minutes + 2), finished_at: minutes_ago(world, minutes), ..told(sha) };
    let (first, bad) = (recorded(world, live("aaaaaaa1", 18)).await, recorded(world, live("bbbbbbb2", 8)).await);
    let report =
        |status| Record { source: Source::Render, external_id: Some("dep-back".into()), rollback_of: Some(bad.id), status, ..told("aaaaaaa1") };
    let back = recorded(world, report(Status::InProgress)).await;
    assert_ne!(back.id, first.id);
    assert_eq!(record::find(&world.app, bad.id).await.unwrap().rolled_back_at, None, "it has not gone live yet");
    world.later(60);
    let done = recorded(world, report(Status::Live)).await;
    assert_eq!((done.id, done.live_at()), (back.id, Some(world.app.now())));
    let bad = record::find(&world.app, bad.id).await.unwrap();
    assert_eq!(bad.rolled_back_at, Some(world.app.now()), "not when the earlier build had gone live before");
    assert_eq!(record::find(&world.app, first.id).await.unwrap(), first);
    // Also where the provider's clock says that the rollback began before the bad one was live.
    let other = Record { external_id: Some("dep-early".into()), started_at: minutes_ago(world, 15), ..report(Status::Live) };
    assert_ne!(recorded(world, other).await.id, first.id);
}

async fn the_same_id_is_recorded_once(world: &World) {
    let run = || Record { external_id: Some("run-7".into()), status: Status::InProgress, ..told("4d7c3a9f") };
    let first = recorded(world, run()).await;
    let ended = recorded(world, Record { status: Status::Failed, error: Some("Health check".into()), ..run() }).await;
    assert_eq!((ended.id, ended.status, ended.error.as_deref()), (first.id, Status::Failed, Some("Health check")));
    let news = record(&world.app, &ci(), Record { status: Status::Live, ..run() }, Confirmation::default()).await.unwrap_err();
    assert!(matches!(news, Error::Conflict(_)));
    assert!(!record::is_news(&world.app, &Record { status: Status::Live, ..run() }).await.unwrap());
    assert!(record::is_news(&world.app, &Record { external_id: Some("run-8".into()), ..run() }).await.unwrap());
    let retry = recorded(world, Record { external_id: Some("run-8".into()), ..run() }).await;
    assert_ne!(retry.id, first.id);
    // Without any id: what runs is the same, what is over is not.
    let start = || Record { status: Status::InProgress, service: "api".into(), ..told("aaaaaaa") };
    let (one, two) = (recorded(world, start()).await, recorded(world, start()).await);
    assert_eq!(one.id, two.id);
    let done = recorded(world, Record { status: Status::Live, ..start() }).await;
    assert_eq!((done.id, done.status), (one.id, Status::Live));
    let keyed = || Confirmation { idempotency_key: Some("k".into()), ..Confirmation::default() };
    let first = record(&world.app, &ci(), told("ccccccc"), keyed()).await.unwrap();
    let again = record(&world.app, &ci(), told("ccccccc"), keyed()).await.unwrap();
    assert_eq!(first.deploy, again.deploy);
}

async fn words_have_limits(world: &World) {
    let now = world.app.now();
    let faults = |action: Record| match action.checked(now) {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for sha in ["", "4d7c3", "bad sha", "; rm -rf /", &"a".repeat(101), "$(x)"] {
        let short = record::is_build(sha.trim());
        assert!(sha == "4d7c3" && short || faults(told(sha)) == ["sha"], "{sha:?}");
    }
    assert!(told("v2.418.0").checked(now).is_ok() && told("release/2026-11").checked(now).is_ok());
    assert_eq!(faults(Record { service: "a b".into(), environment: String::new(), ..told("4d7c3a9") }), ["service", "environment"]);
    assert_eq!(faults(Record { url: Some("javascript:alert(1)".into()), ..told("4d7c3a9") }), ["url"]);
    assert_eq!(faults(Record { started_at: Some(now.plus_seconds(600)), ..told("4d7c3a9") }), ["startedAt"]);
    assert_eq!(faults(Record { started_at: Some(now), finished_at: minutes_ago(world, 1), ..told("4d7c3a9") }), ["finishedAt"]);
    assert_eq!(faults(Record { status: Status::InProgress, finished_at: Some(now), ..told("4d7c3a9") }), ["finishedAt"]);
    let long = Record { message: Some("é\0\u{7}".repeat(2_000)), author: Some("  ".into()), ..told("4d7c3a9") }.checked(now).unwrap();
    assert_eq!((long.message.unwrap().chars().count(), long.author), (1_000, None), "a machine's words are cut, not refused");
}

async fn what_is_live_is_known_by_service(world: &World) {
    assert!(record::standing(&world.app, "production").await.unwrap().newest.is_none());
    let at = |sha: &str, service: &str, minutes| Record {
        service: service.into(),
        started_at: minutes_ago(world, minutes + 1),
        finished_at: minutes_ago(world, minutes),
        ..told(sha)
    };
    let old = recorded(world, at("aaaaaaa1", "web", 60)).await;
    let new = recorded(world, at("bbbbbbb2", "web", 10)).await;
    recorded(world, at("ccccccc3", "api", 30)).await;
    recorded(world, Record { status: Status::Failed, ..at("ddddddd4", "web", 1) }).await;
    let standing = record::standing(&world.app, "production").await.unwrap();
    let live: Vec<_> = standing.services.iter().map(|deploy| (deploy.service.as_str(), deploy.build())).collect();
    assert_eq!((live, standing.newest.map(|deploy| deploy.id)), (vec![("api", "ccccccc"), ("web", "bbbbbbb")], Some(new.id)));
    assert_eq!(record::before(&world.app, &new).await.unwrap().map(|deploy| deploy.id), Some(old.id));
    let then = world.app.now().plus_seconds(-40 * 60);
    let at_then = record::live_at(&world.app, "production", "web", then).await.unwrap();
    assert_eq!(at_then.map(|deploy| deploy.id), Some(old.id));
    let back = recorded(world, Record { rollback_of: Some(new.id), ..at("aaaaaaa1", "web", 0) }).await;
    let rolled = record::find(&world.app, new.id).await.unwrap();
    assert_eq!((rolled.rolled_back_at, back.is_rollback()), (back.live_at(), true));
}

async fn lists_are_filtered_and_paged(world: &World) {
    let mut ids = Vec::new();
    for n in 0..5_i64 {
        let action = Record {
            started_at: minutes_ago(world, 60 - n),
            branch: Some(if n == 0 { "fix".into() } else { "main".into() }),
            ..told(&format!("abcdef{n}"))
        };
        ids.push(recorded(world, action).await.id);
    }
    let page = |filter: Filter| async move {
        let (found, more) = record::list(&world.app, &filter).await.unwrap();
        (found.iter().map(|deploy: &Deploy| deploy.id).collect::<Vec<_>>(), more)
    };
    let all = Filter { limit: 3, ..Filter::default() };
    assert_eq!(page(all.clone()).await, (vec![ids[4], ids[3], ids[2]], true));
    assert_eq!(page(Filter { after: Some(ids[2]), ..all.clone() }).await, (vec![ids[1], ids[0]], false));
    assert_eq!(page(Filter { branch: Some("fix".into()), ..all.clone() }).await, (vec![ids[0]], false));
    assert_eq!(page(Filter { text: Some("ABCDEF3".into()), ..all.clone() }).await, (vec![ids[3]], false));
    assert_eq!(page(Filter { status: Some(Status::Failed), ..all.clone() }).await, (vec![], false));
    let odd = record::list(&world.app, &Filter { after: Some(Uuid::now_v7()), ..all }).await.unwrap_err();
    assert_eq!(odd.code(), "invalid");
}

async fn only_the_scope_or_an_admin_records(world: &World) {
    for actor in [person(Role::StaffAdmin), person(Role::Auditor), qd_core::gate::Actor::anonymous(Default::default())] {
        assert!(record(&world.app, &actor, told("4d7c3a9"), Confirmation::default()).await.is_err());
    }
    assert_eq!(record::store::count(&world.app.db).await.unwrap(), 0);
    assert!(record(&world.app, &mara(), told("4d7c3a9"), Confirmation::default()).await.is_ok());
}
