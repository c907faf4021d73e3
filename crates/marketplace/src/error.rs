//! What stops the marketplace, in sentences that say what to do.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The result of running or filling the marketplace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the marketplace could not start, be filled, or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another program listens on the address.
    #[error("{0} is taken by another program: stop it or choose another port")]
    PortTaken(SocketAddr),
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The data directory cannot be made or written.
    #[error("cannot write to {}: {source}; choose a directory that you may write to", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database holds data already.
    #[error("the database holds a marketplace of {orders} orders already: choose an empty one or start over without it")]
    NotEmpty {
        /// How many orders it was made with.
        orders: i64,
    },
    /// The time zone is not in the IANA database.
    #[error("{0:?} is not a time zone: use a name such as America/New_York")]
    TimeZone(String),
    /// An unknown scenario name.
    #[error("{0:?} is not a scenario: use calm, deploy-regression, queue-backlog, email-outage or db-slow")]
    Scenario(String),
    /// An unknown size name.
    #[error("{0:?} is not a size: use small, medium or large")]
    Size(String),
    /// The telemetry exporter could not be set up from the environment.
    #[error("the OpenTelemetry exporter cannot be set up: {0}; check the OTEL_ variables")]
    Telemetry(String),
    /// Where the control center is, or how to ask it, makes no sense.
    #[error("the control center can't be obeyed: {0}")]
    Control(#[from] client::Error),
    /// The workers of BullMQ can't be had.
    #[error("{0}")]
    Workers(String),
    /// Redis does not answer, or does not do what it is asked.
    #[error("Redis: {0}; check that it runs")]
    Redis(String),
    /// The database refused.
    #[error(transparent)]
    Database(#[from] engine::Error),
    /// Something in the process broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
