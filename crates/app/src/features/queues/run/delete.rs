//! Deleting: archived and committed first, deleted after that, and only what still is as it was archived.

use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{Acted, JobRecord, JobRow, JobState};

use super::going::{Go, Going, Part};
use super::place::Verdict;
use super::walk::whole;
use crate::features::queues::archive::{self, Chunk};

/// What a list does not tell of a job: its options, its stacks.
const OVERHEAD: u64 = 2_048;

/// Deletes at most a chunk of jobs.
pub(super) async fn delete(going: &mut Going, warrant: &Warrant, rows: &[JobRow]) -> Result<Part> {
    let mut group: Vec<&JobRow> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if row.data.bytes > u64::try_from(archive::JOB_MAX).unwrap_or(u64::MAX) {
            going.refuse(&row.id, &archive::large(row.data.bytes));
            continue;
        }
        if bytes > 0 && bytes + row.data.bytes + OVERHEAD > archive::CHUNK_MAX {
            if let Err(stop) = delete_group(going, warrant, &std::mem::take(&mut group)).await? {
                return Ok(Err(stop));
            }
            bytes = 0;
        }
        bytes += row.data.bytes + OVERHEAD;
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
    remove(going, warrant, chunk, &records).await?;
    // Committed with the next step; a crash before it finds the chunk unsettled.
    Ok(Ok(()))
}

async fn remove(going: &mut Going, warrant: &Warrant, chunk: Chunk, records: &[JobRecord]) -> Result<()> {
    let answers = going.driver.remove_recorded(warrant, &going.queue(), records).await?;
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
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        let there = going.driver.find(&going.queue(), &ids).await?;
        let (present, absent): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| there.iter().any(|row| row.id == record.id));
        going.stored.run.done += whole(absent.len());
        going.stored.place.chunk = going.stored.place.chunk.max(chunk.number + 1);
        // It was counted when it was written, and that count was lost with the process.
        going.stored.archived_bytes += whole(packed.len());
        remove_rest(going, warrant, chunk, &present, absent.len()).await?;
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

async fn remove_rest(going: &mut Going, warrant: &Warrant, chunk: Chunk, present: &[JobRecord], absent: usize) -> Result<()> {
    if !present.is_empty() {
        remove(going, warrant, chunk, present).await?;
        // `remove` counted all that are not out, the absent among them.
        return Ok(());
    }
    going.stored.run.archived += whole(absent);
    going.stored.run.restorable_until.get_or_insert(going.app.now().plus_seconds(archive::KEPT_SECONDS));
    going.settled.push(chunk);
    Ok(())
}
