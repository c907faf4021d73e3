//! The state as Quarterdeck publishes it, and what follows from it for one request.

use serde::{Deserialize, Serialize};

/// What an application obeys, as `GET /api/v1/maintenance/state` has it. What a newer server adds is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// Number of the published state; it grows with every change.
    pub revision: i64,
    /// `none`, `announced`, `global_readonly`, `vendor_readonly`, `queue_drain`, `database_maintenance`, `deployment`.
    pub mode: String,
    /// Nobody may write.
    pub global_readonly: bool,
    /// Which vendors may not write.
    pub vendor_readonly: VendorScope,
    /// Queues take no new work from their workers. Quarterdeck pauses the queues that it knows; this is for others.
    pub queue_drain: bool,
    /// `none`, `vendors` or `all`.
    pub blocks_writes: String,
    /// Seconds until it is over, at the time of the answer.
    pub retry_after_seconds: Option<u64>,
    /// When it is meant to be over, RFC 3339.
    pub ends_at: Option<String>,
    /// Paths that stay open; `*` at the end stands for the rest.
    pub allow: Vec<String>,
    /// What to do while Quarterdeck is away.
    pub fail_mode: FailMode,
    /// For people.
    pub message: Option<String>,
    /// What is announced, active, or just over.
    pub windows: Vec<Window>,
    /// How an operator passes.
    pub bypass: Bypass,
}

impl Default for State {
    fn default() -> Self {
        Self {
            revision: 0,
            mode: "none".into(),
            global_readonly: false,
            vendor_readonly: VendorScope::default(),
            queue_drain: false,
            blocks_writes: "none".into(),
            retry_after_seconds: None,
            ends_at: None,
            allow: Vec::new(),
            fail_mode: FailMode::LastKnown,
            message: None,
            windows: Vec::new(),
            bypass: Bypass::default(),
        }
    }
}

/// Which vendors may not write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VendorScope {
    /// All of them.
    pub all: bool,
    /// These.
    pub vendors: Vec<String>,
}

/// What to do while Quarterdeck is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailMode {
    /// Everybody may write.
    Open,
    /// Nobody may write.
    Closed,
    /// The last known state holds. Also for what a newer server may say.
    #[default]
    #[serde(other)]
    LastKnown,
}

/// One maintenance window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Window {
    /// Id.
    pub id: String,
    /// `GLOBAL_READONLY`, `VENDOR_READONLY`, `QUEUE_DRAIN`, `DATABASE_MAINTENANCE`, `DEPLOYMENT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `announced`, `starting`, `active`, `ended`.
    pub phase: String,
    /// RFC 3339.
    pub starts_at: Option<String>,
    /// RFC 3339.
    pub ends_at: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Whom the message is for: `all`, `vendors`, `admins`.
    pub audience: String,
    /// Which vendors; none: all.
    pub vendors: Option<Vec<String>>,
}

/// How an operator passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bypass {
    /// Header that carries the token.
    pub header: String,
    /// Cookie that carries it.
    pub cookie: String,
    /// Ids of tokens that were called back.
    pub revoked: Vec<String>,
}

impl Default for Bypass {
    fn default() -> Self {
        Self { header: "X-Admin-Bypass-Maintenance".into(), cookie: "qd_bypass".into(), revoked: Vec::new() }
    }
}

impl State {
    /// Whether `vendor`'s writes, or everybody's, are refused.
    pub fn blocks(&self, vendor: Option<&str>) -> bool {
        let scope = &self.vendor_readonly;
        let this_vendor = vendor.is_some_and(|vendor| scope.all || scope.vendors.iter().any(|one| one == vendor));
        self.global_readonly || self.blocks_writes == "all" || this_vendor
    }

    /// Nobody may write: of an application that may not go on without Quarterdeck.
    pub(crate) fn shut(allow: Vec<String>) -> Self {
        let message = Some("Changes are not possible at the moment.".to_owned());
        Self { mode: "unknown".into(), blocks_writes: "all".into(), allow, message, ..Self::default() }
    }

    /// Nothing is known, and that stops nobody.
    pub(crate) fn open() -> Self {
        Self { mode: "unknown".into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_as_it_is_published() {
        let text = r#"{"revision":12,"mode":"vendor_readonly","globalReadonly":false,"vendorReadonly":{"all":false,"vendors":["v1"]},
            "queueDrain":false,"blocksWrites":"vendors","retryAfterSeconds":1800,"endsAt":"2026-11-22T18:00:00Z","allow":["/sign-in","/webhooks/*"],
            "failMode":"closed","message":"Back soon","windows":[{"id":"w","type":"VENDOR_READONLY","status":"ACTIVE","phase":"active",
            "startsAt":"2026-11-22T17:00:00Z","endsAt":null,"message":"m","audience":"all","vendors":null}],
            "bypass":{"header":"X-A","cookie":"c"},"later":{"more":1}}"#;
        let state: State = serde_json::from_str(text).unwrap();
        assert_eq!((state.revision, state.fail_mode, state.retry_after_seconds), (12, FailMode::Closed, Some(1_800)));
        assert_eq!((state.windows[0].kind.as_str(), state.bypass.header.as_str()), ("VENDOR_READONLY", "X-A"));
        assert!(state.blocks(Some("v1")) && !state.blocks(Some("v2")) && !state.blocks(None));
        let again: State = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn what_a_newer_server_says_of_failing_is_the_careful_mode() {
        assert_eq!(serde_json::from_str::<FailMode>("\"sideways\"").unwrap(), FailMode::LastKnown);
        assert_eq!(serde_json::to_string(&FailMode::LastKnown).unwrap(), "\"last_known\"");
    }

    #[test]
    fn all_vendors_and_everybody() {
        let all = State { vendor_readonly: VendorScope { all: true, vendors: vec![] }, ..State::default() };
        assert!(all.blocks(Some("x")) && !all.blocks(None));
        assert!(State { global_readonly: true, ..State::default() }.blocks(None));
        assert!(State::shut(vec![]).blocks(None) && !State::open().blocks(Some("x")));
    }
}
