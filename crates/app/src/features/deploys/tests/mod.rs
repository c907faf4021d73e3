//! Behaviour of deploys, the same on both databases.

mod delivery;
mod provider;
mod records;
mod running;

use qd_core::Timestamp;
use qd_core::gate::{Actor, Client, Confirmation, Role};
use uuid::Uuid;

use super::record::{Deploy, Record, Source, Status, record};
use crate::features::testing::{World, person};

/// CI with a token that records deploys.
fn ci() -> Actor {
    Actor::token(Uuid::from_u128(9), "ci", vec!["deploys:write".into()], Client::default())
}

fn mara() -> Actor {
    person(Role::Admin)
}

/// A live deploy of web.
fn told(sha: &str) -> Record {
    Record {
        service: "web".into(),
        environment: "production".into(),
        sha: sha.into(),
        status: Status::Live,
        source: Source::Api,
        ..Record::default()
    }
}

async fn recorded(world: &World, action: Record) -> Deploy {
    record(&world.app, &ci(), action, Confirmation::default()).await.unwrap().deploy
}

fn minutes_ago(world: &World, minutes: i64) -> Option<Timestamp> {
    Some(world.app.now().plus_seconds(-60 * minutes))
}
