//! The gate: nothing changes the world except through here (law 1).
//!
//! A verb that changes something takes a [`Permit`] by value, a port's changing method takes a [`Warrant`], and a store function that writes
//! an operator-owned table takes a [`GateTx`]. Only this module can make any of the three.

mod access;
mod action;
mod actor;
mod check;
mod idempotency;
mod intent;
mod permit;
mod refusals;
mod run;

pub use access::{Access, Role};
pub use action::{Action, ActionInfo, AuditEvent, Confirmation, Danger, Preview, Target};
pub use actor::{Actor, ActorKind, Client};
pub use intent::sweep as sweep_interrupted;
pub use permit::{Change, Done, GateTx, Permit, Undo, Warrant};
pub use run::Gate;

pub use check::refusal;
pub use idempotency::expire as expire_idempotency_keys;

pub(crate) const ALL_STATEMENTS: &[&str] = idempotency::STATEMENTS;
pub(crate) const INTENT_STATEMENTS: &[&str] = intent::STATEMENTS;
