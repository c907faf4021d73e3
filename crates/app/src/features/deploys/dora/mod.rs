//! How we deliver: DORA's five metrics over thirty days, from deploys and incidents. `docs/dora.md` says what counts as what.

mod index;
mod measure;
mod sample;

use qd_core::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

pub use measure::{Hurt, delivery};
pub use sample::{Figures, figures, measure, of, subscriptions, watch};

/// Days of a period.
pub const DAYS: i64 = 30;
/// An incident that begins at most so many seconds after a deploy went live is that deploy's.
pub const BLAME: i64 = 3_600;
/// Changes without which a rate says nothing.
pub const RATE_LEAST: usize = 5;
/// Changes without which a median lead time says nothing.
pub const LEAD_LEAST: usize = 3;

/// One metric, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// The figure; `null` when there is not enough data.
    pub value: Option<f64>,
    /// Unit of the figure: `per day`, `h`, `%`, `min`.
    pub unit: &'static str,
    /// On how many it stands: deploys, changes, or failures that have ended.
    pub sample: usize,
    /// How many of the sample failed, or were rework; of the recovery time: how many failures there are, those that have not ended too.
    pub hits: Option<usize>,
    /// The figure of the thirty days before.
    pub previous: Option<f64>,
    /// On how many that one stands.
    pub previous_sample: usize,
    /// Why there is no figure.
    pub missing: Option<String>,
}

/// Deploys of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Day {
    /// Midnight UTC.
    pub day: Timestamp,
    /// Deploys that went live; `null` before anything was recorded.
    pub live: Option<usize>,
}

/// The five metrics of an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Environment.
    pub environment: String,
    /// Begin of the period.
    pub from: Timestamp,
    /// Its end: when it was measured.
    pub to: Timestamp,
    /// Days of it in which deploys were recorded at all.
    pub observed_days: f64,
    /// Deploys that went live, a day.
    pub deployment_frequency: Metric,
    /// Median hours from commit to live.
    pub change_lead_time: Metric,
    /// Share of changes that failed, in percent.
    pub change_fail_rate: Metric,
    /// Median minutes from a failure to its end.
    pub failed_deployment_recovery_time: Metric,
    /// Share of deploys that were made because of an incident, in percent.
    pub deployment_rework_rate: Metric,
    /// Failures that have not ended.
    pub unrecovered: usize,
    /// Day by day.
    pub days: Vec<Day>,
    /// What was left out because there is too much of it; `null` when everything was counted.
    pub cut: Option<String>,
}
