//! What this process serves: the flags of one revision in memory, swapped as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use qd_core::config::Config;
use qd_core::gate::Done;
use qd_core::reading::{Reading, Status};
use qd_core::{App, Error, Result, StateMap};

use super::definition::Flag;
use super::definition::store::{self, Stored};
use super::evaluate::{Context, Explanation, Reserved, Snapshot};
use super::ramp::{self, Ramp};
use crate::features::maintenance::{self, Blocks, Kind};

/// The flags of one revision.
#[derive(Debug, Default)]
struct Served {
    snapshot: ArcSwap<Snapshot>,
    flags: ArcSwap<Vec<Flag>>,
    ramps: ArcSwap<HashMap<String, Ramp>>,
}

/// Makes the state.
pub fn state(_: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Served::default());
    Ok(())
}

/// Loads all flags; the maintenance state has been loaded before.
pub fn load(app: App, revision: i64) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let served = app.state::<Served>()?;
        let (mut flags, unread) = readable(store::live(&app.db).await?, &served.flags.load());
        // A database may order them by the rules of a language; pages go by bytes.
        flags.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let (ramps, stuck) = ramp::store::all_active(&app.db).await?;
        tell(&app, &unread, &stuck);
        let definitions = flags.iter().map(|flag| (flag.key.as_str(), &flag.definition));
        let snapshot = Snapshot::new(revision, definitions, reserved(&app)?);
        served.snapshot.store(Arc::new(snapshot));
        served.flags.store(Arc::new(flags));
        served.ramps.store(Arc::new(ramps.into_iter().map(|ramp| (ramp.flag.clone(), ramp)).collect()));
        Ok(())
    })
}

/// The flags to serve, and the keys of those that can't be read: they are served as they were last known here, and off once they say so.
fn readable(stored: Vec<Stored>, known: &[Flag]) -> (Vec<Flag>, Vec<String>) {
    let (mut flags, mut unread) = (Vec::with_capacity(stored.len()), Vec::new());
    for one in stored {
        let Some(fault) = one.fault else {
            flags.push(one.flag);
            continue;
        };
        tracing::error!(%fault, flag = one.flag.key, "a flag can't be read; it is served as it was last known");
        if let Some(mut last) = known.iter().find(|last| last.key == one.flag.key).cloned() {
            last.definition.enabled &= one.flag.definition.enabled;
            flags.push(last);
        }
        unread.push(one.flag.key);
    }
    (flags, unread)
}

/// Says which flags and ramps can't be read, for as long as there are any.
fn tell(app: &App, unread: &[String], stuck: &[String]) {
    const KEY: &str = "own.flags";
    let named = |keys: &[String]| keys.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    let flags = "Applications get them as they were last known here, or hear that there is no such flag. A kill still turns them off.";
    let mut why = Vec::new();
    if !unread.is_empty() {
        why.push(format!("Flags that can't be read: {}. {flags}", named(unread)));
    }
    if !stuck.is_empty() {
        why.push(format!("Ramps that can't be read and stand still: {}.", named(stuck)));
    }
    if why.is_empty() {
        return app.board.forget(KEY);
    }
    let now = app.now();
    #[expect(clippy::cast_precision_loss, reason = "at most 4,000")]
    let reading = Reading::measured((unread.len() + stuck.len()) as f64, "", "Quarterdeck", now, 0);
    app.board.put(KEY, reading.judged(Status::Crit, || why.join(" ")), now);
}

/// Serves what was done before the caller is answered. That it can't be served here yet does not undo it.
pub async fn publish<T>(app: &App, done: Done<T>) -> Done<T> {
    if let Err(fault) = app.published.refresh(app).await {
        // It is done and recorded; whoever follows the revision tries again every second.
        tracing::error!(%fault, audit_seq = done.audit_seq, "a change of flags is not served here yet");
    }
    done
}

/// What the reserved flags tell: the maintenance state that is published under the same revision.
fn reserved(app: &App) -> Result<Reserved> {
    let state = maintenance::state(app)?;
    let held = state.active_of(Kind::VendorReadonly).map(|window| &window.terms.vendors);
    Ok(Reserved {
        read_only: state.blocks() == Blocks::All,
        all_vendors: held.is_some_and(Option::is_none),
        vendors: held.cloned().flatten().into_iter().flatten().collect(),
        queue_drain: state.active_of(Kind::QueueDrain).is_some(),
    })
}

/// The snapshot that this process serves.
///
/// # Errors
/// [`Error::Broken`] when the wiring left the feature out.
pub fn snapshot(app: &App) -> Result<Arc<Snapshot>> {
    Ok(app.state::<Served>()?.snapshot.load_full())
}

/// The flags that this process serves, by key.
///
/// # Errors
/// [`Error::Broken`] when the wiring left the feature out.
pub fn flags(app: &App) -> Result<Arc<Vec<Flag>>> {
    Ok(app.state::<Served>()?.flags.load_full())
}

/// Running and paused ramps, by key of their flag.
///
/// # Errors
/// [`Error::Broken`] when the wiring left the feature out.
pub fn ramps(app: &App) -> Result<Arc<HashMap<String, Ramp>>> {
    Ok(app.state::<Served>()?.ramps.load_full())
}

/// Why a flag gives what it gives in a context.
///
/// # Errors
/// [`Error::NotFound`] for a key that is not served.
pub fn explain(app: &App, key: &str, context: &Context) -> Result<Explanation> {
    snapshot(app)?.explain(key, context).ok_or_else(|| Error::NotFound(format!("The flag {}", key.chars().take(100).collect::<String>())))
}
