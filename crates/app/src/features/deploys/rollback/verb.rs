//! The verbs. Both act outside: an intent stands in the audit trail before, an outcome after.

use std::sync::Arc;

use qd_core::gate::{Actor, Change, Confirmation, Done, Permit, Undo};
use qd_core::port::{DeployState, Deployer, ProviderDeploy};
use qd_core::{App, Error, Result};
use serde_json::{Value, json};
use tracing::error;

use super::{RollBack, RolledBack, SetAutoDeploy};
use crate::features::deploys::outside::{Held, Hold, Provider, Target, hold};
use crate::features::deploys::record::{self, Deploy, Record, Source, Status, same_build};

/// Why nothing can be rolled back from here.
pub const UNSUPPORTED: &str =
    "No provider is connected, so nothing can be rolled back from here. Set deploys.render_api_key and deploys.render_services.";
/// Deploys of the provider among which the one to go back to is looked for.
const LOOKED_AT: u32 = 100;

/// What a rollback would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The service at the provider.
    pub target: Target,
    /// The provider's deploy to go back to.
    pub provider_deploy: String,
    /// What is live now, and is replaced.
    pub replaces: Option<Deploy>,
}

fn deployer(app: &App) -> Result<Arc<dyn Deployer>> {
    app.ports.deployer.clone().ok_or_else(|| Error::Unsupported { driver: "Quarterdeck", what: UNSUPPORTED.into() })
}

/// Name of the provider for people.
pub fn driver(app: &App) -> &'static str {
    app.ports.deployer.as_ref().map_or("The provider", |deployer| deployer.driver())
}

/// Whether the button is shown: a provider is connected and has this service, and the deploy was live in our environment.
pub fn possible(app: &App, deploy: &Deploy) -> bool {
    let known = || app.state::<Provider>().ok().and_then(|provider| provider.of_service(&deploy.service)).is_some();
    app.ports.deployer.is_some() && deploy.status == Status::Live && deploy.environment == app.config.server.environment && known()
}

/// The services whose auto-deploy a rollback of ours holds off, or failed to.
pub fn held(app: &App) -> Vec<Target> {
    let all = app.state::<Provider>().map(|provider| provider.targets()).unwrap_or_default();
    all.into_iter().filter(|target| target.held_at.is_some()).collect()
}

/// A service at the provider.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Unsupported`] without a provider.
pub fn target(app: &App, id: &str) -> Result<Target> {
    deployer(app)?;
    let all = app.state::<Provider>()?.targets();
    all.into_iter().find(|target| target.id == id).ok_or_else(|| Error::NotFound(format!("The service {id}")))
}

/// Finds out what a rollback to a deploy would do. Asks the provider; changes nothing.
///
/// # Errors
/// [`Error::Unsupported`] without a provider, [`Error::Conflict`] when it can't be gone back to, and why.
pub async fn plan(app: &App, deploy: &Deploy) -> Result<Plan> {
    let deployer = deployer(app)?;
    if deploy.environment != app.config.server.environment {
        return Err(Error::Conflict(format!("The provider deploys {}, not {}.", app.config.server.environment, deploy.environment)));
    }
    if deploy.status != Status::Live {
        return Err(Error::Conflict("Only a build that was live can be brought back.".into()));
    }
    let replaces = record::current(app, &deploy.environment, &deploy.service).await?;
    if replaces.as_ref().is_some_and(|live| live.id == deploy.id || same_build(&live.sha, &deploy.sha)) {
        return Err(Error::Conflict(format!("{} is live now. Choose an earlier deploy.", deploy.build())));
    }
    let target = app.state::<Provider>()?.of_service(&deploy.service);
    let target = target.ok_or_else(|| Error::Conflict(format!("{} has no service called {}.", deployer.driver(), deploy.service)))?;
    let provider_deploy = match (&deploy.external_id, deploy.source) {
        (Some(id), Source::Render) => id.clone(),
        _ => of_build(deployer.deploys(&target.id, LOOKED_AT).await?, deploy, deployer.driver())?,
    };
    Ok(Plan { target, provider_deploy, replaces })
}

fn of_build(found: Vec<ProviderDeploy>, deploy: &Deploy, driver: &str) -> Result<String> {
    let fits = |one: &&ProviderDeploy| one.state == DeployState::Live && one.build.as_ref().is_some_and(|build| same_build(build, &deploy.sha));
    let one = found.iter().find(fits).map(|one| one.id.clone());
    one.ok_or_else(|| {
        Error::Conflict(format!("{driver} has no deploy of {} among its last {LOOKED_AT}. Deploy the commit again instead.", deploy.build()))
    })
}

/// Brings a build back and turns auto-deploy off. When only the first of the two succeeds it is done, and says so.
///
/// # Errors
/// Those of [`plan`]; [`Error::Upstream`] when the provider did not do it.
pub async fn roll_back(app: &App, actor: &Actor, deploy: Deploy, given: Confirmation) -> Result<Done<RolledBack>> {
    let action = RollBack { deploy: deploy.id, service: deploy.service.clone(), sha: deploy.sha.clone() };
    app.gate.check(actor, &action, &given)?;
    let deployer = deployer(app)?;
    // With a key only the gate knows whether it was answered before; then that answer holds, whatever is live now.
    let planned = match plan(app, &deploy).await {
        Err(fault) if given.idempotency_key.is_none() => return Err(fault),
        planned => planned,
    };
    let held = app.clone();
    let work = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            let plan = planned?;
            let started = deployer.rollback(permit.warrant(), &plan.target.id, &plan.provider_deploy).await?;
            let off = deployer.set_auto_deploy(permit.warrant(), &plan.target.id, false).await;
            // The rollback runs from here on: nothing that follows may report it as not done.
            Ok(done(&held, &permit, &deploy, plan, started, off.err().map(|fault| fault.to_string())).await)
        })
    });
    work.await
}

async fn done(
    app: &App,
    permit: &Permit<RollBack>,
    deploy: &Deploy,
    plan: Plan,
    started: ProviderDeploy,
    fault: Option<String>,
) -> Change<RolledBack> {
    let (actor, target) = (permit.actor(), &plan.target);
    let auto = Held { at: Some(app.now()), by: Some(actor.name().into()), fault: fault.clone(), on: fault.is_some() };
    if let Err(lost) = hold(app, actor, Hold { target: target.id.clone(), service: target.name.clone(), held: auto }).await {
        error!(%lost, service = target.name, "the reminder that auto-deploy is off was not written");
    }
    let recorded = record::record(app, actor, report(deploy, &plan, &started), Confirmation::default()).await;
    let recorded = recorded.inspect_err(|lost| error!(%lost, "the rollback's deploy was not recorded")).ok().map(|recorded| recorded.deploy);
    let next = match &fault {
        None => format!("Auto-deploy of {} is off: a push deploys nothing until you turn it on again.", target.name),
        Some(fault) => format!("Auto-deploy of {} is STILL ON: the next push ships the fault again. {fault} Turn it off.", target.name),
    };
    let before = json!({ "sha": plan.replaces.as_ref().map(|live| &live.sha), "auto_deploy": target.auto_deploy });
    let after = json!({
        "sha": deploy.sha, "provider_deploy": started.id, "auto_deploy": fault.is_some(), "auto_deploy_fault": fault,
        "service": deploy.service, "environment": deploy.environment,
    });
    let value = RolledBack {
        sha: deploy.sha.clone(),
        service: deploy.service.clone(),
        provider_deploy: started.id,
        deploy: recorded,
        auto_deploy_off: fault.is_none(),
        auto_deploy_fault: fault,
        next,
    };
    Change::between(value, before, after)
}

fn report(deploy: &Deploy, plan: &Plan, started: &ProviderDeploy) -> Record {
    let status = Status::from(started.state);
    Record {
        service: deploy.service.clone(),
        environment: deploy.environment.clone(),
        sha: deploy.sha.clone(),
        branch: deploy.branch.clone(),
        author: deploy.author.clone(),
        message: deploy.message.clone(),
        status,
        source: Source::Render,
        external_id: Some(started.id.clone()),
        started_at: started.started_at,
        finished_at: started.finished_at.filter(|_| status.is_over()),
        rollback_of: plan.replaces.as_ref().map(|live| live.id),
        ..Record::default()
    }
}

/// Turns auto-deploy of a service on or off. Either ends the reminder.
///
/// # Errors
/// [`Error::Upstream`] when the provider did not do it.
pub async fn set_auto_deploy(app: &App, actor: &Actor, target: Target, on: bool, given: Confirmation) -> Result<Done<Value>> {
    let deployer = deployer(app)?;
    let action = SetAutoDeploy { target: target.id.clone(), service: target.name.clone(), on };
    let held = app.clone();
    let work = app.gate.perform(actor, action, given, move |permit| {
        Box::pin(async move {
            deployer.set_auto_deploy(permit.warrant(), &target.id, on).await?;
            let by = Some(permit.actor().name().to_owned());
            // Off by hand after a rollback that could not: it is held from now on.
            let auto = if on { Held { on, ..Held::default() } } else { Held { at: Some(held.now()), by, fault: None, on } };
            let note = Hold { target: target.id.clone(), service: target.name.clone(), held: auto };
            if let Err(lost) = hold(&held, permit.actor(), note).await {
                error!(%lost, service = target.name, "auto-deploy was changed; our note of it was not");
            }
            let undo = Undo {
                label: if on { "Turn it off again".into() } else { "Turn it on again".into() },
                path: format!("/api/admin/ops/deployment/auto-deploy/{}", target.id),
                body: json!({ "on": !on, "reason": "" }),
            };
            let (before, after) = (json!({ "auto_deploy": target.auto_deploy }), json!({ "auto_deploy": on, "service": target.name }));
            Ok(Change::between(json!({ "service": target.name, "autoDeploy": on }), before, after).undo(undo))
        })
    });
    work.await
}
