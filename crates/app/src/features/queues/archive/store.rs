//! SQL about the archive. It is written by the runs that delete, and trimmed when its time is over.

use engine::{Db, Tx, args};
use qd_core::{Error, Result};
use uuid::Uuid;

use super::Chunk;

const PUT: &str = "INSERT INTO queue_archive (run_id, chunk, jobs, packed, out_ids, settled) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (run_id, chunk) DO UPDATE SET jobs = $3, packed = $4, out_ids = $5, settled = $6";
const SETTLE: &str = "UPDATE queue_archive SET out_ids = $3, settled = $4 WHERE run_id = $1 AND chunk = $2";
const DROP: &str = "DELETE FROM queue_archive WHERE run_id = $1 AND chunk = $2";
const DROP_ONE: &str =
    "DELETE FROM queue_archive WHERE run_id = $1 AND chunk = (SELECT chunk FROM queue_archive WHERE run_id = $1 ORDER BY chunk LIMIT 1)";
const NEXT: &str = "SELECT run_id, chunk, jobs, packed, out_ids FROM queue_archive WHERE run_id = $1 AND chunk > $2 ORDER BY chunk LIMIT 1";
const UNSETTLED: &str = "SELECT run_id, chunk, jobs, packed, out_ids FROM queue_archive WHERE run_id = $1 AND settled = $2 ORDER BY chunk LIMIT 1";
const OUTLINE: &str = "SELECT jobs, out_ids FROM queue_archive WHERE run_id = $1";
/// Every static statement about the archive.
pub const STATEMENTS: &[&str] = &[PUT, SETTLE, DROP, DROP_ONE, NEXT, UNSETTLED, OUTLINE];

#[derive(sqlx::FromRow)]
struct Row {
    run_id: Uuid,
    chunk: i64,
    jobs: i64,
    packed: Vec<u8>,
    out_ids: String,
}

impl Row {
    fn chunk(self) -> Result<(Chunk, Vec<u8>)> {
        let chunk = Chunk { run: self.run_id, number: self.chunk, jobs: self.jobs, out: serde_json::from_str(&self.out_ids)? };
        Ok((chunk, self.packed))
    }
}

/// Writes a chunk, unsettled. A chunk of that number that a crash left is replaced: its jobs were looked at since.
pub async fn put(tx: &mut Tx, chunk: &Chunk, packed: Vec<u8>) -> Result<()> {
    tx.exec(PUT, args![chunk.run, chunk.number, chunk.jobs, packed, serde_json::to_string(&chunk.out)?, false]).await?;
    Ok(())
}

/// Writes what is known of a chunk now.
pub async fn settle(tx: &mut Tx, chunk: &Chunk) -> Result<()> {
    tx.exec(SETTLE, args![chunk.run, chunk.number, serde_json::to_string(&chunk.out)?, true]).await?;
    Ok(())
}

/// Drops a chunk of which nothing is left.
pub async fn drop_chunk(tx: &mut Tx, chunk: &Chunk) -> Result<()> {
    tx.exec(DROP, args![chunk.run, chunk.number]).await?;
    Ok(())
}

/// Drops the first chunk of a run; 0 when there is none.
pub async fn drop_one(tx: &mut Tx, run: Uuid) -> Result<u64> {
    Ok(tx.exec(DROP_ONE, args![run]).await?)
}

/// The first chunk of a run after a number, with its jobs.
pub async fn next(db: &Db, run: Uuid, after: i64) -> Result<Option<(Chunk, Vec<u8>)>> {
    db.maybe::<Row>(NEXT, args![run, after]).await?.map(Row::chunk).transpose()
}

/// The first chunk of a run of which it is not known what was deleted, with its jobs.
pub async fn unsettled(db: &Db, run: Uuid) -> Result<Option<(Chunk, Vec<u8>)>> {
    db.maybe::<Row>(UNSETTLED, args![run, false]).await?.map(Row::chunk).transpose()
}

/// Jobs of a run that can be restored.
pub async fn left(db: &Db, run: Uuid) -> Result<i64> {
    let rows: Vec<(i64, String)> = db.all(OUTLINE, args![run]).await?;
    rows.into_iter().try_fold(0, |sum, (jobs, out)| {
        let out: Vec<String> = serde_json::from_str(&out)?;
        Ok::<_, Error>(sum + Chunk { run, number: 0, jobs, out }.left())
    })
}
