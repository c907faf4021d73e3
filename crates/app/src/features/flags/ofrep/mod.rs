//! OFREP 0.3.0: how applications in any language ask for flags, one by one or all at once, and hear that something changed.
//!
//! Requests are answered from the snapshot in memory, without lock or SQL. [`request`] reads the body, [`answer`] writes the protocol's shapes,
//! [`version`] says when "you have it all" (304) is true, [`stream`] tells of changes with a [`ticket`], [`cors`] opens it to pages of other
//! origins, and [`limit`] bounds each caller. The route table lets anybody in: a browser's preflight has no token, and who may ask depends on
//! `flags.public`; [`admit`] decides.

mod answer;
mod cors;
mod http;
mod limit;
mod request;
mod stream;
mod ticket;
mod version;

use std::sync::{Mutex, OnceLock, PoisonError};

use qd_core::config::Config;
use qd_core::{App, Result, StateMap, Timestamp};

pub use answer::{Code, Failure};
pub use http::admit;
pub use request::{MAX_BODY, MAX_DEPTH, context};

use crate::web::{APPLICATIONS, Feature, Seats};
use cors::Origins;
use limit::Limit;
use ticket::Tickets;

/// The manifest.
pub const FEATURE: Feature = Feature { state, ..Feature::new("flags", http::routes) };

/// Scope of a token that may read flags and the maintenance state.
pub const SCOPE: &str = "flags:read";

/// State of the protocol's server.
#[derive(Debug)]
pub struct Ofrep {
    limit: Limit,
    origins: Origins,
    seats: Seats,
    tickets: OnceLock<Tickets>,
    /// A revision, and the second in which this process first told of it.
    moved: Mutex<(i64, i64)>,
}

impl Ofrep {
    /// From the configuration of flags.
    pub fn new(config: &qd_core::config::Flags) -> Self {
        Self {
            limit: Limit::new(config.requests_per_second),
            origins: Origins::new(&config.cors_origins),
            seats: Seats::new(APPLICATIONS),
            tickets: OnceLock::new(),
            moved: Mutex::default(),
        }
    }

    /// Streams that are open.
    pub fn listeners(&self) -> usize {
        self.seats.open()
    }

    fn tickets(&self, app: &App) -> &Tickets {
        self.tickets.get_or_init(|| Tickets::new(&app.keys))
    }

    /// The second since 1970 in which this process first told of a revision.
    fn told_at(&self, revision: i64, now: Timestamp) -> i64 {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if moved.0 != revision {
            *moved = (revision, now.seconds());
        }
        moved.1
    }
}

fn state(config: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Ofrep::new(&config.flags));
    Ok(())
}
