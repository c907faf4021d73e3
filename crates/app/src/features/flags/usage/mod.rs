//! What applications ask for: how often and when last, by key and all at once, and keys that no flag has.
//!
//! Requests count in memory ([`count`]); every ten seconds a sampler adds the counts to the tables and reads back what all replicas counted.
//! A process that is killed loses the counts of its last ten seconds, nothing else. [`of`] and [`unknown`] read memory.

mod count;
mod sample;
mod store;

use std::sync::Arc;

use arc_swap::ArcSwap;
use qd_core::config::Config;
use qd_core::gate::Actor;
use qd_core::{App, Result, StateMap, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

pub use sample::flush;

use crate::web::{Feature, Routes, Starter};
use count::{Counts, Tally};
use sample::View;

/// The manifest.
pub const FEATURE: Feature = Feature { state, start, statements: store::STATEMENTS, ..Feature::new("flags", no_routes) };

/// How a flag is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// When it was last evaluated, by its key or with all others; `null`: never.
    pub last_evaluated_at: Option<Timestamp>,
    /// When an application last asked for it by its key; `null`: never. Clients in browsers ask for all flags at once, so that they never do.
    pub last_asked_at: Option<Timestamp>,
    /// Evaluations within the last minute, by its key or with all others.
    pub per_minute: i64,
    /// Those by its key.
    pub asked_per_minute: i64,
    /// How often it was asked for by its key, since it was first.
    pub asked: i64,
}

/// A key that applications ask for and that no flag has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The key.
    pub key: String,
    /// How often it was asked for.
    pub requests: i64,
    /// When first.
    pub first_seen_at: Timestamp,
    /// When last.
    pub last_seen_at: Timestamp,
    /// Id of the token that asked last; `anonymous` without one.
    pub last_by: String,
    /// Its name.
    pub last_by_name: String,
}

/// State: counts that wait for the next flush, and what all replicas counted until the last one.
#[derive(Debug, Default)]
pub struct Meter {
    counts: Counts,
    view: ArcSwap<View>,
}

impl Meter {
    /// A flag was evaluated by its key.
    pub fn asked(&self, key: &str, now: Timestamp) {
        self.counts.hit(key, now);
    }

    /// All flags were evaluated at once.
    pub fn asked_all(&self, now: Timestamp) {
        self.counts.hit_all(now);
    }

    /// Somebody asked for a key that no flag has.
    pub fn missed(&self, key: &str, actor: &Actor, now: Timestamp) {
        self.counts.stray(key, actor, now);
    }

    fn usage(&self, view: &View, key: &str, created_at: Timestamp, now: Timestamp) -> Usage {
        let (own, together) = (view.of(key, now).and(self.counts.look(key)), view.of(count::ALL, now).and(self.counts.look_all()));
        // What was evaluated before the flag was made says nothing about it.
        let together_at = together.last_at.filter(|at| *at >= created_at);
        Usage {
            last_asked_at: own.last_at,
            last_evaluated_at: own.last_at.max(together_at),
            per_minute: own.per_minute + if together_at.is_some() { together.per_minute } else { 0 },
            asked_per_minute: own.per_minute,
            asked: own.total,
        }
    }
}

/// What is known of one key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    total: i64,
    per_minute: i64,
    last_at: Option<Timestamp>,
}

impl Known {
    fn and(self, fresh: Tally) -> Self {
        let last_at = Some(Timestamp(fresh.last_at)).filter(|at| at.0 > 0).max(self.last_at);
        Self { total: self.total + fresh.count, per_minute: self.per_minute + fresh.count, last_at }
    }
}

/// How a flag is used; `created_at` is the flag's.
///
/// # Errors
/// [`qd_core::Error::Broken`] when the wiring left the meter out.
pub fn of(app: &App, key: &str, created_at: Timestamp) -> Result<Usage> {
    let meter = app.state::<Meter>()?;
    Ok(meter.usage(&meter.view.load(), key, created_at, app.now()))
}

/// Keys that applications ask for and that no flag has now, the newest first; at most 200. A new one shows within ten seconds.
///
/// # Errors
/// As [`of`].
pub fn unknown(app: &App) -> Result<Arc<[Unknown]>> {
    Ok(Arc::clone(&app.state::<Meter>()?.view.load().unknown))
}

fn no_routes(routes: Routes) -> Routes {
    routes
}

fn state(_: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Meter::default());
    Ok(())
}

fn start(starter: &mut Starter) {
    starter.keep("usage of flags", sample::forever);
}

#[cfg(test)]
mod tests;
