//! Views, features and the web frame of Quarterdeck.

pub mod features;
pub mod ui;
pub mod views;
pub mod web;
