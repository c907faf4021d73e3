//! A platform that deploys: Render.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::gate::Warrant;
use crate::time::Timestamp;

/// A service at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployTarget {
    /// Its id there: `srv-…`.
    pub id: String,
    /// Its name there: `web`.
    pub name: String,
    /// Whether a push deploys it by itself; `None` when the provider did not say.
    pub auto_deploy: Option<bool>,
}

/// How a deploy at the provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeployState {
    /// It is built, or starts.
    Running,
    /// It went live; another one may have replaced it since.
    Live,
    /// It did not go live.
    Failed,
    /// Somebody stopped it.
    Canceled,
}

/// A deploy at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderDeploy {
    /// Its id there: `dep-…`.
    pub id: String,
    /// Commit, or the name of an image; `None` when the provider did not say.
    pub build: Option<String>,
    /// Message of the commit.
    pub message: Option<String>,
    /// When the commit was made.
    pub commit_at: Option<Timestamp>,
    /// How it stands.
    pub state: DeployState,
    /// The provider's own word: `update_failed`.
    pub word: String,
    /// What started it: `new_commit`, `rollback`.
    pub trigger: Option<String>,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// Reads deploys of a provider, and brings an earlier build back.
pub trait Deployer: Send + Sync {
    /// Name of the driver for people: "Render".
    fn driver(&self) -> &'static str;
    /// The configured services, as they stand now.
    fn targets(&self) -> BoxFuture<'_, Result<Vec<DeployTarget>>>;
    /// The newest deploys of a service, at most `limit` (1 to 100).
    fn deploys<'a>(&'a self, target: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<ProviderDeploy>>>;
    /// Makes an earlier deploy of a service live again; gives the deploy that does it. It leaves auto-deploy as it is.
    fn rollback<'a>(&'a self, warrant: &'a Warrant, target: &'a str, deploy: &'a str) -> BoxFuture<'a, Result<ProviderDeploy>>;
    /// Lets pushes deploy a service by themselves, or not.
    fn set_auto_deploy<'a>(&'a self, warrant: &'a Warrant, target: &'a str, on: bool) -> BoxFuture<'a, Result<()>>;
}
