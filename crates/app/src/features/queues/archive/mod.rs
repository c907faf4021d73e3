//! The archive: what was deleted, whole, for 72 h, so that it can be restored.
//!
//! A chunk is written and committed before its jobs are deleted. After that it is settled: which of them went is known. A crash in between leaves
//! it unsettled, and the next execution of the run looks. Nothing of it is ever shown: it may hold personal data.

pub(super) mod store;

use std::io::{Read, Write};

use engine::{Db, Tx};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use qd_core::port::queue::JobRecord;
use qd_core::{App, Error, Result, Timestamp};
use uuid::Uuid;

pub use super::run::remove;

/// Seconds for which what was deleted can be restored.
pub const KEPT_SECONDS: i64 = 72 * 3_600;
/// Most bytes of one job; a larger one is not deleted.
pub const JOB_MAX: usize = 1 << 20;
/// Most bytes that the archive of a run takes in our database; the run ends there.
pub const RUN_MAX: i64 = 2 << 30;
/// Bytes of jobs that are held in memory at once, as far as lists tell their sizes.
pub(super) const CHUNK_MAX: u64 = 8 << 20;

/// A chunk of a run's archive, without its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub run: Uuid,
    pub number: i64,
    /// Jobs in it.
    pub jobs: i64,
    /// Those that are not to be restored: they were not deleted, or are back.
    pub out: Vec<String>,
}

impl Chunk {
    /// Jobs that can be restored.
    pub fn left(&self) -> i64 {
        self.jobs - i64::try_from(self.out.len()).unwrap_or(i64::MAX).min(self.jobs)
    }
}

/// gzip of the records' JSON.
pub(super) fn pack(records: &[JobRecord]) -> Result<Vec<u8>> {
    let fault = |fault: std::io::Error| Error::Broken(format!("packing deleted jobs: {fault}"));
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&serde_json::to_vec(records)?).map_err(fault)?;
    packer.finish().map_err(fault)
}

/// The records of a chunk.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<JobRecord>> {
    let mut json = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut json).map_err(|fault| Error::Broken(format!("unpacking deleted jobs: {fault}")))?;
    Ok(serde_json::from_slice(&json)?)
}

/// The record, and why it can't be kept when it is too large.
pub(super) fn too_large(record: &JobRecord) -> Result<Option<String>> {
    let bytes = serde_json::to_vec(record)?.len();
    Ok((bytes > JOB_MAX).then(|| large(u64::try_from(bytes).unwrap_or(u64::MAX))))
}

/// Why a job of so many bytes is not deleted.
pub(super) fn large(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    let mib = bytes as f64 / 1_048_576.0;
    format!("It is {mib:.1} MiB. What is over 1 MiB can't be archived, and so it is not deleted.")
}

/// Writes a chunk before its jobs are deleted.
pub(super) async fn put(db: &Db, chunk: Chunk, packed: Vec<u8>) -> Result<()> {
    db.write_with(move |tx| Box::pin(async move { store::put(tx, &chunk, packed).await })).await
}

/// Writes which jobs of some chunks are not to be restored. One of which nothing is left goes.
pub(super) async fn settle(tx: &mut Tx, chunks: &[Chunk]) -> Result<()> {
    for chunk in chunks {
        if chunk.left() == 0 {
            store::drop_chunk(tx, chunk).await?;
        } else {
            store::settle(tx, chunk).await?;
        }
    }
    Ok(())
}

/// Forgets what nobody restored in its time. Returns how many chunks.
pub(super) async fn trim(app: &App, now: Timestamp) -> Result<u64> {
    let mut dropped = 0;
    loop {
        let expired = super::run::store::expired(&app.db, now).await?;
        if expired.is_empty() {
            return Ok(dropped);
        }
        for run in expired {
            // A chunk a transaction: each holds megabytes.
            while app.db.write_with(move |tx| Box::pin(async move { store::drop_one(tx, run).await })).await? > 0 {
                dropped += 1;
            }
            app.db.write_with(move |tx| Box::pin(async move { super::run::store::archived(tx, run, 0).await })).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use qd_core::port::queue::JobState;
    use serde_json::json;

    use super::*;

    fn record(id: &str, size: usize) -> JobRecord {
        JobRecord { id: id.into(), name: "send".into(), state: JobState::Failed, whole: json!({ "data": "x".repeat(size), "price": 10.0 }) }
    }

    #[test]
    fn what_is_packed_comes_back_as_it_was() {
        let records: Vec<JobRecord> = (0..500).map(|n| record(&n.to_string(), 1_000)).collect();
        let packed = pack(&records).unwrap();
        assert!(packed.len() < 50_000, "{} bytes", packed.len());
        assert_eq!(unpack(&packed).unwrap(), records);
        assert!(unpack(b"not gzip").is_err());
    }

    #[test]
    fn a_job_over_the_limit_is_refused_with_its_size() {
        assert_eq!(too_large(&record("1", 1_000)).unwrap(), None);
        let why = too_large(&record("2", 3 << 20)).unwrap().unwrap();
        assert!(why.starts_with("It is 3.0 MiB."), "{why}");
    }
}
