//! Behaviour of maintenance windows, the same on both databases.

mod asked;
mod life;
mod rules;

use qd_core::audit::{self, Filter, Row};
use qd_core::gate::{Actor, Confirmation, Done, Role};
use qd_core::{Result, Timestamp};

use super::window::{Enable, PHRASE, Schedule, Times, Window, enable, schedule};
use super::{Kind, Terms};
use crate::features::testing::{World, person};

fn boss() -> Actor {
    person(Role::SuperAdmin)
}

fn mara() -> Actor {
    person(Role::Admin)
}

/// The program, as jobs run with it.
fn program() -> Actor {
    Actor::system("housekeeping")
}

fn sure() -> Confirmation {
    Confirmation { phrase: Some(PHRASE.into()), ..Confirmation::because("the database moves house") }
}

fn plain() -> Confirmation {
    Confirmation::default()
}

async fn on(world: &World, kind: Kind, minutes: i64) -> Window {
    let action = Enable { kind, minutes: Some(minutes), terms: Terms::default() };
    enable(&world.app, &boss(), action, sure()).await.unwrap().value
}

/// A window that starts in so many seconds.
async fn planned(world: &World, kind: Kind, start: i64, minutes: i64, terms: Terms) -> Window {
    let start = world.app.now().plus_seconds(start);
    let times = Times::Once { start, end: start.plus_seconds(minutes * 60) };
    ahead(world, kind, times, terms).await.unwrap().value
}

async fn ahead(world: &World, kind: Kind, times: Times, terms: Terms) -> Result<Done<Window>> {
    schedule(&world.app, &boss(), Schedule { kind, times, terms }, sure()).await
}

/// Takes what is due, as the job would.
async fn step(world: &World, window: &Window) -> Window {
    super::window::advance(&world.app, &program(), window.id).await.unwrap();
    super::window::find(&world.app, window.id).await.unwrap()
}

/// The audit rows, oldest first.
async fn trail(world: &World) -> Vec<Row> {
    let mut rows = audit::list(&world.app.db, &Filter { limit: Some(200), ..Filter::default() }).await.unwrap();
    rows.reverse();
    rows
}

async fn actions(world: &World) -> Vec<String> {
    trail(world).await.into_iter().map(|row| row.action).collect()
}

fn mode(world: &World) -> &'static str {
    super::state(&world.app).unwrap().mode(world.app.now())
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
