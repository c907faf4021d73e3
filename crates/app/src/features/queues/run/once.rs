//! Deleting chosen jobs at once: the same way as a run, without waiting for a worker. Its record is what undo restores; one that is cut off is
//! finished by a job.

use qd_core::gate::{Actor, Change, Confirmation, Done, Permit};
use qd_core::{App, Result};
use serde_json::json;

use super::start::{StartRun, new};
use super::{Filter, Run, Work, execute, store};
use crate::features::queues::action::{QueueRef, Remove};
use crate::features::queues::verb::{ActedOn, chosen};
use crate::features::queues::{changed, source};

/// Deletes chosen jobs; they can be restored for 72 h by [`super::restore`] with [`ActedOn::run`].
///
/// # Errors
/// [`qd_core::Error::Invalid`] without an id or with more than 500; [`qd_core::Error::Conflict`] when none could be deleted, and why.
pub async fn remove(app: &App, actor: &Actor, action: Remove, given: Confirmation) -> Result<Done<ActedOn>> {
    let ids = chosen(action.ids.clone())?;
    source::source(app, &action.source)?;
    source::named(&action.queue)?;
    let asked =
        StartRun { source: action.source.clone(), queue: action.queue.clone(), work: Work::Remove, filter: Filter::chosen(ids.clone()), rate: None };
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let run = Run { background: false, ..new(actor, asked, Some(total), given.reason.clone(), app.now()) };
    let inside = app.clone();
    let done = app.gate.perform(actor, action, given, move |permit: Permit<Remove>| {
        Box::pin(async move {
            let (id, queue) = (run.id, QueueRef { source: run.source.clone(), queue: run.queue.clone() });
            inside.db.write_with(move |tx| Box::pin(async move { store::note(tx, &run).await })).await?;
            let (_, after) = execute::work(&inside, permit.warrant(), id, None, true).await?;
            let acted = after.map_or_else(|| ActedOn::of(&queue), |run| acted(&run)).checked()?;
            let mut change = Change { after: Some(acted.recorded(&ids)), ..Change::of(acted) };
            change.undo = Some(undo(id, change.value.done));
            Ok(change)
        })
    });
    let done = done.await?;
    changed(app, &done.value.source, &done.value.queue);
    Ok(done)
}

fn acted(run: &Run) -> ActedOn {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    ActedOn {
        source: run.source.clone(),
        queue: run.queue.clone(),
        done: count(run.done),
        gone: count(run.gone),
        refused: count(run.refused),
        refusals: run.refusals.clone(),
        run: Some(run.id),
    }
}

fn undo(run: uuid::Uuid, jobs: u64) -> qd_core::gate::Undo {
    let label = if jobs == 1 { "Restore 1 job".to_owned() } else { format!("Restore {jobs} jobs") };
    qd_core::gate::Undo { label, path: format!("/api/admin/ops/queues/runs/{run}/restore"), body: json!({ "reason": "" }) }
}
