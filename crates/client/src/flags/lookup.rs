//! One flag for one context: from the cache, from the server, from what is last known.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::cache::{Cache, Kept, id};
use super::wire::{Answer, Bulk, single};
use super::{Context, FlagOptions, Source};
use crate::backoff::Backoff;
use crate::disk;
use crate::endpoint::{Endpoint, Fault};

/// The generation of what was read from disk. Living ones begin after it.
pub(crate) const FROM_DISK: u64 = 0;
/// An answer is asked for anew after so long even if nothing is said to have changed: rules may look at the time.
const LIFE: Duration = Duration::from_secs(60);
/// The same while nobody tells of changes.
const LIFE_UNTOLD: Duration = Duration::from_secs(10);
/// How often new answers go to disk.
const SAVE: Duration = Duration::from_secs(5);
/// Questions to the server at once.
const LANES: usize = 64;
/// Longest pause after failures in which pages don't ask.
const PAUSE: Duration = Duration::from_secs(30);

/// Keeps pages from waiting for a server that is away.
#[derive(Debug)]
struct Circuit {
    closed_until: Option<Instant>,
    backoff: Backoff,
}

/// Everything that evaluations share.
#[derive(Debug)]
pub(crate) struct Lookup {
    endpoint: Option<Endpoint>,
    cache: Mutex<Cache>,
    /// Grows whenever some flag may have changed.
    pub changes: watch::Sender<u64>,
    /// The server answered at least once.
    pub heard: watch::Sender<bool>,
    streaming: AtomicBool,
    circuit: Mutex<Circuit>,
    /// Who asks for the same waits for the answer instead of asking too.
    lanes: Vec<tokio::sync::Mutex<()>>,
    file: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct File {
    /// Of which server: another one's answers mean nothing.
    server: String,
    answers: Vec<Kept>,
}

impl Lookup {
    pub(crate) fn new(endpoint: Option<Endpoint>, options: &FlagOptions) -> Self {
        let mut cache = Cache::new(options.capacity);
        let file = options.directory.as_ref().map(|directory| directory.join("flags.json"));
        let found = file.as_deref().and_then(disk::load::<File>);
        if let (Some(found), Some(endpoint)) = (found, &endpoint)
            && found.server == endpoint.url("")
        {
            cache.restore(found.answers);
        }
        Self {
            endpoint,
            cache: Mutex::new(cache),
            changes: watch::Sender::new(FROM_DISK + 1),
            heard: watch::Sender::new(false),
            streaming: AtomicBool::new(false),
            circuit: Mutex::new(Circuit { closed_until: None, backoff: Backoff::new(PAUSE) }),
            lanes: std::iter::repeat_with(tokio::sync::Mutex::default).take(LANES).collect(),
            file,
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The answer and where it comes from. No answer: `Default` without a server, `LastKnown` when it is away and nothing is known.
    pub(crate) async fn answer(&self, key: &str, context: &Context) -> (Option<Answer>, Source) {
        let Some(endpoint) = &self.endpoint else { return (None, Source::Default) };
        let id = id(key, context);
        let life = if self.is_streaming() { LIFE } else { LIFE_UNTOLD };
        if let Some((answer, true)) = self.cache().get(&id, self.generation(), life) {
            return (Some(answer), Source::Cached);
        }
        let lane = id.first().and_then(|byte| self.lanes.get(usize::from(*byte) % LANES));
        let _turn = match lane {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        let generation = self.generation();
        let known = match self.cache().get(&id, generation, life) {
            Some((answer, true)) => return (Some(answer), Source::Cached),
            Some((answer, false)) => Some(answer),
            None => None,
        };
        if !self.may_ask() {
            return (known, Source::LastKnown);
        }
        match single(endpoint, key, context).await {
            Ok(answer) => {
                self.went_well();
                self.cache().put(id, answer.clone(), generation, false);
                (Some(answer), Source::Server)
            }
            Err(fault) => {
                self.failed(&fault);
                (known, Source::LastKnown)
            }
        }
    }

    /// After a failure one question at a time finds out whether the server is back; everybody else goes on with what is known.
    fn may_ask(&self) -> bool {
        let mut circuit = self.circuit();
        match circuit.closed_until {
            None => true,
            Some(until) if until > Instant::now() => false,
            Some(_) => {
                circuit.closed_until = Some(Instant::now() + PAUSE);
                true
            }
        }
    }

    /// The server answered.
    pub(crate) fn went_well(&self) {
        let mut circuit = self.circuit();
        if circuit.closed_until.take().is_some() {
            tracing::info!("the flag server answers again");
        }
        circuit.backoff.reset();
        self.heard.send_if_modified(|heard| !std::mem::replace(heard, true));
    }

    /// The server did not answer: pages go on with what is known for a while.
    pub(crate) fn failed(&self, fault: &Fault) {
        let mut circuit = self.circuit();
        let pause = circuit.backoff.pause();
        let pause = match fault {
            Fault::Wait { after: Some(after), .. } => pause.max(*after),
            Fault::Refused(_) => PAUSE,
            _ => pause,
        };
        if circuit.closed_until.is_none() {
            tracing::warn!(%fault, "the flag server gives no answer; last known values are served");
        }
        circuit.closed_until = Some(Instant::now() + pause);
    }

    /// Some flag may have changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|generation| *generation += 1);
    }

    /// Keeps the answers for the application's own context, or confirms them.
    pub(crate) fn take(&self, context: &Context, bulk: Option<&Bulk>, generation: u64) {
        let mut cache = self.cache();
        match bulk {
            Some(bulk) => bulk.flags.iter().for_each(|(key, answer)| cache.put(id(key, context), answer.clone(), generation, true)),
            None => cache.confirm(generation),
        }
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.streaming.load(Ordering::Relaxed)
    }

    pub(crate) fn set_streaming(&self, open: bool) {
        self.streaming.store(open, Ordering::Relaxed);
    }

    /// Writes what is new.
    pub(crate) async fn save(&self) {
        let (Some(path), Some(endpoint)) = (&self.file, &self.endpoint) else { return };
        let file = {
            let mut cache = self.cache();
            if !std::mem::take(&mut cache.dirty) {
                return;
            }
            File { server: endpoint.url(""), answers: cache.kept() }
        };
        if let Err(fault) = disk::save(path.clone(), &file).await {
            tracing::warn!(path = %path.display(), %fault, "last known flags can't be written");
            self.cache().dirty = true;
        }
    }
}

/// Saves now and then; for ever.
pub(crate) async fn keep(lookup: Arc<Lookup>) {
    loop {
        tokio::time::sleep(SAVE).await;
        lookup.save().await;
    }
}
