//! May this request write now? Pure: a state, a request, a time.

use qd_core::Timestamp;

use super::State;
use crate::features::maintenance::window::{Blocks, Window};

/// Seconds after which to try again when a maintenance has passed its planned end.
const OVERRUN_RETRY: i64 = 60;

/// What of a request decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Method, as sent.
    pub method: &'a str,
    /// Path, as sent; a query may follow.
    pub path: &'a str,
    /// Id of the vendor who asks, where the application knows one. Gates in front of it don't.
    pub vendor: Option<&'a str>,
    /// Whether a valid bypass came along.
    pub bypassed: bool,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it through.
    Pass,
    /// Answer 503.
    Blocked(Blocked),
}

/// Why a request waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// For the mode header: "global_readonly".
    pub mode: &'static str,
    /// Seconds after which to try again.
    pub retry_after: i64,
    /// Planned end.
    pub ends_at: Timestamp,
    /// Text for people.
    pub message: String,
}

/// Methods that read (RFC 9110 §9.2.1), but TRACE, which nobody needs.
fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Seconds from `now` to `end`, at least one; a minute when it has passed.
pub(super) fn retry_after(end: Timestamp, now: Timestamp) -> i64 {
    let micros = end.0.saturating_sub(now.0);
    if micros > 0 { micros.saturating_add(999_999) / 1_000_000 } else { OVERRUN_RETRY }
}

impl State {
    /// Whether the request may pass at `now`.
    pub fn verdict(&self, asked: &Asked<'_>, now: Timestamp) -> Verdict {
        if reads(asked.method) || asked.bypassed {
            return Verdict::Pass;
        }
        let mut holding: Vec<&Window> = self.active().filter(|window| holds(self, window, asked)).collect();
        // Most requests end here: the path is only read when there is something to be blocked by.
        if holding.is_empty() || self.allow.surely(asked.path) {
            return Verdict::Pass;
        }
        // It is over when the last of them is.
        holding.sort_by_key(|window| window.kind);
        let ends_at = holding.iter().map(|window| window.scheduled_end).max().unwrap_or(now);
        match holding.first() {
            None => Verdict::Pass,
            Some(strongest) => Verdict::Blocked(Blocked {
                mode: strongest.kind.mode(),
                retry_after: retry_after(ends_at, now),
                ends_at,
                message: strongest.text().to_owned(),
            }),
        }
    }
}

fn holds(state: &State, window: &Window, asked: &Asked<'_>) -> bool {
    match (window.kind.blocks(), &window.terms.vendors, asked.vendor) {
        (Blocks::All, _, _) => true,
        (Blocks::None, _, _) => false,
        (Blocks::Vendors, None, Some(_)) => true,
        (Blocks::Vendors, Some(held), Some(vendor)) => held.iter().any(|id| id == vendor),
        (Blocks::Vendors, None, None) => state.vendor_paths.perhaps(asked.path),
        // Nobody knows which vendor it is, and the others are to go on: the application decides.
        (Blocks::Vendors, Some(_), None) => false,
    }
}
