//! The integration suite: behaviour through the public face, against real servers, both databases by one body.

mod support;

mod architecture;
mod demo;
mod audit;
mod health;
mod identity;
mod incidents;
mod routes;
mod settings;
mod telemetry;
mod twins;
