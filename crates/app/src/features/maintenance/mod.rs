//! Maintenance: windows in which writes are blocked or queues are drained; announced, started, ended, and obeyed by applications.
//!
//! One active window of a type is one state. People change windows by the verbs of [`window`]; what happens at a time happens by durable jobs.
//! What applications and gates obey is the published [`State`]: [`state()`], [`State::verdict`], [`State::view`]. [`bypass`] lets somebody
//! write all the same, [`drain`] holds queues until nothing runs in them.

pub mod bypass;
pub mod drain;
mod gate;
mod pages;
mod state;
mod store;
pub mod window;

pub use pages::{Panel, banner, panel, panel_of};
pub use state::{Asked, BYPASS_COOKIE, BYPASS_HEADER, Blocked, BypassView, OWN, Paths, State, StateView, VendorView, Verdict, WindowView, state};
pub use window::{Audience, Blocks, Kind, Phase, Series, Status, Terms, Window, sweep};

use qd_core::{App, Result};

use crate::web::{Feature, Routes, Starter};

/// The manifest.
pub const FEATURE: Feature = Feature {
    state: |config, kept| {
        gate::prepare(kept);
        state::prepare(config, kept)
    },
    published: Some(state::load),
    start,
    jobs: |worker| worker.register::<window::Advance>().register::<drain::Drain>(),
    statements: STATEMENTS,
    ..Feature::new("maintenance", routes)
};

/// Every static statement.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const STATEMENTS: &[&str] = &{
    const WINDOWS: &[&str] = window::store::STATEMENTS;
    const REST: &[&str] = store::STATEMENTS;
    let mut all = [""; WINDOWS.len() + REST.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < WINDOWS.len() { WINDOWS[at] } else { REST[at - WINDOWS.len()] };
        at += 1;
    }
    all
};

fn routes(routes: Routes) -> Routes {
    pages::routes(gate::routes(routes))
}

fn start(starter: &mut Starter) {
    starter.keep("maintenance windows", window::watch);
    starter.keep("maintenance queues", drain::watch);
}

/// Days that bypass tokens are kept after their end, and what drains knew of queues after that of their window. Windows stay: they are history.
const KEPT_DAYS: i64 = 90;

/// Forgets expired tokens and the bookkeeping of drains. Returns how many rows.
///
/// # Errors
/// Any fault of our database.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-KEPT_DAYS * 86_400);
    app.db.write_with(move |tx| Box::pin(async move { store::trim(tx, before).await })).await
}

#[cfg(test)]
mod tests;
