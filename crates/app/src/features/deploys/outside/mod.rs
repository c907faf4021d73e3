//! What others tell: Render's webhook and API, GitHub's deployment events, instances that start.
//!
//! Each report becomes a durable job before it is answered; the job records it through the gate, so that it stands in the audit trail and in the
//! ledger as any other.

mod action;
mod github;
mod hook;
mod render;
mod signature;
pub(super) mod store;

use std::time::Duration;

use engine::job::{Job, JobError, RunInfo, Worker};
use qd_core::gate::Confirmation;
use qd_core::{Error, Runner};
use serde::{Deserialize, Serialize};

pub use action::Hold;
pub use hook::{routes, trim};
pub use render::{Provider, hold, trouble, watch};
pub use store::{Held, Target};

use super::record::{self, Record, Source};

/// Deploys that somebody told of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tell {
    /// What was told.
    pub deploys: Vec<Record>,
}

impl Job for Tell {
    const NAME: &'static str = "deploy-tell";
    const QUEUE: &'static str = "housekeeping";
    const ATTEMPTS: u32 = 5;
    type Context = Runner;

    async fn run(self, runner: Runner, _: RunInfo) -> Result<(), JobError> {
        for action in self.deploys {
            write_down(&runner, action).await?;
        }
        Ok(())
    }
}

async fn write_down(runner: &Runner, action: Record) -> Result<(), JobError> {
    let app = &runner.app;
    if action.source == Source::Boot && record::store::knows_build(&app.db, &action.environment, &action.service, &action.sha).await? {
        return Ok(());
    }
    match record::record(app, &runner.actor, action, Confirmation::default()).await {
        Ok(_) => Ok(()),
        // What can't be written down now can't be later: it stands in the log and in the audit trail.
        Err(fault @ (Error::Invalid(_) | Error::Conflict(_))) => {
            tracing::warn!(%fault, "a deploy that was told of is not recorded");
            Ok(())
        }
        Err(fault) => Err(JobError::retry(fault.to_string())),
    }
}

/// Looks at the deploys of a service at the provider and writes down what is new.
#[derive(Debug, Serialize, Deserialize)]
pub struct Look {
    /// Id of the service at the provider.
    pub target: String,
}

impl Job for Look {
    const NAME: &'static str = "deploy-look";
    const QUEUE: &'static str = "housekeeping";
    const ATTEMPTS: u32 = 6;
    const BACKOFF: Duration = Duration::from_secs(5);
    type Context = Runner;

    async fn run(self, runner: Runner, _: RunInfo) -> Result<(), JobError> {
        let found = render::look(&runner.app, &self.target).await.map_err(|fault| JobError::retry(fault.to_string()))?;
        for action in found {
            write_down(&runner, action).await?;
        }
        Ok(())
    }
}

/// Registers the jobs.
pub fn jobs(worker: Worker<Runner>) -> Worker<Runner> {
    worker.register::<Tell>().register::<Look>()
}
