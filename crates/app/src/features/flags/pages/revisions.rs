//! What was changed, by whom and why, with the way back.

use maud::{Markup, html};
use qd_core::{App, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::features::flags::definition::{self, Definition, Difference, Flag, Revert, Revision};
use crate::ui::diff::before_after;
use crate::ui::tabs::crumbs;
use crate::ui::timeline::{Event, timeline};
use crate::ui::{Button, Tone, card, format, page_head, pager};
use crate::web::{Page, View};

/// Which part of the revisions.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct RevisionsQuery {
    /// Those before this number.
    pub before: Option<i64>,
    /// Revisions a page, 1 to 100; 50 if not given.
    pub limit: Option<usize>,
}

/// A revision with what it changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Step {
    /// The flag as it was after it.
    #[serde(flatten)]
    pub revision: Revision,
    /// The fields that differ from the one before; `null` where that one is not given.
    pub changed: Option<Vec<Difference>>,
    #[serde(skip)]
    before: Option<Revision>,
}

/// Revisions of a flag.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionsView {
    /// Newest first.
    pub revisions: Vec<Step>,
    /// `before` of the next page; `null` on the last.
    pub next: Option<i64>,
    #[serde(skip)]
    pub flag: Flag,
    #[serde(skip)]
    first: bool,
}

impl RevisionsView {
    /// One page of them.
    ///
    /// # Errors
    /// [`qd_core::Error::NotFound`] for an unknown flag.
    pub async fn of(app: &App, key: &str, query: RevisionsQuery) -> Result<Self> {
        let flag = definition::find(app, key).await?;
        let (revisions, more) = steps(app, key, query.before, query.limit.unwrap_or(50).clamp(1, 100)).await?;
        let next = revisions.last().filter(|_| more).map(|step| step.revision.number);
        Ok(Self { revisions, next, flag, first: query.before.is_none() })
    }
}

/// Revisions, each beside the one before it, and whether there are more.
pub async fn steps(app: &App, key: &str, before: Option<i64>, limit: usize) -> Result<(Vec<Step>, bool)> {
    let (mut found, _) = definition::revisions(app, key, before, limit + 1).await?;
    let more = found.len() > limit;
    let olders: Vec<Revision> = found.iter().skip(1).cloned().collect();
    found.truncate(limit);
    let mut olders = olders.into_iter();
    let step = |revision: Revision| {
        let before = olders.next();
        let changed = before.as_ref().map(|before| definition::differences(&before.definition, &revision.definition)).transpose()?;
        Ok(Step { revision, changed, before })
    };
    Ok((found.into_iter().map(step).collect::<Result<_>>()?, more))
}

/// What the last change was from: "was 10 %", "was off", "rules changed"; `None` when nothing that people decide changed.
pub fn was(before: &Definition, after: &Definition) -> Option<String> {
    let changed = definition::differences(before, after).ok()?;
    let has = |field: &str| changed.iter().any(|one| one.field == field);
    match (has("rolloutPercentage"), has("enabled")) {
        (true, _) => Some(format!("was {}", before.rollout_percentage)),
        (false, true) => Some(format!("was {}", if before.enabled { "on" } else { "off" })),
        (false, false) => Some(said(&changed).to_lowercase()).filter(|text| !text.is_empty()),
    }
}

/// Changed fields in words: `Turned on, 10 % → 25 %, rules changed`.
pub fn said(changed: &[Difference]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for one in changed {
        match (one.field.as_str(), &one.after) {
            ("enabled", Value::Bool(on)) => parts.push(format!("turned {}", if *on { "on" } else { "off" })),
            ("rolloutPercentage", after) => parts.push(format!("{} % → {after} %", one.before)),
            ("ownerName", _) => {}
            (field, _) => names.push(words(field)),
        }
    }
    if !names.is_empty() {
        parts.push(format!("{} changed", names.join(", ")));
    }
    let text = parts.join(", ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `expectedLifetimeDays` as people say it.
fn words(field: &str) -> String {
    match field {
        "allow" => "always-list".into(),
        "deny" => "never-list".into(),
        "ownerId" => "owner".into(),
        other => other.chars().flat_map(|c| if c.is_uppercase() { vec![' ', c.to_ascii_lowercase()] } else { vec![c] }).collect(),
    }
}

/// The steps as a timeline; each can be brought back.
pub fn history(steps: &[Step], flag: &Flag, page: &Page<'_>) -> Markup {
    let may = page.may::<Revert>() && flag.archived_at.is_none();
    let entries: Vec<Event> = steps.iter().map(|step| entry(step, may && step.revision.number != flag.version, page)).collect();
    timeline(&entries)
}

fn entry(step: &Step, revertible: bool, page: &Page<'_>) -> Event {
    let revision = &step.revision;
    let what = match (&step.changed, revision.number) {
        (_, 1) => "Made".to_owned(),
        (Some(changed), _) if !changed.is_empty() => said(changed),
        _ if revision.archived => "Archived".to_owned(),
        _ => revision.action.replace("flag.", "").replace('_', " "),
    };
    let (icon, tone) = match revision.action.as_str() {
        "flag.kill" => ("power", Some(Tone::Crit)),
        "flag.toggle" => ("power", Some(Tone::Info)),
        "flag.lower" => ("trending-down", Some(Tone::Info)),
        "flag.rollout" => ("trending-up", Some(Tone::Info)),
        "flag.revert" | "flag.restore" => ("undo-2", Some(Tone::Warn)),
        "flag.archive" => ("archive", None),
        "flag.create" => ("plus", Some(Tone::Ok)),
        action if action.contains("ramp") || action.contains("schedule") => ("calendar-clock", Some(Tone::Info)),
        _ => ("pencil", None),
    };
    let back = format!("/flags/{}/revert?revision={}", revision.key, revision.number);
    let text = html! {
        div.row.row--wrap {
            span { (what) } span class="quiet small" { "revision " (revision.number) }
            @if revertible { span.push { (Button::dialog("Bring back", back).small().ghost().icon("undo-2")) } }
        }
        @if let Some(before) = &step.before { (diff(before, revision)) }
    };
    let time = html! { (format::time(revision.at, page.now)) };
    Event { tone, icon: icon.into(), text, quote: revision.reason.clone(), time, by: revision.by.name.clone() }
}

fn diff(before: &Revision, after: &Revision) -> Markup {
    let json = |revision: &Revision| serde_json::to_value(&revision.definition).unwrap_or_default();
    let label = format!("What revision {} changed", after.number);
    html! { details.small { summary { "Before and after" } (before_after(&label, &json(before), &json(after))) } }
}

impl View for RevisionsView {
    fn title(&self) -> String {
        format!("Revisions of {}", self.flag.key)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let (key, record) = (&self.flag.key, format!("/flags/{}", self.flag.key));
        let newest = format!("{record}/revisions");
        let older = self.next.map(|next| format!("{record}/revisions?before={next}"));
        let shown = format::count(i64::try_from(self.revisions.len()).unwrap_or(i64::MAX), "revision", "revisions");
        html! {
            (crumbs(&[("Feature flags", "/flags"), (key, &record)], "Revisions"))
            (page_head(&self.title(), &super::say::state(&self.flag.definition), &html! {}))
            (card("Revisions").body(history(&self.revisions, &self.flag, page)).fill(pager::pager(&shown, (!self.first).then_some(newest.as_str()), older.as_deref())))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_told_in_words() {
        let difference = |field: &str, before: Value, after: Value| Difference { field: field.into(), before, after };
        let changed = [
            difference("enabled", json!(false), json!(true)),
            difference("expectedLifetimeDays", json!(null), json!(30)),
            difference("ownerName", json!(null), json!("Mara")),
            difference("rolloutPercentage", json!(0.5), json!(25)),
            difference("rules", json!([]), json!([1])),
        ];
        assert_eq!(said(&changed), "Turned on, 0.5 % → 25 %, expected lifetime days, rules changed");
        assert_eq!(said(&[]), "");
    }
}
