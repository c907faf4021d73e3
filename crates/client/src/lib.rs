//! For applications that obey Quarterdeck: feature flags, maintenance, and what runs where.
//!
//! * [`Flags`] evaluates over OFREP, the OpenFeature Remote Evaluation Protocol (version 0.3.0), against any server that speaks it. Values are
//!   kept, and renewed when the server says that something changed.
//! * [`Maintenance`] follows the maintenance state; [`MaintenanceLayer`] refuses writes while it says so.
//! * [`Instance`] tells what runs: commit, configuration, and which revision of all this it obeys.
//!
//! Everything is bounded, nothing panics, and nothing waits for a server that is away: the last known state holds, in memory and, when a
//! directory is given, on disk. The crate imports nothing of Quarterdeck's other crates.

mod backoff;
mod bypass;
mod disk;
mod endpoint;
mod flags;
mod instance;
mod layer;
mod maintenance;
mod path;
mod sse;
mod time;

pub use bypass::BypassKey;
pub use endpoint::{Endpoint, Error};
pub use flags::{Context, Evaluation, FlagOptions, Flags, Source};
pub use instance::{Deploy, Instance, InstanceOptions, Setting};
pub use layer::{MaintenanceLayer, MaintenanceService, VendorId};
pub use maintenance::{Audience, Blocked, FailMode, Known, Maintenance, MaintenanceOptions, Notice, Origin, State, VendorScope};
