use std::io::Cursor;

use futures::TryStreamExt;
use qd_core::audit::{self, Filter, Row};
use qd_core::gate::Role;
use qd_core::{Error, Timestamp};

use super::export::{Format, csv, pieces};
use super::pages::{ChainView, DetailView, ListView};
use super::{Outcome, Verification, verify_file, verify_now};
use crate::features::incidents::{self, Open, Severity};
use crate::features::testing::{World, because, on_both, person};

on_both!(
    an_export_verifies_offline,
    a_verification_runs_alone_and_names_the_break,
    pages_show_change_and_chain,
    a_filtered_export_goes_on_after_a_row
);

async fn fill(world: &World, count: usize) {
    for number in 0..count {
        let action = Open {
            title: format!("=cmd|'/C calc'!A{number}"),
            severity: Severity::Sev3,
            summary: "a \"quoted\", line\nand another <b>".into(),
            affected: Vec::new(),
            tags: Vec::new(),
            owner_id: None,
            started_at: None,
            sla_mitigate_minutes: None,
            sla_close_minutes: None,
        };
        incidents::open(&world.app, &person(Role::Admin), action, because()).await.unwrap();
    }
}

async fn file(world: &World, filter: Filter, format: Format, after: i64) -> String {
    let pieces: Vec<axum::body::Bytes> = pieces(world.app.clone(), filter, format, after).try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

async fn an_export_verifies_offline(world: &World) {
    fill(world, 3).await;
    let text = file(world, Filter::default(), Format::Jsonl, 0).await;
    let whole = verify_file(Cursor::new(&text), Vec::new()).unwrap();
    assert_eq!((whole.valid, whole.checked), (true, 3));
    let rows: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows, audit::export_page(&world.app.db, 0, 10).await.unwrap());
    let edited = text.replace("the pager said so", "the pager said no");
    assert_eq!(verify_file(Cursor::new(&edited), Vec::new()).unwrap().first_break.unwrap().seq, 1);
    let cut: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let part = verify_file(Cursor::new(&cut), Vec::new()).unwrap();
    assert_eq!((part.valid, part.from, part.checked), (true, 2, 2));
    let added = text.replacen("{\"seq\":1,", "{\"approved\":true,\"seq\":1,", 1);
    for bad in [added.as_str(), "", "{}", "not json", "[1]"] {
        assert!(matches!(verify_file(Cursor::new(bad), Vec::new()), Err(Error::Invalid(_))), "{bad}");
    }
    let table = file(world, Filter::default(), Format::Csv, 0).await;
    assert!(table.starts_with("seq,time,kind,") && table.lines().count() >= 4 && table.ends_with("\r\n"));
}

async fn a_filtered_export_goes_on_after_a_row(world: &World) {
    fill(world, 4).await;
    let filter = Filter { target_kind: Some("incident".into()), actor: Some("mara".into()), limit: Some(1), before: Some(2), ..Filter::default() };
    let lines = |text: String| text.lines().count();
    assert_eq!(lines(file(world, filter.clone(), Format::Jsonl, 0).await), 4, "the list's paging does not count");
    assert_eq!(lines(file(world, filter.clone(), Format::Jsonl, 3).await), 1);
    assert_eq!(lines(file(world, Filter { kind: Some("failed".into()), ..filter }, Format::Jsonl, 0).await), 0);
    let none = file(world, Filter { from: Some("2200-01-01".into()), ..Filter::default() }, Format::Csv, 0).await;
    assert_eq!(none.lines().count(), 1, "a head without rows");
}

async fn a_verification_runs_alone_and_names_the_break(world: &World) {
    fill(world, 3).await;
    let state = world.app.state::<Verification>().unwrap();
    assert!(state.last().is_none() && state.running().is_none());
    let first = verify_now(&world.app).unwrap().expect("nothing runs");
    first.await.unwrap();
    let last = state.last().unwrap();
    assert!(last.valid && last.report.as_ref().unwrap().checked == 3 && state.running().is_none());
    audit::checkpoint_if_due(&world.app.db, &world.app.signer, &world.app.anchor, world.app.now()).await.unwrap().unwrap();
    world.tamper("UPDATE audit_event SET reason = 'another' WHERE seq = $1", engine::args![2_i64]).await;
    verify_now(&world.app).unwrap().expect("nothing runs").await.unwrap();
    let last = state.last().unwrap();
    assert_eq!((last.valid, last.report.unwrap().first_break.unwrap().seq, last.checkpoint.unwrap().size), (false, 2, 3));
    assert!((super::FEATURE.menu.unwrap().count)(&world.app).is_some());
    world.tamper("UPDATE audit_checkpoint SET at = 5 WHERE size = $1", engine::args![3_i64]).await;
    verify_now(&world.app).unwrap().expect("nothing runs").await.unwrap();
    let last = state.last().unwrap();
    assert_eq!((last.valid, last.failure.as_deref()), (false, Some("The checkpoint at row 3 has a wrong signature.")));
    let html = world.html(&ChainView { running: state.running(), last: state.last() }, &person(Role::Auditor));
    assert!(html.contains("CHAIN NOT INTACT") && html.contains("wrong signature"));
    let shown = |outcome: Outcome| world.html(&ChainView { running: None, last: Some(outcome) }, &person(Role::Auditor));
    let unrun = Outcome { ran: false, failure: Some("no answer".into()), ..last.clone() };
    let html = shown(unrun);
    assert!(html.contains("VERIFICATION FAILED TO RUN") && html.contains("no answer") && !html.contains("NOT INTACT"));
    let whole = audit::Verifier::new(Vec::new()).finish();
    let good = Outcome { valid: true, report: Some(whole.clone()), failure: None, ..last };
    assert!(shown(good.clone()).contains("CHAIN INTACT"));
    let found = audit::Report { warnings: vec!["The anchor is missing".into()], ..whole };
    let html = shown(Outcome { report: Some(found), ..good.clone() });
    assert!(html.contains("WITH FINDINGS") && html.contains("The anchor is missing"));
    let old = Outcome { finished_at: good.finished_at.plus_seconds(-7_300), ..good };
    assert!(shown(old).contains("STALE"));
}

async fn pages_show_change_and_chain(world: &World) {
    fill(world, 2).await;
    incidents::close(&world.app, &person(Role::Admin), "INC-2", because()).await.unwrap();
    let rows = audit::list(&world.app.db, &Filter::default()).await.unwrap();
    let (row, before) = (rows[0].clone(), rows[1].clone());
    let related = audit::related(&world.app.db, &row).await.unwrap();
    let view = DetailView::new(row.clone(), Some(&before), related).unwrap();
    assert_eq!((view.hash_matches, view.link_matches, view.related.len()), (true, Some(true), 2));
    let html = world.html(&view, &person(Role::Auditor));
    assert!(html.contains("Incident status changed") && html.contains("CLOSED") && html.contains("HOLDS") && html.contains(&row.hash));
    let forged = DetailView::new(Row { actor_name: "<i>".into(), prev_hash: "no hex".into(), ..row }, Some(&before), Vec::new()).unwrap();
    assert_eq!((forged.hash_matches, forged.link_matches), (false, Some(false)));
    assert!(!world.html(&forged, &person(Role::Auditor)).contains("<i>"));
    let list = ListView::new(rows, Some(1), Filter::default(), ChainView { running: None, last: None });
    let html = world.html(&list, &person(Role::Auditor));
    assert!(html.contains("NOT VERIFIED") && html.contains("/audit/3") && html.contains("before=1") && html.contains("/audit/verify"));
    assert_eq!(serde_json::to_value(&list).unwrap()["events"][0]["seq"], 3);
}

#[test]
fn spreadsheets_get_no_formulas_and_whole_records() {
    let record = |cell: &str| {
        let mut out = String::new();
        csv(&mut out, &[cell.to_owned(), "x".into()]);
        out
    };
    for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
        assert_eq!(record(bad), format!("\"'{bad}\",x\r\n"), "{bad:?}");
    }
    assert_eq!(record("say \"hi\", you"), "\"say \"\"hi\"\", you\",x\r\n");
    assert_eq!(record("two\nlines"), "\"two\nlines\",x\r\n");
    assert_eq!((record("plain"), record("")), ("plain,x\r\n".into(), ",x\r\n".into()));
}

#[test]
fn a_day_counts_to_its_end() {
    let filter = |to: &str| super::pages::whole_days(Filter { to: Some(to.into()), ..Filter::default() }).to.unwrap();
    assert_eq!(Timestamp::parse(&filter("2026-11-22")), Timestamp::parse("2026-11-23"));
    assert_eq!((filter("2026-11-22T10:00"), filter("soon")), ("2026-11-22T10:00".into(), "soon".into()));
}
