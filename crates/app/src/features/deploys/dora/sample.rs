//! The figures of the own environment, measured on a schedule and after each deploy and incident, so that pages read memory.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use qd_core::event::Handler;
use qd_core::{App, Result, Timestamp};

use super::{DAYS, Delivery, Hurt, delivery};
use crate::features::deploys::record::{Deploy, store};
use crate::features::incidents;
use crate::web::Starter;

/// Most deploys of two periods that are read.
const DEPLOYS: i64 = 5_000;
/// Most incidents of two periods that are read.
const INCIDENTS: u64 = 500;
/// Days whose deploys are kept in memory for charts.
const MARKED_DAYS: i64 = 8;
/// Most of them.
const MARKED: i64 = 300;
/// Seconds between two measurements without a change: periods move by themselves.
const EVERY: u64 = 60;

/// What was measured last, in memory.
#[derive(Debug, Default)]
pub struct Figures(RwLock<Seen>);

#[derive(Clone, Debug, Default)]
struct Seen {
    delivery: Option<Delivery>,
    recent: Vec<Deploy>,
    live: Option<Deploy>,
    at: Option<Timestamp>,
}

impl Figures {
    fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The five metrics of the own environment; `None` before they were measured.
    pub fn delivery(&self) -> Option<Delivery> {
        self.seen(|seen| seen.delivery.clone())
    }

    /// Deploys of the last days, the newest first: for marks on charts.
    pub fn recent(&self) -> Vec<Deploy> {
        self.seen(|seen| seen.recent.clone())
    }

    /// The newest deploy that is live in the own environment, and when that was found out; `None` before.
    pub fn live(&self) -> Option<(Option<Deploy>, Timestamp)> {
        self.seen(|seen| seen.at.map(|at| (seen.live.clone(), at)))
    }
}

/// Measures an environment now.
///
/// # Errors
/// Those of the database.
pub async fn of(app: &App, environment: &str) -> Result<Delivery> {
    let now = app.now();
    // Deploys that began before the earlier period and ended in it count too: nothing takes longer than a day.
    let from = now.plus_seconds(-(2 * DAYS + 1) * 86_400);
    let deploys = store::begun_since(&app.db, environment, from, DEPLOYS).await?;
    let first = store::first(&app.db, environment).await?;
    let hurts = if environment.eq_ignore_ascii_case(&app.config.server.environment) { hurts(app, from).await? } else { Vec::new() };
    Ok(delivery(environment, &deploys, &hurts, first, now))
}

/// Incidents since a moment. They are about the environment that this installation watches.
async fn hurts(app: &App, from: Timestamp) -> Result<Vec<Hurt>> {
    let filter = incidents::Filter { from: Some(from), limit: INCIDENTS, ..incidents::Filter::default() };
    let (found, _) = incidents::list(app, &filter).await?;
    let hurt = |one: incidents::Incident| Hurt {
        started_at: one.started_at,
        eased_at: one.mitigated_at.or(one.closed_at),
        affected: one.affected,
        builds: one.tags.iter().filter_map(|tag| tag.strip_prefix("deploy:")).map(|build| build.trim().to_ascii_lowercase()).collect(),
    };
    Ok(found.into_iter().map(hurt).collect())
}

/// Measures the own environment and keeps it in memory.
pub async fn measure(app: &App) -> Result<()> {
    let (now, environment) = (app.now(), app.config.server.environment.as_str());
    let delivery = of(app, environment).await?;
    let recent = store::recent(&app.db, now.plus_seconds(-MARKED_DAYS * 86_400), MARKED).await?;
    let live = crate::features::deploys::record::standing(app, environment).await?.newest;
    let seen = Seen { delivery: Some(delivery), recent, live, at: Some(now) };
    *app.state::<Figures>()?.0.write().unwrap_or_else(PoisonError::into_inner) = seen;
    Ok(())
}

/// Measures for as long as the process lives.
pub fn watch(starter: &mut Starter) {
    let app = starter.app.clone();
    starter.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(fault) = measure(&app).await {
                tracing::warn!(%fault, "delivery not measured");
            }
        }
    });
}

/// Measures after each change of a deploy or an incident, before screens hear of it.
pub fn subscriptions() -> Vec<(&'static str, Handler<App>)> {
    let handler: Handler<App> = std::sync::Arc::new(|app, _| Box::pin(async move { measure(&app).await }));
    vec![("deploy.", std::sync::Arc::clone(&handler)), ("incident.", handler)]
}
