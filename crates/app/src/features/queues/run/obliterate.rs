//! Deleting a whole queue: its jobs into the archive, its schedules, then what is left.

use std::sync::Arc;

use qd_core::gate::Warrant;
use qd_core::{Error, Result};

use super::going::{Go, Going, Part, go};
use super::place::Verdict;
use super::walk;
use crate::features::queues::schedules;

/// Deletes the queue. Jobs that can't be archived stop it: they would be lost.
pub(super) async fn obliterate(going: &mut Going, warrant: &Warrant) -> Result<Part> {
    if going.stored.place.settings.is_none() {
        going.stored.place.settings = match going.driver.settings(&going.queue()).await {
            Ok(settings) => Some(settings),
            Err(Error::NotFound(_)) => None,
            Err(fault) => return Err(fault),
        };
        go!(going.keep().await?);
    }
    if going.driver.can().schedules {
        // First: the pending job of a schedule belongs to it, and goes with it.
        schedules::take_away(&going.app, &Arc::clone(&going.driver), warrant, going.run()).await?;
    }
    if let Err(stop) = walk::walk(going, warrant).await? {
        return Ok(Err(stop));
    }
    if going.run().refused > 0 {
        let why =
            format!("{} jobs can't be archived, and would be lost. The rest is deleted; the queue stays paused with them.", going.run().refused);
        return Ok(Err(Go::End(Verdict::Failed(why))));
    }
    let left = left(going).await?;
    if left > 0 {
        let why =
            format!("{left} jobs came or changed meanwhile, and are not archived. They stay, and the queue stays paused: run it again for them.");
        return Ok(Err(Go::End(Verdict::Failed(why))));
    }
    going.stored.run.phase = "deleting what is left".into();
    loop {
        match going.driver.obliterate(warrant, &going.queue()).await {
            Ok(false) => go!(going.keep().await?),
            // Gone already: an execution before this one was cut off after the last of it.
            Ok(true) | Err(Error::NotFound(_)) => return Ok(Ok(())),
            Err(fault) => return Err(fault),
        }
    }
}

/// Jobs that are in the queue in any state; none when it is gone.
async fn left(going: &Going) -> Result<u64> {
    let name = going.queue();
    let state = going.driver.states().await?.into_iter().find(|state| state.name == name);
    Ok(state.map_or(0, |state| state.waiting + state.active + state.delayed + state.waiting_children + state.failed + state.completed))
}
