//! Queues: every job of the platform in one place, whatever runs it, and everything that may be done to it.
//!
//! A queue is named by its job system and its own name. What is asked of a job system goes through the port; what changes it goes through the gate:
//! the verbs of [`verb`] for a queue and for chosen jobs, [`run`] for everything that a filter matches, [`schedules`] for recurring jobs. What is
//! deleted is archived first, and can be restored for 72 h. Live screens hear `queue.run` and `queue.changed`.

pub mod action;
mod pages;
pub mod read;
pub mod failure;
pub mod run;
pub mod scrub;
pub mod source;
pub mod verb;

pub use pages::{Board, BoardQuery, routes};

use qd_core::event::Event;
use qd_core::App;
use serde_json::json;

/// What pages need of the port: they must not name it.
pub use qd_core::port::queue::{
    About, Acted, Cadence, Can, Child, EventKind, JobDetail, JobPage, JobRef, JobRow, JobState, LogPage, QueueState, Rate, ScheduleState, TextCut,
    WorkerState,
};

/// Tells live screens that a queue is not as it was.
pub(crate) fn changed(app: &App, source: &str, queue: &str) {
    let payload = json!({ "source": source, "queue": queue });
    app.bus.tell(Event::new("queue.changed", format!("{source}/{queue}"), payload, app.now()));
}
