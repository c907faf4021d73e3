//! The maintenance state: followed, kept, and asked about each request.

mod follow;
mod state;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use state::{FailMode, State, VendorScope};

use crate::bypass::BypassKey;
use crate::disk;
use crate::endpoint::{Endpoint, Error};
use crate::flags::Tasks;
use crate::{path, time};

/// No client should come back sooner: the end of a maintenance is seldom on the second.
const SOONEST: u64 = 30;

/// Where the state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Quarterdeck, and it is in touch.
    Server,
    /// Quarterdeck, earlier: it does not answer now.
    LastKnown,
    /// Nothing was ever known here, neither now nor on disk.
    Nothing,
}

/// What is known, at one moment.
#[derive(Clone, Debug)]
pub struct Known {
    /// What is obeyed: the published state, or what [`FailMode`] makes of it while Quarterdeck is away.
    pub state: Arc<State>,
    /// Where it comes from.
    pub origin: Origin,
}

/// How the state is kept.
#[derive(Clone, Debug)]
pub struct MaintenanceOptions {
    /// Directory for the last known state, so that it outlives the process. None by default: then a process that starts while Quarterdeck is
    /// away knows of no maintenance.
    pub directory: Option<PathBuf>,
    /// What to do before anything was ever known: [`FailMode::Open`] by default (an application must be able to start without Quarterdeck; the
    /// mode header says `unknown`), or [`FailMode::Closed`].
    pub unknown: FailMode,
    /// Paths of this application that stay open whatever the state says, such as signing in and health checks.
    pub allow: Vec<String>,
    /// Checks bypass tokens. None by default: nobody bypasses.
    pub bypass: Option<BypassKey>,
    /// After so long without a sign of Quarterdeck its fail mode applies. 90 s by default.
    pub lost_after: Duration,
    /// How often to ask without a stream, and the longest pause between two attempts. 30 s by default, 1 s at least.
    pub poll: Duration,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        let (lost_after, poll) = (Duration::from_secs(90), Duration::from_secs(30));
        Self { directory: None, unknown: FailMode::Open, allow: Vec::new(), bypass: None, lost_after, poll }
    }
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// A customer, or nobody known.
    Everybody,
    /// A vendor.
    Vendor(&'a str),
    /// Somebody of the platform's own people.
    Admin,
}

/// Something that a page should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Id of the window.
    pub id: String,
    /// `announced`, `starting`, `active`, `ended`.
    pub phase: String,
    /// For people.
    pub message: String,
    /// RFC 3339.
    pub starts_at: Option<String>,
    /// RFC 3339.
    pub ends_at: Option<String>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The mode, `global_readonly` for example.
    pub mode: String,
    /// Seconds until trying again makes sense.
    pub retry_after: u64,
    /// When it is meant to be over, RFC 3339.
    pub ends_at: Option<String>,
    /// For people.
    pub message: String,
}

/// The published state.
#[derive(Clone, Debug)]
struct Held {
    state: Arc<State>,
    /// When it was heard, in seconds since 1970.
    at: i64,
}

/// The same on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Of which server: another one's state means nothing.
    server: String,
    state: State,
    at: i64,
}

/// Follows the maintenance state. Cheap to clone; the last clone that is dropped ends the background task.
#[derive(Clone, Debug)]
pub struct Maintenance {
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

#[derive(Debug)]
struct Shared {
    held: watch::Sender<Option<Held>>,
    changes: watch::Sender<u64>,
    contact: Mutex<Option<Instant>>,
    began: Instant,
    /// Nobody to follow.
    off: bool,
    options: MaintenanceOptions,
    open: Arc<State>,
    shut: Arc<State>,
    none: Arc<State>,
}

impl Maintenance {
    /// Follows the state at `endpoint`. Must be called inside a tokio runtime; returns at once with what the disk has.
    pub fn start(endpoint: Endpoint, options: MaintenanceOptions) -> Self {
        let file = options.directory.as_ref().map(|directory| directory.join("maintenance.json"));
        let shared = Arc::new(Shared::new(options, false));
        let kept = file.as_deref().and_then(disk::load::<Kept>).filter(|kept| kept.server == endpoint.url(""));
        shared.held.send_replace(kept.map(|kept| Held { state: Arc::new(kept.state), at: kept.at }));
        let task = tokio::spawn(follow::follow(Arc::clone(&shared), endpoint, file));
        Self { shared, _tasks: Arc::new(Tasks(vec![task.abort_handle()])) }
    }

    /// From OpenFeature's variables, see [`Endpoint::from_env`]; without `OFREP_ENDPOINT` as [`Maintenance::off`].
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the variable that makes no sense.
    pub fn from_env(options: MaintenanceOptions) -> Result<Self, Error> {
        Ok(Endpoint::from_env()?.map_or_else(Self::off, |endpoint| Self::start(endpoint, options)))
    }

    /// No server: there is never a maintenance.
    pub fn off() -> Self {
        Self { shared: Arc::new(Shared::new(MaintenanceOptions::default(), true)), _tasks: Arc::default() }
    }

    /// What is obeyed now.
    pub fn now(&self) -> Known {
        self.shared.known()
    }

    /// The published revision that is obeyed; `None` when nothing is known, or when a fail mode other than the last known state applies.
    pub fn revision(&self) -> Option<i64> {
        let known = self.now();
        (known.origin != Origin::Nothing && known.state.mode != "unknown").then_some(known.state.revision)
    }

    /// A number that grows whenever the published state changes. [`Maintenance::now`] has what it is then.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Waits until Quarterdeck was heard, or `within` is over; whether it was heard.
    pub async fn ready(&self, within: Duration) -> bool {
        let mut news = self.shared.held.subscribe();
        let heard = async {
            while self.shared.contact().is_none() {
                if news.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(within, heard).await.unwrap_or(false)
    }

    /// The mode in one word, for the header of every answer.
    pub fn mode(&self) -> String {
        self.now().state.mode.clone()
    }

    /// Whether a request is refused. `path` is as the client wrote it; `vendor` is who was authenticated, never taken from the path; `bypass`
    /// is a token that came along.
    pub fn blocked(&self, method: &Method, path: &str, vendor: Option<&str>, bypass: Option<&str>) -> Option<Blocked> {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
            return None;
        }
        let state = self.now().state;
        if !state.blocks(vendor) || path::allowed(path, &state.allow) || path::allowed(path, &self.shared.options.allow) {
            return None;
        }
        let proof = bypass.zip(self.shared.options.bypass.as_ref()).and_then(|(token, key)| key.proves(token, time::unix()));
        if proof.is_some_and(|id| !state.bypass.revoked.iter().any(|revoked| revoked == id)) {
            return None;
        }
        Some(self.shared.refusal(&state))
    }

    /// What pages should say to `audience`, in the order of the server.
    pub fn notices(&self, audience: Audience<'_>) -> Vec<Notice> {
        let state = self.now().state;
        let said = state.windows.iter().filter(|window| match (window.audience.as_str(), audience) {
            ("admins", audience) => audience == Audience::Admin,
            ("vendors", Audience::Vendor(id)) => window.vendors.as_ref().is_none_or(|vendors| vendors.iter().any(|one| one == id)),
            ("vendors", audience) => audience == Audience::Admin,
            _ => true,
        });
        said.filter_map(|window| {
            let message = window.message.clone().filter(|message| !message.trim().is_empty())?;
            let (starts_at, ends_at) = (window.starts_at.clone(), window.ends_at.clone());
            Some(Notice { id: window.id.clone(), phase: window.phase.clone(), message, starts_at, ends_at })
        })
        .collect()
    }
}

impl Shared {
    fn new(options: MaintenanceOptions, off: bool) -> Self {
        let shut = Arc::new(State::shut(options.allow.clone()));
        let (held, began) = (watch::Sender::new(None), Instant::now());
        Self {
            held,
            changes: watch::Sender::new(0),
            contact: Mutex::default(),
            began,
            off,
            options,
            open: Arc::new(State::open()),
            shut,
            none: Arc::default(),
        }
    }

    fn contact(&self) -> Option<Instant> {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign of life. Whoever waits for the first one is woken.
    fn heard(&self) {
        let first = self.contact.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now()).is_none();
        if first {
            self.held.send_modify(|_| {});
        }
    }

    fn known(&self) -> Known {
        let lost = self.contact().unwrap_or(self.began).elapsed() > self.options.lost_after;
        let held = self.held.borrow();
        match held.as_ref() {
            _ if self.off => Known { state: Arc::clone(&self.none), origin: Origin::Server },
            None if self.options.unknown == FailMode::Closed => Known { state: Arc::clone(&self.shut), origin: Origin::Nothing },
            None => Known { state: Arc::clone(&self.open), origin: Origin::Nothing },
            Some(held) if lost => match held.state.fail_mode {
                FailMode::LastKnown => Known { state: Arc::clone(&held.state), origin: Origin::LastKnown },
                FailMode::Open => Known { state: Arc::clone(&self.open), origin: Origin::LastKnown },
                FailMode::Closed => {
                    // A token that was called back stays so, and the names of header and cookie hold.
                    let state = State { bypass: held.state.bypass.clone(), ..State::shut(held.state.allow.clone()) };
                    Known { state: Arc::new(state), origin: Origin::LastKnown }
                }
            },
            Some(held) if self.contact().is_none() => Known { state: Arc::clone(&held.state), origin: Origin::LastKnown },
            Some(held) => Known { state: Arc::clone(&held.state), origin: Origin::Server },
        }
    }

    fn refusal(&self, state: &State) -> Blocked {
        let at = self.held.borrow().as_ref().map_or(0, |held| held.at);
        let passed = u64::try_from(time::unix() - at).unwrap_or(0);
        let retry_after = state.retry_after_seconds.map_or(SOONEST, |seconds| seconds.saturating_sub(passed)).clamp(SOONEST, 86_400);
        let usual = || "We are working on it. You can look around, but not change anything.".to_owned();
        let message = state.message.clone().filter(|message| !message.trim().is_empty()).unwrap_or_else(usual);
        Blocked { mode: state.mode.clone(), retry_after, ends_at: state.ends_at.clone(), message }
    }
}
