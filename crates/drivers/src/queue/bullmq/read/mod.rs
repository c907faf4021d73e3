//! The half that only reads: plain commands, pages, pipelines; no key is made.

mod about;
mod detail;
mod discover;
mod exists;
mod family;
mod fired;
mod jobs;
mod log;
mod oldest;
mod place;
mod recent;
mod rows;
mod schedules;
mod shelf;
mod state;
mod states;
mod workers;

pub(super) use about::about;
pub(super) use detail::job;
pub(super) use discover::Discovery;
pub(super) use exists::exists;
pub(super) use jobs::{find, ids, jobs};
pub(super) use log::log;
pub(super) use schedules::schedules;
pub(super) use states::{Memory, has_tag, states};
pub(super) use workers::{Seen, workers};
