//! Bringing an earlier build back, and what has to happen with it: auto-deploy off, or the next push ships the fault again.

mod action;
mod verb;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::record::Deploy;

pub use action::{RollBack, SetAutoDeploy};
pub use verb::{Plan, UNSUPPORTED, driver, held, plan, possible, roll_back, set_auto_deploy, target};

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The build that comes back.
    pub sha: String,
    /// Service.
    pub service: String,
    /// Id of the provider's deploy that does it.
    pub provider_deploy: String,
    /// Its record; `null` when it could not be written, and will be when the provider is looked at next.
    pub deploy: Option<Deploy>,
    /// Whether auto-deploy is off now.
    pub auto_deploy_off: bool,
    /// Why it is not: the next push ships the fault again.
    pub auto_deploy_fault: Option<String>,
    /// What to do next, in a sentence.
    pub next: String,
}
