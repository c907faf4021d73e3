//! What of a job goes into the index: scrubbed, and cut.

use qd_core::port::queue::{JobRow, JobState, TextCut};
use sha2::{Digest, Sha256};

use super::fields::fields;
use crate::features::queues::failure;
use crate::features::queues::scrub::scrub;

/// Bytes of data and of a reason that are kept, and of a name and an id.
const DATA: usize = 1_024;
const REASON: usize = 500;
const NAME: usize = 200;
pub(super) const ID: usize = 500;

/// A job in the index.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::features::queues) struct Entry {
    pub key: i64,
    pub job: String,
    pub state: JobState,
    pub name: String,
    /// Empty when it did not fail.
    pub fingerprint: String,
    pub reason: String,
    pub at: i64,
    pub data: String,
    pub fields: Vec<(String, String)>,
}

/// The number of a job. Two million jobs share one by chance once in ten million installations.
pub(in crate::features::queues) fn key(source: &str, queue: &str, job: &str) -> i64 {
    let mut hash = Sha256::new();
    for part in [source, queue, job] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte))
}

fn plain(text: &str, most: usize) -> String {
    TextCut::of(text, most).text.replace('\0', "")
}

impl Entry {
    /// What is kept of a job; `None` for one that is done, and for an id that is too long.
    pub fn of(source: &str, queue: &str, row: &JobRow) -> Option<Self> {
        if row.state == JobState::Completed || row.id.len() > ID || row.id.contains('\0') {
            return None;
        }
        let failed = row.state == JobState::Failed;
        let reason = row.reason.as_ref().map_or("", |reason| reason.text.as_str());
        let clean = scrub(&row.data.text);
        Some(Self {
            key: key(source, queue, &row.id),
            job: row.id.clone(),
            state: row.state,
            name: plain(&row.name, NAME),
            fingerprint: if failed { failure::cause(row) } else { String::new() },
            reason: plain(&scrub(reason), REASON),
            at: row.finished_at.or(row.created_at).map_or(0, |at| at.0),
            fields: fields(&clean),
            data: plain(&clean, DATA),
        })
    }
}
