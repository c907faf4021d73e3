//! The state on the wire.

use qd_core::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::verdict::retry_after;
use super::{BYPASS_COOKIE, BYPASS_HEADER, State};
use crate::features::maintenance::window::{Audience, Blocks, Kind, Phase, Status, Window};

/// `GET /api/v1/maintenance/state`: what holds, for applications.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateView {
    /// Published revision.
    pub revision: i64,
    /// `none`, `announced`, or the strongest active type.
    pub mode: &'static str,
    /// Whether a global read-only holds.
    pub global_readonly: bool,
    /// Which vendors are held.
    pub vendor_readonly: VendorView,
    /// Whether queues are drained.
    pub queue_drain: bool,
    /// Whether the drained queues run no job any more.
    pub queue_drained: bool,
    /// Whose writes are blocked.
    pub blocks_writes: Blocks,
    /// Seconds after which to try again; `null` when nothing is blocked.
    pub retry_after_seconds: Option<i64>,
    /// Planned end of what holds; `null` when nothing does.
    pub ends_at: Option<Timestamp>,
    /// Paths that always pass; `*` at the end stands for the rest.
    pub allow: Vec<String>,
    /// What to do while nobody answers: `last_known`, `open`, `closed`.
    pub fail_mode: String,
    /// Text for people; empty when there is nothing to say.
    pub message: String,
    /// Windows that people are told of.
    pub windows: Vec<WindowView>,
    /// How to bypass.
    pub bypass: BypassView,
}

/// Which vendors are held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct VendorView {
    /// All of them.
    pub all: bool,
    /// These; empty when all are or none is.
    pub vendors: Vec<String>,
}

/// A window, for applications: without what only operators need.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowView {
    /// Id.
    pub id: Uuid,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// What people are told.
    pub phase: Phase,
    /// When it starts or started.
    pub starts_at: Timestamp,
    /// When it ends or ended.
    pub ends_at: Timestamp,
    /// Text for people.
    pub message: String,
    /// Who sees the banner.
    pub audience: Audience,
    /// The vendors of a vendor read-only; `null` for all, and for other types.
    pub vendors: Option<Vec<String>>,
    /// Services that it touches.
    pub affected_services: Vec<String>,
    /// Whether it has passed its planned end and holds all the same.
    pub overrun: bool,
}

/// Where a bypass token is looked for, and which ones were taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BypassView {
    /// Header.
    pub header: &'static str,
    /// Cookie.
    pub cookie: &'static str,
    /// Ids of tokens that no longer count.
    pub revoked: Vec<Uuid>,
}

impl WindowView {
    fn of(window: &Window, now: Timestamp) -> Self {
        Self {
            id: window.id,
            kind: window.kind,
            status: window.status,
            phase: window.phase(now),
            starts_at: window.actual_start.unwrap_or(window.scheduled_start),
            ends_at: window.actual_end.unwrap_or(window.scheduled_end),
            message: window.text().to_owned(),
            audience: window.terms.audience,
            vendors: window.terms.vendors.clone(),
            affected_services: window.terms.affected_services.clone(),
            overrun: window.overrun(now).is_some(),
        }
    }
}

impl State {
    /// What applications are told at `now`.
    pub fn view(&self, now: Timestamp) -> StateView {
        let windows: Vec<WindowView> = self.told(now).map(|window| WindowView::of(window, now)).collect();
        let blocks = self.blocks();
        let blocking = self.active().filter(|window| window.kind.blocks() != Blocks::None);
        let blocked_until = blocking.map(|window| window.scheduled_end).max();
        let vendors = self.active_of(Kind::VendorReadonly);
        let drain = self.active_of(Kind::QueueDrain);
        StateView {
            revision: self.revision,
            mode: self.mode(now),
            global_readonly: self.active_of(Kind::GlobalReadonly).is_some(),
            vendor_readonly: VendorView {
                all: vendors.is_some_and(|window| window.terms.vendors.is_none()),
                vendors: vendors.and_then(|window| window.terms.vendors.clone()).unwrap_or_default(),
            },
            queue_drain: drain.is_some(),
            queue_drained: drain.is_some_and(|window| window.drained_at.is_some()),
            blocks_writes: blocks,
            retry_after_seconds: blocked_until.map(|end| retry_after(end, now)),
            ends_at: blocked_until.or_else(|| self.active().map(|window| window.scheduled_end).max()),
            allow: self.allowed.clone(),
            fail_mode: self.fail_mode.clone(),
            message: self.message(now),
            windows,
            bypass: BypassView { header: BYPASS_HEADER, cookie: BYPASS_COOKIE, revoked: self.revoked.clone() },
        }
    }

    /// The text of what matters most: what holds, else what comes first.
    fn message(&self, now: Timestamp) -> String {
        let next = || self.told(now).filter(|window| window.status == Status::Scheduled).min_by_key(|window| window.scheduled_start);
        self.active().next().or_else(next).map(|window| window.text().to_owned()).unwrap_or_default()
    }

    /// Changes whenever what applications are told does, by a change or by time (a phase, an overrun); not with each second of a countdown.
    /// For ETags, beside the revision.
    pub fn phase_tag(&self, now: Timestamp) -> String {
        let mut sum = Sha256::new();
        for window in self.told(now) {
            sum.update(window.id);
            sum.update(window.phase(now).word());
            sum.update([u8::from(window.overrun(now).is_some())]);
        }
        hex::encode(sum.finalize()).chars().take(8).collect()
    }
}
