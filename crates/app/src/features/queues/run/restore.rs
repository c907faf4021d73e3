//! Bringing back what a run deleted: chunk by chunk, each forgotten as far as it is back.

use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{ACT_MAX, Acted, JobRecord, Once};
use uuid::Uuid;

use super::going::{Go, Going, Part};
use super::store;
use super::walk::whole;
use crate::features::queues::archive::{self, Chunk};
use crate::features::queues::schedules;

const REVIVED: &str = "The queue has its pause and its limits of then: resume it when its jobs are to run.";
const IN_USE: &str = "The queue has jobs again: its pause and its limits are those of now, not of then.";

/// Restores everything that is left in the archive of `origin`.
pub(super) async fn restore(going: &mut Going, warrant: &Warrant, origin: Uuid) -> Result<Part> {
    revive(going, warrant, origin).await?;
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

/// A queue that was deleted gets its pause and its limits back, before any job of it could run.
async fn revive(going: &mut Going, warrant: &Warrant, origin: Uuid) -> Result<()> {
    let settings = store::stored(&going.app.db, origin).await?.and_then(|origin| origin.place.settings);
    let Some(settings) = settings.filter(|_| !going.stored.place.revived) else { return Ok(()) };
    let back = going.driver.revive(warrant, &going.queue(), &settings).await?;
    going.note(if back { REVIVED } else { IN_USE });
    // A crash before this is known finds the queue without jobs still.
    going.stored.place.revived = true;
    going.keep().await.map(|_| ())
}

/// The chunk without those that are back, or can never be.
async fn put_back(going: &mut Going, warrant: &Warrant, mut chunk: Chunk, packed: &[u8]) -> Result<Chunk> {
    let records: Vec<JobRecord> = archive::unpack(packed)?.into_iter().filter(|record| !chunk.out.contains(&record.id)).collect();
    // Of the archive, not of this run: another one that restores it goes on where this one was cut off.
    let name = format!("back:{}:{}", chunk.run, chunk.number);
    for some in records.chunks(ACT_MAX) {
        let answers = going.driver.restore(warrant, &going.queue(), some, Once { name: &name, again: true }).await?;
        going.stored.run.seen += whole(some.len());
        going.count(some.iter().map(|record| &record.id), &answers);
        // One that is there is not lost; one that the driver could not take, or whose id another one has, stays in the archive.
        let back = some.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Acted::Done | Acted::There));
        chunk.out.extend(back.map(|(record, _)| record.id.clone()));
    }
    Ok(chunk)
}

/// Writes at the run that deleted them how many are not back.
async fn recount(going: &Going, origin: Uuid) -> Result<()> {
    let left = archive::store::left(&going.app.db, origin).await?;
    going.app.db.write_with(move |tx| Box::pin(async move { store::archived(tx, origin, left).await })).await
}
