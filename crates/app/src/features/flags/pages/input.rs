//! What requests may carry: changes of flags as JSON, or as a form whose lists are lines of text.

use std::collections::BTreeMap;

use qd_core::{Error, Result};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use std::marker::PhantomData;
use utoipa::ToSchema;
use uuid::Uuid;

use super::text;
use crate::features::flags::definition::{Kind, Patch, Percent, Prerequisite, Rule, Scope, Variant};

/// A flag as a caller describes it. In a change, what is not given stays and `null` empties what may be empty; in a new flag it has a plain
/// default: boolean, off, for everybody, at 0 percent. Unknown fields are refused.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FlagBody {
    /// Key: `[a-z0-9][a-z0-9._-]{0,99}`, not starting with `ops.`. Needed for a new flag; it never changes.
    pub key: Option<String>,
    /// Kind of the values.
    pub kind: Option<Kind>,
    /// On or off.
    pub enabled: Option<bool>,
    /// Whom it is about.
    pub scope: Option<Scope>,
    /// Who of them is in. `percentage` is the name that older clients use.
    #[serde(alias = "percentage")]
    pub rollout_percentage: Option<Percent>,
    /// Values by name; in a form lines such as `on = true`.
    #[serde(deserialize_with = "variants")]
    #[schema(value_type = Option<Vec<Variant>>)]
    pub variants: Option<Vec<Variant>>,
    /// Variant of those who are in.
    pub on_variant: Option<String>,
    /// Variant of the others; `null` for the application's own default.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub off_variant: Option<Option<String>>,
    /// All rules, in order; in a form lines such as `country in DE, AT -> on`.
    #[serde(deserialize_with = "rules")]
    #[schema(value_type = Option<Vec<Rule>>)]
    pub rules: Option<Vec<Rule>>,
    /// Bucket keys that are always in; in a form one a line.
    #[serde(deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allow: Option<Vec<String>>,
    /// Bucket keys that are never in; in a form one a line.
    #[serde(deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    pub deny: Option<Vec<String>>,
    /// Other flags that come first; in a form lines such as `payments.v2 = on`.
    #[serde(deserialize_with = "prerequisites")]
    #[schema(value_type = Option<Vec<Prerequisite>>)]
    pub prerequisites: Option<Vec<Prerequisite>>,
    /// Part of what is hashed; another one deals everybody anew.
    pub salt: Option<String>,
    /// Who answers for it; `null` or `none` for nobody.
    #[serde(deserialize_with = "owner")]
    #[schema(value_type = Option<String>)]
    pub owner_id: Option<Option<Uuid>>,
    /// What to know about it.
    pub notes: Option<String>,
    /// Tags; in a form one text, separated by commas.
    #[serde(deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    pub tags: Option<Vec<String>>,
    /// Days after which it should be gone; `null`: it may stay.
    #[serde(deserialize_with = "days")]
    #[schema(value_type = Option<i64>)]
    pub expected_lifetime_days: Option<Option<i64>>,
    /// Where it is meant for; `null` for no label.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<Option<String>>,
    /// What applications get with each answer: text, numbers, true and false by name. Forms leave it as it is.
    pub metadata: Option<BTreeMap<String, serde_json::Value>>,
    /// The version that the caller saw; another one is a conflict. `If-Match` may carry it instead.
    pub version: Option<i64>,
    /// A form that shows every field: what is empty in it becomes empty.
    #[schema(ignore)]
    pub whole: bool,
    /// What the form showed when it was loaded: fields that still say so are not changed.
    #[schema(ignore)]
    pub loaded: Option<String>,
    /// The form's button that adds the rule that was put together.
    #[schema(ignore)]
    pub add: Option<String>,
}

impl FlagBody {
    /// The change. `if_match` is the version that the header names.
    ///
    /// # Errors
    /// [`Error::Invalid`] while a rule is put together.
    pub fn patch(self, if_match: Option<i64>) -> Result<Patch> {
        if self.add.is_some() {
            // Not a try to save: the form comes back with the new line in it.
            return Err(Error::invalid("add", ""));
        }
        let loaded = self.loaded.as_deref().and_then(|text| serde_json::from_str::<Self>(text).ok());
        let version = if_match.or(self.version);
        let mut patch = Patch { version, ..self.fields() };
        if let Some(loaded) = loaded {
            forget_untouched(&mut patch, &loaded.fields());
        }
        Ok(patch)
    }

    fn fields(self) -> Patch {
        let whole = self.whole;
        let list = |given: Option<Vec<String>>| given.or_else(|| whole.then(Vec::new));
        let text = |given: Option<Option<String>>| given.or_else(|| whole.then_some(None));
        Patch {
            key: self.key,
            kind: self.kind,
            enabled: self.enabled,
            scope: self.scope,
            rollout_percentage: self.rollout_percentage,
            variants: self.variants.or_else(|| whole.then(Vec::new)),
            on_variant: self.on_variant,
            off_variant: text(self.off_variant),
            rules: self.rules.or_else(|| whole.then(Vec::new)),
            allow: list(self.allow),
            deny: list(self.deny),
            prerequisites: self.prerequisites.or_else(|| whole.then(Vec::new)),
            salt: self.salt,
            owner_id: self.owner_id,
            notes: self.notes.map(|notes| notes.replace("\r\n", "\n")).or_else(|| whole.then(String::new)),
            tags: list(self.tags),
            expected_lifetime_days: self.expected_lifetime_days.or_else(|| whole.then_some(None)),
            environment: text(self.environment),
            metadata: self.metadata,
            ..Patch::default()
        }
    }
}

/// On or off.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ToggleBody {
    /// Which of the two; the other one than now if not given.
    pub enabled: Option<bool>,
    /// The version that the caller saw; another one is a conflict. `If-Match` may carry it instead.
    pub version: Option<i64>,
}

/// Another percentage.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RolloutBody {
    /// Who is in, in percent with at most two decimals.
    #[serde(rename = "rolloutPercentage", alias = "percentage")]
    pub rollout_percentage: Percent,
    /// As in [`ToggleBody`].
    pub version: Option<i64>,
}

/// Which revision to bring back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RevertBody {
    /// Its number.
    pub revision: i64,
    /// As in [`ToggleBody`].
    pub version: Option<i64>,
}

/// What a person did not touch is left out: a save after a conflict takes nothing of somebody else's back.
fn forget_untouched(patch: &mut Patch, loaded: &Patch) {
    macro_rules! forget {
        ($($field:ident),+) => { $(if patch.$field == loaded.$field { patch.$field = None; })+ };
    }
    forget!(kind, scope, variants, on_variant, off_variant, rules, allow, deny, prerequisites, salt, owner_id, notes, tags);
    forget!(expected_lifetime_days, environment);
}

/// A list, or a text that `read` makes one of.
struct ListOrText<T> {
    read: fn(&str) -> std::result::Result<Vec<T>, String>,
    what: &'static str,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListOrText<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        (self.read)(text).map(Some).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(next) = seq.next_element()? {
            list.push(next);
        }
        Ok(Some(list))
    }
}

fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
    read: fn(&str) -> std::result::Result<Vec<T>, String>,
) -> std::result::Result<Option<Vec<T>>, D::Error> {
    deserializer.deserialize_any(ListOrText { read, what, of: PhantomData })
}

fn variants<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<Variant>>, D::Error> {
    list(deserializer, "a list of variants, or lines such as on = true", text::variants)
}

fn rules<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<Rule>>, D::Error> {
    list(deserializer, "a list of rules, or lines such as country in DE, AT -> on", text::rules)
}

fn prerequisites<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<Prerequisite>>, D::Error> {
    list(deserializer, "a list of prerequisites, or lines such as payments.v2 = on", text::prerequisites)
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<String>>, D::Error> {
    let read = |text: &str| Ok(text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect());
    list(deserializer, "a list of names, or names separated by commas or lines", read)
}

/// Tells `null` from "not given".
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

fn owner<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<Uuid>>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref().map(str::trim) {
        None | Some("none" | "") => Ok(Some(None)),
        Some(text) => Uuid::parse_str(text).map(|id| Some(Some(id))).map_err(|_| serde::de::Error::custom("Give the id of a user, or none.")),
    }
}

/// A number, or the digits of a form.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<i64>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Days {
        Number(i64),
        Text(String),
    }
    match Option::<Days>::deserialize(deserializer)? {
        None => Ok(Some(None)),
        Some(Days::Number(days)) => Ok(Some(Some(days))),
        Some(Days::Text(text)) => {
            text.trim().parse().map(|days| Some(Some(days))).map_err(|_| serde::de::Error::custom("Give a whole number of days."))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(text: &str) -> std::result::Result<FlagBody, String> {
        let form = serde_html_form::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        FlagBody::deserialize(form).map_err(|fault| fault.to_string())
    }

    #[test]
    fn forms_and_json_say_the_same() {
        let text = "key=a.b&enabled=true&rolloutPercentage=0.5&variants=on+%3D+true%0D%0Aoff+%3D+false&rules=country+eq+DE+-%3E+on&allow=v1%0Av2&tags=a%2C+b&expectedLifetimeDays=30&reason=because+of+it&idempotency_key=1";
        let by_form = form(text).unwrap().patch(None).unwrap();
        let by_json: FlagBody = serde_json::from_value(json!({
            "key": "a.b", "enabled": true, "percentage": 0.5, "variants": [{ "name": "on", "value": true }, { "name": "off", "value": false }],
            "rules": [{ "variant": "on", "conditions": [{ "attribute": "country", "operator": "eq", "value": "DE" }] }],
            "allow": ["v1", "v2"], "tags": ["a", "b"], "expectedLifetimeDays": 30, "reason": "because of it",
        }))
        .unwrap();
        assert_eq!(by_form, by_json.patch(None).unwrap());
    }

    #[test]
    fn bad_lines_and_values_are_refused() {
        assert!(form("rules=country+equals+DE").unwrap_err().contains("Line 1"));
        assert!(serde_json::from_value::<FlagBody>(json!({ "percentage": 101 })).is_err());
    }

    #[test]
    fn what_was_not_touched_is_left_out() {
        let loaded =
            json!({ "whole": true, "notes": "old", "tags": "a, b", "rules": "country eq DE -> on", "expectedLifetimeDays": "30" }).to_string();
        let loaded: String = form_urlencoded::byte_serialize(loaded.as_bytes()).collect();
        let body = format!("whole=true&notes=new&tags=a,b&rules=country+eq+DE+-%3E+on&expectedLifetimeDays=30&version=4&loaded={loaded}");
        let patch = form(&body).unwrap().patch(None).unwrap();
        assert_eq!(patch, Patch { notes: Some("new".into()), version: Some(4), ..Patch::default() });
    }
}
