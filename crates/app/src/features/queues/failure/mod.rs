//! Failed jobs by what made them fail.
//!
//! The reason is normalised to a fingerprint; each cause of a queue has a counter that changes with the index, in the same transaction, so that nobody
//! counts a million jobs on a request. Once an hour the counters are counted anew.

mod change;
mod fingerprint;
mod group;
pub(super) mod store;

use qd_core::port::queue::JobRow;
use qd_core::{App, Result};

pub use fingerprint::{fingerprint, normalised, top_frame};
pub use group::{DeployBefore, Group, groups};

/// The fingerprint of what made a job fail, for its group and for filters alike: of the message alone, for lists of jobs have no stacks.
pub fn cause(row: &JobRow) -> String {
    fingerprint(row.reason.as_ref().map_or("", |reason| reason.text.as_str()), None)
}

pub(super) use change::{Changes, Failure, true_up};

/// Days that a cause without jobs is remembered, so that one that comes back is not taken for a new one.
const KEPT: i64 = 30;

/// Forgets causes that no job has failed of for thirty days and that no failed job is left of. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-KEPT * 86_400).0;
    Ok(app.db.write(move |tx| Box::pin(store::trim(tx, before))).await?)
}

#[cfg(test)]
mod tests;
