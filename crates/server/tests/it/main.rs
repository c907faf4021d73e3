//! The integration suite: behaviour through the public face, against real servers, both databases by one body.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

mod architecture;
mod audit;
mod demo;
mod deploys;
mod flag_pages;
mod flags;
mod gate;
mod health;
mod identity;
mod incidents;
mod limits;
mod maintenance;
mod obey;
mod ofrep;
mod operated;
mod plane;
mod queue_pages;
mod queues;
mod routes;
mod seams;
mod settings;
mod snapshots;
mod telemetry;
mod twins;
