//! Bringing back what a run deleted: chunk by chunk, each forgotten as far as it is back.

use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{ACT_MAX, Acted, JobRecord};
use uuid::Uuid;

use super::going::{Go, Going, Part};
use super::store;
use super::walk::whole;
use crate::features::queues::archive::{self, Chunk};
use crate::features::queues::schedules;

/// Restores everything that is left in the archive of `origin`.
pub(super) async fn restore(going: &mut Going, warrant: &Warrant, origin: Uuid) -> Result<Part> {
    // Chunks go when they are back, so that those of an execution before this one are not met again; one of which some are left stays behind.
    let mut after = going.stored.place.chunk - 1;
    while let Some((chunk, packed)) = archive::store::next(&going.app.db, origin, after).await? {
        after = chunk.number;
        let chunk = put_back(going, warrant, chunk, &packed).await?;
        going.settled.push(chunk);
        going.stored.place.chunk = after + 1;
        match going.keep().await? {
            Go::On => {}
            stop => {
                recount(going, origin).await?;
                return Ok(Err(stop));
            }
        }
    }
    recount(going, origin).await?;
    schedules::put_back(going.app.clone(), going.driver.as_ref(), warrant, origin).await?;
    Ok(Ok(()))
}

/// The chunk without those that are back, or can never be.
async fn put_back(going: &mut Going, warrant: &Warrant, mut chunk: Chunk, packed: &[u8]) -> Result<Chunk> {
    let records: Vec<JobRecord> = archive::unpack(packed)?.into_iter().filter(|record| !chunk.out.contains(&record.id)).collect();
    for some in records.chunks(ACT_MAX) {
        let answers = going.driver.restore(warrant, &going.queue(), some).await?;
        going.stored.run.seen += whole(some.len());
        going.count(some.iter().map(|record| &record.id), &answers);
        // One that exists again is not lost; one that the driver could not take stays in the archive.
        let back = some.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Acted::Done));
        chunk.out.extend(back.map(|(record, _)| record.id.clone()));
    }
    Ok(chunk)
}

/// Writes at the run that deleted them how many are not back.
async fn recount(going: &Going, origin: Uuid) -> Result<()> {
    let left = archive::store::left(&going.app.db, origin).await?;
    going.app.db.write_with(move |tx| Box::pin(async move { store::archived(tx, origin, left).await })).await
}
