//! OpenAPI 3.1 from the route table. There is no second list.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::Method;
use qd_core::gate::{Access, Danger};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::routes::{RouteEntry, Routes};
use super::{Nothing, Problem};

/// A type's schema, kept as functions until the document is asked for.
#[derive(Clone, Copy)]
pub(super) struct SchemaOf {
    name: fn() -> Cow<'static, str>,
    own: fn() -> RefOr<Schema>,
    nested: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl SchemaOf {
    pub(super) fn of<T: ToSchema>() -> Self {
        Self { name: T::name, own: T::schema, nested: T::schemas }
    }

    fn is_nothing(&self) -> bool {
        (self.name)() == Nothing::name()
    }

    /// Puts the type and all that it needs into `components`, and gives a reference.
    fn reference(&self, components: &mut BTreeMap<String, Value>) -> Value {
        let mut all = vec![((self.name)().into_owned(), (self.own)())];
        (self.nested)(&mut all);
        for (name, schema) in all {
            components.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
        }
        json!({ "$ref": format!("#/components/schemas/{}", (self.name)()) })
    }

    /// The fields of the type as query parameters.
    fn query(&self, components: &mut BTreeMap<String, Value>) -> Vec<Value> {
        let own = serde_json::to_value((self.own)()).unwrap_or_default();
        let mut nested = Vec::new();
        (self.nested)(&mut nested);
        for (name, schema) in nested {
            components.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
        }
        let required: Vec<&str> =
            own.get("required").and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        let fields = own.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let parameter = |(name, schema): (String, Value)| {
            let needed = required.contains(&name.as_str());
            json!({ "name": name, "in": "query", "required": needed, "schema": schema, "description": schema.get("description") })
        };
        fields.into_iter().map(parameter).collect()
    }
}

/// The document.
pub(super) fn document(routes: &Routes, version: &str) -> Value {
    let mut components = BTreeMap::new();
    let problem = SchemaOf::of::<Problem>().reference(&mut components);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in routes.entries() {
        let Some(path) = &entry.api else { continue };
        let operation = operation(entry, path, &problem, &mut components);
        paths.entry(path.clone()).or_default().insert(entry.method.as_str().to_ascii_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Quarterdeck",
            "version": version,
            "description": "The admin API. Reads answer from the last readings; changes go through the gate and are recorded.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": "qd_session" },
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "qd_…" },
            },
        },
    })
}

fn operation(entry: &RouteEntry, path: &str, problem: &Value, components: &mut BTreeMap<String, Value>) -> Value {
    let mut parameters: Vec<Value> = path_parameters(path);
    let mut operation = Map::new();
    let mut set = |key: &str, value: Value| operation.insert(key.into(), value);
    set("operationId", json!(operation_id(&entry.method, path)));
    set("summary", json!(entry.summary));
    set("description", json!(describe(entry)));
    set("responses", responses(entry, problem, components));
    set("security", security(entry.access));
    set("x-access", json!(entry.access.words()));
    if let Some(html) = entry.html.filter(|_| entry.has_page()) {
        set("x-html-path", json!(html));
    }
    if let Some(input) = entry.input.filter(|input| !input.is_nothing()) {
        if entry.method == Method::GET {
            parameters.extend(input.query(components));
        } else {
            let schema = with_confirmation(entry, input.reference(components));
            let content = json!({ "application/json": { "schema": schema }, "application/x-www-form-urlencoded": { "schema": schema } });
            set("requestBody", json!({ "required": true, "content": content }));
        }
    } else if entry.action.is_some() {
        let schema = with_confirmation(entry, json!({ "type": "object" }));
        set("requestBody", json!({ "content": { "application/json": { "schema": schema } } }));
    }
    set("parameters", json!(parameters));
    Value::Object(operation)
}

/// Adds reason and keys, which every action takes beside its own fields.
fn with_confirmation(entry: &RouteEntry, own: Value) -> Value {
    let Some(action) = entry.action else { return own };
    let reason = json!({ "type": "string", "minLength": 10, "maxLength": 500, "description": "Why. Goes into the audit trail." });
    let required: &[&str] = match action.danger {
        Danger::Routine => &[],
        Danger::Guarded => &["reason"],
        Danger::Destructive => &["reason", "phrase"],
    };
    json!({ "allOf": [own, { "type": "object", "required": required, "properties": {
        "reason": reason,
        "phrase": { "type": "string", "description": "The exact phrase, where the action asks for one." },
        "idempotency_key": { "type": "string", "maxLength": 100, "description": "Or the header Idempotency-Key." },
        "preview_digest": { "type": "string", "description": "Digest of the preview that was shown." } } }] })
}

fn responses(entry: &RouteEntry, problem: &Value, components: &mut BTreeMap<String, Value>) -> Value {
    let fault = json!({ "description": "Not done; the detail says why.", "content": { "application/problem+json": { "schema": problem } } });
    let good = match &entry.output {
        Some(output) => json!({ "description": "Done.", "content": { "application/json": { "schema": output.reference(components) } } }),
        None => json!({ "description": "Done." }),
    };
    json!({ "2XX": good, "4XX": fault, "5XX": fault })
}

fn describe(entry: &RouteEntry) -> String {
    let who = format!("For {}.", entry.access.words());
    match entry.action {
        Some(action) => format!("{who} Action `{}`, recorded as `{}`.", action.name, action.event.0),
        None => who,
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Anyone => json!([]),
        Access::Scope(_) => json!([{ "token": [] }]),
        Access::RoleOrScope(..) => json!([{ "session": [] }, { "token": [] }]),
        _ => json!([{ "session": [] }]),
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect()
}

fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(['/', '{', '}', '-', '.']).filter(|part| !part.is_empty() && !["api", "admin", "ops"].contains(part));
    std::iter::once(method.as_str().to_ascii_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}
