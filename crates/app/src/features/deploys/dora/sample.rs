//! The figures of the own environment, measured on a schedule and after each deploy and incident, so that pages read memory.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use qd_core::event::Handler;
use qd_core::{App, Result, Timestamp};

use super::{DAYS, Delivery, Hurt, delivery};
use crate::features::deploys::record::{Deploy, store};
use crate::features::incidents;
use crate::web::Starter;

/// Most deploys of two periods that are read, the newest.
const DEPLOYS: usize = 5_000;
/// Most incidents of two periods that are read, the newest.
const INCIDENTS: u64 = 500;
/// Other environments whose figures are kept in memory: whoever asks names them.
const OTHERS: usize = 16;
/// Seconds for which they are kept.
const KEPT: i64 = 60;
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
    others: BTreeMap<String, Delivery>,
}

impl Figures {
    fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The five metrics of the own environment; `None` before they were measured.
    pub fn delivery(&self) -> Option<Delivery> {
        self.seen(|seen| seen.delivery.clone())
    }

    fn other(&self, environment: &str, now: Timestamp) -> Option<Delivery> {
        let fresh = |delivery: &&Delivery| (0..KEPT).contains(&now.since(delivery.to));
        self.seen(|seen| seen.others.get(environment).filter(fresh).cloned())
    }

    fn keep(&self, delivery: &Delivery) {
        let others = &mut self.0.write().unwrap_or_else(PoisonError::into_inner).others;
        if others.len() >= OTHERS {
            others.clear();
        }
        others.insert(delivery.environment.clone(), delivery.clone());
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

/// The five metrics of an environment, for a request: those of the own one as they were measured last, those of another one at most a minute
/// old.
///
/// # Errors
/// Those of the database.
pub async fn figures(app: &App, environment: &str) -> Result<Delivery> {
    let kept = app.state::<Figures>()?;
    let own = environment == app.config.server.environment;
    if let Some(known) = if own { kept.delivery() } else { kept.other(environment, app.now()) } {
        return Ok(known);
    }
    let delivery = of(app, environment).await?;
    if !own {
        kept.keep(&delivery);
    }
    Ok(delivery)
}

/// Measures an environment now.
///
/// # Errors
/// Those of the database.
pub async fn of(app: &App, environment: &str) -> Result<Delivery> {
    let now = app.now();
    // Deploys that began before the earlier period and ended in it count too: nothing takes longer than a day.
    let from = now.plus_seconds(-(2 * DAYS + 1) * 86_400);
    let (deploys, mut cut) = newest(app, environment, from, DEPLOYS).await?;
    let mut first = store::first(&app.db, environment).await?;
    if cut.is_some() {
        // What was not read counts as not observed, not as a time without deploys.
        first = first.max(deploys.last().map(|oldest| oldest.started_at));
    }
    let mut found = Vec::new();
    if environment.eq_ignore_ascii_case(&app.config.server.environment) {
        let (all, more) = hurts(app, from).await?;
        found = all;
        if more {
            let text = format!("Only the newest {INCIDENTS} incidents are looked at.");
            cut = Some(cut.map_or_else(|| text.clone(), |cut| format!("{cut} {text}")));
        }
    }
    Ok(Delivery { cut, ..delivery(environment, &deploys, &found, first, now) })
}

/// Deploys since a moment, the newest first, and what was left out.
async fn newest(app: &App, environment: &str, from: Timestamp, most: usize) -> Result<(Vec<Deploy>, Option<String>)> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let mut deploys = store::begun_since(&app.db, environment, from, limit).await?;
    let cut = (deploys.len() > most).then(|| format!("Only the newest {most} deploys are counted."));
    deploys.truncate(most);
    Ok((deploys, cut))
}

/// Incidents since a moment, the newest first, and whether there are more. They are about the environment that this installation watches.
async fn hurts(app: &App, from: Timestamp) -> Result<(Vec<Hurt>, bool)> {
    let filter = incidents::Filter { from: Some(from), limit: INCIDENTS, ..incidents::Filter::default() };
    let (found, more) = incidents::list(app, &filter).await?;
    let hurt = |one: incidents::Incident| Hurt {
        started_at: one.started_at,
        eased_at: one.mitigated_at.or(one.closed_at),
        affected: one.affected,
        builds: one.tags.iter().filter_map(|tag| tag.strip_prefix("deploy:")).map(|build| build.trim().to_ascii_lowercase()).collect(),
    };
    Ok((found.into_iter().map(hurt).collect(), more))
}

/// Measures the own environment and keeps it in memory.
pub async fn measure(app: &App) -> Result<()> {
    let (now, environment) = (app.now(), app.config.server.environment.as_str());
    let delivery = of(app, environment).await?;
    let recent = store::recent(&app.db, now.plus_seconds(-MARKED_DAYS * 86_400), MARKED).await?;
    let live = crate::features::deploys::record::standing(app, environment).await?.newest;
    // Others may have changed, too: they are measured again when they are asked for.
    let seen = Seen { delivery: Some(delivery), recent, live, at: Some(now), others: BTreeMap::new() };
    *app.state::<Figures>()?.0.write().unwrap_or_else(PoisonError::into_inner) = seen;
    Ok(())
}

/// Measures for as long as the process lives.
pub fn watch(starter: &mut Starter) {
    starter.keep("delivery figures", |app| async move {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::deploys::record::{Record, record};
    use crate::features::testing::{World, person};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_left_out_is_said() {
        let world = World::sqlite().await;
        for n in 1..=3 {
            let action = Record { service: "web".into(), environment: "production".into(), sha: format!("abcdef{n}"), ..Record::default() };
            record(&world.app, &person(qd_core::gate::Role::Admin), action, qd_core::gate::Confirmation::default()).await.unwrap();
            world.later(7_200);
        }
        let from = world.app.now().plus_seconds(-86_400);
        let (all, none) = newest(&world.app, "production", from, 3).await.unwrap();
        assert_eq!((all.len(), none), (3, None));
        let (two, cut) = newest(&world.app, "production", from, 2).await.unwrap();
        assert_eq!(
            (two[0].sha.as_str(), two[1].sha.as_str(), cut.as_deref()),
            ("abcdef3", "abcdef2", Some("Only the newest 2 deploys are counted."))
        );
        world.end().await;
    }
}
