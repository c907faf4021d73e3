//! What can be asked for about flags.

use serde::Serialize;

use super::{Patch, Percent};

/// A new flag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Create {
    /// Its key and everything else.
    pub fields: Patch,
}

/// Other rules, variants, words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// Key.
    pub flag: String,
    /// What changes.
    pub fields: Patch,
}

/// On or off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Toggle {
    /// Key.
    pub flag: String,
    /// Which of the two; the other one than now if not given.
    pub enabled: Option<bool>,
    /// What else changes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Patch>,
}

/// Off, at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kill {
    /// Key.
    pub flag: String,
}

/// Another percentage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rollout {
    /// Key.
    pub flag: String,
    /// Who is in.
    pub percentage: Percent,
}

/// A lower percentage, at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lower {
    /// Key.
    pub flag: String,
    /// Who is still in.
    pub percentage: Percent,
}

/// As it was at a revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revert {
    /// Key.
    pub flag: String,
    /// Number of the revision.
    pub revision: i64,
}

/// Applications no longer get it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Archive {
    /// Key.
    pub flag: String,
}

/// Applications get it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Restore {
    /// Key.
    pub flag: String,
}

/// The flags that a fresh installation begins with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seed {}

macro_rules! action {
    ($type:ty, $name:literal, $event:literal, $danger:ident, $target:expr $(, $phrase:literal)?) => {
        impl qd_core::gate::Action for $type {
            const NAME: &'static str = $name;
            const EVENT: qd_core::gate::AuditEvent = qd_core::gate::AuditEvent($event);
            const WHO: qd_core::gate::Access = qd_core::gate::Access::OPERATE;
            const DANGER: qd_core::gate::Danger = qd_core::gate::Danger::$danger;

            fn target(&self) -> qd_core::gate::Target {
                let key: fn(&Self) -> &str = $target;
                qd_core::gate::Target::new("flag", key(self))
            }

            $(fn phrase(&self) -> Option<String> {
                Some(format!($phrase, self.flag))
            })?
        }
    };
}

pub(in crate::features::flags) use action;

action!(Create, "flag.create", "CONFIG_FEATURE_FLAG_CREATED", Guarded, |action| action.fields.key.as_deref().unwrap_or("new"));
action!(Update, "flag.update", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(Toggle, "flag.toggle", "CONFIG_FEATURE_FLAG_TOGGLED", Guarded, |action| &action.flag);
action!(Kill, "flag.kill", "CONFIG_FEATURE_FLAG_TOGGLED", Routine, |action| &action.flag);
action!(Rollout, "flag.rollout", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(Lower, "flag.lower", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
action!(Revert, "flag.revert", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(Archive, "flag.archive", "CONFIG_FEATURE_FLAG_ARCHIVED", Destructive, |action| &action.flag, "ARCHIVE {}");
action!(Restore, "flag.restore", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(Seed, "flag.seed", "CONFIG_FEATURE_FLAG_CREATED", Routine, |_| "defaults");
