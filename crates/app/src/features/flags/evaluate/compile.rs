//! A flag, prepared for deciding.

use std::collections::HashSet;

use serde_json::Value;

use super::bucket::{Hash, SPLIT_SEED, threshold};
use super::condition::Ready;
use crate::features::flags::definition::{Definition, Rule, Scope};

/// A flag, prepared for deciding. Variants are numbers into its list.
#[derive(Debug)]
pub struct Compiled {
    pub enabled: bool,
    pub scope: Scope,
    /// How many of 2³² hashes are in.
    pub threshold: u64,
    /// Hash of `key:salt:`.
    pub prefix: Hash,
    pub variants: Vec<(String, Value)>,
    pub on: usize,
    pub off: Option<usize>,
    pub allow: HashSet<String>,
    pub deny: HashSet<String>,
    pub rules: Vec<CompiledRule>,
    /// Place of the other flag in the snapshot, and the name of the variant that it must give; `None`: there is no such flag.
    pub prerequisites: Vec<(Option<usize>, String)>,
    /// Whether anything but scope and percentage can decide.
    pub targeted: bool,
    /// What people decided, for explaining.
    pub definition: Definition,
}

/// A rule, prepared.
#[derive(Debug)]
pub struct CompiledRule {
    /// `None`: a condition can't be read any more, and the rule matches nobody.
    pub conditions: Option<Vec<Ready>>,
    pub serve: Serve,
}

/// What a rule serves.
#[derive(Debug)]
pub enum Serve {
    /// One variant.
    One(usize),
    /// Variants with the upper end of their share of 2³², and the hash of `key:salt:` under the split's seed.
    Split(Vec<(usize, u64)>, Hash),
}

impl Compiled {
    /// Prepares a flag; `place` finds other flags in the snapshot.
    pub fn of(key: &str, definition: &Definition, place: impl Fn(&str) -> Option<usize>) -> Self {
        let named = |name: &str| definition.variants.iter().position(|variant| variant.name == name);
        let prefix = |seed: u32| Hash::new(seed).feed(key.as_bytes()).feed(b":").feed(definition.salt.as_bytes()).feed(b":");
        let set = |list: &[String]| list.iter().cloned().collect::<HashSet<_>>();
        let prerequisites = definition.prerequisites.iter().map(|needs| (place(&needs.flag), needs.variant.clone())).collect();
        let plain = definition.rules.is_empty() && definition.allow.is_empty() && definition.deny.is_empty() && definition.prerequisites.is_empty();
        Self {
            enabled: definition.enabled,
            scope: definition.scope,
            threshold: threshold(definition.rollout_percentage.basis_points()),
            prefix: prefix(0),
            variants: definition.variants.iter().map(|variant| (variant.name.clone(), variant.value.clone())).collect(),
            on: named(&definition.on_variant).unwrap_or(usize::MAX),
            off: definition.off_variant.as_deref().and_then(named),
            allow: set(&definition.allow),
            deny: set(&definition.deny),
            rules: definition.rules.iter().map(|rule| CompiledRule::of(rule, named, prefix)).collect(),
            prerequisites,
            targeted: !plain,
            definition: definition.clone(),
        }
    }
}

impl CompiledRule {
    fn of(rule: &Rule, named: impl Fn(&str) -> Option<usize>, prefix: impl Fn(u32) -> Hash) -> Self {
        let place = |name: &str| named(name).unwrap_or(usize::MAX);
        let serve = match &rule.variant {
            Some(name) => Serve::One(place(name)),
            None => {
                let mut sum = 0;
                let mut upto = |points: i64| {
                    sum += points;
                    threshold(sum)
                };
                let ends = rule.split.iter().map(|share| (place(&share.variant), upto(share.percentage.basis_points()))).collect();
                Serve::Split(ends, prefix(rule.seed.unwrap_or(SPLIT_SEED)))
            }
        };
        Self { conditions: rule.conditions.iter().map(|condition| Ready::of(condition).ok()).collect(), serve }
    }
}
