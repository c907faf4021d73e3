//! Figures of services and endpoints: the live minute from memory, everything before from mergeable roll-ups.
//!
//! A window is that of requests (SERVER spans): jobs that run for minutes would drown them. Consumers have their own rows in [`routes`].

pub mod pages;
pub mod store;

mod limit;
mod live;
mod normal;
mod ranking;
mod read;
mod sampler;
mod tally;

pub use live::{Live, Place};
pub use normal::{Endpoint, Kind, Reject, Sample, in_time, sample, service, stored_method};
pub use ranking::{Rankings, rank_forever, rank_once};
pub use read::{EndpointFigures, MinuteFigures, ServiceSeen, WindowFigures, minutes, routes, services, window, worst};
pub use sampler::{sample_forever, sample_once};
pub use tally::Tally;
