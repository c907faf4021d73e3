//! What can be asked for.

use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use serde::Serialize;
use uuid::Uuid;

/// Make an earlier deploy live again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollBack {
    /// The deploy to go back to.
    pub deploy: Uuid,
    /// Its service.
    pub service: String,
    /// Its build.
    pub sha: String,
}

/// Let pushes deploy a service by themselves, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAutoDeploy {
    /// Id of the service at the provider.
    pub target: String,
    /// Our name of it.
    pub service: String,
    /// On or off.
    pub on: bool,
}

impl Action for RollBack {
    const NAME: &'static str = "deploy.rollback";
    const EVENT: AuditEvent = AuditEvent("OPS_DEPLOY_ROLLED_BACK");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Destructive;

    fn target(&self) -> Target {
        Target::new("deploy", self.deploy)
    }

    fn phrase(&self) -> Option<String> {
        Some(format!("ROLL BACK {}", self.service))
    }
}

impl Action for SetAutoDeploy {
    const NAME: &'static str = "deploy.auto_deploy";
    const EVENT: AuditEvent = AuditEvent("OPS_AUTO_DEPLOY_CHANGED");
    const WHO: Access = Access::OPERATE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("deploy_service", &self.service)
    }
}
