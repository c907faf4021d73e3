//! Deciding what a flag gives in a context: pure functions over an immutable snapshot, with no clock, no lock and no SQL.
//!
//! `docs/flags/evaluation.md` tells the order of the steps, the hash and the reasons; `docs/flags/test-vectors.json` holds worked examples that
//! other implementations can check themselves against, and that the tests here run.

mod bucket;
mod compile;
mod condition;
mod decide;
mod explain;
mod snapshot;
mod subject;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use bucket::{SPLIT_SEED, murmur3, threshold};
pub(super) use condition::fault as condition_fault;
pub use decide::Step;
pub use explain::{ConditionVerdict, Explanation, PrerequisiteVerdict, RuleVerdict};
pub use snapshot::{Reserved, Snapshot};

/// What the application knows about whoever asks: OpenFeature's evaluation context.
pub type Context = serde_json::Map<String, Value>;

/// Why a flag gave what it gave, in OpenFeature's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Everybody gets the same.
    Static,
    /// A rule or a list matched.
    TargetingMatch,
    /// A percentage decided.
    Split,
    /// The flag is off.
    Disabled,
    /// Something could have decided otherwise and did not: a scope, a prerequisite, rules.
    Default,
}

impl Reason {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Default => "DEFAULT",
        }
    }
}

/// What the context lacked, so that the flag gave its off variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// A percentage needs `targetingKey`.
    TargetingKey,
    /// It needs this attribute.
    Attribute(&'static str),
}

impl Missing {
    /// Name of what was missing.
    pub fn name(self) -> &'static str {
        match self {
            Self::TargetingKey => "targetingKey",
            Self::Attribute(name) => name,
        }
    }
}

/// What a flag gives, borrowed from the snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation<'s> {
    /// The value; `None`: the application's own default.
    pub value: Option<&'s Value>,
    /// Name of the variant; empty when there is none.
    pub variant: &'s str,
    /// Why.
    pub reason: Reason,
    /// What the context lacked.
    pub missing: Option<Missing>,
    /// What the flag tells beside its value; `None`: nothing.
    pub metadata: Option<&'s BTreeMap<String, Value>>,
}
