//! Queues: every job of the platform in one place, whatever runs it, and everything that may be done to it.
//!
//! A queue is named by its job system and its own name. What is asked of a job system goes through the port; what changes it goes through the gate:
//! the verbs of [`verb`] for a queue and for chosen jobs, [`run`] for everything that a filter matches, [`schedules`] for recurring jobs. What is
//! deleted is archived first, and can be restored for 72 h. Live screens hear `queue.run` and `queue.changed`.

pub mod action;
pub mod archive;
pub mod failure;
pub mod history;
pub mod index;
mod pages;
pub mod read;
pub mod run;
pub mod schedules;
pub mod scrub;
pub mod source;
mod store;
pub mod verb;

pub use pages::{Board, BoardQuery, routes, search_box};

use qd_core::event::Event;
use qd_core::{App, Result};
use serde_json::json;

use crate::web::{Feature, Starter};

/// What pages need of the port: they must not name it.
pub use qd_core::port::queue::{
    About, Acted, Cadence, Can, Child, EventKind, JobDetail, JobPage, JobRef, JobRow, JobState, LogPage, QueueState, Rate, ScheduleState, TextCut,
    WorkerState,
};

/// The manifest. The page itself is a view.
pub const FEATURE: Feature = Feature {
    state: |_, kept| {
        kept.insert(schedules::Alarms::default());
        kept.insert(history::Past::default());
        kept.insert(index::Index::default());
        Ok(())
    },
    start,
    // A queue of their own: a long run must not hold up the steps of a maintenance.
    jobs: |worker| worker.register::<run::Execute>().queue(run::QUEUE, 4),
    statements: STATEMENTS,
    ..Feature::new("queues", |routes| routes)
};

/// Every static statement.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const STATEMENTS: &[&str] = &{
    const LISTS: [&[&str]; 6] = [
        store::STATEMENTS,
        run::store::STATEMENTS,
        archive::store::STATEMENTS,
        history::store::STATEMENTS,
        index::store::STATEMENTS,
        failure::store::STATEMENTS,
    ];
    const ALL: usize = LISTS[0].len() + LISTS[1].len() + LISTS[2].len() + LISTS[3].len() + LISTS[4].len() + LISTS[5].len();
    let mut all = [""; ALL];
    let (mut list, mut at, mut to) = (0, 0, 0);
    while list < LISTS.len() {
        if at < LISTS[list].len() {
            all[to] = LISTS[list][at];
            (at, to) = (at + 1, to + 1);
        } else {
            (list, at) = (list + 1, 0);
        }
    }
    all
};

fn start(starter: &mut Starter) {
    starter.keep("runs over jobs", run::sweep);
    starter.keep("schedules of queues", schedules::watch);
    history::watch(starter);
    index::watch(starter);
}

/// Days that runs are listed after their end.
const KEPT_DAYS: i64 = 90;

/// Forgets what nobody restored within 72 h, and runs that ended long ago. Returns how many rows.
///
/// # Errors
/// Any fault of our database.
pub async fn trim(app: &App) -> Result<u64> {
    let now = app.now();
    let chunks = archive::trim(app, now).await? + history::trim(app).await? + index::trim(app).await? + failure::trim(app).await?;
    let (archived, old) = (now.plus_seconds(-archive::KEPT_SECONDS), now.plus_seconds(-KEPT_DAYS * 86_400));
    let rows = app
        .db
        .write_with(move |tx| Box::pin(async move { Ok::<_, qd_core::Error>(store::trim(tx, archived).await? + run::store::trim(tx, old).await?) }));
    Ok(chunks + rows.await?)
}

/// Tells live screens that a queue is not as it was.
pub(crate) fn changed(app: &App, source: &str, queue: &str) {
    let payload = json!({ "source": source, "queue": queue });
    app.bus.tell(Event::new("queue.changed", format!("{source}/{queue}"), payload, app.now()));
}

#[cfg(test)]
mod tests;
