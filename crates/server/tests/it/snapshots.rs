//! What clients parse and people read, as a reviewer sees it change.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use crate::support::World;

/// The shape of a value: names and types without figures.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect::<serde_json::Map<_, _>>().into(),
        Value::Array(items) => Value::Array(items.first().map(shape).into_iter().collect()),
        Value::String(_) => json!("string"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("bool"),
        Value::Null => Value::Null,
    }
}

/// Names only: which figures are measured yet depends on the moment.
fn names(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), names(value))).collect::<serde_json::Map<_, _>>().into(),
        Value::Array(_) => json!([]),
        _ => json!("·"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_as_documented() {
    let world = World::sqlite().await;
    let document = world.anonymous().get("/api/openapi.json").await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut lines: Vec<String> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let body = operation["requestBody"]["content"]["application/json"]["schema"].to_string();
            lines.push(format!("{} {path}\n    {}\n    {}\n    body {body}", method.to_uppercase(), operation["summary"], operation["description"]));
        }
    }
    assert_snapshot!(lines.join("\n"));
    world.finish().await;
}

/// Every reference of the document leads somewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_whole() {
    let world = World::sqlite().await;
    let text = world.anonymous().get("/api/openapi.json").await.expect(200).text;
    let document: Value = serde_json::from_str(&text).unwrap();
    let known = document["components"]["schemas"].as_object().unwrap();
    for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(known.contains_key(name), "{name} is named and not described");
    }
    let mut ids: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .filter_map(|one| one["operationId"].as_str())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an operation id stands twice");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_and_fragments() {
    let world = World::sqlite().await;
    let admin = world.admin().await;
    let opened = admin.post("/api/admin/ops/incidents", json!({ "title": "Checkout <b>fails</b>", "severity": "SEV2" })).await.expect(201);
    assert_json_snapshot!("incident", shape(&opened.json()));
    let refused = admin.post("/api/admin/ops/incidents", json!({ "severity": "SEV9" })).await.expect(422);
    assert_json_snapshot!("problem_with_fields", refused.json(), { ".instance" => "[request]" });
    let missing = admin.get("/api/admin/ops/incidents/INC-99").await.expect(404);
    assert_json_snapshot!("problem_not_found", missing.json(), { ".instance" => "[request]" });
    assert_json_snapshot!("health", names(&admin.get("/api/admin/ops/health").await.expect(200).json()));
    let htmx = world.admin().await.with("hx-request", "true");
    let dialog = htmx.get("/incidents/INC-1/close").await.expect(200).text;
    assert_snapshot!("close_dialog", redact(&dialog));
    world.finish().await;
}

/// Keys, times and asset names change with each run.
fn redact(html: &str) -> String {
    let mut text = html.to_owned();
    for (start, end) in [("icons.", ".svg"), ("name=\"idempotency_key\" value=\"", "\""), ("CLOSED after ", "."), ("Recorded as ADMIN, ", " UTC")] {
        assert!(text.contains(start), "{start} stands in the dialog");
        text = blank(&text, start, end);
    }
    text.replace('>', ">\n")
}

/// Blanks what stands between `start` and the next `end`, everywhere.
fn blank(text: &str, start: &str, end: &str) -> String {
    let mut parts = text.split(start);
    let head = parts.next().unwrap().to_owned();
    parts.fold(head, |done, part| format!("{done}{start}[…]{}", part.find(end).map_or("", |at| &part[at..])))
}
