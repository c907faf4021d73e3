//! What callers send: percentages, new flags, and changes of flags.

use std::collections::BTreeMap;

use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::{Definition, Kind, Prerequisite, Rule, Scope, Variant};

/// A share from 0 to 100 percent in steps of 0.01: basis points inside, percent on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(i64);

impl Percent {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(10_000);

    /// From basis points, 0 to 10,000.
    pub fn of_basis_points(points: i64) -> Option<Self> {
        (0..=10_000).contains(&points).then_some(Self(points))
    }

    /// In basis points.
    pub fn basis_points(self) -> i64 {
        self.0
    }

    /// From percent; `None` outside 0 to 100 and for a third decimal.
    pub fn of_percent(percent: f64) -> Option<Self> {
        let points = percent * 100.0;
        let whole = points.round();
        // 0.29 × 100 is 28.999999999999996.
        let good = (0.0..=10_000.0).contains(&whole) && (points - whole).abs() < 1e-6;
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 0 to 10,000")]
        good.then_some(Self(whole as i64))
    }
}

impl std::fmt::Display for Percent {
    /// `5 %`, `0.5 %`, `12.25 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole} %"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{} %", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02} %"),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
        match self.0 % 100 {
            0 => serializer.serialize_i64(self.0 / 100),
            _ => serializer.serialize_f64(self.0 as f64 / 100.0),
        }
    }
}

struct PercentVisitor;

impl Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("0 to 100 percent with at most two decimals")
    }

    fn visit_f64<E: serde::de::Error>(self, percent: f64) -> Result<Percent, E> {
        Percent::of_percent(percent).ok_or_else(|| E::custom("Give 0 to 100 percent with at most two decimals."))
    }

    fn visit_i64<E: serde::de::Error>(self, percent: i64) -> Result<Percent, E> {
        #[expect(clippy::cast_precision_loss, reason = "what is large is refused all the same")]
        self.visit_f64(percent as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, percent: u64) -> Result<Percent, E> {
        #[expect(clippy::cast_precision_loss, reason = "what is large is refused all the same")]
        self.visit_f64(percent as f64)
    }

    /// A field of a form.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Percent, E> {
        self.visit_f64(text.trim().trim_end_matches('%').trim().parse().unwrap_or(f64::NAN))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PercentVisitor)
    }
}

impl PartialSchema for Percent {
    fn schema() -> RefOr<Schema> {
        let text = "Percent with at most two decimals.";
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.0)).maximum(Some(100.0)).description(Some(text)).into()
    }
}

impl ToSchema for Percent {}

/// A flag as a caller describes it. In a change, what is not given stays and `null` empties what may be empty; in a new flag it has a plain
/// default: boolean, off, for everybody, at 0 percent. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Patch {
    /// Key: `[a-z0-9][a-z0-9._-]{0,99}`, not starting with `ops.`. Needed for a new flag; it never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Kind of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// On or off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Who of them is in. `percentage` is the name that older clients use.
    #[serde(alias = "percentage", skip_serializing_if = "Option::is_none")]
    pub rollout_percentage: Option<Percent>,
    /// Values by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variants: Option<Vec<Variant>>,
    /// Variant of those who are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_variant: Option<String>,
    /// Variant of the others; `null` for the application's own default.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub off_variant: Option<Option<String>>,
    /// All rules, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Rule>>,
    /// Bucket keys that are always in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Bucket keys that are never in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
    /// Other flags that come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prerequisites: Option<Vec<Prerequisite>>,
    /// Part of what is hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Who answers for it; `null` for nobody.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub owner_id: Option<Option<Uuid>>,
    /// What to know about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Days after which it should be gone; `null`: it may stay.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub expected_lifetime_days: Option<Option<i64>>,
    /// Where it is meant for; `null` for no label.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<Option<String>>,
    /// What applications get with each answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// The version that the caller saw; another one is a conflict. `If-Match` may carry it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Read by the confirmation, which shares the body.
    #[serde(skip_serializing)]
    #[schema(ignore)]
    pub reason: Elsewhere,
    /// As `reason`.
    #[serde(skip_serializing)]
    #[schema(ignore)]
    pub phrase: Elsewhere,
    /// As `reason`.
    #[serde(rename = "idempotency_key", skip_serializing)]
    #[schema(ignore)]
    pub idempotency_key: Elsewhere,
    /// As `reason`.
    #[serde(rename = "preview_digest", skip_serializing)]
    #[schema(ignore)]
    pub preview_digest: Elsewhere,
}

/// A field that somebody else reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere;

impl<'de> Deserialize<'de> for Elsewhere {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// Tells `null` from "not given".
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl Patch {
    /// The definition after this change; owners are named by the caller.
    pub(super) fn applied(&self, before: &Definition, owner_name: Option<String>) -> Definition {
        let asked = self.clone();
        let (owner_id, owner_name) = match asked.owner_id {
            Some(owner) => (owner, owner_name),
            None => (before.owner_id, before.owner_name.clone()),
        };
        let was = before.clone();
        Definition {
            kind: asked.kind.unwrap_or(was.kind),
            enabled: asked.enabled.unwrap_or(was.enabled),
            scope: asked.scope.unwrap_or(was.scope),
            rollout_percentage: asked.rollout_percentage.unwrap_or(was.rollout_percentage),
            variants: asked.variants.unwrap_or(was.variants),
            on_variant: asked.on_variant.unwrap_or(was.on_variant),
            off_variant: asked.off_variant.unwrap_or(was.off_variant),
            rules: asked.rules.unwrap_or(was.rules),
            allow: asked.allow.unwrap_or(was.allow),
            deny: asked.deny.unwrap_or(was.deny),
            prerequisites: asked.prerequisites.unwrap_or(was.prerequisites),
            salt: asked.salt.unwrap_or(was.salt),
            owner_id,
            owner_name,
            notes: asked.notes.unwrap_or(was.notes),
            tags: asked.tags.unwrap_or(was.tags),
            expected_lifetime_days: asked.expected_lifetime_days.unwrap_or(was.expected_lifetime_days),
            environment: asked.environment.unwrap_or(was.environment),
            metadata: asked.metadata.unwrap_or(was.metadata),
        }
        .tidy()
    }

    /// Whether it says nothing but on or off.
    pub fn only_switches(&self) -> bool {
        let rest = Self { enabled: None, key: None, version: None, ..self.clone() };
        self.enabled.is_some() && rest == Self::default()
    }
}
