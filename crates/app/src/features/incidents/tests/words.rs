use qd_core::Error;
use qd_core::gate::Role;

use super::{down, mara, opened};
use crate::features::incidents::lifecycle::Move;
use crate::features::incidents::pages::input::{ListQuery, OpenBody, UpdateBody};
use crate::features::incidents::pages::record::RecordView;
use crate::features::incidents::{EventKind, Note, Open, Severity, Status, board, board_panel, find, note, open, timeline};
use crate::features::testing::{World, because, on_both, person};
use crate::web::Page;

on_both!(words_have_limits, pages_show_what_is_there_and_escape_it);

async fn words_have_limits(world: &World) {
    let now = world.app.now();
    let faults = |action: Open| match action.checked(now) {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let good = || down("Down", Severity::Sev3);
    for title in ["", "   ", "two\nlines", "nul\0", &"x".repeat(201)] {
        assert_eq!(faults(down(title, Severity::Sev3)), ["title"], "{title:?}");
    }
    assert_eq!(faults(Open { summary: "x".repeat(4_001), affected: vec!["x".repeat(61)], ..good() }), ["summary", "affected"]);
    assert_eq!(faults(Open { tags: (0..21).map(|n| n.to_string()).collect(), ..good() }), ["tags"]);
    assert_eq!(
        faults(Open { started_at: Some(now.plus_seconds(120)), sla_mitigate_minutes: Some(0), ..good() }),
        ["sla_mitigate_minutes", "started_at"]
    );
    assert_eq!(faults(Open { sla_mitigate_minutes: Some(60 * 24 * 2), ..good() }), ["sla_close_minutes"]);
    let incident = opened(world, Severity::Sev3).await;
    for text in ["", " \n ", "nul\0", &"x".repeat(4_001)] {
        let refused = note(&world.app, &mara(), Note { incident: "INC-1".into(), kind: EventKind::Note, text: text.into() }, because()).await;
        assert_eq!(refused.unwrap_err().code(), "invalid");
    }
    let long = Note { incident: "INC-1".into(), kind: EventKind::RootCause, text: "é".repeat(4_000) };
    note(&world.app, &mara(), long, because()).await.unwrap();
    let (events, more) = timeline(&world.app, incident.id, None, 1).await.unwrap();
    assert_eq!((events[0].kind, events[0].automatic, more), (EventKind::RootCause, false, true));
    let (rest, more) = timeline(&world.app, incident.id, Some(events[0].id), 1).await.unwrap();
    assert_eq!((rest[0].automatic, more), (true, false));
    assert_eq!(world.last().await.event, "INCIDENT_EVENT_ADDED");
}

async fn pages_show_what_is_there_and_escape_it(world: &World) {
    let bad = "<script>alert(1)</script>";
    open(&world.app, &mara(), Open { summary: bad.into(), tags: vec![bad.into()], ..down(bad, Severity::Sev1) }, because()).await.unwrap();
    note(&world.app, &mara(), Note { incident: "INC-1".into(), kind: EventKind::Impact, text: bad.into() }, because()).await.unwrap();
    let incident = find(&world.app, "INC-1").await.unwrap();
    let (events, more) = timeline(&world.app, incident.id, None, 100).await.unwrap();
    let record = RecordView::new(incident, events, more, None, world.app.now());
    let html = world.html(&record, &mara());
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
    assert!(html.contains("data-due=\"900\"") && html.contains("/incidents/INC-1/mitigate") && html.contains("OPEN"));
    let read_only = world.html(&record, &person(Role::StaffAdmin));
    assert!(!read_only.contains("/mitigate") && !read_only.contains("<textarea"), "what they may not is not offered");
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(
        (json["reference"].as_str(), json["sla"]["mitigate"].as_str(), json["started_at"].as_str()),
        (Some("INC-1"), Some("RUNNING"), Some("2026-11-22T12:00:00Z"))
    );
    let page = Page { actor: &mara(), now: world.app.now(), path: "/", query: "", htmx: false, app: &world.app };
    let panel = board_panel(&board(&world.app).await.unwrap(), &page).into_string();
    assert!(panel.contains("badge--sev1") && panel.contains("Nothing is being watched.") && !panel.contains("<script>"));
}

#[test]
fn only_four_moves_are_legal() {
    let legal: Vec<_> = [Move::Mitigate, Move::Close, Move::Reopen, Move::Regress]
        .into_iter()
        .flat_map(|step| Status::ALL.map(|from| (step, from, step.from(from))))
        .filter_map(|(_, from, to)| to.map(|to| (from, to)))
        .collect();
    let expected = [
        (Status::Open, Status::Mitigated),
        (Status::Open, Status::Closed),
        (Status::Mitigated, Status::Closed),
        (Status::Closed, Status::Open),
        (Status::Mitigated, Status::Open),
    ];
    assert_eq!(legal, expected);
}

#[test]
fn forms_and_json_ask_for_the_same() {
    let form: OpenBody =
        serde_html_form::from_str("title=Down&severity=SEV2&affected=API%2C+web&owner_id=none&started_at=2026-11-22T10%3A00").unwrap();
    let json: OpenBody =
        serde_json::from_str(r#"{"title":"Down","severity":"SEV2","affected":["API"," web"],"ownerId":null,"startedAt":"2026-11-22T10:00:00Z"}"#)
            .unwrap();
    assert_eq!(Open::from(form).checked(qd_core::Timestamp::parse("2026-11-22").unwrap().plus_seconds(43_200)).unwrap(), {
        Open::from(json).checked(qd_core::Timestamp::parse("2026-11-22").unwrap().plus_seconds(43_200)).unwrap()
    });
    let whole: UpdateBody = serde_html_form::from_str("title=Down&whole=true&version=3").unwrap();
    let action = whole.action("INC-1".into(), None);
    assert_eq!((action.summary.as_deref(), action.tags, action.owner_id, action.version), (Some(""), Some(Vec::new()), None, Some(3)));
    let patch: UpdateBody = serde_json::from_str(r#"{"owner_id":null,"tags":["a","b"]}"#).unwrap();
    let action = patch.action("INC-1".into(), Some(7));
    assert_eq!((action.owner_id, action.tags.unwrap().len(), action.summary, action.version), (Some(None), 2, None, Some(7)));
}

#[test]
fn the_list_understands_its_filters() {
    let query: ListQuery =
        serde_html_form::from_str("status=open,CLOSED&severity=SEV1&services=API,web&startDate=2026-11-01&to=2026-11-02&after=INC-7").unwrap();
    let filter = query.filter().unwrap();
    assert_eq!(
        (filter.status, filter.severity, filter.services.len(), filter.after),
        (vec![Status::Open, Status::Closed], vec![Severity::Sev1], 2, Some(7))
    );
    assert_eq!(filter.to.unwrap().since(filter.from.unwrap()), 2 * 86_400, "a day counts to its end");
    for bad in ["status=BROKEN", "severity=SEV9", "owner=me", "from=soon", "after=x"] {
        let query: ListQuery = serde_html_form::from_str(bad).unwrap();
        assert_eq!(query.filter().unwrap_err().code(), "invalid", "{bad}");
    }
    let active: ListQuery = serde_html_form::from_str("active=true").unwrap();
    assert_eq!(active.filter().unwrap().status, [Status::Open, Status::Mitigated]);
}
