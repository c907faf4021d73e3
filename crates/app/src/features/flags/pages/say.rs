//! Flags in words: what they do now, and what a change would do.

use qd_core::Timestamp;
use serde_json::Value;

use crate::features::flags::definition::{Definition, Flag, Percent, Person, Scope};
use crate::ui::format;

/// Who did something, for people: parts of the program have no name that they know.
pub fn who(person: &Person) -> &str {
    if person.id.starts_with("system:") { "Quarterdeck" } else { &person.name }
}

/// Whom a scope is about, in the plural.
pub fn people(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "users",
        Scope::Admin => "admins",
        Scope::Vendor => "vendors",
        Scope::Customer => "customers",
    }
}

/// The attribute that a scope's percentages and lists look at.
pub fn bucket(scope: Scope) -> &'static str {
    match scope {
        Scope::Vendor => "vendorId",
        _ => "targetingKey",
    }
}

/// What a variant gives: `on (true)`.
pub fn gives(definition: &Definition, variant: &str) -> String {
    match definition.variant(variant).map(|variant| &variant.value) {
        Some(value) => format!("{variant} ({})", short(value)),
        None => variant.to_owned(),
    }
}

/// What those outside get.
pub fn otherwise(definition: &Definition) -> String {
    definition.off_variant.as_deref().map_or_else(|| "the application's own default".to_owned(), |variant| gives(definition, variant))
}

/// A value in at most 40 characters.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { format!("{}…", text.chars().take(39).collect::<String>()) }
}

/// Who is in by percentage: `all vendors`, `no vendors`, `25 % of vendors`.
pub fn share(scope: Scope, percent: Percent) -> String {
    match percent {
        Percent::ALL => format!("all {}", people(scope)),
        Percent::NONE => format!("no {}", people(scope)),
        some => format!("{some} of {}", people(scope)),
    }
}

/// What stands before the percentage, if anything: `2 rules and 1 list decide first.`
pub fn first(definition: &Definition) -> String {
    let counted = |n: usize, one: &str, many: &str| (n > 0).then(|| format::count(i64::try_from(n).unwrap_or(i64::MAX), one, many));
    let lists = usize::from(!definition.allow.is_empty()) + usize::from(!definition.deny.is_empty());
    let parts = [
        counted(definition.prerequisites.len(), "prerequisite", "prerequisites"),
        counted(lists, "list", "lists"),
        counted(definition.rules.len(), "rule", "rules"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let total = definition.prerequisites.len() + lists + definition.rules.len();
    match parts.as_slice() {
        [] => String::new(),
        [one] => format!("{one} {} first.", if total == 1 { "decides" } else { "decide" }),
        [before @ .., last] => format!("{} and {last} decide first.", before.join(", ")),
    }
}

/// The state of a flag in a sentence or two.
pub fn state(definition: &Definition) -> String {
    if !definition.enabled {
        return format!("Off: everybody gets {}.", otherwise(definition));
    }
    let who = share(definition.scope, definition.rollout_percentage);
    let rest = if definition.rollout_percentage == Percent::ALL { String::new() } else { format!(", the others {}", otherwise(definition)) };
    let said = format!("On for {who}: they get {}{rest}.", gives(definition, &definition.on_variant));
    format!("{said} {}", first(definition)).trim().to_owned()
}

/// What another percentage means: `5 % → 25 %: 20 % more of vendors see it; nobody loses it.`
pub fn rollout(scope: Scope, from: Percent, to: Percent) -> String {
    let (was, is) = (from.basis_points(), to.basis_points());
    let between = Percent::of_basis_points((is - was).abs()).unwrap_or_default();
    let who = people(scope);
    match is - was {
        0 => format!("It is at {from} already: nothing changes."),
        1.. if to == Percent::ALL => format!("{from} → {to}: all {who} see it; nobody loses it."),
        1.. => format!("{from} → {to}: {between} more of {who} see it; nobody loses it."),
        _ if to == Percent::NONE => format!("{from} → {to}: no {who} see it by percentage any more; {between} of them lose it."),
        _ => format!("{from} → {to}: {between} of {who} lose it; nobody new sees it."),
    }
}

/// When it last changed: today the time, else the day.
pub fn changed(flag: &Flag, now: Timestamp) -> String {
    format::moment(flag.updated_at, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::flags::definition::{Rule, Variant};

    fn percent(points: i64) -> Percent {
        Percent::of_basis_points(points).unwrap()
    }

    #[test]
    fn a_rollout_says_who_gains_and_who_loses() {
        assert_eq!(rollout(Scope::Vendor, percent(500), percent(2_500)), "5 % → 25 %: 20 % more of vendors see it; nobody loses it.");
        assert_eq!(rollout(Scope::Customer, percent(2_500), percent(50)), "25 % → 0.5 %: 24.5 % of customers lose it; nobody new sees it.");
        assert_eq!(rollout(Scope::Global, percent(2_500), Percent::ALL), "25 % → 100 %: all users see it; nobody loses it.");
        assert_eq!(rollout(Scope::Admin, percent(500), Percent::NONE), "5 % → 0 %: no admins see it by percentage any more; 5 % of them lose it.");
        assert_eq!(rollout(Scope::Admin, percent(500), percent(500)), "It is at 5 % already: nothing changes.");
    }

    #[test]
    fn the_state_says_who_gets_what() {
        let variant = |name: &str, value: bool| Variant { name: name.into(), value: value.into() };
        let mut flag = Definition {
            scope: Scope::Vendor,
            rollout_percentage: percent(2_500),
            variants: vec![variant("on", true), variant("off", false)],
            on_variant: "on".into(),
            off_variant: Some("off".into()),
            ..Definition::default()
        };
        assert_eq!(state(&flag), "Off: everybody gets off (false).");
        flag.enabled = true;
        assert_eq!(state(&flag), "On for 25 % of vendors: they get on (true), the others off (false).");
        (flag.rules, flag.allow, flag.off_variant) = (vec![Rule::default(), Rule::default()], vec!["v1".into()], None);
        assert_eq!(
            state(&flag),
            "On for 25 % of vendors: they get on (true), the others the application's own default. 1 list and 2 rules decide first."
        );
    }
}
