//! Render: what its API says, on a schedule and whenever its webhook calls.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use engine::Db;
use engine::job::{Enqueue, enqueue};
use qd_core::event::Event;
use qd_core::gate::{Actor, Change, Confirmation};
use qd_core::port::{DeployTarget, ProviderDeploy};
use qd_core::reading::{Reading, Status as Judged};
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Value, json};

use super::Tell;
use super::action::Hold;
use super::store::{self as outside, Target};
use crate::features::deploys::record::{self, Record, Source, Status};
use crate::web::Starter;

/// Seconds between two looks.
const EVERY: u64 = 60;
/// Three looks missed.
const FRESH: u32 = 180;
/// Deploys of a service that are looked at.
const DEPLOYS: u32 = 20;
/// Key on the board: how many services of the provider answer.
const KEY: &str = "deploys.provider";

/// What is known of the provider, in memory.
#[derive(Debug, Default)]
pub struct Provider(RwLock<Vec<Target>>);

impl Provider {
    /// Its services.
    pub fn targets(&self) -> Vec<Target> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The service of that name of ours.
    pub fn of_service(&self, service: &str) -> Option<Target> {
        self.targets().into_iter().find(|target| target.name == service)
    }

    /// Reads them again from our database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load(&self, db: &Db) -> Result<()> {
        let found = outside::targets(db).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

/// Writes what was found about auto-deploy after a rollback: who turned it off, or why it could not be.
///
/// # Errors
/// Those of the gate and of the database.
pub async fn hold(app: &App, actor: &Actor, action: Hold) -> Result<()> {
    let work = app.gate.transact(actor, action, Confirmation::default(), move |mut tx, permit| {
        Box::pin(async move {
            let Hold { target, service, held } = permit.action();
            outside::hold(&mut tx, target, held).await?;
            let after = json!({ "service": service, "auto_deploy": held.on, "held_at": held.at, "held_fault": held.fault });
            Ok(Change::between((), None, after))
        })
    });
    work.await?;
    app.state::<Provider>()?.load(&app.db).await
}

/// The service that an event of the webhook is about, if it tells of a deploy: `{type, data: {serviceId}}`.
pub fn told(event: &Value) -> Option<String> {
    const KINDS: [&str; 5] = ["deploy_started", "deploy_ended", "build_started", "build_ended", "image_pull_failed"];
    let kind = event.get("type").and_then(Value::as_str)?;
    let target = event.pointer("/data/serviceId").and_then(Value::as_str)?;
    (KINDS.contains(&kind) && (1..=100).contains(&target.len())).then(|| target.to_owned())
}

/// The deploys of a service that are new to us or stand otherwise than we know.
///
/// # Errors
/// [`Error::Upstream`] when the provider does not answer.
pub async fn look(app: &App, target: &str) -> Result<Vec<Record>> {
    let Some(deployer) = app.ports.deployer.clone() else { return Ok(Vec::new()) };
    let known = match app.state::<Provider>()?.targets().into_iter().find(|known| known.id == target) {
        Some(known) => known.name,
        None => {
            let asked = app.now();
            let all = deployer.targets().await?;
            remember(app, all.clone(), asked).await?;
            all.into_iter().find(|one| one.id == target).map(|one| one.name).ok_or_else(|| Error::NotFound(format!("The service {target}")))?
        }
    };
    let found = deployer.deploys(target, DEPLOYS).await?;
    let mut news = Vec::new();
    // The oldest first: a rollback follows what it replaces.
    for deploy in found.iter().rev() {
        if let Some(action) = action(app, &known, deploy).await?
            && record::is_news(app, &action).await?
        {
            news.push(action);
        }
    }
    Ok(news)
}

/// A deploy of the provider as a record of ours; `None` when it does not say which build it is.
async fn action(app: &App, service: &str, deploy: &ProviderDeploy) -> Result<Option<Record>> {
    let Some(sha) = deploy.build.clone() else { return Ok(None) };
    let status = Status::from(deploy.state);
    let environment = app.config.server.environment.clone();
    let replaced = match (deploy.trigger.as_deref(), deploy.started_at) {
        (Some("rollback"), Some(at)) => record::live_at(app, &environment, service, at).await?.map(|replaced| replaced.id),
        _ => None,
    };
    Ok(Some(Record {
        service: service.to_owned(),
        environment,
        sha,
        rollback_of: replaced,
        message: deploy.message.clone(),
        status,
        source: Source::Render,
        external_id: Some(deploy.id.clone()),
        started_at: deploy.started_at,
        finished_at: deploy.finished_at.filter(|_| status.is_over()),
        commit_at: deploy.commit_at,
        error: (status == Status::Failed).then(|| format!("Render says {}.", deploy.word)),
        ..Record::default()
    }))
}

async fn remember(app: &App, targets: Vec<DeployTarget>, asked: Timestamp) -> Result<()> {
    let write = app.db.write_with(move |tx| {
        Box::pin(async move {
            for target in &targets {
                outside::see(tx, &target.id, &target.name, target.auto_deploy, asked).await?;
            }
            Ok::<_, Error>(())
        })
    });
    write.await?;
    app.state::<Provider>()?.load(&app.db).await
}

/// Looks at every service; what is new goes into a durable job, because only the gate writes it down.
async fn round(app: &App) -> Result<usize> {
    let Some(deployer) = app.ports.deployer.clone() else { return Ok(0) };
    let asked = app.now();
    let targets = deployer.targets().await?;
    remember(app, targets.clone(), asked).await?;
    for target in &targets {
        let deploys = look(app, &target.id).await?;
        if deploys.is_empty() {
            continue;
        }
        let key = format!("deploy-tell:{}", target.id);
        app.db.write(move |tx| Box::pin(async move { enqueue(tx, &Tell { deploys }, Enqueue::unique(key)).await })).await?;
    }
    Ok(targets.len())
}

/// Looks once, and says on the board how it went; screens hear when it goes otherwise than before.
async fn sample(app: &App, driver: &'static str) {
    let now = app.now();
    let before = trouble(app).map(|reading| reading.reason);
    #[expect(clippy::cast_precision_loss, reason = "some services")]
    let reading = match round(app).await {
        Ok(0) => Reading::unknown("", driver, "No service is configured: set deploys.render_services."),
        Ok(count) => Reading::measured(count as f64, "", driver, now, FRESH),
        Err(fault) => {
            tracing::warn!(%fault, "deploys of the provider not read");
            // Without the figure of before: it would go stale, and the reason with it.
            app.board.forget(KEY);
            Reading::unknown("", driver, fault.to_string())
        }
    };
    app.board.put(KEY, reading, now);
    if trouble(app).map(|reading| reading.reason) != before {
        app.bus.tell(Event::new("deploy.provider", driver, json!({}), now));
    }
}

/// What is wrong with the provider, from the board; `None` when it answers, when none is connected, and before it was asked.
pub fn trouble(app: &App) -> Option<Reading> {
    app.board.get(KEY, app.now()).filter(|reading| reading.status != Judged::Ok)
}

/// Looks at the provider once a minute, if one is connected.
pub fn watch(starter: &mut Starter) {
    let Some(driver) = starter.app.ports.deployer.as_ref().map(|deployer| deployer.driver()) else { return };
    starter.keep("deploys of the provider", move |app| async move {
        if let Ok(provider) = app.state::<Provider>()
            && let Err(fault) = provider.load(&app.db).await
        {
            tracing::warn!(%fault, "services of the provider not read");
        }
        let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            sample(&app, driver).await;
        }
    });
}
