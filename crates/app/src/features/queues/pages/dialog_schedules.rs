//! Dialogs of recurring jobs.

use qd_core::Result;

use super::dialog::environment;
use super::{cadence, link};
use crate::features::queues::action::{PauseSchedule, RemoveSchedule, ResumeSchedule, RunSchedule};
use crate::features::queues::schedules::{self, Held, Scheduled};
use crate::web::{Ctx, Dialog, Form};

const BACK: &str = "/queues?tab=scheduled";

struct Named {
    source: String,
    queue: String,
    schedule: String,
    found: Option<Scheduled>,
}

async fn named(ctx: &Ctx) -> Result<Named> {
    let ((source, queue), schedule) = (link::of(ctx)?, link::named(ctx, "id")?);
    let all = schedules::of_source(&ctx.app, &source).await?;
    let found = all.into_iter().find(|one| one.state.queue == queue && one.state.id == schedule);
    Ok(Named { source, queue, schedule, found })
}

fn gone(dialog: Dialog) -> Dialog {
    dialog.instead("There is no such schedule any more.", BACK, "Show the schedules")
}

/// One job beside its cadence.
pub async fn run(ctx: Ctx, _: Form) -> Result<Dialog> {
    let Named { source, queue, schedule, found } = named(&ctx).await?;
    let title = format!("Run {schedule} now");
    let dialog = Dialog::of(&RunSchedule { source, queue: queue.clone(), schedule }, title).icon("play").cancel(BACK);
    let Some(one) = found else { return Ok(gone(dialog)) };
    if one.held == Some(Held::Removed) {
        return Ok(gone(dialog));
    }
    Ok(dialog
        .lead(format!("{} It fires {}.", environment(&ctx), cadence::words(&one.state.cadence)))
        .effect(format!("One job {} is put into {queue} now, beside the schedule.", one.state.job))
        .effect("The next run by schedule stays as it is.")
        .submit("Run it now")
        .undo("You can remove the job while it waits."))
}

/// It fires no more.
pub async fn pause(ctx: Ctx, _: Form) -> Result<Dialog> {
    let Named { source, queue, schedule, found } = named(&ctx).await?;
    let title = format!("Pause {schedule}");
    let dialog = Dialog::of(&PauseSchedule { source, queue, schedule }, title).icon("pause").cancel(BACK);
    let Some(one) = found else { return Ok(gone(dialog)) };
    if one.held.is_some() {
        return Ok(dialog.instead("It does not fire now: somebody stopped it already.", BACK, "Show the schedules"));
    }
    Ok(dialog
        .lead(format!("{} It fires {}.", environment(&ctx), cadence::words(&one.state.cadence)))
        .effect("It fires no more until somebody resumes it. Its other jobs go on.")
        .undo("Resume it at any time; what it missed is not made up."))
}

/// It fires again.
pub async fn resume(ctx: Ctx, _: Form) -> Result<Dialog> {
    let Named { source, queue, schedule, found } = named(&ctx).await?;
    let (title, place) = (format!("Resume {schedule}"), link::schedule(&source, &queue, &schedule, "pause"));
    let dialog = Dialog::of(&ResumeSchedule { source, queue, schedule }, title).icon("play").cancel(BACK);
    let Some(one) = found else { return Ok(gone(dialog)) };
    if one.held.is_none() {
        return Ok(dialog.instead("It fires: nobody stopped it.", place, "Pause it"));
    }
    Ok(dialog
        .lead(format!("{} It fires {}.", environment(&ctx), cadence::words(&one.state.cadence)))
        .effect("It fires again by its cadence. What it missed is not made up.")
        .undo("Pause it again at any time."))
}

/// It is deleted.
pub async fn remove(ctx: Ctx, _: Form) -> Result<Dialog> {
    let Named { source, queue, schedule, found } = named(&ctx).await?;
    let title = format!("Remove {schedule}");
    let dialog = Dialog::of(&RemoveSchedule { source, queue, schedule }, title).icon("trash-2").cancel(BACK);
    let Some(one) = found else { return Ok(gone(dialog)) };
    if one.held == Some(Held::Removed) {
        return Ok(dialog.instead("It is removed already. Within 72 h it can be resumed.", BACK, "Show the schedules"));
    }
    Ok(dialog
        .lead(format!("{} It fires {}.", environment(&ctx), cadence::words(&one.state.cadence)))
        .effect("It is deleted with its pending job and fires no more.")
        .effect("An application that registers it at its start brings it back.")
        .undo("It can be resumed for 72 h, where its job system can."))
}
