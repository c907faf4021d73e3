//! The steps, in their order.

use serde::Serialize;
use utoipa::ToSchema;

use super::compile::{Compiled, CompiledRule, Serve};
use super::snapshot::Flags;
use super::subject::{Subject, bucket_by};
use super::{Missing, Reason};

/// Chains of prerequisites are refused from this length on when they are saved, and not followed further when they are asked.
pub const DEPTH: usize = 10;

/// The step that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The flag is off.
    Enabled,
    /// Another flag did not give what it must.
    Prerequisites,
    /// The context does not belong to the scope.
    Scope,
    /// The bucket key is on the deny list.
    Deny,
    /// The bucket key is on the allow list.
    Allow,
    /// A rule matched.
    Rules,
    /// The percentage.
    Rollout,
    /// A flag of the control center itself: the maintenance state.
    Reserved,
}

/// What the steps came to. `variant` is `None` when there is no off variant.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub step: Step,
    pub variant: Option<usize>,
    pub reason: Reason,
    pub missing: Option<Missing>,
    /// The rule that matched, from 0.
    pub rule: Option<usize>,
    /// The hash that was compared.
    pub hash: Option<u32>,
}

impl Compiled {
    /// Decides for a subject. `depth` counts prerequisites of prerequisites.
    pub fn decide(&self, flags: &Flags, subject: &Subject<'_>, depth: usize) -> Outcome {
        let off = |step, reason| Outcome { step, variant: self.off, reason, missing: None, rule: None, hash: None };
        if !self.enabled {
            return off(Step::Enabled, Reason::Disabled);
        }
        if !self.prerequisites.iter().all(|needs| met(needs, flags, subject, depth)) {
            return off(Step::Prerequisites, Reason::Default);
        }
        if !subject.within(self.scope) {
            let missing = matches!(bucket_by(self.scope), Missing::Attribute(_)).then(|| bucket_by(self.scope));
            return Outcome { missing, ..off(Step::Scope, Reason::Default) };
        }
        if let Some(key) = subject.bucket_key(self.scope) {
            if self.deny.contains(key) {
                return off(Step::Deny, Reason::TargetingMatch);
            }
            if self.allow.contains(key) {
                return Outcome { variant: Some(self.on), ..off(Step::Allow, Reason::TargetingMatch) };
            }
        }
        match self.rules.iter().position(|rule| rule.matches(subject)) {
            Some(place) => self.by_rule(place, subject, off(Step::Rules, Reason::TargetingMatch)),
            None => self.by_rollout(subject, off(Step::Rollout, Reason::Split)),
        }
    }

    fn by_rule(&self, place: usize, subject: &Subject<'_>, outcome: Outcome) -> Outcome {
        let outcome = Outcome { rule: Some(place), ..outcome };
        match self.rules.get(place).map(|rule| &rule.serve) {
            None => outcome,
            Some(Serve::One(variant)) => Outcome { variant: Some(*variant), ..outcome },
            Some(Serve::Split(ends, prefix)) => {
                // One share has everything: nothing is split, and no key is needed.
                if let Some((variant, _)) = whole(ends) {
                    return Outcome { variant: Some(variant), ..outcome };
                }
                let outcome = Outcome { reason: Reason::Split, ..outcome };
                let Some(key) = subject.bucket_key(self.scope) else { return Outcome { missing: Some(bucket_by(self.scope)), ..outcome } };
                let hash = prefix.feed(key.as_bytes()).finish();
                let share = ends.iter().find(|(_, end)| u64::from(hash) < *end).map(|(variant, _)| *variant);
                Outcome { variant: share.or(self.off), hash: Some(hash), ..outcome }
            }
        }
    }

    fn by_rollout(&self, subject: &Subject<'_>, outcome: Outcome) -> Outcome {
        let same_for_all = if self.targeted { Reason::Default } else { Reason::Static };
        match self.threshold {
            0 => Outcome { reason: same_for_all, ..outcome },
            all if all > u64::from(u32::MAX) => Outcome { variant: Some(self.on), reason: same_for_all, ..outcome },
            some => {
                let Some(key) = subject.bucket_key(self.scope) else { return Outcome { missing: Some(bucket_by(self.scope)), ..outcome } };
                let hash = self.prefix.feed(key.as_bytes()).finish();
                let variant = if u64::from(hash) < some { Some(self.on) } else { self.off };
                Outcome { variant, hash: Some(hash), ..outcome }
            }
        }
    }
}

impl CompiledRule {
    /// Whether all its conditions hold.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.conditions.as_ref().is_some_and(|conditions| conditions.iter().all(|condition| condition.holds(subject.context)))
    }
}

/// The share that has all of 2³², if one has.
fn whole(ends: &[(usize, u64)]) -> Option<(usize, u64)> {
    let begins = std::iter::once(0).chain(ends.iter().map(|(_, end)| *end));
    ends.iter().zip(begins).find(|((_, end), begin)| end - begin == 1 << 32).map(|(share, _)| *share)
}

/// Whether a prerequisite gives what it must.
pub fn met((place, wanted): &(Option<usize>, String), flags: &Flags, subject: &Subject<'_>, depth: usize) -> bool {
    let found = place.and_then(|place| Some((place, flags.at(place)?)));
    let Some((place, other)) = found.filter(|_| depth < DEPTH) else { return false };
    // Many flags may need the same one: it is decided once for a subject.
    let given = subject.given(place, || other.decide(flags, subject, depth + 1).variant);
    given.and_then(|variant| other.variants.get(variant)).is_some_and(|(name, _)| name == wanted)
}
