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
pub fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Seconds from `now` to `end`, at least one; a minute when it has passed.
pub fn retry_after(end: Timestamp, now: Timestamp) -> i64 {
    let micros = end.0.saturating_sub(now.0);
    if micros > 0 { micros.saturating_add(999_999) / 1_000_000 } else { OVERRUN_RETRY }
}

impl State {
    /// Whether the request may pass at `now`.
    pub fn verdict(&self, asked: &Asked<'_>, now: Timestamp) -> Verdict {
        if reads(asked.method) || asked.bypassed {
            return Verdict::Pass;
        }
        let holding = || self.active().filter(|window| holds(self, window, asked));
        // Most requests end here: the path is only read when there is something to be blocked by.
        let Some(strongest) = holding().min_by_key(|window| window.kind).filter(|_| !self.allow.surely(asked.path)) else { return Verdict::Pass };
        // It is over when the last of them is.
        let ends_at = holding().map(|window| window.scheduled_end).max().unwrap_or(now);
        Verdict::Blocked(Blocked {
            mode: strongest.kind.mode(),
            retry_after: retry_after(ends_at, now),
            ends_at,
            message: strongest.text().to_owned(),
        })
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

#[cfg(test)]
mod tests {
    use qd_core::config::Config;
    use uuid::Uuid;

    use super::*;
    use crate::features::maintenance::window::{Kind, Status, Terms};

    fn now() -> Timestamp {
        Timestamp::from_seconds(10_000)
    }

    fn window(kind: Kind, vendors: Option<&[&str]>) -> Window {
        Window {
            id: Uuid::from_u128(kind as u128),
            kind,
            status: Status::Active,
            reason: String::new(),
            terms: Terms { vendors: vendors.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()), ..Terms::default() },
            scheduled_start: now(),
            scheduled_end: now().plus_seconds(1_800),
            actual_start: Some(now()),
            actual_end: None,
            announced_at: None,
            overrun_at: None,
            drained_at: None,
            note: None,
            series_id: None,
            series_start: None,
            created_at: now(),
            created_by_id: String::new(),
            created_by_name: String::new(),
            version: 1,
        }
    }

    fn state(windows: Vec<Window>) -> State {
        let config = Config::load(std::path::Path::new("/none/quarterdeck.toml"), false, &[]).unwrap();
        State { windows, ..State::empty(&config) }
    }

    fn post(path: &str) -> Asked<'_> {
        Asked { method: "POST", path, ..Asked::default() }
    }

    /// The mode that blocks, or "pass".
    fn said(state: &State, asked: Asked<'_>) -> &'static str {
        match state.verdict(&asked, now()) {
            Verdict::Pass => "pass",
            Verdict::Blocked(blocked) => blocked.mode,
        }
    }

    #[test]
    fn reading_passes_and_every_other_method_waits() {
        let state = state(vec![window(Kind::GlobalReadonly, None)]);
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(said(&state, Asked { method, ..post("/checkout") }), "pass", "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND", "MKCOL", "TRACE", "CONNECT", "", "X"] {
            assert_eq!(said(&state, Asked { method, ..post("/checkout") }), "global_readonly", "{method}");
        }
    }

    #[test]
    fn each_type_blocks_whom_it_says() {
        for (kind, word) in [
            (Kind::GlobalReadonly, "global_readonly"),
            (Kind::DatabaseMaintenance, "database_maintenance"),
            (Kind::Deployment, "deployment"),
            (Kind::QueueDrain, "pass"),
        ] {
            let state = state(vec![window(kind, None)]);
            for vendor in [None, Some("v1")] {
                assert_eq!(said(&state, Asked { vendor, ..post("/checkout") }), word, "{kind:?}");
            }
        }
        let nothing = state(Vec::new());
        assert_eq!(said(&nothing, post("/checkout")), "pass");
        let to_come = Window { status: Status::Scheduled, actual_start: None, ..window(Kind::GlobalReadonly, None) };
        assert_eq!(said(&state(vec![to_come]), post("/checkout")), "pass", "announced is not active");
    }

    #[test]
    fn vendor_mode_leaves_customers_and_other_vendors_alone() {
        let all = state(vec![window(Kind::VendorReadonly, None)]);
        let some = state(vec![window(Kind::VendorReadonly, Some(&["v1", "v2"]))]);
        let asked = |vendor, path| Asked { vendor, ..post(path) };
        for (state, vendor, path, expected) in [
            (&all, Some("v9"), "/products", "vendor_readonly"),
            (&all, None, "/checkout", "pass"),
            (&all, None, "/vendor/products", "vendor_readonly"),
            (&all, None, "/api/%76endor/products", "vendor_readonly"),
            (&all, None, "/vendors-we-love", "pass"),
            (&some, Some("v2"), "/products", "vendor_readonly"),
            (&some, Some("v20"), "/products", "pass"),
            (&some, Some(""), "/vendor/products", "pass"),
            (&some, None, "/vendor/products", "pass"),
            (&some, None, "/checkout", "pass"),
        ] {
            assert_eq!(said(state, asked(vendor, path)), expected, "{vendor:?} {path}");
        }
        assert_eq!(said(&all, Asked { method: "GET", vendor: Some("v1"), ..post("/vendor") }), "pass");
    }

    #[test]
    fn the_allow_list_and_a_bypass_pass_and_ending_is_always_possible() {
        let state = state(vec![window(Kind::GlobalReadonly, None), window(Kind::VendorReadonly, None)]);
        for path in [
            "/login",
            "//login",
            "/sign-in",
            "/logout",
            "/api/auth/session",
            "/webhooks/stripe",
            "/healthz",
            "/api/admin/ops/maintenance/toggle",
            "/api/admin/ops/maintenance/windows/7/end",
            "/maintenance/7/end",
        ] {
            assert_eq!(said(&state, post(path)), "pass", "{path}");
        }
        for path in ["/login/../checkout", "/webhooks/%2e%2e/checkout", "/webhooks%2f..%2fcheckout", "//webhooks/checkout", "/checkout?next=/login"] {
            assert_eq!(said(&state, post(path)), "global_readonly", "{path}");
        }
        assert_eq!(said(&state, Asked { bypassed: true, ..post("/checkout") }), "pass");
    }

    #[test]
    fn it_is_over_when_the_last_that_blocks_is() {
        let longer = Window { scheduled_end: now().plus_seconds(7_200), ..window(Kind::Deployment, None) };
        let drain = Window { scheduled_end: now().plus_seconds(90_000), ..window(Kind::QueueDrain, None) };
        let state = state(vec![window(Kind::GlobalReadonly, None), longer, drain]);
        let Verdict::Blocked(blocked) = state.verdict(&post("/checkout"), now()) else { panic!("it passed") };
        assert_eq!((blocked.mode, blocked.retry_after, blocked.ends_at), ("global_readonly", 7_200, now().plus_seconds(7_200)));
        assert_eq!(blocked.message, Kind::GlobalReadonly.text());
        assert_eq!((retry_after(now(), now()), retry_after(Timestamp(now().0 + 1), now())), (60, 1), "never 0");
    }
}
