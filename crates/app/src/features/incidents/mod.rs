//! Incidents: what hurts, how badly, since when, who leads, and what was done about it.
//!
//! An incident is OPEN, MITIGATED or CLOSED ([`lifecycle`]); each change goes through the gate, stands in the audit trail with before and after,
//! and writes a row into the incident's timeline. Two timers run from its start: until it no longer hurts, and until it is over. The verbs are
//! [`open`], [`update`], [`mitigate`], [`close`], [`reopen`], [`regress`] and [`note`]; [`board`] and [`kpis`] are read by the Health view.

mod action;
pub mod lifecycle;
mod measure;
mod pages;
mod store;
mod verb;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{Close, EventKind, Mitigate, Note, Open, Regress, Reopen, Update};
pub use lifecycle::{Severity, Sla, Status};
pub use measure::{Headline, IncidentKpis, kpis, measure};
pub use pages::{Board, banner, board_panel};
pub use verb::{Filter, board, close, find, list, mitigate, note, open, regress, reopen, timeline, update};

use crate::web::Feature;

/// The manifest.
pub const FEATURE: Feature = Feature {
    state: measure::state,
    start: measure::start,
    subscriptions: measure::subscriptions,
    statements: store::STATEMENTS,
    ..Feature::new("incidents", pages::routes)
};

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// Id.
    pub id: Uuid,
    /// Number: gapless in one installation, from 1.
    pub number: i64,
    /// `INC-7`: what people say, and what paths take.
    pub reference: String,
    /// What hurts, in one line.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// What is known, in a few lines; empty if nothing yet.
    pub summary: String,
    /// Affected services.
    pub affected: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Who leads.
    pub owner_id: Option<Uuid>,
    /// Name of the owner, as it was when they took it.
    pub owner_name: Option<String>,
    /// When it began to hurt.
    pub started_at: Timestamp,
    /// When it no longer hurt; `null` while it does.
    pub mitigated_at: Option<Timestamp>,
    /// When it was over; `null` while it is not.
    pub closed_at: Option<Timestamp>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Id of who opened it.
    pub created_by: String,
    /// Name of who opened it.
    pub created_by_name: String,
    /// Minutes from `started_at` until it is to be mitigated.
    pub sla_mitigate_minutes: i64,
    /// Minutes from `started_at` until it is to be closed.
    pub sla_close_minutes: i64,
    /// Whether the two were set by hand.
    pub sla_overridden: bool,
    /// Counts its changes; the ETag.
    pub version: i64,
}

/// An entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEvent {
    /// Id, ordered by time.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What kind of entry it is.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Whether a change of the incident wrote it.
    pub automatic: bool,
    /// Id of the author.
    pub author_id: String,
    /// Name of the author.
    pub author_name: String,
    /// What happened, at most 4,000 characters.
    pub text: String,
}

/// `INC-7`.
pub(crate) fn reference(number: i64) -> String {
    format!("INC-{number}")
}

#[cfg(test)]
mod tests;
