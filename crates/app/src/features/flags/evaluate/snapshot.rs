//! All flags of one revision, ready to decide, never changed.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::compile::Compiled;
use super::decide::Outcome;
use super::subject::Subject;
use super::{Context, Evaluation, Reason};
use crate::features::flags::definition::Definition;

const READ_ONLY: &str = "ops.read_only";
const READ_ONLY_VENDOR: &str = "ops.read_only.vendor";
const QUEUE_DRAIN: &str = "ops.queue_drain";

static YES: Value = Value::Bool(true);
static NO: Value = Value::Bool(false);

/// What the reserved flags tell: the maintenance state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// All writes are blocked: `ops.read_only`.
    pub read_only: bool,
    /// All vendors' writes are blocked: `ops.read_only.vendor`.
    pub all_vendors: bool,
    /// The writes of these vendors are blocked.
    pub vendors: HashSet<String>,
    /// Queues are drained: `ops.queue_drain`.
    pub queue_drain: bool,
}

impl Reserved {
    fn evaluate(&self, key: &str, subject: &Subject<'_>) -> Option<Evaluation<'static>> {
        use crate::features::flags::definition::Scope::Vendor;
        let (on, reason) = match key {
            READ_ONLY => (self.read_only, Reason::Static),
            QUEUE_DRAIN => (self.queue_drain, Reason::Static),
            READ_ONLY_VENDOR if self.all_vendors || self.vendors.is_empty() => (self.all_vendors, Reason::Static),
            READ_ONLY_VENDOR => match subject.bucket_key(Vendor).is_some_and(|vendor| self.vendors.contains(vendor)) {
                true => (true, Reason::TargetingMatch),
                false => (false, Reason::Default),
            },
            _ => return None,
        };
        let (value, variant) = if on { (&YES, "on") } else { (&NO, "off") };
        Some(Evaluation { value: Some(value), variant, reason, missing: None, metadata: None })
    }
}

/// The flags by place.
#[derive(Debug, Default)]
pub struct Flags(Vec<Compiled>);

impl Flags {
    /// The flag at a place.
    pub fn at(&self, place: usize) -> Option<&Compiled> {
        self.0.get(place)
    }
}

/// All flags of one revision.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The published revision that it belongs to.
    pub revision: i64,
    keys: Vec<String>,
    places: HashMap<String, usize>,
    flags: Flags,
    reserved: Reserved,
}

impl Snapshot {
    /// From definitions by key.
    pub fn new<'d>(revision: i64, definitions: impl IntoIterator<Item = (&'d str, &'d Definition)>, reserved: Reserved) -> Self {
        let definitions: Vec<_> = definitions.into_iter().collect();
        let places: HashMap<String, usize> = definitions.iter().enumerate().map(|(place, (key, _))| ((*key).to_owned(), place)).collect();
        let flags = definitions.iter().map(|(key, definition)| Compiled::of(key, definition, |other| places.get(other).copied()));
        let flags = Flags(flags.collect());
        let own = [READ_ONLY, READ_ONLY_VENDOR, QUEUE_DRAIN].into_iter();
        let mut keys: Vec<String> = definitions.iter().map(|(key, _)| *key).chain(own).map(str::to_owned).collect();
        keys.sort_unstable();
        Self { revision, keys, places, flags, reserved }
    }

    /// All keys in order, the reserved ones among them.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// What a flag gives; `None`: there is no such flag.
    pub fn evaluate(&self, key: &str, context: &Context) -> Option<Evaluation<'_>> {
        self.one(key, &Subject::of(context))
    }

    /// What every flag gives, by key.
    pub fn evaluate_all<'s>(&'s self, context: &'s Context) -> impl Iterator<Item = (&'s str, Evaluation<'s>)> {
        let subject = Subject::of(context);
        self.keys().filter_map(move |key| Some((key, self.one(key, &subject)?)))
    }

    fn one(&self, key: &str, subject: &Subject<'_>) -> Option<Evaluation<'_>> {
        match self.flag(key) {
            Some(flag) => Some(flag.evaluation(flag.decide(&self.flags, subject, 0))),
            None => self.reserved.evaluate(key, subject),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Option<&Compiled> {
        self.places.get(key).and_then(|place| self.flags.at(*place))
    }

    pub(super) fn flags(&self) -> &Flags {
        &self.flags
    }
}

impl Compiled {
    /// An outcome in words and values.
    pub fn evaluation(&self, outcome: Outcome) -> Evaluation<'_> {
        let variant = outcome.variant.and_then(|variant| self.variants.get(variant));
        let (name, value) = variant.map_or(("", None), |(name, value)| (name.as_str(), Some(value)));
        let metadata = Some(&self.definition.metadata).filter(|metadata| !metadata.is_empty());
        Evaluation { value, variant: name, reason: outcome.reason, missing: outcome.missing, metadata }
    }
}
