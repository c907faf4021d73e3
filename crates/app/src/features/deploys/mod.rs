//! Deploys: which build runs where, since when, and what it is configured with.
//!
//! [`record`] writes down what CI, Render, GitHub and instances tell ([`outside`] hears them); [`instances`] are the processes that say that they
//! run; [`environment`] keeps what they are configured with, without the secrets; [`rollback`] brings an earlier build back by the provider's
//! driver; [`dora`] measures how we deliver. Every change goes through the gate. The panels are composed by the view Deploys & Config.

pub mod dora;
pub mod environment;
pub mod instances;
pub mod outside;
mod pages;
pub mod record;
pub mod rollback;

use qd_core::config::Config;
use qd_core::{App, Result, StateMap};

pub use dora::Figures;
pub use instances::acknowledged;
pub use pages::{Panels, config_panel, delivery_panel, history_panel, load, marks, running_panel, sentence};
pub use record::{Deploy, before, find, live_at, record};

use crate::web::{Feature, Starter};

/// The manifest.
pub const FEATURE: Feature = Feature {
    state,
    start,
    jobs: outside::jobs,
    subscriptions: dora::subscriptions,
    statements: STATEMENTS,
    ..Feature::new("deploys", pages::routes)
};

/// Every static statement of this feature.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub const STATEMENTS: &[&str] = &{
    let lists = [record::store::STATEMENTS, instances::store::STATEMENTS, environment::store::STATEMENTS, outside::store::STATEMENTS];
    let mut all = [""; record::store::STATEMENTS.len()
        + instances::store::STATEMENTS.len()
        + environment::store::STATEMENTS.len()
        + outside::store::STATEMENTS.len()];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[at] = lists[list][index];
            at += 1;
            index += 1;
        }
        list += 1;
    }
    all
};

fn state(_: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Figures::default());
    state.insert(outside::Provider::default());
    Ok(())
}

fn start(starter: &mut Starter) {
    dora::watch(starter);
    instances::watch(starter);
    outside::watch(starter);
}

/// Forgets ids of old hooks, processes that were silent for a day, and configurations that nobody has any more. Records of deploys stay, as those
/// of incidents do: each was made by a person, by CI or by a provider, and history and delivery are read from them. Returns how many rows.
///
/// # Errors
/// Any fault of our database.
pub async fn trim(app: &App) -> Result<u64> {
    Ok(outside::trim(app).await? + instances::trim(app).await? + environment::trim(app).await?)
}

#[cfg(test)]
mod tests;
