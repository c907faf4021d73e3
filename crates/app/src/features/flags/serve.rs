//! What this process serves: the flags of one revision in memory, swapped as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use qd_core::config::Config;
use qd_core::{App, Error, Result, StateMap};

use super::definition::{Flag, store};
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
        let flags = store::live(&app.db).await?;
        let ramps = ramp::store::all_active(&app.db).await?;
        let definitions = flags.iter().map(|flag| (flag.key.as_str(), &flag.definition));
        let snapshot = Snapshot::new(revision, definitions, reserved(&app)?);
        let served = app.state::<Served>()?;
        served.snapshot.store(Arc::new(snapshot));
        served.flags.store(Arc::new(flags));
        served.ramps.store(Arc::new(ramps.into_iter().map(|ramp| (ramp.flag.clone(), ramp)).collect()));
        Ok(())
    })
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
