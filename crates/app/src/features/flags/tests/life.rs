use qd_core::gate::{Confirmation, Role};
use qd_core::{Error, audit, ledger};
use serde_json::{Value, json};

use super::{made, mara, parsed, patch, percent, refused, served};
use crate::features::flags::definition::{
    Kind, archive, archived, create, differences, find, kill, lower, restore, revert, revisions, set_rollout, toggle, update,
};
use crate::features::flags::flags;
use crate::features::testing::{World, because, on_both, person};

on_both!(
    a_life_stands_in_trail_and_revisions,
    an_unknown_key_is_not_found_and_never_made,
    a_click_is_served_when_it_is_answered,
    a_kill_takes_nothing_but_a_click,
    down_never_asks,
    two_at_once_keep_every_revision,
    an_edit_of_an_old_version_is_refused,
    a_revert_brings_all_back,
    numbers_keep_their_form,
    archived_flags_are_gone_and_come_back,
    who_may_and_what_it_takes,
    long_lists_and_notes_stay_out_of_the_trail,
);

async fn a_life_stands_in_trail_and_revisions(world: &World) {
    let (app, mara) = (&world.app, mara());
    let flag = made(world, "new_checkout", 0).await;
    assert_eq!((flag.version, flag.definition.kind, flag.updated_by.name.as_str()), (1, Kind::Boolean, "Mara"));
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.target_id.as_str(), row.before.clone()), ("CONFIG_FEATURE_FLAG_CREATED", "new_checkout", None));
    assert_eq!(parsed(row.after)["enabled"], true);
    world.later(60);
    let raised = set_rollout(app, &mara, "new_checkout", percent(50), None, because()).await.unwrap();
    assert_eq!((raised.value.version, raised.value.updated_at), (2, app.now()));
    let row = world.last().await;
    assert_eq!(
        (row.event.as_str(), parsed(row.before), parsed(row.after)),
        ("CONFIG_FEATURE_FLAG_CHANGED", json!({ "rolloutPercentage": 0 }), json!({ "rolloutPercentage": 0.5 }))
    );
    toggle(app, &mara, "new_checkout", None, None, because()).await.unwrap();
    let row = world.last().await;
    assert_eq!(
        (row.event.as_str(), parsed(row.after), row.reason.as_deref()),
        ("CONFIG_FEATURE_FLAG_TOGGLED", json!({ "enabled": false }), Some("the pager said so"))
    );
    let rules = json!([{ "name": "Germans", "conditions": [{ "attribute": "country", "operator": "eq", "value": "DE" }], "variant": "on" }]);
    update(app, &mara, "new_checkout", patch(json!({ "rules": rules, "tags": ["checkout"] })), because()).await.unwrap();
    assert_eq!(world.last().await.event, "CONFIG_FEATURE_FLAG_CHANGED");
    update(app, &mara, "new_checkout", patch(json!({ "enabled": true, "percentage": 5 })), because()).await.unwrap();
    let row = world.last().await;
    assert_eq!((row.event.as_str(), parsed(row.after)), ("CONFIG_FEATURE_FLAG_TOGGLED", json!({ "enabled": true, "rolloutPercentage": 5 })));
    let (kept, more) = revisions(app, "new_checkout", None, 50).await.unwrap();
    let said: Vec<_> = kept.iter().map(|one| (one.number, one.action.as_str())).collect();
    assert_eq!(said, [(5, "flag.toggle"), (4, "flag.update"), (3, "flag.toggle"), (2, "flag.rollout"), (1, "flag.create")]);
    assert!(!more && kept[0].reason.as_deref() == Some("the pager said so") && kept[0].by.name == "Mara");
    let fields: Vec<_> = differences(&kept[2].definition, &kept[1].definition).unwrap().into_iter().map(|one| one.field).collect();
    assert_eq!(fields, ["rules", "tags"]);
    let (page, more) = revisions(app, "new_checkout", Some(4), 2).await.unwrap();
    assert_eq!((page.iter().map(|one| one.number).collect::<Vec<_>>(), more), (vec![3, 2], true));
    assert!(audit::verify(&app.db, Vec::new()).await.unwrap().valid);
    let changes = ledger::since(&app.db, qd_core::Timestamp(0), 10).await.unwrap();
    assert_eq!((changes.len(), changes[0].object.as_str()), (5, "flag"));
}

async fn an_unknown_key_is_not_found_and_never_made(world: &World) {
    let (app, mara) = (&world.app, mara());
    let before = app.published.revision();
    assert_eq!(refused(update(app, &mara, "nothing", patch(json!({ "enabled": true })), because()).await).await.0, "not-found");
    assert_eq!(refused(toggle(app, &mara, "nothing", None, None, because()).await).await.0, "not-found");
    assert_eq!(refused(kill(app, &mara, "nothing", Confirmation::default()).await).await.0, "not-found");
    assert_eq!(refused(set_rollout(app, &mara, "nothing", percent(1), None, because()).await).await.0, "not-found");
    assert_eq!(refused(revert(app, &mara, "nothing", 1, None, because()).await).await.0, "not-found");
    assert_eq!(refused(restore(app, &mara, "nothing", because()).await).await.0, "not-found");
    assert_eq!((find(app, "nothing").await.unwrap_err().code(), flags(app).unwrap().len(), app.published.revision()), ("not-found", 0, before));
    made(world, "some", 0).await;
    let renamed = refused(update(app, &mara, "some", patch(json!({ "key": "other" })), because()).await).await;
    assert_eq!(renamed, ("invalid".into(), "A flag's key never changes. Make another flag.".into()));
    let twice = refused(create(app, &mara, patch(json!({ "key": "some" })), because()).await).await;
    assert!(twice.0 == "conflict" && twice.1.contains("There is a flag some already"), "{}", twice.1);
    assert_eq!(refused(create(app, &mara, patch(json!({})), because()).await).await.0, "invalid");
    assert_eq!(refused(create(app, &mara, patch(json!({ "key": "ops.mine" })), because()).await).await.0, "invalid");
    assert_eq!(
        refused(update(app, &mara, "some", patch(json!({ "enabled": true })), because()).await).await.1,
        "Nothing would change. Change something first."
    );
}

async fn a_click_is_served_when_it_is_answered(world: &World) {
    let (app, mara) = (&world.app, mara());
    made(world, "f", 100).await;
    let revision = app.published.revision();
    assert_eq!((served(world, "f", "u"), super::super::snapshot(app).unwrap().revision), (Some(json!(true)), revision));
    let mut heard = app.published.watch();
    heard.mark_unchanged();
    toggle(app, &mara, "f", Some(false), None, because()).await.unwrap();
    assert_eq!((served(world, "f", "u"), app.published.revision()), (Some(json!(false)), revision + 1));
    assert!(heard.has_changed().unwrap());
    // What was refused publishes nothing.
    refused(toggle(app, &mara, "f", Some(false), None, because()).await).await;
    assert_eq!(app.published.revision(), revision + 1);
}

async fn a_kill_takes_nothing_but_a_click(world: &World) {
    let app = &world.app;
    made(world, "f", 100).await;
    let done = kill(app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert_eq!((done.value.definition.enabled, served(world, "f", "u")), (false, Some(json!(false))));
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.action.as_str(), row.reason), ("CONFIG_FEATURE_FLAG_TOGGLED", "flag.kill", None));
    let again = refused(kill(app, &mara(), "f", Confirmation::default()).await).await;
    assert_eq!(again, ("conflict".into(), "f is off already. Nothing was changed.".into()));
}

async fn down_never_asks(world: &World) {
    let (app, mara) = (&world.app, mara());
    made(world, "f", 50).await;
    let nothing = Confirmation::default;
    let done = set_rollout(app, &mara, "f", percent(2_500), None, nothing()).await.unwrap();
    assert_eq!((done.value.version, done.value.definition.rollout_percentage), (2, percent(2_500)));
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.action.as_str(), row.reason), ("CONFIG_FEATURE_FLAG_CHANGED", "flag.lower", None));
    let key = || Confirmation { idempotency_key: Some("down".into()), ..nothing() };
    let first = set_rollout(app, &mara, "f", percent(100), None, key()).await.unwrap();
    let second = set_rollout(app, &mara, "f", percent(100), None, key()).await.unwrap();
    assert_eq!((second.replayed, second.audit_seq), (true, first.audit_seq), "the same request again");
    let (code, text) = refused(set_rollout(app, &mara, "f", percent(101), None, nothing()).await).await;
    assert_eq!((code.as_str(), text.as_str()), ("invalid", "Give a reason of 10 to 500 characters."), "up asks");
    for up in [percent(100), percent(101)] {
        assert_eq!(refused(lower(app, &mara, "f", up, None, nothing()).await).await.0, "conflict");
    }
    assert_eq!(refused(lower(app, &mara, "f", percent(1), Some(1), nothing()).await).await.0, "outdated");
    assert_eq!(refused(lower(app, &person(Role::StaffAdmin), "f", percent(1), None, because()).await).await.0, "forbidden");
    assert_eq!(find(app, "f").await.unwrap().version, 3);
}

async fn two_at_once_keep_every_revision(world: &World) {
    made(world, "f", 0).await;
    let tries = (1..=8).map(|points| {
        let app = world.app.clone();
        tokio::spawn(async move { set_rollout(&app, &mara(), "f", percent(points), None, because()).await })
    });
    for tried in tries.collect::<Vec<_>>() {
        let tried = tried.await.unwrap();
        assert!(tried.is_ok() || matches!(tried, Err(Error::Conflict(_))), "{tried:?}");
    }
    let flag = find(&world.app, "f").await.unwrap();
    let (kept, _) = revisions(&world.app, "f", None, 50).await.unwrap();
    assert_eq!((kept.len(), kept[0].number), (usize::try_from(flag.version).unwrap(), flag.version));
    assert_eq!((kept[0].definition.clone(), flags(&world.app).unwrap()[0].clone()), (flag.definition.clone(), flag));
}

async fn an_edit_of_an_old_version_is_refused(world: &World) {
    let (app, mara) = (&world.app, mara());
    made(world, "f", 0).await;
    update(app, &mara, "f", patch(json!({ "notes": "one", "version": 1 })), because()).await.unwrap();
    let (code, text) = refused(update(app, &mara, "f", patch(json!({ "notes": "two", "version": 1 })), because()).await).await;
    assert_eq!(code, "outdated");
    assert!(text.contains("you saw revision 1, Mara made revision 2"), "{text}");
    assert_eq!(refused(toggle(app, &mara, "f", None, Some(1), because()).await).await.0, "outdated");
    assert_eq!(refused(revert(app, &mara, "f", 1, Some(1), because()).await).await.0, "outdated");
    assert_eq!(find(app, "f").await.unwrap().definition.notes, "one");
    // A kill asks nobody what they saw.
    kill(app, &mara, "f", Confirmation::default()).await.unwrap();
}

async fn a_revert_brings_all_back(world: &World) {
    let (app, mara) = (&world.app, mara());
    let first = made(world, "f", 25).await;
    let all = json!({ "kind": "STRING", "variants": [{ "name": "a", "value": "A" }], "onVariant": "a", "offVariant": null, "scope": "VENDOR", "salt": "s", "percentage": 50,
        "allow": ["u1"], "notes": "n", "tags": ["t"], "expectedLifetimeDays": 30, "environment": "production", "rules": [{ "variant": "a" }] });
    update(app, &mara, "f", patch(all), because()).await.unwrap();
    let back = revert(app, &mara, "f", 1, None, because()).await.unwrap().value;
    assert_eq!((back.version, &back.definition), (3, &first.definition));
    assert_eq!(parsed(world.last().await.after)["kind"], "BOOLEAN");
    assert_eq!(refused(revert(app, &mara, "f", 9, None, because()).await).await.0, "not-found");
    assert_eq!(refused(revert(app, &mara, "f", 1, None, because()).await).await.0, "invalid");
    revert(app, &mara, "f", 2, None, because()).await.unwrap();
    assert_eq!(find(app, "f").await.unwrap().definition.scope.word(), "VENDOR");
}

async fn numbers_keep_their_form(world: &World) {
    let variants = json!([{ "name": "int", "value": 1 }, { "name": "float", "value": 1.0 }, { "name": "deep", "value": 10.0 }]);
    let fields = patch(
        json!({ "key": "f", "kind": "NUMBER", "variants": variants, "onVariant": "float", "offVariant": "int", "enabled": true, "percentage": 100 }),
    );
    create(&world.app, &mara(), fields, because()).await.unwrap();
    assert_eq!(served(world, "f", "u").unwrap().to_string(), "1.0");
    kill(&world.app, &mara(), "f", Confirmation::default()).await.unwrap();
    assert_eq!(served(world, "f", "u").unwrap().to_string(), "1");
    let found = find(&world.app, "f").await.unwrap().definition;
    assert_eq!(found.variants.iter().map(|one| one.value.to_string()).collect::<Vec<_>>(), ["1", "1.0", "10.0"]);
}

async fn archived_flags_are_gone_and_come_back(world: &World) {
    let (app, mara) = (&world.app, mara());
    made(world, "f", 100).await;
    let hasty = archive(app, &mara, "f", because()).await;
    assert!(refused(hasty).await.1.contains("Type ARCHIVE f exactly."));
    let sure = || Confirmation { phrase: Some("ARCHIVE f".into()), ..because() };
    archive(app, &mara, "f", sure()).await.unwrap();
    assert_eq!((served(world, "f", "u"), world.last().await.event.as_str()), (None, "CONFIG_FEATURE_FLAG_ARCHIVED"));
    assert_eq!(archived(app).await.unwrap()[0].key, "f");
    for done in [
        update(app, &mara, "f", patch(json!({ "notes": "x" })), because()).await,
        kill(app, &mara, "f", because()).await,
        archive(app, &mara, "f", sure()).await,
    ] {
        assert_eq!(refused(done).await, ("conflict".into(), "f is archived. Restore it first. Nothing was changed.".into()));
    }
    assert_eq!(refused(create(app, &mara, patch(json!({ "key": "f" })), because()).await).await.0, "conflict");
    restore(app, &mara, "f", because()).await.unwrap();
    assert_eq!(served(world, "f", "u"), Some(json!(true)));
    assert_eq!(refused(restore(app, &mara, "f", because()).await).await.0, "conflict");
}

async fn who_may_and_what_it_takes(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    for role in [Role::StaffAdmin, Role::Auditor] {
        assert_eq!(refused(kill(app, &person(role), "f", because()).await).await.0, "forbidden");
        assert_eq!(refused(update(app, &person(role), "f", patch(json!({ "notes": "x" })), because()).await).await.0, "forbidden");
        assert_eq!(world.last().await.kind, "refused");
    }
    let silent = refused(set_rollout(app, &mara(), "f", percent(1), None, Confirmation::default()).await).await;
    assert_eq!(silent, ("invalid".into(), "Give a reason of 10 to 500 characters.".into()));
    let key = || Confirmation { idempotency_key: Some("k-1".into()), ..because() };
    let first = set_rollout(app, &mara(), "f", percent(1), None, key()).await.unwrap();
    let second = set_rollout(app, &mara(), "f", percent(1), None, key()).await.unwrap();
    assert_eq!((second.replayed, second.audit_seq, second.value), (true, first.audit_seq, first.value));
}

async fn long_lists_and_notes_stay_out_of_the_trail(world: &World) {
    let app = &world.app;
    made(world, "f", 0).await;
    let many: Vec<String> = (0..60).map(|number| format!("user-{number}")).collect();
    update(app, &mara(), "f", patch(json!({ "allow": many, "deny": ["bad"], "notes": "Jane Doe asked for it" })), because()).await.unwrap();
    let after = parsed(world.last().await.after);
    assert!(after["allow"].as_str().unwrap().starts_with("60 keys, sha256 "), "{after}");
    assert!(after["notes"].as_str().unwrap().starts_with("21 characters, sha256 "), "{after}");
    assert_eq!(after["deny"], json!(["bad"]));
    let kept = revisions(app, "f", None, 1).await.unwrap().0.remove(0);
    assert_eq!((kept.definition.allow.len(), kept.definition.notes.as_str()), (60, "Jane Doe asked for it"));
    let undo: Value = ledger_undo(world).await;
    assert_eq!((undo["path"].as_str(), undo["body"]["revision"].as_i64()), (Some("/api/admin/ops/feature-flags/f/revert"), Some(1)));
}

async fn ledger_undo(world: &World) -> Value {
    const UNDO: &str = "SELECT CAST(undo AS TEXT) FROM change_ledger ORDER BY id DESC LIMIT 1";
    let (text,): (String,) = world.app.db.one(UNDO, engine::args![]).await.unwrap();
    serde_json::from_str(&text).unwrap()
}
