//! The audit view through the public face: reading, verifying, exporting.

use std::io::Cursor;

use app::features::audit::verify_file;
use engine::args;
use serde_json::json;

use crate::support::{Client, World};

crate::both!(
    an_auditor_reads_and_changes_nothing,
    a_broken_chain_is_shown_with_its_row,
    exports_are_whole_recorded_and_guarded,
    refusals_are_in_the_trail
);

async fn opened(client: &Client, title: &str) {
    client.post("/api/admin/ops/incidents", json!({ "title": title, "severity": "SEV3" })).await.expect(201);
}

async fn an_auditor_reads_and_changes_nothing(world: &World) {
    opened(&world.admin().await, "Down").await;
    let auditor = world.auditor().await;
    let page = auditor.get("/audit").await.expect(200).text;
    assert!(page.contains("Incident created") && page.contains("/audit/verify") && page.contains("export?format=csv"));
    let list = auditor.get("/api/admin/ops/audit?event=INCIDENT_CREATED").await.expect(200).json();
    let row = &list["events"][0];
    assert_eq!((row["target_id"].as_str(), row["actor_role"].as_str(), list["next"].is_null()), (Some("INC-1"), Some("ADMIN"), true));
    let seq = row["seq"].as_i64().unwrap();
    let one = auditor.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).json();
    assert_eq!((one["hash_matches"].as_bool(), one["link_matches"].as_bool()), (Some(true), Some(true)));
    let detail = auditor.get(&format!("/audit/{seq}")).await.expect(200).text;
    assert!(detail.contains("INC-1") && detail.contains("MATCH"));
    let paged = auditor.get("/api/admin/ops/audit?limit=1").await.expect(200).json();
    let next = auditor.get(&format!("/api/admin/ops/audit?limit=1&before={}", paged["next"])).await.expect(200).json();
    assert_eq!(next["events"][0]["seq"].as_i64().unwrap() + 1, paged["events"][0]["seq"].as_i64().unwrap());
    for missing in ["0", "999999", "-1", "x", "99999999999999999999"] {
        auditor.get(&format!("/audit/{missing}")).await.expect(404);
    }
    auditor.get("/api/admin/ops/audit?from=soon").await.expect(422);
    auditor.post("/api/admin/ops/incidents", json!({ "title": "x", "severity": "SEV1" })).await.expect(403);
    world.anonymous().get("/api/admin/ops/audit/export?format=jsonl").await.expect(401);
}

async fn a_broken_chain_is_shown_with_its_row(world: &World) {
    let mara = world.admin().await;
    for title in ["One", "Two", "Three"] {
        opened(&mara, title).await;
    }
    let auditor = world.auditor().await;
    let whole = auditor.post("/api/admin/ops/audit/verify", json!({})).await.expect(200).json();
    assert_eq!((whole["last"]["valid"].as_bool(), whole["running"].is_null()), (Some(true), true));
    assert_eq!(auditor.form("/audit/verify", &[]).await.expect(303).location(), Some("/audit"));
    assert!(auditor.get("/audit").await.expect(200).text.contains("CHAIN INTACT"));
    qd_core::audit::checkpoint_if_due(&world.app.db, &world.app.signer, &world.app.anchor, world.app.now()).await.unwrap();
    let anchor = world.app.anchor.0.clone();
    let aside = anchor.with_extension("aside");
    std::fs::rename(&anchor, &aside).unwrap();
    let lost = auditor.post("/api/admin/ops/audit/verify", json!({})).await.expect(200).json();
    assert!(lost["last"]["report"]["warnings"][0].as_str().unwrap().contains("is missing"), "{lost}");
    assert!(auditor.get("/audit").await.expect(200).text.contains("CHAIN HOLDS, WITH FINDINGS"));
    std::fs::rename(&aside, &anchor).unwrap();
    let forged = "UPDATE audit_event SET actor_name = 'Nobody' WHERE event = 'INCIDENT_CREATED' AND target_id = 'INC-2'";
    world.app.db.write(move |tx| Box::pin(async move { tx.exec(forged, args![]).await })).await.unwrap();
    let broken = auditor.post("/api/admin/ops/audit/verify", json!({})).await.expect(200).json();
    let seq = broken["last"]["report"]["first_break"]["seq"].as_i64().unwrap();
    let page = auditor.get("/audit").await.expect(200).text;
    assert!(page.contains("CHAIN NOT INTACT") && page.contains(&format!("href=\"/audit/{seq}\"")));
    assert!(auditor.get(&format!("/audit/{seq}")).await.expect(200).text.contains("DO NOT MATCH"));
}

async fn exports_are_whole_recorded_and_guarded(world: &World) {
    opened(&world.admin().await, "=HYPERLINK(\"http://evil\")").await;
    let auditor = world.auditor().await;
    let lines = auditor.get("/api/admin/ops/audit/export?format=jsonl").await.expect(200);
    assert!(
        lines.header("content-disposition").unwrap().starts_with("attachment; filename=\"audit-")
            && lines.header("cache-control") == Some("no-store")
    );
    let report = verify_file(Cursor::new(&lines.text), Vec::new()).unwrap();
    assert!(report.valid && lines.text.lines().last().unwrap().contains("AUDIT_EXPORTED"), "the export itself is in it");
    let table = auditor.get("/api/admin/ops/audit/export?format=csv&event=AUDIT_EXPORTED&to=").await.expect(200);
    assert!(table.header("content-type").unwrap().starts_with("text/csv"));
    assert_eq!(table.text.lines().count(), 3, "{}", table.text);
    let csv = verify_file(Cursor::new(&table.text), Vec::new()).unwrap_err().to_string();
    assert!(csv.contains("JSON lines") && csv.contains("audit export"), "{csv}");
    auditor.get("/api/admin/ops/audit/export?format=xml").await.expect(422);
    let wrong = auditor.get("/api/admin/ops/audit/export?from=soon").await.expect(422);
    assert_eq!((wrong.header("content-type"), wrong.json()["errors"][0]["field"].clone()), (Some("application/problem+json"), json!("from")));
}

/// A clean stop leaves no row behind without a checkpoint, and no refusal uncounted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_signs_the_last_rows() {
    let world = World::sqlite().await;
    let staff = world.staff().await;
    for _ in 0..22 {
        staff.post("/api/admin/ops/incidents", json!({ "title": "x", "severity": "SEV1" })).await.expect(403);
    }
    let (anchor, url) = (world.app.anchor.clone(), server::wiring::own_database(&world.app.config));
    let directory = world.stop().await;
    let db = engine::Db::open(&url, engine::DbOptions::default()).await.unwrap();
    let rows = qd_core::audit::export_page(&db, 0, 5_000).await.unwrap();
    let last = rows.last().unwrap();
    assert!(last.error.as_deref().unwrap().starts_with("2 more refusals within a minute"), "{last:?}");
    assert_eq!(anchor.read().unwrap().points.last().map(|point| point.size), Some(last.seq));
    db.close().await;
    drop(directory);
}

async fn refusals_are_in_the_trail(world: &World) {
    let staff = world.staff().await;
    staff.post("/api/admin/ops/incidents", json!({ "title": "x", "severity": "SEV1" })).await.expect(403);
    let refused = staff.get("/api/admin/ops/audit?kind=refused&event=INCIDENT_CREATED").await.expect(200).json();
    assert_eq!((refused["events"].as_array().unwrap().len(), refused["events"][0]["actor_role"].as_str()), (1, Some("STAFF_ADMIN")));
}
