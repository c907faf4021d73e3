//! Flags by the OpenFeature protocol: every rule of the wire, and the real clients of Node, Python and the browser.

mod access;
mod clients;
mod events;
mod rules;
mod tags;

use app::features::flags::definition::{self, Patch};
use qd_core::gate::{Actor, Confirmation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::{Client, World};

pub const ALL: &str = "/ofrep/v1/evaluate/flags";

/// Path of one flag's evaluation.
pub fn path(key: &str) -> String {
    format!("{ALL}/{key}")
}

/// Makes a flag that is on for everybody; `more` overrides.
pub async fn flag(world: &World, key: &str, more: Value) {
    let mut fields = json!({ "key": key, "enabled": true, "rolloutPercentage": 100 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let fields: Patch = serde_json::from_value(fields).unwrap();
    definition::create(&world.app, &Actor::cli("test"), fields, Confirmation::because("a test needs it")).await.unwrap();
}

/// Changes a flag.
pub async fn change(world: &World, key: &str, fields: Value) {
    let fields: Patch = serde_json::from_value(fields).unwrap();
    definition::update(&world.app, &Actor::cli("test"), key, fields, Confirmation::because("a test needs it")).await.unwrap();
}

/// An application with a token that may read flags.
pub async fn application(world: &World) -> Client {
    world.machine(&["flags:read"]).await
}

/// Evaluates one flag.
pub async fn one(client: &Client, key: &str, context: Value) -> Answer {
    client.post(&path(key), json!({ "context": context })).await
}

/// Evaluates all flags.
pub async fn all(client: &Client, context: Value) -> Answer {
    client.post(ALL, json!({ "context": context })).await
}

/// The same, for those who have a tag already.
pub async fn again(client: &Client, path: &str, context: Value, tags: &[&str]) -> Answer {
    let mut request = client.request(Method::POST, path).json(&json!({ "context": context }));
    for tag in tags {
        request = request.header("if-none-match", *tag);
    }
    client.send(request).await
}

/// What a bulk answer says of a flag.
pub fn of<'a>(answer: &'a Value, key: &str) -> &'a Value {
    let flags = answer["flags"].as_array().unwrap_or_else(|| panic!("no flags in {answer}"));
    flags.iter().find(|flag| flag["key"] == key).unwrap_or_else(|| panic!("no {key} in {answer}"))
}
