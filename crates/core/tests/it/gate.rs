//! `transact`: one transaction for change and audit row; refusals, failures, reasons and replays.

use std::sync::Arc;

use engine::args;
use qd_core::Error;
use qd_core::audit;
use qd_core::gate::{Actor, Change, Client, Confirmation, Role};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Name, Wipe, World, admin, because, keyed, named, person};

on_both!(
    a_change_is_recorded_with_everything,
    a_failure_leaves_a_failed_row_and_nothing_else,
    a_panic_is_a_failure_and_the_writer_goes_on,
    a_caller_who_hangs_up_takes_nothing_along,
    who_may_not_is_recorded,
    many_refusals_are_one_row,
    reason_and_phrase_are_asked_for,
    the_same_key_does_it_once,
);

async fn a_change_is_recorded_with_everything(world: World) {
    world.name(&admin(), named(1, "oak"), because()).await.unwrap();
    let done = world.name(&admin(), named(1, "brass"), because()).await.unwrap();
    assert_eq!((done.value.as_str(), done.audit_seq, done.replayed), ("brass", 2, false));
    let row = world.last().await;
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    assert_eq!((row.kind.as_str(), row.scope.as_str(), row.event.as_str(), row.action.as_str()), ("done", "OPS", "THING_NAMED", "thing.name"));
    assert_eq!((row.target_kind.as_str(), row.target_id.as_str(), row.severity.as_str()), ("thing", "1", "NOTICE"));
    assert_eq!((row.actor_kind.as_str(), row.actor_name.as_str(), of(row.actor_role.as_ref()).as_str()), ("USER", "Mara", "ADMIN"));
    assert_eq!((of(row.ip.as_ref()).as_str(), of(row.user_agent.as_ref()).as_str()), ("192.0.2.7", "test/1"));
    assert_eq!((of(row.before.as_ref()).as_str(), of(row.after.as_ref()).as_str()), (r#"{"name":"oak"}"#, r#"{"name":"brass"}"#));
    assert_eq!(of(row.reason.as_ref()), "the label fell off");
    let ledger = qd_core::ledger::since(&world.db, qd_core::Timestamp(0), 10).await.unwrap();
    assert_eq!((ledger.len(), ledger[0].kind.as_str()), (2, "thing.name"));
    assert_eq!(qd_core::event::pending(&world.db).await.unwrap(), 2);
}

async fn fails(world: &World, fault: fn() -> Error) -> Error {
    let admin = admin();
    let work = world.gate.transact(&admin, named(9, "tin"), because(), move |mut tx, _permit| {
        Box::pin(async move {
            tx.exec("INSERT INTO thing (id, name) VALUES (9, 'tin')", args![]).await?;
            Err::<Change<()>, _>(fault())
        })
    });
    work.await.unwrap_err()
}

async fn a_failure_leaves_a_failed_row_and_nothing_else(world: World) {
    let fault = fails(&world, || Error::Conflict("It is named already.".into())).await;
    assert_eq!(fault.code(), "conflict");
    assert!(world.things().await.is_empty());
    let row = world.last().await;
    assert_eq!((row.seq, row.kind.as_str(), row.error.as_deref()), (1, "failed", Some("conflict: It is named already.")));
    assert_eq!(qd_core::event::pending(&world.db).await.unwrap(), 0);
    assert!(qd_core::ledger::since(&world.db, qd_core::Timestamp(0), 10).await.unwrap().is_empty());
}

async fn a_panic_is_a_failure_and_the_writer_goes_on(world: World) {
    let fault = fails(&world, || panic!("a fault of ours")).await;
    assert_eq!(fault.code(), "broken");
    assert_eq!((world.last().await.kind.as_str(), world.things().await.len()), ("failed", 0));
    world.fill(1).await;
    assert!(audit::verify(&world.db, Vec::new()).await.unwrap().valid);
}

async fn a_caller_who_hangs_up_takes_nothing_along(world: World) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_work, held, gate) = (begun.clone(), go.clone(), world.gate.clone());
    let caller = tokio::spawn(async move {
        let admin = admin();
        let work = gate.transact(&admin, named(9, "tin"), because(), move |_tx, _permit| {
            Box::pin(async move {
                at_work.notify_one();
                held.notified().await;
                Err::<Change<()>, _>(Error::Conflict("too late".into()))
            })
        });
        work.await
    });
    begun.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.notify_one();
    assert_eq!(world.until(|row| row.kind == "failed").await.error.as_deref(), Some("conflict: too late"));
}

async fn who_may_not_is_recorded(world: World) {
    for (actor, code) in
        [(person(Role::StaffAdmin), "forbidden"), (person(Role::Auditor), "forbidden"), (Actor::anonymous(Client::default()), "unauthenticated")]
    {
        let refused = world.name(&actor, named(1, "oak"), because()).await.unwrap_err();
        assert_eq!(refused.code(), code);
        let row = world.last().await;
        assert_eq!((row.kind.as_str(), row.actor_id.as_str(), row.severity.as_str()), ("refused", actor.id(), "WARNING"));
        assert_eq!(row.error, Some(refused.to_string()));
    }
    assert!(world.things().await.is_empty() && audit::verify(&world.db, Vec::new()).await.unwrap().valid);
}

async fn many_refusals_are_one_row(world: World) {
    let (staff, other) = (person(Role::StaffAdmin), Actor::anonymous(Client::default()));
    for _ in 0..25 {
        assert_eq!(world.name(&staff, named(1, "oak"), because()).await.unwrap_err().code(), "forbidden");
    }
    world.name(&other, named(1, "oak"), because()).await.unwrap_err();
    assert_eq!(world.rows().await.len(), 21, "twenty of one, and one of another");
    world.gate.settle_refusals(false).await.unwrap();
    assert_eq!(world.rows().await.len(), 21, "the minute is not over");
    world.clock.set(world.clock.now().plus_seconds(60));
    world.name(&staff, named(1, "oak"), because()).await.unwrap_err();
    let rows = world.rows().await;
    assert_eq!(rows.len(), 23, "the number of the minute before, and the first of the next");
    let folded = &rows[21];
    assert_eq!((folded.kind.as_str(), folded.actor_id.as_str()), ("refused", staff.id()));
    assert!(folded.error.as_deref().unwrap().starts_with("5 more refusals within a minute"), "{folded:?}");
    assert_eq!(folded.after.as_deref(), Some(r#"{"actions":{"thing.name":5},"refusals":5}"#));
    for _ in 0..22 {
        world.name(&staff, named(1, "oak"), because()).await.unwrap_err();
    }
    world.gate.settle_refusals(true).await.unwrap();
    assert!(world.last().await.error.unwrap().starts_with("3 more refusals"), "nothing is lost when the program stops");
    assert!(audit::verify(&world.db, Vec::new()).await.unwrap().valid);
}

async fn reason_and_phrase_are_asked_for(world: World) {
    let reason = |text: &str| Confirmation::because(text);
    let check = |given: &Confirmation| world.gate.check(&admin(), &named(1, "oak"), given);
    for bad in ["", "too short", "         x         ", &"x".repeat(501), "ten letters\0"] {
        assert_eq!(check(&reason(bad)).unwrap_err().code(), "invalid", "{bad:?}");
    }
    for good in ["ten letter", "two\nlines of it", &"x".repeat(500)] {
        check(&reason(good)).unwrap();
    }
    let chief = person(Role::SuperAdmin);
    let Error::Invalid(faults) = world.gate.check(&chief, &Wipe, &Confirmation::default()).unwrap_err() else { panic!("not invalid") };
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["reason", "phrase"]);
    let typed = |phrase: &str| Confirmation { phrase: Some(phrase.into()), ..because() };
    assert!(world.gate.check(&chief, &Wipe, &typed("wipe all")).is_err());
    world.gate.check(&chief, &Wipe, &typed("WIPE all")).unwrap();
    let refused = world.name(&admin(), named(1, "oak"), reason("short")).await;
    assert!(refused.is_err() && world.rows().await.is_empty() && world.things().await.is_empty());
}

async fn the_same_key_does_it_once(world: World) {
    let first = world.name(&admin(), named(1, "oak"), keyed("k1")).await.unwrap();
    let again = world.name(&admin(), named(1, "oak"), keyed("k1")).await.unwrap();
    assert_eq!((again.value, again.audit_seq, again.replayed), (first.value, first.audit_seq, true));
    assert_eq!(world.rows().await.len(), 1);
    let other = world.name(&admin(), named(1, "brass"), keyed("k1")).await.unwrap_err();
    assert_eq!(other.to_string(), "This idempotency key was used for another request.");
    assert_eq!(world.things().await, [(1, "oak".to_owned())]);
    let somebody = Actor::cli("ops");
    assert!(!world.name(&somebody, named(1, "brass"), keyed("k1")).await.unwrap().replayed, "keys are per actor");
    assert_eq!(world.name(&admin(), named(1, "x"), keyed("")).await.unwrap_err().code(), "invalid");
    a_failed_key_may_be_used_again(&world).await;
    let forgotten = world.clock.now().plus_seconds(24 * 3600 + 1);
    world.db.write_with(move |tx| Box::pin(async move { qd_core::gate::expire_idempotency_keys(tx, forgotten).await })).await.unwrap();
    assert!(!world.name(&admin(), named(1, "oak"), keyed("k1")).await.unwrap().replayed);
}

async fn a_failed_key_may_be_used_again(world: &World) {
    let actor = admin();
    let fails = world.gate.transact(&actor, named(2, "oak"), keyed("k2"), |_tx, _permit| {
        Box::pin(async move { Err::<Change<serde_json::Value>, _>(Error::Conflict("not now".into())) })
    });
    fails.await.unwrap_err();
    let Name { thing, name } = named(2, "oak");
    let done = world.name(&admin(), Name { thing, name }, keyed("k2")).await.unwrap();
    assert_eq!((json!(done.value), done.replayed), (json!("oak"), false));
}
