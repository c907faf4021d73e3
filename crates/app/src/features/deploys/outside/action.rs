//! What a rollback leaves behind.

use qd_core::gate::{Access, Action, AuditEvent, Danger, Target};
use serde::Serialize;

use super::store::Held;

/// Note that auto-deploy of a service is held off, why it could not be, or that it no longer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Id of the service at the provider.
    pub target: String,
    /// Our name of it.
    pub service: String,
    /// What was found.
    pub held: Held,
}

impl Action for Hold {
    const NAME: &'static str = "deploy.hold";
    const EVENT: AuditEvent = AuditEvent("OPS_AUTO_DEPLOY_NOTED");
    const WHO: Access = Access::OPERATE;
    const DANGER: Danger = Danger::Routine;

    fn target(&self) -> Target {
        Target::new("deploy_service", &self.service)
    }
}
