//! Looks after the queues that are held, in every process.

use std::time::Duration;

use qd_core::reading::{Reading, Status};
use qd_core::{App, Result};

use super::converge::{is_due, look, own_paused};
use super::{Hold, holding, kick};
use crate::features::maintenance::window;

/// Between two looks while queues are held.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks while none is.
const IDLE: Duration = Duration::from_secs(30);

/// Looks after the queues that are held, as long as the process lives: counts what still runs, and asks for a job when something is due.
pub async fn watch(app: App) {
    let mut moved = app.published.watch();
    let mut holding = true;
    loop {
        if holding {
            match attend(&app).await {
                Ok(busy) => holding = busy,
                Err(fault) => tracing::warn!(%fault, "queues that a maintenance holds were not looked at"),
            }
        }
        let wait = if holding { LOOK } else { IDLE };
        match tokio::time::timeout(wait, moved.changed()).await {
            Ok(Err(_)) => return,
            // A change, or time for a look: another process may have begun to hold some.
            Ok(Ok(())) | Err(_) => holding = true,
        }
    }
}

/// Tells of our own queue when it is paused, on `/readyz` and to people; a queue that can't be asked changes nothing.
async fn own(app: &App) {
    const TOLD: &str = "own.housekeeping";
    const WHY: &str =
        "Quarterdeck's own queue housekeeping is paused: no maintenance starts or ends by itself, and no held queue is resumed. Resume it.";
    match own_paused(app).await {
        Some(true) => app.board.put(TOLD, Reading::measured(1.0, "", "Quarterdeck", app.now(), 0).judged(Status::Crit, || WHY.into()), app.now()),
        Some(false) => app.board.forget(TOLD),
        None => {}
    }
}

/// One look at everything that is held; false when nothing is.
async fn attend(app: &App) -> Result<bool> {
    own(app).await;
    let (windows, now) = (holding(app).await?, app.now());
    let mut running = 0;
    for id in &windows {
        let window = window::find(app, *id).await?;
        let seen = look(app, &window).await?;
        running += seen.rows.iter().filter(|row| row.state != Hold::Released).filter_map(|row| row.active_left).sum::<i64>();
        if is_due(&window, &seen, now) {
            let id = *id;
            app.db.write_with(move |tx| Box::pin(async move { kick(tx, id).await })).await?;
        }
    }
    if windows.is_empty() {
        app.board.forget("maintenance.drain.active");
    } else {
        #[expect(clippy::cast_precision_loss, reason = "a count of jobs")]
        app.board.put("maintenance.drain.active", Reading::measured(running as f64, "", "queues", now, 15), now);
    }
    Ok(!windows.is_empty())
}
