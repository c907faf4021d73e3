//! The published state: what applications and gates obey. Loaded from the tables whenever the revision moves, read without lock or SQL.

mod path;
mod verdict;
mod view;

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use qd_core::config::Config;
use qd_core::secret::Secret;
use qd_core::{App, Result, StateMap, Timestamp};
use uuid::Uuid;

pub use path::Paths;
pub use verdict::{Asked, Blocked, Verdict, reads, retry_after};
pub use view::{BypassView, StateView, VendorView, WindowView};

use super::bypass;
use super::window::{Blocks, ENDED_SHOWN_SECONDS, Kind, Status, Window, store};

/// What passes always, so that a gate in front of Quarterdeck locks nobody in: signing in, and ending a maintenance.
pub const OWN: [&str; 4] = ["/login", "/api/admin/ops/maintenance/*", "/maintenance", "/maintenance/*"];

/// Header that carries a bypass token.
pub const BYPASS_HEADER: &str = "X-Admin-Bypass-Maintenance";
/// Cookie that carries one.
pub const BYPASS_COOKIE: &str = "qd_bypass";

/// What holds and what will. Immutable.
#[derive(Clone, Debug)]
pub struct State {
    /// The published revision that it belongs to; 0 before the first load.
    pub revision: i64,
    /// Active ones, those to come, and those that ended a moment ago; the strongest type first, then by start.
    pub windows: Vec<Window>,
    /// The allow list as configured, with [`OWN`].
    pub allowed: Vec<String>,
    /// What gates and clients do while nobody answers: `last_known`, `open`, `closed`.
    pub fail_mode: String,
    allow: Paths,
    vendor_paths: Paths,
    bypass_secret: Secret,
    /// Bypass tokens that were taken back and have not expired.
    pub revoked: Vec<Uuid>,
}

impl State {
    fn empty(config: &Config) -> Self {
        let maintenance = &config.maintenance;
        let own = OWN.iter().map(|path| (*path).to_owned()).filter(|path| !maintenance.allow.contains(path));
        let allowed: Vec<String> = maintenance.allow.iter().cloned().chain(own).collect();
        Self {
            revision: 0,
            windows: Vec::new(),
            allow: Paths::new(&allowed),
            allowed,
            fail_mode: maintenance.fail_mode.clone(),
            vendor_paths: Paths::new(&maintenance.vendor_paths),
            bypass_secret: maintenance.bypass_secret.clone(),
            revoked: Vec::new(),
        }
    }

    /// The active windows, the strongest type first. At most one of each type.
    pub fn active(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(|window| window.status == Status::Active)
    }

    /// The active window of a type.
    pub fn active_of(&self, kind: Kind) -> Option<&Window> {
        self.active().find(|window| window.kind == kind)
    }

    /// The windows that people are told of at `now`: announced, starting, active, ended a moment ago.
    pub fn told(&self, now: Timestamp) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| window.is_told(now))
    }

    /// The windows to come, announced or not, the next one first.
    pub fn upcoming(&self) -> Vec<&Window> {
        let mut found: Vec<&Window> = self.windows.iter().filter(|window| window.status == Status::Scheduled).collect();
        found.sort_by_key(|window| window.scheduled_start);
        found
    }

    /// Whose writes are blocked.
    pub fn blocks(&self) -> Blocks {
        self.active().map(|window| window.kind.blocks()).max().unwrap_or_default()
    }

    /// The word of the mode header at `now`: the strongest active type, else `announced`, else `none`.
    pub fn mode(&self, now: Timestamp) -> &'static str {
        match self.active().next() {
            Some(strongest) => strongest.kind.mode(),
            None if self.told(now).any(|window| window.status == Status::Scheduled) => "announced",
            None => "none",
        }
    }

    /// Whether `token` is a bypass that holds at `now`: signed with our secret, not expired, not taken back. Without a secret none is.
    pub fn bypassed(&self, token: &str, now: Timestamp) -> bool {
        bypass::holds(&self.bypass_secret, token, now).is_some_and(|id| !self.revoked.contains(&id))
    }
}

/// Where the state of this process is kept.
#[derive(Debug)]
struct Cell(ArcSwap<State>);

/// Makes the cell; nothing holds until the tables are loaded.
pub(super) fn prepare(config: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Cell(ArcSwap::from_pointee(State::empty(config))));
    Ok(())
}

/// The state that this process serves.
///
/// # Errors
/// [`qd_core::Error::Broken`] when the wiring left it out.
pub fn state(app: &App) -> Result<Arc<State>> {
    Ok(app.state::<Cell>()?.0.load_full())
}

/// Loads the tables; called when the published revision moved.
pub(super) fn load(app: App, revision: i64) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let now = app.now();
        let mut windows = store::published(&app.db, now.plus_seconds(-ENDED_SHOWN_SECONDS)).await?;
        windows.sort_by_key(|window| (window.kind, window.scheduled_start));
        let revoked = super::store::revoked(&app.db, now).await?;
        let loaded = State { revision, windows, revoked, ..State::empty(&app.config) };
        app.state::<Cell>()?.0.store(Arc::new(loaded));
        Ok(())
    })
}
