//! Behaviour of flags: deciding, by published examples and by properties; changing, the same on both databases.

mod catalog;
mod decide;
mod explain;
mod life;
mod limits;
mod needs;
mod ramps;
mod robust;
mod schedules;

use qd_core::gate::{Actor, Role};
use serde_json::{Value, json};

use super::definition::{self, Definition, Flag, Patch, Percent};
use super::evaluate::{Context, Reserved, Snapshot};
use crate::features::testing::{World, because, person};

fn mara() -> Actor {
    person(Role::Admin)
}

/// A definition as the API takes it.
fn definition_of(fields: &Value) -> Definition {
    serde_json::from_value::<Definition>(fields.clone()).unwrap().tidy().checked().unwrap()
}

/// A snapshot of flags by key.
fn snapshot_of(flags: &Value) -> Snapshot {
    let definitions: Vec<(String, Definition)> = flags.as_object().unwrap().iter().map(|(key, one)| (key.clone(), definition_of(one))).collect();
    Snapshot::new(1, definitions.iter().map(|(key, one)| (key.as_str(), one)), Reserved::default())
}

fn context(fields: Value) -> Context {
    fields.as_object().unwrap().clone()
}

fn patch(fields: Value) -> Patch {
    serde_json::from_value(fields).unwrap()
}

/// A boolean flag, on, at a percentage.
async fn made(world: &World, key: &str, percentage: i64) -> Flag {
    let fields = patch(json!({ "key": key, "enabled": true, "rolloutPercentage": percentage }));
    definition::create(&world.app, &mara(), fields, because()).await.unwrap().value
}

/// What this process serves for a user.
fn served(world: &World, key: &str, user: &str) -> Option<Value> {
    let snapshot = super::snapshot(&world.app).unwrap();
    snapshot.evaluate(key, &context(json!({ "targetingKey": user }))).map(|found| found.value.cloned().unwrap_or(Value::Null))
}

fn parsed(text: Option<String>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

fn percent(points: i64) -> Percent {
    Percent::of_basis_points(points).unwrap()
}

async fn refused<T>(done: qd_core::Result<T>) -> (String, String) {
    match done {
        Err(fault) => (fault.code().to_owned(), fault.to_string()),
        Ok(_) => panic!("it was done"),
    }
}
