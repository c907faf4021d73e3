//! What the panels of the view show, read in one go.

use std::collections::BTreeMap;

use qd_core::reading::Reading;
use qd_core::{App, Result};
use tracing::warn;

use crate::features::deploys::dora::{BLAME, Delivery};
use crate::features::deploys::environment::{self, Difference, Place, Side, Snapshot};
use crate::features::deploys::instances::{self, ServiceRun};
use crate::features::deploys::outside::{self, Target};
use crate::features::deploys::record::{self, Deploy, Filter, Standing};
use crate::features::deploys::{Figures, rollback};
use crate::features::incidents;

/// Deploys that the panel shows; the page behind it shows more.
const SHOWN: u64 = 6;

/// What is live in an environment, and what runs there.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// The environment.
    pub environment: String,
    /// What is live.
    pub standing: Standing,
    /// What the newest live deploy replaced.
    pub replaced: Option<Deploy>,
    /// The incident that it is suspected of: `INC-7`.
    pub suspect: Option<String>,
    /// What runs.
    pub fleet: Vec<ServiceRun>,
    /// Services whose auto-deploy is held off; of the own environment only.
    pub held: Vec<Target>,
    /// What is wrong with the provider, if anything; of the own environment only.
    pub provider: Option<Reading>,
}

/// Everything that the panels show.
#[derive(Clone, Debug, Default)]
pub struct Panels {
    /// What runs.
    pub running: Running,
    /// The newest deploys of all environments.
    pub history: Vec<Deploy>,
    /// How many there are.
    pub total: i64,
    /// DORA's five; `None` before they were measured.
    pub delivery: Option<Delivery>,
    /// Configurations of this environment.
    pub snapshots: Vec<Snapshot>,
    /// Required keys that are missing, by service.
    pub missing: BTreeMap<String, Vec<String>>,
    /// This environment against another, or the newest deploy against the one before.
    pub compared: Option<(Side, Side, Vec<Difference>)>,
}

/// Reads everything of the own environment.
///
/// # Errors
/// Those of the database.
pub async fn load(app: &App) -> Result<Panels> {
    let own = &app.config.server.environment;
    let running = running(app, own).await?;
    let filter = Filter { limit: SHOWN, ..Filter::default() };
    let snapshots = environment::across(app, own).await?;
    Ok(Panels {
        history: record::list(app, &filter).await?.0,
        total: record::total(app).await?,
        delivery: app.state::<Figures>()?.delivery(),
        missing: environment::lacking(&app.config.deploys.required_keys, &snapshots),
        compared: compared(app, own, running.standing.newest.as_ref(), running.replaced.as_ref()).await?,
        snapshots,
        running,
    })
}

/// Reads what is live in an environment and what runs there.
///
/// # Errors
/// Those of the database.
pub async fn running(app: &App, name: &str) -> Result<Running> {
    let standing = record::standing(app, name).await?;
    let replaced = match &standing.newest {
        Some(newest) => record::before(app, newest).await?,
        None => None,
    };
    // The provider deploys the own environment only.
    let own = name == app.config.server.environment;
    Ok(Running {
        suspect: suspect(app, standing.newest.as_ref()).await,
        fleet: instances::fleet(app, name).await?,
        held: if own { rollback::held(app) } else { Vec::new() },
        provider: outside::trouble(app).filter(|_| own),
        environment: name.to_owned(),
        standing,
        replaced,
    })
}

/// An incident that is not closed and began within the hour after the deploy went live.
async fn suspect(app: &App, newest: Option<&Deploy>) -> Option<String> {
    let live = newest.filter(|deploy| deploy.environment == app.config.server.environment)?.live_at()?;
    let active = vec![incidents::Status::Open, incidents::Status::Mitigated];
    let filter = incidents::Filter { status: active, from: Some(live), to: Some(live.plus_seconds(BLAME)), limit: 1, ..incidents::Filter::default() };
    let found = incidents::list(app, &filter).await.inspect_err(|fault| warn!(%fault, "suspects not looked for")).ok()?;
    found.0.into_iter().next().map(|incident| incident.reference)
}

async fn compared(app: &App, own: &str, newest: Option<&Deploy>, before: Option<&Deploy>) -> Result<Option<(Side, Side, Vec<Difference>)>> {
    let all = environment::everywhere(app).await?;
    let other = all.iter().map(|snapshot| &snapshot.environment).find(|name| *name != own);
    let here = all.iter().any(|snapshot| snapshot.environment == own);
    let places = match (other, newest, before) {
        (Some(other), _, _) if here => (Place::Environment(own.to_owned(), None), Place::Environment(other.clone(), None)),
        (_, Some(newest), Some(before)) => (Place::Deploy(before.id), Place::Deploy(newest.id)),
        _ => return Ok(None),
    };
    let (from, to, rows) = environment::compare(app, places.0, places.1).await?;
    Ok(Some((from, to, rows)).filter(|(from, to, _)| from.at.is_some() && to.at.is_some()))
}
