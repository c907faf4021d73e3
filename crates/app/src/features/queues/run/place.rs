//! Where a run is: everything that the next execution needs to go on.

use serde::{Deserialize, Serialize};

use super::Run;
use super::cohort::Cohort;

/// A run as it is stored.
#[derive(Clone, Debug)]
pub(in crate::features::queues) struct Stored {
    pub run: Run,
    pub place: Place,
    /// Counts its steps; see [`super::store::progress`].
    pub step: i64,
    /// What its archive takes in our database.
    pub archived_bytes: i64,
}

/// The place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::features::queues) struct Place {
    /// Which of its states it is at.
    pub at: usize,
    /// Where the next page of that state begins.
    pub cursor: Option<String>,
    /// What ended after this moment, microseconds by the job system's own clocks, came after the run began.
    pub until: Option<i64>,
    /// Passes over a state that is a list.
    pub passes: u32,
    /// Number of the next chunk of its archive.
    pub chunk: i64,
    /// Jobs that were left because not enough of them could be read to know whether they are meant.
    pub unsure: i64,
    /// What held for a queue that is deleted, in its driver's words.
    pub settings: Option<serde_json::Value>,
    /// It was given back to a queue that is restored.
    pub revived: bool,
    /// A cohort's own.
    pub cohort: Cohort,
    /// What has been decided about its end, while something is still to be put back.
    pub verdict: Option<Verdict>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::features::queues) enum Verdict {
    /// It did what it could.
    Done,
    /// Somebody ended it.
    Cancelled,
    /// It stopped by itself, and why.
    Failed(String),
}
