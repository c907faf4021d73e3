//! Who asks, read out of a context once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use super::{Context, Missing};
use crate::features::flags::definition::Scope;

/// The parts of a context that every flag looks at.
pub struct Subject<'c> {
    pub context: &'c Context,
    targeting_key: Option<Cow<'c, str>>,
    vendor: Option<Cow<'c, str>>,
    admin: bool,
    customer: bool,
    /// What flags that others need gave already, by their place in the snapshot.
    given: RefCell<HashMap<usize, Option<usize>>>,
}

impl<'c> Subject<'c> {
    pub fn of(context: &'c Context) -> Self {
        let (mut admin, mut customer) = (false, false);
        let mut role = |word: &str| match word {
            "ADMIN" | "SUPER_ADMIN" => admin = true,
            "CUSTOMER" => customer = true,
            _ => {}
        };
        match context.get("role") {
            Some(Value::String(word)) => role(word),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).for_each(role),
            _ => {}
        }
        Self { context, targeting_key: key(context, "targetingKey"), vendor: key(context, "vendorId"), admin, customer, given: RefCell::default() }
    }

    /// The variant of the flag at a place: as it was decided before, or now.
    pub fn given(&self, place: usize, decide: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if let Some(known) = self.given.borrow().get(&place) {
            return *known;
        }
        let variant = decide();
        self.given.borrow_mut().insert(place, variant);
        variant
    }

    /// The key that the scope's percentages and lists look at.
    pub fn bucket_key(&self, scope: Scope) -> Option<&str> {
        match scope {
            Scope::Vendor => self.vendor.as_deref(),
            _ => self.targeting_key.as_deref(),
        }
    }

    /// Whether the context belongs to the scope at all.
    pub fn within(&self, scope: Scope) -> bool {
        match scope {
            Scope::Global => true,
            Scope::Admin => self.admin,
            Scope::Customer => self.customer,
            Scope::Vendor => self.vendor.is_some(),
        }
    }
}

/// What a scope's bucket key is called.
pub fn bucket_by(scope: Scope) -> Missing {
    match scope {
        Scope::Vendor => Missing::Attribute("vendorId"),
        _ => Missing::TargetingKey,
    }
}

/// Text that is not empty, or a whole number in decimal digits.
fn key<'c>(context: &'c Context, name: &str) -> Option<Cow<'c, str>> {
    match context.get(name)? {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
