//! What a flag is: its kind, variants, audience, rules and rollout, with every change kept as a revision.

pub(super) mod action;
pub(super) mod change;
mod check;
mod filter;
mod input;
mod kill;
mod revision;
mod seed;
pub(super) mod store;
mod stored;
pub(super) use store::STATEMENTS;
mod verb;

use std::collections::BTreeMap;

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ramp::Ramp;

pub(super) use action::action;
pub use action::{Archive, Create, Kill, Lower, Restore, Revert, Rollout, Toggle, Update};
pub use check::{FLAGS_MAX, LIST_MAX, NOTES_MAX, RULES_MAX, VARIANTS_MAX, key_fault};
pub use filter::{Filter, Standing};
pub use input::{Patch, Percent};
pub use kill::kill;
pub use revision::{Difference, Revision, before_last, differences, revision, revisions, trim};
pub use seed::seed;
pub use verb::{archive, archived, create, find, list, lower, restore, revert, set_rollout, toggle, update};

/// What kind of values a flag's variants have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// `true` or `false`.
    #[default]
    Boolean,
    /// Text.
    String,
    /// A JSON number; `1` and `1.0` stay what they are.
    Number,
    /// Any JSON.
    Json,
}

/// Whom a flag is about: what is hashed, and who must ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scope {
    /// Everybody; `targetingKey` is hashed.
    #[default]
    Global,
    /// Contexts whose `role` is ADMIN or SUPER_ADMIN; `targetingKey` is hashed.
    Admin,
    /// Vendors: `vendorId` is hashed, so that all people of one vendor change together.
    Vendor,
    /// Contexts whose `role` is CUSTOMER; `targetingKey` is hashed.
    Customer,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// All, in the order of menus.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on screens, in JSON and in the database.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// That of the word, in any case.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word().eq_ignore_ascii_case(word.trim()))
            }
        }
    };
}

pub(super) use words;

words!(Kind { Boolean = "BOOLEAN", String = "STRING", Number = "NUMBER", Json = "JSON" });
words!(Scope { Global = "GLOBAL", Admin = "ADMIN", Vendor = "VENDOR", Customer = "CUSTOMER" });

/// A value under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Name: "on", "blue".
    pub name: String,
    /// Value of the flag's kind.
    pub value: Value,
}

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// One of the list.
    In,
    /// None of the list.
    NotIn,
    /// Text that contains it, or a list that has it.
    Contains,
    /// Text that starts with it.
    StartsWith,
    /// Text that ends with it.
    EndsWith,
    /// Number below.
    Lt,
    /// Number below or equal.
    Le,
    /// Number above.
    Gt,
    /// Number above or equal.
    Ge,
    /// The same version (semver.org; build metadata does not count).
    SemverEq,
    /// Older version.
    SemverLt,
    /// Older version or the same.
    SemverLe,
    /// Newer version.
    SemverGt,
    /// Newer version or the same.
    SemverGe,
    /// Earlier moment.
    Before,
    /// Later moment.
    After,
    /// Whether the attribute is there at all.
    IsSet,
}

words!(Operator {
    Eq = "eq",
    Ne = "ne",
    In = "in",
    NotIn = "not_in",
    Contains = "contains",
    StartsWith = "starts_with",
    EndsWith = "ends_with",
    Lt = "lt",
    Le = "le",
    Gt = "gt",
    Ge = "ge",
    SemverEq = "semver_eq",
    SemverLt = "semver_lt",
    SemverLe = "semver_le",
    SemverGt = "semver_gt",
    SemverGe = "semver_ge",
    Before = "before",
    After = "after",
    IsSet = "is_set",
});

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name of an attribute of the context; a dot steps into objects (`device.os`).
    pub attribute: String,
    /// How to compare.
    pub operator: Operator,
    /// With what: text, number, boolean, or a list of them. `is_set`: `true` (the default) or `false`.
    #[serde(default)]
    pub value: Value,
}

/// A share of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Name of a variant.
    pub variant: String,
    /// Percent, in steps of 0.01.
    pub percentage: Percent,
}

/// A rule: when all conditions hold it serves one variant, or one of a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people call it; may be empty.
    #[serde(default)]
    pub name: String,
    /// All must hold; none: everybody.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The variant that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Instead of one variant: shares that sum up to 100 percent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// Seed of the split's hash; another one deals the shares anew. Rules with the same seed deal alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

/// Another flag that must give a certain variant first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// Key of the other flag.
    pub flag: String,
    /// Name of the variant that it must give in the same context.
    pub variant: String,
}

/// Everything about a flag that people decide: what a revision keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Definition {
    /// Kind of the values.
    pub kind: Kind,
    /// Off: everybody gets the off variant, or the application's own default.
    pub enabled: bool,
    /// Whom it is about.
    pub scope: Scope,
    /// Who of them is in, in percent with two decimals.
    pub rollout_percentage: Percent,
    /// Values by name, 1 to 20.
    pub variants: Vec<Variant>,
    /// Variant of those who are in.
    pub on_variant: String,
    /// Variant of the others; `null`: the application's own default.
    pub off_variant: Option<String>,
    /// In order, the first that matches wins; at most 50.
    pub rules: Vec<Rule>,
    /// Bucket keys that are always in, at most 1,000.
    pub allow: Vec<String>,
    /// Bucket keys that are never in, at most 1,000.
    pub deny: Vec<String>,
    /// Other flags that come first, at most 10.
    pub prerequisites: Vec<Prerequisite>,
    /// Part of what is hashed; another one deals everybody anew.
    pub salt: String,
    /// Id of the user who answers for it.
    pub owner_id: Option<Uuid>,
    /// Name of the owner, as it was when they took it.
    pub owner_name: Option<String>,
    /// What to know about it, at most 4,000 characters.
    pub notes: String,
    /// Tags, at most 20.
    pub tags: Vec<String>,
    /// Days after which it should be gone; `null`: it may stay.
    pub expected_lifetime_days: Option<i64>,
    /// Where it is meant for, a label: "production".
    pub environment: Option<String>,
    /// What applications get with each answer: text, numbers, true and false by name, at most 20.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Id of the user or token; `system:…` and `cli:…` for others.
    pub id: String,
    /// Name as it was then.
    pub name: String,
}

/// A flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    /// Key: what applications ask for. Never changes.
    pub key: String,
    /// What people decided.
    #[serde(flatten)]
    pub definition: Definition,
    /// Number of its newest revision; the ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Person,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: Person,
    /// Since when it gives everybody the same; `null` while it does not.
    pub settled_at: Option<Timestamp>,
    /// When it was archived; `null` while applications get it.
    pub archived_at: Option<Timestamp>,
}

/// A flag in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The flag.
    #[serde(flatten)]
    pub flag: Flag,
    /// Why it looks forgotten; `null` when it does not.
    pub stale: Option<Stale>,
    /// Its running or paused ramp.
    pub ramp: Option<Ramp>,
}

/// Why a flag looks forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stale {
    /// It lives longer than it was expected to.
    PastLifetime,
    /// On for everybody for more than 30 days: the code no longer needs it.
    FullyOn,
}

/// Days for which a flag may be on for everybody before it counts as stale.
pub const SETTLED_DAYS: i64 = 30;

impl Stale {
    /// The reason in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::PastLifetime => "Older than its expected lifetime.",
            Self::FullyOn => "On for everybody for more than 30 days.",
        }
    }
}

impl Definition {
    /// The variant of that name.
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// Whether it is on for everybody: nothing about a context can change its answer.
    pub fn settled(&self) -> bool {
        let plain = self.rules.is_empty() && self.allow.is_empty() && self.deny.is_empty() && self.prerequisites.is_empty();
        self.enabled && self.rollout_percentage == Percent::ALL && plain
    }
}

impl Flag {
    /// Whether it looks forgotten at `now`.
    pub fn stale(&self, now: Timestamp) -> Option<Stale> {
        let older = |since: Timestamp, days: i64| now.since(since) > days * 86_400;
        match (self.definition.expected_lifetime_days, self.settled_at) {
            _ if self.archived_at.is_some() => None,
            (Some(days), _) if older(self.created_at, days) => Some(Stale::PastLifetime),
            (_, Some(since)) if older(since, SETTLED_DAYS) => Some(Stale::FullyOn),
            _ => None,
        }
    }
}
