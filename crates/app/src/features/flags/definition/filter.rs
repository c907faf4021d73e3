//! Which flags a list gives.

use qd_core::Timestamp;
use uuid::Uuid;

use super::{Flag, Kind, Percent, Scope, Stale};

/// Which flags to list. `None`, `false` and empty texts don't filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of key, notes, tag, or the name of owner or of who changed it last, in any case.
    pub text: Option<String>,
    /// On or off.
    pub enabled: Option<bool>,
    /// Whom it is about.
    pub scope: Option<Scope>,
    /// Kind of the values.
    pub kind: Option<Kind>,
    /// With this tag, in any case.
    pub tag: Option<String>,
    /// Owned by.
    pub owner: Option<Uuid>,
    /// Those that look forgotten, or those that don't.
    pub stale: Option<bool>,
    /// Those that are on and that only some get.
    pub rolling: bool,
    /// Those with a ramp that runs or waits.
    pub ramping: bool,
    /// Those with a planned change.
    pub planned: bool,
    /// Keys after this one: the next page.
    pub after: Option<String>,
    /// Rows a page, 1 to 500; 0 for 100.
    pub limit: usize,
}

/// What stands beside a flag's definition and counts in a [`Filter`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Why it looks forgotten.
    pub stale: Option<Stale>,
    /// A ramp of it runs or waits.
    pub ramping: bool,
    /// When its next planned change is due.
    pub next_change_at: Option<Timestamp>,
}

impl Filter {
    /// Whether a flag is asked for, on whatever page it stands.
    pub fn admits(&self, flag: &Flag, standing: &Standing) -> bool {
        let definition = &flag.definition;
        let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        self.text.as_deref().is_none_or(|part| says(flag, part))
            && self.enabled.is_none_or(|enabled| definition.enabled == enabled)
            && self.scope.is_none_or(|scope| definition.scope == scope)
            && self.kind.is_none_or(|kind| definition.kind == kind)
            && self.tag.as_deref().is_none_or(|tag| definition.tags.iter().any(|own| same(own, tag.trim())))
            && self.owner.is_none_or(|owner| definition.owner_id == Some(owner))
            && self.stale.is_none_or(|wanted| standing.stale.is_some() == wanted)
            && (!self.rolling || flag.rolling())
            && (!self.ramping || standing.ramping)
            && (!self.planned || standing.next_change_at.is_some())
    }

    /// Whether a flag stands on this page or a later one.
    pub fn reaches(&self, flag: &Flag) -> bool {
        self.after.as_deref().is_none_or(|after| flag.key.as_str() > after)
    }

    /// Rows of a page.
    pub fn rows(&self) -> usize {
        if self.limit == 0 { 100 } else { self.limit.min(500) }
    }
}

fn says(flag: &Flag, part: &str) -> bool {
    let (definition, part) = (&flag.definition, part.trim().to_lowercase());
    let words = [&flag.key, &definition.notes, &flag.updated_by.name].into_iter().chain(&definition.tags).chain(&definition.owner_name);
    words.into_iter().any(|word| word.to_lowercase().contains(&part))
}

impl Flag {
    /// Whether it is on, and only some get it.
    pub fn rolling(&self) -> bool {
        let percent = self.definition.rollout_percentage;
        self.definition.enabled && percent != Percent::NONE && percent != Percent::ALL
    }
}
