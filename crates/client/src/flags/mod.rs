//! Feature flags over OFREP: asked once for each flag and context, kept until the server says that something changed.
//!
//! Source: <https://github.com/open-feature/protocol>, version 0.3.0, and its ADR-0008 on event streams.

mod cache;
mod follow;
mod lookup;
mod wire;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::endpoint::{Endpoint, Error};
use lookup::Lookup;
use wire::Answer;

/// What a flag is asked for: `targetingKey` and any attributes.
pub type Context = Map<String, Value>;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server, asked for this call.
    Server,
    /// The server, asked earlier; nothing has changed since.
    Cached,
    /// The server, earlier: it does not answer now, or answers nothing useful.
    LastKnown,
    /// The caller's default: the server never answered for this flag and context, or says that it has no value.
    Default,
}

/// A flag's value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<T> {
    /// The value.
    pub value: T,
    /// Variant, as the server names it.
    pub variant: Option<String>,
    /// OpenFeature's reason: STATIC, TARGETING_MATCH, SPLIT, DISABLED, DEFAULT, UNKNOWN, ERROR.
    pub reason: String,
    /// OpenFeature's error code when the reason is ERROR: FLAG_NOT_FOUND, TYPE_MISMATCH, TARGETING_KEY_MISSING, …; GENERAL when the server is away.
    pub error: Option<String>,
    /// Where it comes from.
    pub source: Source,
}

/// How flags are kept.
#[derive(Clone, Debug)]
pub struct FlagOptions {
    /// Evaluated all at once and kept ready: what is the same for the whole application. Empty by default.
    pub context: Context,
    /// Answers kept, the least recently used go first. 10,000 by default, 100 at least.
    pub capacity: usize,
    /// Directory for the last known answers, so that they outlive the process. Contexts are stored as hashes. None by default.
    pub directory: Option<PathBuf>,
    /// How often to ask when the server offers no stream of events. 30 s by default, 1 s at least.
    pub poll: Duration,
    /// Silence after which a stream is taken for dead. 120 s by default.
    pub silence: Duration,
}

impl Default for FlagOptions {
    fn default() -> Self {
        let (poll, silence) = (Duration::from_secs(30), Duration::from_secs(120));
        Self { context: Context::new(), capacity: 10_000, directory: None, poll, silence }
    }
}

/// Evaluates flags. Never fails: a caller always gets a value, and is told where it comes from. Cheap to clone; the last clone that is dropped
/// ends the background tasks.
#[derive(Clone)]
pub struct Flags {
    lookup: Arc<Lookup>,
    _tasks: Arc<Tasks>,
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("streaming", &self.streaming()).finish_non_exhaustive()
    }
}

/// Tasks that end with their owner.
#[derive(Debug, Default)]
pub(crate) struct Tasks(pub Vec<AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Flags {
    /// Follows the flags of `endpoint`. Must be called inside a tokio runtime; returns at once.
    pub fn start(endpoint: Endpoint, options: FlagOptions) -> Self {
        let lookup = Arc::new(Lookup::new(Some(endpoint.clone()), &options));
        let follow = tokio::spawn(follow::follow(Arc::clone(&lookup), endpoint, options));
        let keep = tokio::spawn(lookup::keep(Arc::clone(&lookup)));
        Self { lookup, _tasks: Arc::new(Tasks(vec![follow.abort_handle(), keep.abort_handle()])) }
    }

    /// From OpenFeature's variables, see [`Endpoint::from_env`]; without `OFREP_ENDPOINT` as [`Flags::off`].
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the variable that makes no sense.
    pub fn from_env(options: FlagOptions) -> Result<Self, Error> {
        Ok(Endpoint::from_env()?.map_or_else(Self::off, |endpoint| Self::start(endpoint, options)))
    }

    /// No server: every flag has the caller's default.
    pub fn off() -> Self {
        Self { lookup: Arc::new(Lookup::new(None, &FlagOptions::default())), _tasks: Arc::default() }
    }

    /// A switch.
    pub async fn boolean(&self, key: &str, context: &Context, default: bool) -> Evaluation<bool> {
        self.typed(key, context, default, |value| value.as_bool()).await
    }

    /// A switch, without where it comes from.
    pub async fn enabled(&self, key: &str, context: &Context, default: bool) -> bool {
        self.boolean(key, context, default).await.value
    }

    /// A text.
    pub async fn string(&self, key: &str, context: &Context, default: &str) -> Evaluation<String> {
        self.typed(key, context, default.to_owned(), |value| value.as_str().map(str::to_owned)).await
    }

    /// A whole number; `1.0` is none.
    pub async fn integer(&self, key: &str, context: &Context, default: i64) -> Evaluation<i64> {
        self.typed(key, context, default, Value::as_i64).await
    }

    /// A number; a whole one too.
    pub async fn float(&self, key: &str, context: &Context, default: f64) -> Evaluation<f64> {
        self.typed(key, context, default, Value::as_f64).await
    }

    /// A structure.
    pub async fn json<T: DeserializeOwned>(&self, key: &str, context: &Context, default: T) -> Evaluation<T> {
        self.typed(key, context, default, |value| T::deserialize(value).ok()).await
    }

    async fn typed<T>(&self, key: &str, context: &Context, default: T, read: impl FnOnce(&Value) -> Option<T>) -> Evaluation<T> {
        let (answer, source) = self.lookup.answer(key, context).await;
        let Some(Answer { value, variant, reason, error }) = answer else {
            let error = source_of_nothing(source);
            return Evaluation { value: default, variant: None, reason: "ERROR".into(), error, source: Source::Default };
        };
        match value.map(|value| read(&value)) {
            Some(Some(value)) => Evaluation { value, variant, reason, error, source },
            Some(None) => {
                tracing::warn!(key, "the flag has another type than the application expects");
                Evaluation { value: default, variant: None, reason: "ERROR".into(), error: Some("TYPE_MISMATCH".into()), source: Source::Default }
            }
            None => Evaluation { value: default, variant, reason, error, source: Source::Default },
        }
    }

    /// Waits until the server was heard, or `within` is over; whether it was heard.
    pub async fn ready(&self, within: Duration) -> bool {
        let mut heard = self.lookup.heard.subscribe();
        tokio::time::timeout(within, heard.wait_for(|heard| *heard)).await.is_ok_and(|heard| heard.is_ok())
    }

    /// Whether a stream of changes is open now. Without one, answers are asked for anew after ten seconds.
    pub fn streaming(&self) -> bool {
        self.lookup.is_streaming()
    }

    /// A number that grows whenever some flag may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.lookup.changes.subscribe()
    }

    /// Writes the last known answers now; otherwise every five seconds when there are new ones. For a proper end of the process.
    pub async fn flush(&self) {
        self.lookup.save().await;
    }
}

/// Without a server there is nothing wrong; with one that is away, there is.
fn source_of_nothing(source: Source) -> Option<String> {
    (source == Source::LastKnown).then(|| "GENERAL".to_owned())
}
