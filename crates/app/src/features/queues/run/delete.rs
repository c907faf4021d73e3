//! Deleting: archived and committed first, deleted after that, and only what still is as it was archived.

use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{Acted, JobRecord, JobRow, JobState, Once};

use super::going::{Go, Going, Part};
use super::place::Verdict;
use super::walk::whole;
use crate::features::queues::archive::{self, Chunk};

/// Most bytes of one job.
const JOB_MAX: u64 = archive::JOB_MAX as u64;
/// A driver reckons, and may be wrong by so many times; what it gives is measured.
const ROUGHLY: u64 = 2;

/// Deletes at most a chunk of jobs. How large they are is asked before they are read: results, stacks and logs are of any size, and no list tells it.
pub(super) async fn delete(going: &mut Going, warrant: &Warrant, rows: &[JobRow]) -> Result<Part> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let sizes = going.driver.sizes(&going.queue(), &ids).await?;
    let mut group: Vec<&JobRow> = Vec::new();
    let mut bytes = 0;
    for (row, size) in rows.iter().zip(sizes) {
        if row.data.bytes > JOB_MAX || size > ROUGHLY * JOB_MAX {
            going.refuse(&row.id, &archive::large(size.max(row.data.bytes)));
            continue;
        }
        if bytes > 0 && bytes + size > archive::CHUNK_MAX {
            if let Err(stop) = delete_group(going, warrant, &std::mem::take(&mut group)).await? {
                return Ok(Err(stop));
            }
            bytes = 0;
        }
        bytes += size;
        group.push(row);
    }
    delete_group(going, warrant, &group).await
}

/// A few jobs whose data fits into memory.
async fn delete_group(going: &mut Going, warrant: &Warrant, rows: &[&JobRow]) -> Result<Part> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    if ids.is_empty() {
        return Ok(Ok(()));
    }
    let records = kept(going, rows, going.driver.records(&going.queue(), &ids).await?)?;
    if records.is_empty() {
        return Ok(Ok(()));
    }
    let packed = archive::pack(&records)?;
    if going.stored.archived_bytes + whole(packed.len()) > archive::RUN_MAX {
        return Ok(Err(Go::End(Verdict::Failed(full()))));
    }
    going.stored.archived_bytes += whole(packed.len());
    let place = &mut going.stored.place;
    let chunk = Chunk { run: going.stored.run.id, number: place.chunk, jobs: whole(records.len()), out: Vec::new() };
    place.chunk += 1;
    archive::put(&going.app.db, chunk.clone(), packed).await?;
    remove(going, warrant, chunk, &records, false).await?;
    // Committed with the next step; a crash before it finds the chunk unsettled.
    Ok(Ok(()))
}

/// Deletes what a chunk holds. `again`: an execution before this one may have, and what it deleted counts.
async fn remove(going: &mut Going, warrant: &Warrant, chunk: Chunk, records: &[JobRecord], again: bool) -> Result<()> {
    let name = format!("out:{}:{}", chunk.run, chunk.number);
    let answers = going.driver.remove_recorded(warrant, &going.queue(), records, Once { name: &name, again }).await?;
    going.count(records.iter().map(|record| &record.id), &answers);
    let stayed = records.iter().zip(&answers).filter(|(_, answer)| **answer != Acted::Done);
    let chunk = Chunk { out: stayed.map(|(record, _)| record.id.clone()).collect(), ..chunk };
    going.stored.run.archived += chunk.left();
    if going.stored.run.restorable_until.is_none() && chunk.left() > 0 {
        going.stored.run.restorable_until = Some(going.app.now().plus_seconds(archive::KEPT_SECONDS));
    }
    going.settled.push(chunk);
    Ok(())
}

/// The records that are archived; says why the other jobs stay.
fn kept(going: &mut Going, rows: &[&JobRow], records: Vec<JobRecord>) -> Result<Vec<JobRecord>> {
    let mut kept = Vec::with_capacity(records.len());
    for row in rows.iter().filter(|row| !records.iter().any(|record| record.id == row.id)) {
        match left_out(row) {
            Some(why) => going.refuse(&row.id, &why),
            None => going.stored.run.gone += 1,
        }
    }
    for record in records {
        match archive::too_large(&record)? {
            Some(why) => going.refuse(&record.id, &why),
            None => kept.push(record),
        }
    }
    Ok(kept)
}

/// Why a driver gives no record of a job that it listed; `None` when it has moved on.
fn left_out(row: &JobRow) -> Option<String> {
    match (row.state, &row.schedule) {
        (JobState::Active, _) => Some("It runs: what runs can't be deleted.".into()),
        (JobState::Completed | JobState::Failed, _) | (_, None) => None,
        (_, Some(schedule)) => Some(format!("It is the next job of the schedule {schedule}: without it the schedule would stop.")),
    }
}

fn full() -> String {
    "The archive of this run is full: 2 GiB. What it did not come to was not deleted. Start another run for the rest.".into()
}

/// Finds out what an execution before this one deleted when it was cut off in the middle.
pub(super) async fn settle(going: &mut Going, warrant: &Warrant) -> Result<()> {
    while let Some((chunk, packed)) = archive::store::unsettled(&going.app.db, going.run().id).await? {
        let records = archive::unpack(&packed)?;
        going.stored.place.chunk = going.stored.place.chunk.max(chunk.number + 1);
        // It was counted when it was written, and that count was lost with the process.
        going.stored.archived_bytes += whole(packed.len());
        remove(going, warrant, chunk, &records, true).await?;
        going.keep().await?;
    }
    Ok(())
}

/// Counts what was archived and is not known to be deleted as archived: the run ends and can't ask any more, and it must be possible to restore it.
pub(super) async fn assume(going: &mut Going) -> Result<()> {
    let mut jobs = 0;
    while let Some((chunk, packed)) = archive::store::unsettled(&going.app.db, going.run().id).await? {
        jobs += chunk.jobs;
        going.stored.archived_bytes += whole(packed.len());
        going.stored.run.archived += chunk.jobs;
        going.stored.run.restorable_until.get_or_insert(going.app.now().plus_seconds(archive::KEPT_SECONDS));
        going.settled.push(chunk);
        going.keep().await?;
    }
    if jobs > 0 {
        going.note(&format!("Of {jobs} archived jobs it is not known whether they were deleted. Restoring brings back those that were."));
    }
    Ok(())
}
