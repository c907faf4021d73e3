use engine::args;
use qd_core::gate::{Actor, Change, Confirmation, Role};
use qd_core::secret::Secret;
use qd_core::{Error, audit, ledger};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{down, mara, opened};
use crate::features::identity::create_admin;
use crate::features::incidents::{
    Close, EventKind, Incident, Note, Open, Severity, Status, Update, close, find, mitigate, note, open, regress, reopen, store, timeline, update,
};
use crate::features::testing::{World, because, on_both, person};

on_both!(
    a_whole_life_stands_in_timeline_and_audit,
    free_text_stays_out_of_the_trail,
    moves_that_are_not_allowed_say_why,
    two_at_once_mitigate_it_once,
    numbers_have_no_gaps,
    an_edit_of_an_old_version_is_refused_with_what_changed,
    another_severity_brings_its_limits_unless_set_by_hand,
    only_active_people_can_own_one,
    staff_reads_and_changes_nothing,
    the_same_key_opens_one,
);

fn parsed(text: Option<String>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

async fn texts(world: &World, incident: &Incident) -> Vec<String> {
    let (events, more) = timeline(&world.app, incident.id, None, 100).await.unwrap();
    assert!(!more);
    events.into_iter().rev().map(|event| event.text).collect()
}

async fn free_text_stays_out_of_the_trail(world: &World) {
    let text = |word: &str| format!("{word} Doe of Acme called");
    let action = Open { summary: text("Jane"), ..down("Checkout is slow", Severity::Sev3) };
    open(&world.app, &mara(), action, because()).await.unwrap();
    let opened = world.last().await.after.unwrap();
    assert!(opened.contains("Checkout is slow") && opened.contains("23 characters, sha256 ") && !opened.contains("Doe"), "{opened}");
    // As long as before, and still a change.
    let other = Update { incident: "INC-1".into(), summary: Some(text("John")), ..Update::default() };
    update(&world.app, &mara(), other, because()).await.unwrap();
    let row = world.last().await;
    assert_ne!(row.before, row.after);
    assert!(!format!("{:?}{:?}", row.before, row.after).contains("Doe"));
    update(&world.app, &mara(), Update { incident: "INC-1".into(), summary: Some(String::new()), ..Update::default() }, because()).await.unwrap();
    assert_eq!(parsed(world.last().await.after), json!({ "summary": null }));
}

async fn a_whole_life_stands_in_timeline_and_audit(world: &World) {
    let incident = opened(world, Severity::Sev2).await;
    assert_eq!((incident.reference.as_str(), incident.status, incident.version), ("INC-1", Status::Open, 1));
    assert_eq!((incident.affected.clone(), incident.tags.clone()), (vec!["API".to_owned(), "checkout".into()], vec!["black friday".to_owned()]));
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.target_id.as_str(), row.before.clone()), ("INCIDENT_CREATED", "INC-1", None));
    assert_eq!(parsed(row.after)["severity"], "SEV2");
    world.later(600);
    let eased = mitigate(&world.app, &mara(), "inc-1", because()).await.unwrap().value;
    assert_eq!((eased.status, eased.mitigated_at), (Status::Mitigated, Some(world.app.now())));
    let row = world.last().await;
    assert_eq!((row.event.as_str(), parsed(row.before)), ("INCIDENT_STATUS_CHANGED", json!({ "status": "OPEN", "mitigated_at": null })));
    assert_eq!(parsed(row.after), json!({ "status": "MITIGATED", "mitigated_at": world.app.now() }));
    regress(&world.app, &mara(), "INC-1", because()).await.unwrap();
    close(&world.app, &mara(), incident.id.to_string().as_str(), because()).await.unwrap();
    world.later(60);
    let again = reopen(&world.app, &mara(), "INC-1", because()).await.unwrap();
    assert_eq!((again.value.status, again.value.mitigated_at, again.value.closed_at, again.value.version), (Status::Open, None, None, 5));
    assert_eq!(world.last().await.event, "INCIDENT_REOPENED");
    assert_eq!(find(&world.app, "INC-1").await.unwrap(), again.value);
    let said = [
        "INC-1 opened as SEV2: Checkout is slow",
        "Mitigated: the pager said so",
        "It hurts again: the pager said so",
        "Closed: the pager said so",
        "Reopened: the pager said so",
    ];
    assert_eq!(texts(world, &incident).await, said);
    assert!(audit::verify(&world.app.db, Vec::new()).await.unwrap().valid);
    assert_eq!(ledger::since(&world.app.db, qd_core::Timestamp(0), 10).await.unwrap().len(), 5);
}

async fn moves_that_are_not_allowed_say_why(world: &World) {
    opened(world, Severity::Sev3).await;
    let refused = async |done: qd_core::Result<qd_core::gate::Done<Incident>>| done.unwrap_err().to_string();
    assert!(refused(reopen(&world.app, &mara(), "INC-1", because()).await).await.starts_with("It is open already."));
    assert!(refused(regress(&world.app, &mara(), "INC-1", because()).await).await.starts_with("It is open:"));
    mitigate(&world.app, &mara(), "INC-1", because()).await.unwrap();
    world.later(3_600);
    let twice = refused(mitigate(&world.app, &mara(), "INC-1", because()).await).await;
    assert_eq!(twice, "It is already mitigated, since 12:00:00 UTC. Nothing was changed.");
    assert_eq!(world.last().await.kind, "failed");
    close(&world.app, &mara(), "INC-1", because()).await.unwrap();
    let twice = refused(close(&world.app, &mara(), "INC-1", because()).await).await;
    assert_eq!(twice, "It is already closed, since 13:00:00 UTC. Nothing was changed.");
    assert!(refused(mitigate(&world.app, &mara(), "INC-1", because()).await).await.contains("Reopen it first"));
    let hasty = close(&world.app, &mara(), "INC-1", Confirmation::because("no")).await.unwrap_err();
    assert_eq!(hasty.code(), "invalid");
    for unknown in ["INC-2", "INC-", "INC-1'--", "", "00000000-0000-0000-0000-000000000000", "ИНЦ-1"] {
        assert_eq!(find(&world.app, unknown).await.unwrap_err().code(), "not-found", "{unknown}");
    }
}

async fn two_at_once_mitigate_it_once(world: &World) {
    opened(world, Severity::Sev3).await;
    let tries = (0..8).map(|_| {
        let app = world.app.clone();
        tokio::spawn(async move { mitigate(&app, &mara(), "INC-1", because()).await })
    });
    let (mut done, mut refused) = (0, 0);
    for tried in tries.collect::<Vec<_>>() {
        match tried.await.unwrap() {
            Ok(_) => done += 1,
            Err(Error::Conflict(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((done, refused, find(&world.app, "INC-1").await.unwrap().version), (1, 7, 2));
}

async fn numbers_have_no_gaps(world: &World) {
    let actor = mara();
    let fails = world.app.gate.transact(&actor, Close { incident: "x".into() }, because(), |mut tx, _permit| {
        Box::pin(async move {
            assert_eq!(store::next_number(&mut tx).await?, 1);
            Err::<Change<()>, _>(Error::Conflict("rolled back".into()))
        })
    });
    fails.await.unwrap_err();
    let opening = (0..10).map(|_| {
        let app = world.app.clone();
        tokio::spawn(async move { open(&app, &mara(), down("Down", Severity::Sev4), because()).await.unwrap().value.number })
    });
    let mut numbers = Vec::new();
    for number in opening.collect::<Vec<_>>() {
        numbers.push(number.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
}

async fn an_edit_of_an_old_version_is_refused_with_what_changed(world: &World) {
    opened(world, Severity::Sev3).await;
    let edit = |severity: Option<Severity>, title: Option<&str>, version: i64| Update {
        incident: "INC-1".into(),
        severity,
        title: title.map(str::to_owned),
        version: Some(version),
        ..Update::default()
    };
    let raised = update(&world.app, &mara(), edit(Some(Severity::Sev1), None, 1), because()).await.unwrap().value;
    assert_eq!((raised.severity, raised.version), (Severity::Sev1, 2));
    let row = world.last().await;
    assert_eq!(
        (row.event.as_str(), parsed(row.before)["severity"].clone(), parsed(row.after)["severity"].clone()),
        ("INCIDENT_UPDATED", json!("SEV3"), json!("SEV1"))
    );
    let late = update(&world.app, &mara(), edit(None, Some("Another"), 1), because()).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "INC-1 changed since you loaded it: Severity raised SEV3 → SEV1. Limits: 15 min to mitigate, 2 h to close. (Mara, 12:00:00 UTC) Nothing of yours was saved."
    );
    assert_eq!(late.code(), "outdated");
    let nothing = update(&world.app, &mara(), edit(Some(Severity::Sev1), None, 2), because()).await.unwrap_err();
    assert_eq!(nothing.code(), "invalid");
}

async fn another_severity_brings_its_limits_unless_set_by_hand(world: &World) {
    opened(world, Severity::Sev3).await;
    let edit = |severity, close| Update { incident: "INC-1".into(), severity: Some(severity), sla_close_minutes: close, ..Update::default() };
    let limits = |incident: &Incident| (incident.sla_mitigate_minutes, incident.sla_close_minutes, incident.sla_overridden);
    // As the form sends it: the old limits along with a new severity.
    let raised = update(&world.app, &mara(), edit(Severity::Sev2, Some(24 * 60)), because()).await.unwrap().value;
    assert_eq!(limits(&raised), (60, 480, false));
    let by_hand = update(&world.app, &mara(), edit(Severity::Sev2, Some(90)), because()).await.unwrap().value;
    assert_eq!(limits(&by_hand), (60, 90, true));
    let lowered = update(&world.app, &mara(), edit(Severity::Sev4, None), because()).await.unwrap().value;
    assert_eq!(limits(&lowered), (60, 90, true));
    assert_eq!(update(&world.app, &mara(), edit(Severity::Sev4, Some(59)), because()).await.unwrap_err().code(), "invalid");
}

async fn only_active_people_can_own_one(world: &World) {
    let jon = create_admin(&world.app, "jon@fern.example", "Jon", Role::Admin, Some(Secret::new("tin-lantern-harbour"))).await.unwrap();
    let stranger = crate::features::incidents::Open { owner_id: Some(Uuid::from_u128(9)), ..down("Down", Severity::Sev3) };
    assert_eq!(open(&world.app, &mara(), stranger, because()).await.unwrap_err().code(), "invalid");
    let led = crate::features::incidents::Open { owner_id: Some(jon.id), ..down("Down", Severity::Sev3) };
    let incident = open(&world.app, &mara(), led, because()).await.unwrap().value;
    assert_eq!((incident.owner_id, incident.owner_name.as_deref()), (Some(jon.id), Some("Jon")));
    assert!(!world.last().await.after.unwrap().contains("Jon"), "ids only in the audit trail");
    let reader = create_admin(&world.app, "kim@fern.example", "Kim", Role::StaffAdmin, Some(Secret::new("tin-lantern-harbour"))).await.unwrap();
    let by =
        |owner: Uuid, title: &str| Update { incident: "INC-1".into(), owner_id: Some(Some(owner)), title: Some(title.into()), ..Update::default() };
    let helpless = update(&world.app, &mara(), by(reader.id, "Down"), because()).await.unwrap_err();
    assert!(helpless.to_string().contains("ADMIN or higher"), "who may do nothing can't lead: {helpless}");
    world.tamper("UPDATE user_account SET role = 'STAFF_ADMIN' WHERE id = $1", args![jon.id]).await;
    update(&world.app, &mara(), by(jon.id, "Still down"), because()).await.expect("who leads it already may go on");
    let nobody = Update { incident: "INC-1".into(), owner_id: Some(None), ..Update::default() };
    let left = update(&world.app, &mara(), nobody, because()).await.unwrap().value;
    assert_eq!((left.owner_id, left.owner_name), (None, None));
    world.tamper("UPDATE user_account SET disabled_at = 1, role = 'ADMIN' WHERE id = $1", args![jon.id]).await;
    let gone = Update { incident: "INC-1".into(), owner_id: Some(Some(jon.id)), ..Update::default() };
    assert_eq!(update(&world.app, &mara(), gone, because()).await.unwrap_err().code(), "invalid");
}

async fn staff_reads_and_changes_nothing(world: &World) {
    let incident = opened(world, Severity::Sev3).await;
    for actor in [person(Role::StaffAdmin), person(Role::Auditor), Actor::anonymous(Default::default())] {
        assert!(open(&world.app, &actor, down("Down", Severity::Sev1), because()).await.is_err());
        assert!(close(&world.app, &actor, "INC-1", because()).await.is_err());
        let text = Note { incident: "INC-1".into(), kind: EventKind::Note, text: "hello".into() };
        assert!(note(&world.app, &actor, text, because()).await.is_err());
        assert_eq!(world.last().await.kind, "refused");
    }
    assert_eq!((find(&world.app, "INC-1").await.unwrap(), texts(world, &incident).await.len()), (incident, 1));
}

async fn the_same_key_opens_one(world: &World) {
    let keyed = || Confirmation { idempotency_key: Some("k".into()), ..because() };
    let first = open(&world.app, &mara(), down("Down", Severity::Sev1), keyed()).await.unwrap();
    let again = open(&world.app, &mara(), down("Down", Severity::Sev1), keyed()).await.unwrap();
    assert_eq!((again.value, again.replayed), (first.value, true));
    assert_eq!(open(&world.app, &mara(), down("Other", Severity::Sev1), keyed()).await.unwrap_err().code(), "conflict");
}
