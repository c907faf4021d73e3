//! Incidents through the public face: by form, by script, by API, and live.

use futures::StreamExt;
use reqwest::Method;
use serde_json::json;

use crate::support::{Client, World};

crate::both!(
    by_plain_forms_from_open_to_closed,
    by_api_with_versions_and_problems,
    a_dialog_comes_and_goes_with_script,
    what_is_done_already_is_not_offered_again,
    a_change_reaches_open_screens,
    lists_are_filtered_and_paged,
);

const REASON: (&str, &str) = ("reason", "the pager said so");

async fn by_plain_forms_from_open_to_closed(world: &World) {
    let mara = world.admin().await;
    assert!(mara.get("/incidents").await.expect(200).text.contains("No incident yet"));
    let blank = mara.get("/incidents/new").await.expect(200).text;
    assert!(blank.contains("name=\"title\"") && blank.contains("<main") && !blank.contains("<dialog class=\"dialog\" id=\"confirm\""));
    let nameless = mara.form("/incidents/new", &[("severity", "SEV2"), ("summary", "kept words")]).await.expect(422);
    assert!(nameless.text.contains("This field is required.") && nameless.text.contains("kept words"));
    let fields = [("title", "Checkout is <slow>"), ("severity", "SEV2"), ("affected", "API, Checkout"), ("owner_id", "none"), ("tags", "")];
    let opened = mara.form("/incidents/new", &fields).await.expect(303);
    assert_eq!(opened.location(), Some("/incidents/INC-1"));
    let record = mara.get("/incidents/INC-1").await.expect(200).text;
    assert!(record.contains("Checkout is &lt;slow&gt;") && record.contains("data-due=") && record.contains("INC-1 opened"), "{record}");
    assert!(mara.get("/incidents/INC-1/mitigate").await.expect(200).text.contains("name=\"reason\""));
    let hasty = mara.form("/incidents/INC-1/mitigate", &[("reason", "no <b>")]).await.expect(422).text;
    assert!(hasty.contains("Give a reason of 10 to 500 characters.") && hasty.contains("no &lt;b&gt;"));
    mara.form("/incidents/INC-1/mitigate", &[REASON]).await.expect(303);
    let twice = mara.form("/incidents/INC-1/mitigate", &[REASON]).await.expect(409).text;
    assert!(twice.contains("It is already mitigated, since") && !twice.contains("<textarea"));
    assert_eq!(
        mara.form("/incidents/INC-1/events", &[("type", "ROOT_CAUSE"), ("text", "A slow query")]).await.expect(303).location(),
        Some("/incidents/INC-1")
    );
    mara.form("/incidents/INC-1/close", &[REASON]).await.expect(303);
    let closed = mara.get("/incidents/INC-1").await.expect(200).text;
    assert!(closed.contains("CLOSED") && closed.contains("A slow query") && closed.contains("/incidents/INC-1/reopen"));
    let staff = world.staff().await;
    assert!(!staff.get("/incidents/INC-1").await.expect(200).text.contains("/incidents/INC-1/reopen"));
    staff.form("/incidents/INC-1/reopen", &[REASON]).await.expect(403);
    world.auditor().await.get("/incidents").await.expect(403);
}

async fn open(client: &Client, title: &str, severity: &str) -> String {
    let body = json!({ "title": title, "severity": severity, "affected": ["api"], "tags": ["t"] });
    client.post("/api/admin/ops/incidents", body).await.expect(201).json()["reference"].as_str().unwrap().to_owned()
}

async fn by_api_with_versions_and_problems(world: &World) {
    let mara = world.admin().await;
    let created = mara.post("/api/admin/ops/incidents", json!({ "title": "Down", "severity": "SEV1", "slaCloseMinutes": 90 })).await.expect(201);
    assert_eq!(created.header("etag"), Some("\"1\""));
    let seq: i64 = created.header("quarterdeck-audit-seq").unwrap().parse().unwrap();
    let incident = created.json();
    assert_eq!(
        (incident["status"].as_str(), incident["sla_overridden"].as_bool(), incident["version"].as_i64()),
        (Some("OPEN"), Some(true), Some(1))
    );
    assert_eq!(mara.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).json()["event"], "INCIDENT_CREATED");
    let path = format!("/api/admin/ops/incidents/{}", incident["id"].as_str().unwrap());
    let patched = mara.patch(&path, json!({ "severity": "SEV2", "version": 1 })).await.expect(200);
    assert_eq!((patched.header("etag"), patched.json()["severity"].clone()), (Some("\"2\""), json!("SEV2")));
    let stale = mara.request(Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({ "title": "Another" }));
    let stale = mara.send(stale).await.expect(412);
    assert_eq!(stale.header("content-type"), Some("application/problem+json"));
    assert!(stale.json()["detail"].as_str().unwrap().contains("Severity lowered SEV1 → SEV2"), "{}", stale.text);
    assert_eq!(stale.json()["type"], "urn:quarterdeck:error:precondition-failed");
    mara.patch(&path, json!({ "title": "Another", "version": 1 })).await.expect(409);
    for verb in ["mitigate", "close", "reopen", "regress"] {
        let because = json!({ "reason": "the pager said so" });
        for tag in ["\"1\"", "\"abc\"", "\"\""] {
            let step = mara.request(Method::POST, &format!("{path}/{verb}")).header("if-match", tag).json(&because);
            mara.send(step).await.expect(412);
        }
    }
    let unknown = mara.post("/api/admin/ops/incidents", json!({ "title": "Down", "severity": "SEV2", "severty": "SEV1" })).await.expect(422).json();
    assert_eq!(unknown["errors"][0]["field"], "severty");
    let wrong = mara.post("/api/admin/ops/incidents", json!({ "title": " ", "severity": "SEV9" })).await.expect(422).json();
    assert_eq!(wrong["errors"][0]["field"], "severity");
    mara.post("/api/admin/ops/incidents/INC-1/events", json!({ "type": "IMPACT", "summary": "All of them" })).await.expect(201);
    let events = mara.get("/api/admin/ops/incidents/INC-1/events?limit=1").await.expect(200).json();
    assert_eq!((events["events"][0]["text"].as_str(), events["events"].as_array().unwrap().len()), (Some("All of them"), 1));
    let older = mara.get(&format!("/api/admin/ops/incidents/INC-1/events?after={}", events["next"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((older["events"].as_array().unwrap().len(), older["next"].is_null()), (2, true));
    mara.post("/api/admin/ops/incidents/INC-1/close", json!({})).await.expect(422);
    let close = mara.request(Method::POST, "/api/admin/ops/incidents/INC-1/close").header("if-match", "\"2\"");
    mara.send(close.json(&json!({ "reason": "the pager said so" }))).await.expect(200);
    let again = mara.post("/api/admin/ops/incidents/INC-1/reopen", json!({ "reason": "it came back at once" })).await.expect(200).json();
    assert_eq!((again["status"].as_str(), again["closed_at"].is_null()), (Some("OPEN"), true));
    let one = mara.get("/api/admin/ops/incidents/INC-1").await.expect(200).json();
    assert_eq!((one["sla"]["close"].as_str(), one["events"].as_array().unwrap().len()), (Some("RUNNING"), 5));
    for missing in ["INC-2", "nothing", "INC-99999999999999999999", "%00"] {
        mara.get(&format!("/api/admin/ops/incidents/{missing}")).await.expect(404);
    }
    let kpis = mara.get("/api/admin/ops/incidents/kpis").await.expect(200).json();
    assert_eq!((kpis["open"].as_i64(), kpis["open_by_severity"]["SEV2"].as_i64(), kpis["mttr_minutes"].is_null()), (Some(1), Some(1), true));
}

async fn a_dialog_comes_and_goes_with_script(world: &World) {
    let mara = world.admin().await.with("hx-request", "true").with("sec-fetch-site", "same-origin");
    let dialog = mara.get("/incidents/new").await.expect(200).text;
    assert!(dialog.starts_with("<dialog") && dialog.contains("hx-post=\"/incidents/new\"") && dialog.contains("idempotency_key"));
    let wrong = mara.form("/incidents/new", &[("severity", "SEV3")]).await.expect(422).text;
    assert!(wrong.starts_with("<dialog") && wrong.contains("aria-invalid=\"true\""));
    let fields = [("title", "Down"), ("severity", "SEV3"), ("idempotency_key", "k-1")];
    let done = mara.form("/incidents/new", &fields).await.expect(200);
    assert!(done.header("hx-location").unwrap().contains("/incidents/INC-1") && done.header("hx-trigger").unwrap().contains("INC-1 opened"));
    mara.form("/incidents/new", &fields).await.expect(200);
    let all = mara.get("/api/admin/ops/incidents").await.expect(200).json();
    assert_eq!(all["incidents"].as_array().unwrap().len(), 1, "a second click on the same form opens nothing");
    let edit = mara.get("/incidents/INC-1/edit").await.expect(200).text;
    assert!(edit.contains("name=\"version\" value=\"1\"") && edit.contains("value=\"Down\""));
    mara.form("/incidents/INC-1/edit", &[("whole", "true"), ("version", "1"), ("title", "Down"), ("severity", "SEV1"), ("owner_id", "none")])
        .await
        .expect(200);
    let late =
        mara.form("/incidents/INC-1/edit", &[("whole", "true"), ("version", "1"), ("title", "Up"), ("severity", "SEV1")]).await.expect(409).text;
    assert!(late.contains("changed since you loaded it") && late.contains("value=\"Up\"") && late.contains("name=\"version\" value=\"2\""));
    assert!(late.contains("name=\"was_severity\" value=\"SEV1\""));
    // Loaded as SEV3 and not touched: after the conflict it stands as it is now.
    let loaded = [("whole", "true"), ("version", "1"), ("title", "Up"), ("was_title", "Down"), ("severity", "SEV3"), ("was_severity", "SEV3")];
    let rebased = mara.form("/incidents/INC-1/edit", &loaded).await.expect(409).text;
    assert!(rebased.contains("value=\"Up\"") && rebased.contains("value=\"SEV1\" selected"), "{rebased}");
}

async fn what_is_done_already_is_not_offered_again(world: &World) {
    let mara = world.admin().await;
    open(&mara, "Down", "SEV3").await;
    let close = [("reason", "the pager said so")];
    mara.form("/incidents/INC-1/close", &close).await.expect(303);
    let page = mara.get("/incidents/INC-1/close").await.expect(200).text;
    let refused = mara.form("/incidents/INC-1/close", &close).await.expect(409).text;
    let dialog = mara.with("hx-request", "true").form("/incidents/INC-1/close", &close).await.expect(409).text;
    assert!(dialog.starts_with("<dialog"));
    for text in [page, refused, dialog] {
        assert!(text.contains("It is already closed") && text.contains("Show INC-1"), "{text}");
        assert!(!text.contains("name=\"reason\"") && !text.contains("Close INC-1</button>"), "{text}");
    }
}

async fn a_change_reaches_open_screens(world: &World) {
    let mara = world.admin().await;
    let response = mara.request(Method::GET, "/events").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.bytes_stream();
    open(&mara, "Down", "SEV1").await;
    let heard = async {
        let mut text = String::new();
        while !text.contains("event: incident\n") {
            text.push_str(&String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), heard).await.expect("the event comes");
    // The figures were counted before the event was told.
    let open = world.app.board.get("incidents.open", world.app.now()).and_then(|reading| reading.value);
    assert_eq!(open, Some(1.0));
    assert!(mara.get("/incidents").await.expect(200).text.contains("SEV1 · Down"), "the banner above every page");
}

async fn lists_are_filtered_and_paged(world: &World) {
    let mara = world.admin().await;
    for severity in ["SEV1", "SEV2", "SEV3", "SEV4"] {
        open(&mara, "Down", severity).await;
    }
    mara.post("/api/admin/ops/incidents/INC-4/close", json!({ "reason": "the pager said so" })).await.expect(200);
    let found = async |query: &str| {
        let list = mara.get(&format!("/api/admin/ops/incidents?{query}")).await.expect(200).json();
        let numbers: Vec<i64> = list["incidents"].as_array().unwrap().iter().map(|row| row["number"].as_i64().unwrap()).collect();
        (numbers, list["next"].as_str().map(str::to_owned))
    };
    assert_eq!(found("").await, (vec![4, 3, 2, 1], None));
    assert_eq!(found("limit=3").await, (vec![4, 3, 2], Some("INC-2".into())));
    assert_eq!(found("limit=3&after=INC-2").await.0, [1]);
    assert_eq!(found("active=true&severity=SEV1,SEV3&service=API&tag=").await.0, [3, 1]);
    assert_eq!(found("status=CLOSED").await.0, [4]);
    mara.patch("/api/admin/ops/incidents/INC-2", json!({ "title": "Checkout 100% slow" })).await.expect(200);
    assert_eq!((found("q=inc-3").await.0, found("q=1").await.0, found("q=CHECK").await.0), (vec![3], vec![2, 1], vec![2]));
    assert_eq!((found("q=%25").await.0.len(), found("q=INC-%C3%A9").await.0.len()), (4, 0));
    mara.get("/api/admin/ops/incidents?status=BROKEN").await.expect(422);
    let page = mara.get("/incidents?severity=SEV1&limit=1").await.expect(200).text;
    assert!(page.contains("INC-1") && !page.contains("INC-2"));
    assert!(mara.get("/incidents?limit=2&severity=SEV1,SEV2,SEV3").await.expect(200).text.contains("after=INC-2"), "the next page keeps the filter");
    assert!(mara.get("/incidents?tag=none").await.expect(200).text.contains("No incident fits the filter"));
}
