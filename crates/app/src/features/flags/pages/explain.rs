//! Why does someone see it, or not? The decision step by step, as a page and as a drawer over the list.

use maud::{Markup, Render, html};
use qd_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::say;
use crate::features::flags::definition::{Definition, Flag};
use crate::features::flags::evaluate::{ConditionVerdict, Context, Explanation, RuleVerdict, Step};
use crate::ui::drawer::Drawer;
use crate::ui::field::Field;
use crate::ui::stats::kv;
use crate::ui::tabs::crumbs;
use crate::ui::{Button, Tone, format, page_head, status_word};
use crate::web::{Page, View};

/// Whom to explain a flag for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExplainQuery {
    /// The whole evaluation context as a JSON object.
    pub context: Option<String>,
    /// `targetingKey`, instead of the one in `context`.
    pub targeting_key: Option<String>,
    /// `vendorId`, instead of the one in `context`.
    pub vendor_id: Option<String>,
    /// `role`, instead of the one in `context`.
    pub role: Option<String>,
    /// Further attributes as a JSON object.
    pub attributes: Option<String>,
}

impl ExplainQuery {
    /// Whether anybody is named.
    pub fn asks(&self) -> bool {
        [&self.context, &self.targeting_key, &self.vendor_id, &self.role, &self.attributes].into_iter().any(Option::is_some)
    }

    /// The evaluation context.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no JSON object.
    pub fn context(&self) -> Result<Context> {
        let mut context = object(self.context.as_deref(), "context")?;
        context.extend(object(self.attributes.as_deref(), "attributes")?);
        for (name, value) in [("targetingKey", &self.targeting_key), ("vendorId", &self.vendor_id), ("role", &self.role)] {
            if let Some(text) = value {
                context.insert(name.into(), Value::String(text.trim().to_owned()));
            }
        }
        Ok(context)
    }
}

fn object(text: Option<&str>, field: &str) -> Result<Context> {
    let wrong = || Error::invalid(field, "Give a JSON object such as {\"country\": \"DE\"}.");
    text.map_or_else(|| Ok(Context::new()), |text| serde_json::from_str(text).map_err(|_| wrong()))
}

/// The explanation; without a context, as for somebody of whom nothing is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainView {
    /// What was decided, step by step.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// What the flag is; flags of the control center itself have none.
    #[serde(skip)]
    pub flag: Option<Flag>,
    #[serde(skip)]
    pub query: ExplainQuery,
    /// What is wrong with the query; then nobody is explained.
    #[serde(skip)]
    pub fault: Option<(String, String)>,
    /// As a drawer above the list.
    #[serde(skip)]
    pub drawer: bool,
}

impl View for ExplainView {
    fn title(&self) -> String {
        format!("Why {}?", self.explanation.key)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let key = &self.explanation.key;
        if self.drawer {
            let foot = html! { @if let Some(flag) = &self.flag { (super::record::quick(flag, page)) } };
            let body = html! { (self.facts(page)) (self.ask("h3")) };
            let note = "Why does someone see it, or not?".to_owned();
            return Drawer { id: "flag-drawer".into(), title: key.clone(), note, body, foot, back: "/flags".into() }.dialog();
        }
        let sentence =
            self.flag.as_ref().map_or_else(|| "It tells the state of the maintenance modes.".to_owned(), |flag| say::state(&flag.definition));
        html! {
            (crumbs(&[("Feature flags", "/flags"), (key, &format!("/flags/{key}"))], "Explain"))
            (page_head(&format!("Why does someone see {key}?"), &sentence, &html! {}))
            section.card aria-label="Explain" { div.card__body.stack { (self.ask("h2")) } }
        }
    }
}

impl ExplainView {
    fn facts(&self, page: &Page<'_>) -> Markup {
        let Some(flag) = &self.flag else { return html! { p.soft { "It tells the state of the maintenance modes." } } };
        let changed = format!("{}, {}", say::changed(flag, page.now), say::who(&flag.updated_by));
        html! {
            div.stack.stack--s {
                (super::row::marks(flag, page))
                (kv([("Now", html! { (say::state(&flag.definition)) }), ("Changed", html! { (changed) })]))
            }
        }
    }

    /// The form, and what came of it.
    fn ask(&self, level: &str) -> Markup {
        let action = format!("/flags/{}/explain", self.explanation.key);
        let query = &self.query;
        let fault = |name: &str| self.fault.as_ref().filter(|(field, _)| field == name).map(|(_, detail)| detail.clone());
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        let roles = [("", "None"), ("CUSTOMER", "CUSTOMER"), ("VENDOR", "VENDOR"), ("ADMIN", "ADMIN"), ("SUPER_ADMIN", "SUPER_ADMIN")];
        let attributes = query.attributes.clone().or_else(|| query.context.clone()).unwrap_or_default();
        html! {
            section.stack.stack--s #flag-explain aria-label="Explain for one person" {
                @if level == "h3" { h3 { "Explain for one person" } } @else { h2 { "Explain for one person" } }
                form.stack.stack--s method="get" action=(action) hx-get=(action) hx-target="#flag-explain" hx-select="#flag-explain" hx-swap="outerHTML" {
                    div.grid-2 {
                        (Field::mono("targetingKey", "Person (targetingKey)").value(given(&query.targeting_key)).autocomplete("off"))
                        (Field::mono("vendorId", "Vendor (vendorId)").value(given(&query.vendor_id)).autocomplete("off"))
                    }
                    (Field::select("role", "Role", roles).value(given(&query.role)))
                    (Field::area("attributes", "Other attributes, as JSON", 2).value(attributes).placeholder("{\"country\": \"DE\"}").error(fault("attributes").or_else(|| fault("context"))))
                    div { (Button::submit("Explain").icon("search-check")) }
                }
                @if self.query.asks() && self.fault.is_none() { (self.path()) }
            }
        }
    }

    fn path(&self) -> Markup {
        let steps = steps(&self.explanation, self.flag.as_ref().map(|flag| &flag.definition));
        html! {
            ol.explain { @for (tone, word, text) in &steps { li { (status_word(*tone, word)) span { (text) } } } }
            p.soft aria-live="polite" { "Result: " b { (result(&self.explanation, self.flag.as_ref().map(|flag| &flag.definition))) } " " (hint(&self.explanation)) }
        }
    }
}

type Line = (Tone, &'static str, String);

const PASS: (Tone, &str) = (Tone::Ok, "PASS");
const NO: (Tone, &str) = (Tone::Off, "NO");

/// What was looked at, up to what decided.
fn steps(told: &Explanation, flag: Option<&Definition>) -> Vec<Line> {
    let line = |(tone, word): (Tone, &'static str), text: String| (tone, word, text);
    let by = told.decided_by;
    if by == Step::Reserved {
        return vec![line((Tone::Info, "OPS"), "A flag of the control center itself: the maintenance modes decide.".into())];
    }
    if by == Step::Enabled {
        return vec![line(NO, "The flag is off.".into())];
    }
    let mut out = vec![line(PASS, "The flag is on.".into())];
    out.extend(told.prerequisites.iter().map(|needs| {
        let given = needs.given.as_deref().unwrap_or("nothing: there is no such flag");
        let rest = if needs.met { String::new() } else { format!(", {} is needed", needs.needed) };
        line(if needs.met { PASS } else { NO }, format!("{} gives {given}{rest}.", needs.flag))
    }));
    if by == Step::Prerequisites {
        return out;
    }
    out.extend(flag.and_then(|flag| scope_line(told, flag)));
    if by == Step::Scope {
        return out;
    }
    let who = told.bucket_key.clone().map_or_else(|| format!("without {}", told.bucket_by), |key| format!("{} {key}", told.bucket_by));
    match by {
        Step::Deny => out.push(line(NO, format!("{who} is on the list of those who never get it."))),
        Step::Allow => out.push(line(PASS, format!("{who} is on the list of those who always get it."))),
        _ => {}
    }
    out.extend(told.rules.iter().map(rule_line));
    if by == Step::Rollout {
        out.push(rollout_line(told));
    }
    out
}

fn scope_line(told: &Explanation, flag: &Definition) -> Option<Line> {
    use crate::features::flags::definition::Scope;
    let within = told.decided_by != Step::Scope;
    let text = match (flag.scope, within) {
        (Scope::Global, _) => return None,
        (Scope::Vendor, true) => "The context is of a vendor.".to_owned(),
        (Scope::Vendor, false) => "The context has no vendorId: the flag is for vendors.".to_owned(),
        (scope, true) => format!("The context's role is {}.", scope.word()),
        (scope, false) => format!("The context's role is not {}.", scope.word()),
    };
    let (tone, word) = if within { PASS } else { NO };
    Some((tone, word, text))
}

fn rule_line(rule: &RuleVerdict) -> Line {
    let name = if rule.name.is_empty() { String::new() } else { format!(" “{}”", rule.name) };
    let told: Vec<String> = rule.conditions.iter().filter(|one| rule.matched || !one.holds).map(condition).collect();
    let what = if told.is_empty() { "is for everybody".to_owned() } else { told.join(" and ") };
    let (tone, word) = if rule.matched { (Tone::Ok, "MATCH") } else { NO };
    (tone, word, format!("Rule {}{name}: {what}.", rule.index + 1))
}

fn condition(one: &ConditionVerdict) -> String {
    let given = one.given.as_ref().map_or_else(|| "nothing".to_owned(), say::short);
    let value = if one.value.is_null() { String::new() } else { format!(" {}", say::short(&one.value)) };
    format!("{} {}{value} {} (it is {given})", one.attribute, one.operator.word(), if one.holds { "holds" } else { "does not hold" })
}

fn rollout_line(told: &Explanation) -> Line {
    let covers = told.rollout_percentage;
    match (told.bucket, told.bucket_percent, &told.missing) {
        (_, _, Some(missing)) => (NO.0, NO.1, format!("The percentage needs {missing}, and the context has none.")),
        (Some(bucket), Some(percent), None) => {
            let inside = u64::from(bucket) < told.threshold;
            let (tone, word) = if inside { PASS } else { NO };
            let (bucket, limit) = (format::number(i64::from(bucket)), format::number(i64::try_from(told.threshold).unwrap_or(i64::MAX)));
            let percent = format::decimal(percent, 2);
            (
                tone,
                word,
                format!(
                    "Bucket {percent} of 100, the rollout covers the first {covers}. Hash {bucket} of {}, in below {limit}.",
                    told.hashed.as_deref().unwrap_or("nothing")
                ),
            )
        }
        _ => (PASS.0, PASS.1, format!("The rollout is at {covers}.")),
    }
}

fn result(told: &Explanation, flag: Option<&Definition>) -> String {
    let gets = match (&told.value, flag) {
        (None, _) => "the application's own default".to_owned(),
        (Some(_), Some(flag)) => say::gives(flag, &told.variant),
        (Some(value), None) => format!("{} ({})", told.variant, say::short(value)),
    };
    let who = told.bucket_key.as_deref().unwrap_or("somebody without a key");
    format!("{who} gets {gets}.")
}

/// At which percentage an outsider would be in.
fn hint(told: &Explanation) -> String {
    let reason = format!("Reason {}.", told.reason.word());
    match told.bucket_percent {
        Some(percent) if told.decided_by == Step::Rollout && told.bucket.is_some_and(|bucket| u64::from(bucket) >= told.threshold) => {
            format!("{reason} From {} % on it would be in.", format::decimal((percent * 100.0).floor() / 100.0 + 0.01, 2))
        }
        _ => reason,
    }
}

/// A link to the drawer.
pub fn why(key: &str) -> Markup {
    Button::dialog(format!("Explain {key}"), format!("/flags/{key}/explain")).icon_only("circle-help").ghost().small().render()
}
