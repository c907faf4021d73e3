//! What a flag may look like: every limit, checked all at once.

use std::collections::HashSet;

use qd_core::error::FieldError;
use qd_core::{Error, Result};
use serde_json::Value;

use super::{Definition, Kind, Percent, Rule, Variant};
use crate::features::flags::evaluate::condition_fault;

/// Most flags that are not archived.
pub const FLAGS_MAX: i64 = 2_000;
/// Most variants of a flag.
pub const VARIANTS_MAX: usize = 20;
/// Most rules of a flag.
pub const RULES_MAX: usize = 50;
/// Most entries of an allow or deny list.
pub const LIST_MAX: usize = 1_000;
/// Longest notes, in characters.
pub const NOTES_MAX: usize = 4_000;
const CONDITIONS_MAX: usize = 20;
const PREREQUISITES_MAX: usize = 10;
const NAME_MAX: usize = 60;
const BUCKET_KEY_MAX: usize = 200;
const TAGS_MAX: usize = 20;
const METADATA_MAX: usize = 20;
/// Longest text of metadata, in characters.
const METADATA_TEXT: usize = 500;
const DAYS_MAX: i64 = 3_650;
/// Largest value of a variant, in bytes of JSON.
const VALUE_MAX: usize = 16 * 1024;
/// Largest definition, in bytes of JSON: revisions keep it whole.
const WHOLE_MAX: usize = 256 * 1024;
/// The largest whole number that every JSON reader keeps exact.
const EXACT: i64 = (1 << 53) - 1;

/// What is wrong with a key, in a sentence.
pub fn key_fault(key: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if key.starts_with("ops.") {
        return Some("Keys that start with ops. belong to the control center.");
    }
    let shape = (1..=100).contains(&key.len()) && key.starts_with(plain) && key.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'));
    (!shape).then_some("Use 1 to 100 of a-z, 0-9, dot, underscore and hyphen, starting with a letter or digit.")
}

/// Collects what is wrong.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn check(&mut self, good: bool, field: &str, detail: &str) {
        if !good {
            self.0.push(FieldError { field: field.into(), detail: detail.into() });
        }
    }

    fn line(&mut self, text: &str, most: usize, field: &str, detail: &str) {
        self.check(text.chars().count() <= most && !text.chars().any(char::is_control), field, detail);
    }
}

impl Definition {
    /// Trimmed words; lists without repetitions; a boolean flag without variants gets on and off.
    #[must_use]
    pub(in crate::features::flags) fn tidy(mut self) -> Self {
        if self.variants.is_empty() && self.kind == Kind::Boolean {
            self.variants = vec![Variant { name: "on".into(), value: true.into() }, Variant { name: "off".into(), value: false.into() }];
            (self.on_variant, self.off_variant) = ("on".into(), Some("off".into()));
        }
        if self.on_variant.is_empty() {
            self.on_variant = self.variants.first().map(|variant| variant.name.clone()).unwrap_or_default();
        }
        for list in [&mut self.allow, &mut self.deny, &mut self.tags] {
            let mut seen = HashSet::new();
            *list = std::mem::take(list)
                .into_iter()
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty() && seen.insert(word.clone()))
                .collect();
        }
        for text in [&mut self.notes, &mut self.salt] {
            *text = text.trim().to_owned();
        }
        self.environment = self.environment.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        self
    }

    /// Whether it may be saved.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub(in crate::features::flags) fn checked(self) -> Result<Self> {
        let mut faults = Faults::default();
        self.check_variants(&mut faults);
        self.check_lists(&mut faults);
        self.check_words(&mut faults);
        faults.check(self.rules.len() <= RULES_MAX, "rules", "Use at most 50 rules.");
        for (index, rule) in self.rules.iter().enumerate() {
            self.check_rule(rule, &format!("rules[{index}]"), &mut faults);
        }
        let size = serde_json::to_string(&self)?.len();
        faults.check(size <= WHOLE_MAX, "rules", "This flag is larger than 256 kB. Shorten values, rules or lists.");
        if faults.0.is_empty() { Ok(self) } else { Err(Error::Invalid(faults.0)) }
    }

    fn check_variants(&self, faults: &mut Faults) {
        faults.check((1..=VARIANTS_MAX).contains(&self.variants.len()), "variants", "Give 1 to 20 variants.");
        let names: HashSet<_> = self.variants.iter().map(|variant| variant.name.as_str()).collect();
        faults.check(names.len() == self.variants.len(), "variants", "Give every variant a name of its own.");
        for (index, variant) in self.variants.iter().enumerate() {
            let field = format!("variants[{index}]");
            let named = !variant.name.trim().is_empty() && variant.name.trim() == variant.name;
            faults.check(named, &format!("{field}.name"), "Give a name of 1 to 60 characters.");
            faults.line(&variant.name, NAME_MAX, &format!("{field}.name"), "Give a name of 1 to 60 characters.");
            if let Some(detail) = value_fault(self.kind, &variant.value) {
                faults.check(false, &format!("{field}.value"), detail);
            }
        }
        faults.check(self.variant(&self.on_variant).is_some(), "onVariant", "Name one of the variants.");
        let off = self.off_variant.as_deref().is_none_or(|name| self.variant(name).is_some());
        faults.check(off, "offVariant", "Name one of the variants, or none for the application's own default.");
    }

    fn check_rule(&self, rule: &Rule, field: &str, faults: &mut Faults) {
        faults.line(&rule.name, NAME_MAX, &format!("{field}.name"), "Use at most 60 characters.");
        faults.check(rule.conditions.len() <= CONDITIONS_MAX, &format!("{field}.conditions"), "Use at most 20 conditions.");
        for (index, condition) in rule.conditions.iter().enumerate() {
            if let Some(detail) = condition_fault(condition) {
                faults.check(false, &format!("{field}.conditions[{index}].value"), detail);
            }
        }
        let one = rule.variant.is_some() == rule.split.is_empty();
        faults.check(one, &format!("{field}.variant"), "Serve either one variant or a split.");
        let known = rule.variant.iter().chain(rule.split.iter().map(|share| &share.variant)).all(|name| self.variant(name).is_some());
        faults.check(known, &format!("{field}.variant"), "Serve variants of this flag.");
        let sum: i64 = rule.split.iter().map(|share| share.percentage.basis_points()).sum();
        let whole = rule.split.is_empty() || (rule.split.len() <= VARIANTS_MAX && sum == Percent::ALL.basis_points());
        faults.check(whole, &format!("{field}.split"), "Give at most 20 shares that sum up to 100 percent.");
    }

    fn check_lists(&self, faults: &mut Faults) {
        for (field, list) in [("allow", &self.allow), ("deny", &self.deny)] {
            faults.check(list.len() <= LIST_MAX, field, "Give at most 1,000 keys.");
            let short = list.iter().all(|key| key.chars().count() <= BUCKET_KEY_MAX && !key.chars().any(char::is_control));
            faults.check(short, field, "Give keys of at most 200 characters.");
        }
        let denied: HashSet<_> = self.deny.iter().collect();
        faults.check(!self.allow.iter().any(|key| denied.contains(key)), "allow", "No key may be on both lists.");
        let flags: HashSet<_> = self.prerequisites.iter().map(|needs| &needs.flag).collect();
        let good = self.prerequisites.len() <= PREREQUISITES_MAX && flags.len() == self.prerequisites.len();
        faults.check(good, "prerequisites", "Name at most 10 other flags, each once.");
    }

    fn check_words(&self, faults: &mut Faults) {
        faults.line(&self.salt, NAME_MAX, "salt", "Use at most 60 characters.");
        let printable = !self.notes.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        faults.check(self.notes.chars().count() <= NOTES_MAX && printable, "notes", "Use at most 4,000 characters.");
        let good = |tag: &String| tag.chars().count() <= NAME_MAX && !tag.chars().any(char::is_control);
        faults.check(self.tags.len() <= TAGS_MAX && self.tags.iter().all(good), "tags", "Give at most 20 tags of at most 60 characters each.");
        let days = self.expected_lifetime_days.is_none_or(|days| (1..=DAYS_MAX).contains(&days));
        faults.check(days, "expectedLifetimeDays", "Give 1 to 3,650 days.");
        let good = |(name, value): (&String, &Value)| {
            let named = (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
            named && metadata_fits(value)
        };
        let few = self.metadata.len() <= METADATA_MAX && self.metadata.iter().all(good);
        faults.check(few, "metadata", "Give at most 20 texts of at most 500 characters, numbers, true or false, each under a name.");
        if let Some(environment) = &self.environment {
            faults.line(environment, NAME_MAX, "environment", "Use at most 60 characters.");
        }
    }
}

/// The protocol knows no other kinds.
fn metadata_fits(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= METADATA_TEXT,
        Value::Number(_) | Value::Bool(_) => true,
        _ => false,
    }
}

/// What is wrong with a variant's value.
fn value_fault(kind: Kind, value: &Value) -> Option<&'static str> {
    let exact = |number: &serde_json::Number| match number.as_i64() {
        Some(whole) => whole.abs() <= EXACT,
        None => !number.is_u64(),
    };
    let size = serde_json::to_string(value).map_or(usize::MAX, |text| text.len());
    match (kind, value) {
        _ if size > VALUE_MAX => Some("Use at most 16 kB."),
        (Kind::Boolean, Value::Bool(_)) | (Kind::String, Value::String(_)) | (Kind::Json, _) => None,
        (Kind::Number, Value::Number(number)) if exact(number) => None,
        (Kind::Number, Value::Number(_)) => Some("Give a number that every reader keeps exact: within ±9007199254740991."),
        (Kind::Boolean, _) => Some("Give true or false."),
        (Kind::String, _) => Some("Give a text."),
        (Kind::Number, _) => Some("Give a number."),
    }
}
