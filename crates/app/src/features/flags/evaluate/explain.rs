//! Why a flag gave what it gave: the same decision, told step by step.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::bucket::threshold;
use super::compile::{Compiled, Serve};
use super::condition::attribute;
use super::decide::{Outcome, Step, met};
use super::snapshot::{Flags, Snapshot};
use super::subject::{Subject, bucket_by};
use super::{Context, Reason};
use crate::features::flags::definition::{Operator, Percent};

/// Why a flag gave what it gave.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Key of the flag.
    pub key: String,
    /// The published revision that decided.
    pub revision: i64,
    /// What it gives; `null`: the application's own default.
    pub value: Option<Value>,
    /// Name of the variant; empty when there is none.
    pub variant: String,
    /// Why, in OpenFeature's words.
    pub reason: Reason,
    /// The step that decided.
    pub decided_by: Step,
    /// What the context lacked: `targetingKey`, `vendorId`.
    pub missing: Option<String>,
    /// The attribute that percentages and lists look at.
    pub bucket_by: String,
    /// Its value in this context.
    pub bucket_key: Option<String>,
    /// What is hashed for the rollout: `key:salt:bucketKey`.
    pub hashed: Option<String>,
    /// The rollout's hash, 0 to 4,294,967,295: the bucket.
    pub bucket: Option<u32>,
    /// The bucket as a share of all, in percent: in as soon as the rollout is above it.
    pub bucket_percent: Option<f64>,
    /// Hashes below this are in.
    pub threshold: u64,
    /// The rollout.
    pub rollout_percentage: Percent,
    /// Other flags that come first.
    pub prerequisites: Vec<PrerequisiteVerdict>,
    /// Its rules, up to the one that matched.
    pub rules: Vec<RuleVerdict>,
    /// The rule that matched, from 0.
    pub matched_rule: Option<usize>,
    /// The hash that dealt the shares of the rule's split.
    pub split_hash: Option<u32>,
}

/// What became of a prerequisite.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrerequisiteVerdict {
    /// Key of the other flag.
    pub flag: String,
    /// What it must give.
    pub needed: String,
    /// What it gives; `null` when there is no such flag.
    pub given: Option<String>,
    /// Whether that is enough.
    pub met: bool,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleVerdict {
    /// Its place, from 0.
    pub index: usize,
    /// What people call it.
    pub name: String,
    /// Whether all its conditions hold.
    pub matched: bool,
    /// Its conditions.
    pub conditions: Vec<ConditionVerdict>,
}

/// What became of a condition.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionVerdict {
    /// Name of the attribute.
    pub attribute: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: Value,
    /// What the context says; `null` when it says nothing.
    pub given: Option<Value>,
    /// Whether it holds.
    pub holds: bool,
}

impl Snapshot {
    /// Why a flag gives what it gives; `None`: there is no such flag.
    pub fn explain(&self, key: &str, context: &Context) -> Option<Explanation> {
        let subject = Subject::of(context);
        let Some(flag) = self.flag(key) else { return self.reserved_explanation(key, context) };
        let outcome = flag.decide(self.flags(), &subject, 0);
        let evaluation = flag.evaluation(outcome);
        let bucket_key = subject.bucket_key(flag.scope);
        let bucket = bucket_key.map(|key| flag.prefix.feed(key.as_bytes()).finish());
        let split = outcome.rule.and_then(|rule| flag.rules.get(rule)).is_some_and(|rule| matches!(rule.serve, Serve::Split(..)));
        Some(Explanation {
            key: key.into(),
            revision: self.revision,
            value: evaluation.value.cloned(),
            variant: evaluation.variant.into(),
            reason: evaluation.reason,
            decided_by: outcome.step,
            missing: evaluation.missing.map(|missing| missing.name().into()),
            bucket_by: bucket_by(flag.scope).name().into(),
            bucket_key: bucket_key.map(str::to_owned),
            hashed: bucket_key.map(|bucket_key| format!("{key}:{}:{bucket_key}", flag.definition.salt)),
            bucket,
            bucket_percent: bucket.map(share),
            threshold: threshold(flag.definition.rollout_percentage.basis_points()),
            rollout_percentage: flag.definition.rollout_percentage,
            prerequisites: flag.prerequisite_verdicts(self.flags(), &subject),
            rules: if reached(outcome.step) { flag.rule_verdicts(&subject, outcome) } else { Vec::new() },
            matched_rule: outcome.rule,
            split_hash: outcome.hash.filter(|_| split),
        })
    }

    fn reserved_explanation(&self, key: &str, context: &Context) -> Option<Explanation> {
        let evaluation = self.evaluate(key, context)?;
        Some(Explanation {
            key: key.into(),
            revision: self.revision,
            value: evaluation.value.cloned(),
            variant: evaluation.variant.into(),
            reason: evaluation.reason,
            decided_by: Step::Reserved,
            missing: None,
            bucket_by: "vendorId".into(),
            bucket_key: None,
            hashed: None,
            bucket: None,
            bucket_percent: None,
            threshold: threshold(Percent::ALL.basis_points()),
            rollout_percentage: Percent::ALL,
            prerequisites: Vec::new(),
            rules: Vec::new(),
            matched_rule: None,
            split_hash: None,
        })
    }
}

/// Whether the rules were looked at.
fn reached(step: Step) -> bool {
    matches!(step, Step::Rules | Step::Rollout)
}

/// A bucket in percent.
fn share(bucket: u32) -> f64 {
    f64::from(bucket) * 100.0 / 4_294_967_296.0
}

impl Compiled {
    fn prerequisite_verdicts(&self, flags: &Flags, subject: &Subject<'_>) -> Vec<PrerequisiteVerdict> {
        let verdict = |(needs, place): (&crate::features::flags::definition::Prerequisite, &(Option<usize>, String))| {
            let other = place.0.and_then(|place| flags.at(place));
            let given = other.map(|other| other.evaluation(other.decide(flags, subject, 1)).variant.to_owned());
            PrerequisiteVerdict { flag: needs.flag.clone(), needed: needs.variant.clone(), given, met: met(place, flags, subject, 0) }
        };
        self.definition.prerequisites.iter().zip(&self.prerequisites).map(verdict).collect()
    }

    fn rule_verdicts(&self, subject: &Subject<'_>, outcome: Outcome) -> Vec<RuleVerdict> {
        let upto = outcome.rule.map_or(self.rules.len(), |rule| rule + 1);
        let rules = self.definition.rules.iter().zip(&self.rules).enumerate().take(upto);
        rules
            .map(|(index, (rule, ready))| {
                let holds = |place: usize| ready.conditions.as_ref().and_then(|all| all.get(place)).is_some_and(|one| one.holds(subject.context));
                let conditions = rule.conditions.iter().enumerate().map(|(place, condition)| ConditionVerdict {
                    attribute: condition.attribute.clone(),
                    operator: condition.operator,
                    value: condition.value.clone(),
                    given: attribute(subject.context, &condition.attribute).cloned(),
                    holds: holds(place),
                });
                RuleVerdict { index, name: rule.name.clone(), matched: ready.matches(subject), conditions: conditions.collect() }
            })
            .collect()
    }
}
