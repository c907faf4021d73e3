//! What really runs: processes of applications say so at boot and every fifteen seconds.

mod fleet;
mod http;
pub(super) mod store;
mod verb;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::environment::Entries;

pub use fleet::{BuildCount, Run, ServiceRun, fleet, judge};
pub use http::routes;
pub use verb::{Heard, acknowledged, all, beat, find, names, trim, watch};

/// Seconds between two beats.
pub const HEARTBEAT: i64 = 15;
/// An instance is alive for so many seconds after a beat: three of them.
pub const ALIVE: i64 = 3 * HEARTBEAT;
/// Token scope of a beat.
pub const SCOPE: &str = "instances:write";

/// What an instance says.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Beat {
    /// Which process: a name that lives as long as it.
    pub instance: String,
    /// Service.
    pub service: String,
    /// Commit that it was built from.
    pub sha: Option<String>,
    /// Version for people.
    pub version: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// Environment; that of this installation if not given.
    pub environment: Option<String>,
    /// When the process began; now if not given.
    pub started_at: Option<Timestamp>,
    /// The revision of flags and maintenance that it obeys.
    pub revision: i64,
    /// Its configuration, once it knows the fingerprint key.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Entries>,
}

/// A process that runs or ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Environment.
    pub environment: String,
    /// Service.
    pub service: String,
    /// Name of the process.
    pub instance: String,
    /// Commit or release; `unknown` when it does not know.
    pub sha: String,
    /// Version for people.
    pub version: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// Its last beat.
    pub beat_at: Timestamp,
    /// Whether that is at most 45 s ago.
    pub alive: bool,
    /// The revision of flags and maintenance that it obeys.
    pub revision: i64,
    /// What it said of its configuration.
    #[serde(skip)]
    pub snapshot_id: Option<Uuid>,
}
