//! The form of a flag: a new one, and changes of one. A page of its own, so that it works the same with script and without.

use maud::{Markup, html};
use qd_core::gate::Role;
use qd_core::{Error, Result};
use serde_json::{Map, Value};

use super::{list, say, text};
use crate::features::flags::definition::{self, Create, Definition, Flag, Kind, NOTES_MAX, Operator, Patch, Scope, Update};
use crate::features::identity::account::{self, User};
use crate::ui::field::Field;
use crate::web::{Ctx, Dialog, Form};

/// Fields that a change of a flag shows, with their present text.
fn loaded(definition: &Definition) -> Vec<(&'static str, String)> {
    vec![
        ("notes", definition.notes.clone()),
        ("scope", definition.scope.word().into()),
        ("kind", definition.kind.word().into()),
        ("variants", text::of_variants(&definition.variants)),
        ("onVariant", definition.on_variant.clone()),
        ("offVariant", definition.off_variant.clone().unwrap_or_default()),
        ("rules", text::of_rules(&definition.rules)),
        ("allow", definition.allow.join("\n")),
        ("deny", definition.deny.join("\n")),
        ("prerequisites", text::of_prerequisites(&definition.prerequisites)),
        ("ownerId", definition.owner_id.map_or_else(|| "none".into(), |id| id.to_string())),
        ("tags", definition.tags.join(", ")),
        ("environment", definition.environment.clone().unwrap_or_default()),
        ("expectedLifetimeDays", definition.expected_lifetime_days.map(|days| days.to_string()).unwrap_or_default()),
        ("salt", definition.salt.clone()),
    ]
}

/// What the fields show: what was typed, or what is there now.
struct Values<'f> {
    form: &'f Form,
    present: Vec<(&'static str, String)>,
    /// What the form showed when it was loaded, on its way back from a conflict.
    then: Map<String, Value>,
    mistaken: bool,
}

impl<'f> Values<'f> {
    fn new(form: &'f Form, present: Vec<(&'static str, String)>) -> Self {
        let then = serde_json::from_str(form.value("loaded")).unwrap_or_default();
        // After a conflict the next try is about the present version; after a mistake it is still about theirs.
        let mistaken = present.iter().any(|(name, _)| fault(form, name).is_some()) || form.error("reason").is_some() || form.error("add").is_some();
        Self { form, present, then, mistaken }
    }

    /// What they did not touch is as it is now: a save after a conflict takes nothing of somebody else's back.
    fn of(&self, name: &str) -> String {
        let now = || self.present.iter().find(|(field, _)| *field == name).map(|(_, text)| text.clone()).unwrap_or_default();
        let typed = self.form.value(name).replace("\r\n", "\n");
        let before = self.then.get(name).and_then(Value::as_str).unwrap_or_default();
        let touched = typed.trim() != before.trim();
        if self.form.tried() && (self.mistaken || touched) { typed } else { now() }
    }

    /// The hidden field that tells what was loaded. Empty ones are left out, as browsers leave them out.
    fn loaded(&self) -> String {
        if self.mistaken && !self.then.is_empty() {
            return Value::Object(self.then.clone()).to_string();
        }
        let mut map: Map<String, Value> =
            self.present.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| ((*name).into(), Value::String(text.clone()))).collect();
        map.insert("whole".into(), Value::Bool(true));
        Value::Object(map).to_string()
    }
}

/// The fault of a field, or of a part of it (`rules[2].variant`).
fn fault(form: &Form, name: &str) -> Option<String> {
    let part = |prefix: &str| {
        (0..50).find_map(|index| {
            let at = format!("{name}[{index}]");
            let ends = ["", ".name", ".value", ".variant", ".split", ".conditions"];
            let found = ends.into_iter().find_map(|end| form.error(&format!("{at}{end}")));
            let deep = || (0..20).find_map(|place| form.error(&format!("{at}.conditions[{place}].value")));
            found.or_else(deep).map(|detail| format!("{prefix} {}: {detail}", index + 1))
        })
    };
    let own = form.error(name).map(str::to_owned);
    own.or_else(|| match name {
        "rules" => part("Line"),
        "variants" => part("Line"),
        "prerequisites" => part("Line"),
        "allow" | "deny" | "tags" => part("Entry"),
        _ => None,
    })
}

/// A new flag.
pub async fn new(ctx: Ctx, form: Form) -> Result<Dialog> {
    let people = account::list(&ctx.app).await?;
    let start = Definition { environment: None, ..Definition::default() };
    let values = Values::new(&form, loaded(&start));
    let action = Create { fields: Patch::default() };
    let key = Field::mono("key", "Key").value(form.value("key")).required().max_length(100).autocomplete("off").autofocus();
    let on = if form.value("enabled").is_empty() { "false" } else { form.value("enabled") };
    let percent = if form.value("rolloutPercentage").is_empty() { "0" } else { form.value("rolloutPercentage") };
    let fields = html! {
        (first_button())
        (key.hint("What applications ask for: a-z, 0-9, dot, underscore, hyphen. It never changes.").placeholder("checkout.one_page").error(form.error("key")))
        (common(&values, &people, None))
        div.grid-2 {
            (Field::select("enabled", "State", [("false", "Off"), ("true", "On")]).value(on))
            (Field::input("number", "rolloutPercentage", "Rollout in percent").value(percent).range("0", "100", "0.01").error(form.error("rolloutPercentage")))
        }
        (targeting(&values))
        (upkeep(&values))
    };
    Ok(Dialog::of(&action, "Create flag")
        .lead(format!("In {}. Applications get it as soon as it is created.", ctx.app.config.server.environment))
        .icon("flag")
        .fields(fields)
        .submit("Create flag")
        .cancel("/flags")
        .undo("You can archive it."))
}

/// Other rules, variants and words.
pub async fn edit(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = definition::find(&ctx.app, ctx.param("key")?).await?;
    if flag.archived_at.is_some() {
        return Err(Error::Conflict(format!("{} is archived. Restore it first.", flag.key)));
    }
    let people = account::list(&ctx.app).await?;
    let values = Values::new(&form, loaded(&flag.definition));
    let version = if values.mistaken { form.value("version").to_owned() } else { flag.version.to_string() };
    let fields = html! {
        (first_button())
        input type="hidden" name="whole" value="true";
        input type="hidden" name="version" value=(version);
        input type="hidden" name="loaded" value=(values.loaded());
        (common(&values, &people, Some(&flag)))
        (targeting(&values))
        (upkeep(&values))
    };
    let action = Update { flag: flag.key.clone(), fields: Patch::default() };
    Ok(Dialog::of(&action, format!("Edit {}", flag.key))
        .lead(say::state(&flag.definition))
        .icon("pencil")
        .fields(fields)
        .submit("Save the changes")
        .cancel(format!("/flags/{}", flag.key))
        .undo(format!("You can bring back revision {}.", flag.version)))
}

/// Enter in a field saves; without this it would press the first button, which adds a rule.
fn first_button() -> Markup {
    html! { button.vh type="submit" tabindex="-1" aria-hidden="true" { "Save" } }
}

fn common(values: &Values<'_>, people: &[User], flag: Option<&Flag>) -> Markup {
    let error = |name: &str| fault(values.form, name);
    let scopes = Scope::ALL.iter().map(|scope| (scope.word(), format!("{}: looks at {}", list::label(*scope), say::bucket(*scope))));
    let kinds = Kind::ALL.iter().map(|kind| (kind.word(), kind.word()));
    let notes = Field::area("notes", "Notes", 2).value(values.of("notes")).max_length(u32::try_from(NOTES_MAX).unwrap_or(u32::MAX));
    // The form of a change begins here; that of a new flag with the key.
    let notes = if flag.is_some() { notes.autofocus() } else { notes };
    let owned = flag.and_then(|flag| flag.definition.owner_id);
    let can = |user: &&User| user.disabled_at.is_none() && (user.role.includes(Role::Admin) || owned == Some(user.id));
    let owners = std::iter::once(("none".to_owned(), "Nobody".to_owned()))
        .chain(people.iter().filter(can).map(|user| (user.id.to_string(), user.name.clone())));
    html! {
        (notes.hint("What it does and what to look at when it goes wrong. The first line stands in the list.").error(error("notes")))
        div.grid-2 {
            (Field::select("scope", "Scope", scopes).value(values.of("scope")).error(error("scope")))
            (Field::select("ownerId", "Owner", owners).value(values.of("ownerId")).error(error("ownerId")))
        }
        (Field::select("kind", "Kind of the values", kinds).value(values.of("kind")).error(error("kind")))
        (Field::area("variants", "Variants, one a line", 2).value(values.of("variants")).placeholder("on = true\noff = false")
            .hint("A name, =, and a value in JSON. Empty: on = true and off = false.").error(error("variants")))
        div.grid-2 {
            (Field::mono("onVariant", "Those inside get").value(values.of("onVariant")).hint("Name of a variant; empty: the first.").error(error("onVariant")))
            (Field::mono("offVariant", "Those outside get").value(values.of("offVariant")).hint("Empty: the application's own default.").error(error("offVariant")))
        }
    }
}

fn targeting(values: &Values<'_>) -> Markup {
    let error = |name: &str| fault(values.form, name);
    let (rules, unfinished) = built(values);
    let rows = u8::try_from(rules.lines().count().clamp(2, 12)).unwrap_or(12);
    html! {
        (Field::area("rules", "Rules, one a line, the first that matches wins", rows).value(rules).placeholder("country in DE, AT and plan eq pro -> on  # early markets")
            .hint("Conditions joined by and, then -> and what they get: a variant, or shares such as 25 % on, 75 % off. everybody matches all. # names a rule.").error(error("rules")))
        (builder(values, unfinished))
        details.small { summary { "Words that rules know" } p.soft { (words()) } }
        div.grid-2 {
            (Field::area("allow", "Always in, one a line", 2).value(values.of("allow")).hint("Values of vendorId for vendors, of targetingKey for others.").error(error("allow")))
            (Field::area("deny", "Never in, one a line", 2).value(values.of("deny")).hint("Wins over everything below it.").error(error("deny")))
        }
        (Field::area("prerequisites", "Needs first, one a line", 1).value(values.of("prerequisites")).placeholder("payments.v2 = on")
            .hint("Another flag and the variant that it must give.").error(error("prerequisites")))
    }
}

/// The rules' text, with the rule that was put together as its last line; or why that can't be.
fn built(values: &Values<'_>) -> (String, Option<String>) {
    let (form, rules) = (values.form, values.of("rules"));
    if form.value("add").is_empty() {
        return (rules, None);
    }
    let serve = form.value("rule_serve");
    let (attribute, operator, value) = (form.value("rule_attribute").trim(), form.value("rule_operator"), form.value("rule_value").trim());
    if attribute.is_empty() {
        return (rules, Some("Name the attribute that it looks at.".into()));
    }
    let line = format!("{} {operator} {value} -> {}", quoted(attribute), if serve.is_empty() { "on".into() } else { quoted(serve) });
    match text::rules(&line) {
        Ok(_) if rules.trim().is_empty() => (line, None),
        Ok(_) => (format!("{}\n{line}", rules.trim_end()), None),
        Err(fault) => (rules, Some(fault.trim_start_matches("Line 1: ").to_owned())),
    }
}

fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_whitespace() || c == ',') { Value::String(word.to_owned()).to_string() } else { word.to_owned() }
}

/// Selects that put a rule of one condition together; the button brings the form back with the rule in it.
fn builder(values: &Values<'_>, unfinished: Option<String>) -> Markup {
    let kept = |name: &str| if unfinished.is_some() { values.form.value(name).to_owned() } else { String::new() };
    let operators = Operator::ALL.iter().map(|operator| (operator.word(), spoken(*operator)));
    html! {
        fieldset.rulebuild {
            legend.field__label { "Put a rule together" }
            div.grid-2 {
                (Field::mono("rule_attribute", "Attribute").value(kept("rule_attribute")).placeholder("country").error(unfinished.clone()))
                (Field::select("rule_operator", "Comparison", operators).value(kept("rule_operator")))
                (Field::mono("rule_value", "Value, or values with commas").value(kept("rule_value")).placeholder("DE, AT"))
                (Field::mono("rule_serve", "Gets the variant").value(kept("rule_serve")).placeholder("on"))
            }
            button class="btn btn--s" type="submit" name="add" value="rule" formnovalidate { "Add this rule" }
        }
    }
}

/// An operator as people say it.
fn spoken(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "is",
        Operator::Ne => "is not",
        Operator::In => "is one of",
        Operator::NotIn => "is none of",
        Operator::Contains => "contains",
        Operator::StartsWith => "starts with",
        Operator::EndsWith => "ends with",
        Operator::Lt => "is below",
        Operator::Le => "is at most",
        Operator::Gt => "is above",
        Operator::Ge => "is at least",
        Operator::SemverEq => "is the version",
        Operator::SemverLt => "is older than version",
        Operator::SemverLe => "is at most version",
        Operator::SemverGt => "is newer than version",
        Operator::SemverGe => "is at least version",
        Operator::Before => "is before the moment",
        Operator::After => "is after the moment",
        Operator::IsSet => "is given at all",
    }
}

fn words() -> String {
    Operator::ALL.iter().map(|operator| format!("{} ({})", operator.word(), spoken(*operator))).collect::<Vec<_>>().join(", ") + "."
}

fn upkeep(values: &Values<'_>) -> Markup {
    let error = |name: &str| fault(values.form, name);
    html! {
        div.grid-2 {
            (Field::text("tags", "Tags").value(values.of("tags")).hint("Separated by commas.").error(error("tags")))
            (Field::text("environment", "Environment").value(values.of("environment")).hint("A label.").error(error("environment")))
            (Field::input("number", "expectedLifetimeDays", "Expected to live, in days").value(values.of("expectedLifetimeDays")).range("1", "3650", "1")
                .hint("Empty: it may stay. After that it counts as forgotten.").error(error("expectedLifetimeDays")))
            (Field::mono("salt", "Salt").value(values.of("salt")).hint("Part of what is hashed. Another one deals everybody anew.").error(error("salt")))
        }
    }
}
