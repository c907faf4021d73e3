//! Pages and API of queues.

mod act;
mod act_runs;
mod board;
mod body;
mod cadence;
mod chart;
mod detail;
mod dialog;
mod dialog_runs;
mod dialog_schedules;
mod driver;
mod failed;
mod find;
mod input;
mod job;
mod jobs;
mod link;
mod may;
mod old;
mod performance;
mod queue;
mod routes;
mod row;
mod run;
mod schedule;
mod sentence;
mod story;
mod table;
mod tools;
mod worker;

pub(super) use detail::scrubbed_row;
pub(super) use input::QueueQuery;

pub use board::{Board, BoardQuery};
pub use find::search_box;
pub use routes::routes;
