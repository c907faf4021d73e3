//! What an operator can ask for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Access;

/// A change that an operator can ask for: one struct per action, in the feature that owns it. The confirm dialog, the API's documentation,
/// the role matrix and the audit catalogue are generated from these constants.
pub trait Action: Serialize + Send + 'static {
    /// `object.verb`: "incident.close".
    const NAME: &'static str;
    /// The event in the audit trail: "INCIDENT_STATUS_CHANGED".
    const EVENT: AuditEvent;
    /// The lowest role that may, or the token scope.
    const WHO: Access;
    /// How much of a confirmation it takes.
    const DANGER: Danger;

    /// What it touches, for audit and ledger.
    fn target(&self) -> Target;

    /// The exact text to type: it names the thing, never just "yes". `None` asks for none.
    fn phrase(&self) -> Option<String> {
        None
    }
}

/// Name of an event in the audit catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct AuditEvent(pub &'static str);

impl AuditEvent {
    /// The scope that users filter by: AUTH, USER, CONFIG or OPS.
    pub fn scope(self) -> &'static str {
        match self.0.split('_').next().unwrap_or_default() {
            "AUTH" => "AUTH",
            "USER" | "TOKEN" => "USER",
            "CONFIG" => "CONFIG",
            _ => "OPS",
        }
    }
}

/// How much of a confirmation an action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum Danger {
    /// Done at once; recorded all the same.
    Routine,
    /// A reason of 10 to 500 characters.
    Guarded,
    /// A reason and the typed phrase.
    Destructive,
}

impl Danger {
    /// Severity of the audit row.
    pub fn severity(self) -> &'static str {
        match self {
            Self::Routine => "INFO",
            Self::Guarded => "NOTICE",
            Self::Destructive => "WARNING",
        }
    }
}

/// What an action touches: a kind and an id. Ids only, no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// "incident", "queue", "user".
    pub kind: String,
    /// Id within the kind.
    pub id: String,
}

impl Target {
    /// A target of a kind.
    pub fn new(kind: impl Into<String>, id: impl ToString) -> Self {
        Self { kind: kind.into(), id: id.to_string() }
    }
}

/// What the person gave along: reason, phrase, idempotency key, and the digest of the preview that was shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Confirmation {
    /// Why, in 10 to 500 characters.
    pub reason: Option<String>,
    /// The typed phrase.
    pub phrase: Option<String>,
    /// The same key twice does the thing once and answers alike (at most 100 characters, kept for 24 h).
    pub idempotency_key: Option<String>,
    /// Digest of the preview that the person saw.
    pub preview_digest: Option<String>,
}

impl Confirmation {
    /// With a reason only.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

/// What an action would do, counted read-only at the moment of asking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Preview {
    /// One line for each effect.
    pub effects: Vec<String>,
    /// Figures with their unit: ("jobs", 18402).
    pub figures: Vec<(String, i64)>,
    /// A few of the things that it touches.
    pub sample: Vec<String>,
}

impl Preview {
    /// SHA-256 over the canonical form, stored with the audit row.
    pub fn digest(&self) -> crate::Result<String> {
        crate::audit::digest(self)
    }
}

/// An action's constants, for catalogues.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ActionInfo {
    /// [`Action::NAME`].
    pub name: &'static str,
    /// [`Action::EVENT`].
    pub event: AuditEvent,
    /// [`Action::WHO`].
    pub who: Access,
    /// [`Action::DANGER`].
    pub danger: Danger,
}

impl ActionInfo {
    /// The constants of `A`.
    pub fn of<A: Action>() -> Self {
        Self { name: A::NAME, event: A::EVENT, who: A::WHO, danger: A::DANGER }
    }
}
