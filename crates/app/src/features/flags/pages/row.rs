//! A flag as a row of the list.

use maud::{Markup, html};
use qd_core::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{explain, say};
use crate::features::flags::definition::{Flag, Kill, Lower, Rollout, Scope, Stale, Toggle};
use crate::features::flags::usage::Usage;
use crate::ui::table::{Priority, cell, cell_at};
use crate::ui::{Tone, badge, badge_kind, format, status_word};
use crate::web::Page;

/// A flag with how it is used and what is planned for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The flag.
    #[serde(flatten)]
    pub flag: Flag,
    /// How applications use it.
    pub usage: Usage,
    /// Why it looks forgotten; `null`: it does not.
    pub stale: Option<Stale>,
    /// What the last change was from, in words: "was 10 %".
    pub was: Option<String>,
    /// Where its ramp stands, in words; `null`: no ramp runs or waits.
    pub ramp: Option<String>,
    /// When the next planned change is due; `null`: none is planned.
    pub next_change_at: Option<Timestamp>,
}

impl Item {
    /// The row.
    pub fn row(&self, page: &Page<'_>) -> Markup {
        let (flag, key) = (&self.flag, &self.flag.key);
        let kill = (page.may::<Kill>() && flag.archived_at.is_none()).then(|| format!("/flags/{key}/kill"));
        html! {
            tr data-row data-kill=[kill] {
                th scope="row" {
                    a class="rowlink mono" href={ "/flags/" (key) } { (key) }
                    @if !flag.definition.notes.is_empty() { span.sub { (first_line(&flag.definition.notes)) } }
                }
                td.cell-status { (switch(flag, page)) }
                (cell_at(Priority::Medium, "Scope", scope(flag.definition.scope)))
                td.flagrange data-label="Rollout" { (slider(flag, page)) }
                (cell("Last changed by", html! { span { span.nowrap { (say::who(&flag.updated_by)) } span.sub { (self.when(page)) } } }))
                (cell_at(Priority::Large, "Evaluated", html! { span { span.nowrap { (format::number(self.usage.per_minute)) " / min" } span.sub { (self.last(page)) } } }))
                td.num data-label="Explain" { div.actions { (self.marks()) (explain::why(key)) } }
            }
        }
    }

    fn when(&self, page: &Page<'_>) -> Markup {
        html! { (format::time(self.flag.updated_at, page.now)) @if let Some(was) = &self.was { ", " (was) } }
    }

    fn last(&self, page: &Page<'_>) -> Markup {
        html! { @match self.usage.last_evaluated_at { Some(at) => (format::time_ago(at, page.now)), None => "never" } }
    }

    fn marks(&self) -> Markup {
        html! {
            span.flagmarks {
                @if let Some(ramp) = &self.ramp { span title=(ramp) { (status_word(Tone::Running, "RAMP")) } }
                @if self.next_change_at.is_some() { (status_word(Tone::Info, "PLANNED")) }
                @if let Some(stale) = self.stale { span title=(stale.text()) { (status_word(Tone::Info, "FORGOTTEN")) } }
            }
        }
    }
}

/// Scope, kind and tags.
pub fn marks(flag: &Flag, page: &Page<'_>) -> Markup {
    let definition = &flag.definition;
    html! {
        div.row.row--wrap {
            (scope(definition.scope)) (badge(definition.kind.word()))
            (on_off(flag))
            @if let Some(stale) = flag.stale(page.now) { span title=(stale.text()) { (status_word(Tone::Info, "FORGOTTEN")) } }
            @if flag.archived_at.is_some() { (status_word(Tone::Off, "ARCHIVED")) }
            @for tag in &definition.tags { (badge(tag)) }
        }
    }
}

/// On or off, as a status.
pub fn on_off(flag: &Flag) -> Markup {
    if flag.definition.enabled { status_word(Tone::Ok, "ON") } else { status_word(Tone::Off, "OFF") }
}

/// The badge of a scope.
pub fn scope(scope: Scope) -> Markup {
    badge_kind(&scope.word().to_lowercase(), scope.word())
}

/// The switch: it opens the dialog that asks for the reason, with script and without.
pub fn switch(flag: &Flag, page: &Page<'_>) -> Markup {
    let (key, on) = (&flag.key, flag.definition.enabled);
    let word = if on { "On" } else { "Off" };
    let open = page.may::<Toggle>() && flag.archived_at.is_none();
    let button = html! {
        button.switch type="submit" role="switch" id={ "switch-" (key) } data-opener aria-checked=(on) aria-label=(key) disabled[!open] { span.switch__track {} span { (word) } }
    };
    html! {
        @if open {
            form.bare-form method="get" action={ "/flags/" (key) "/toggle" } data-dialog { input type="hidden" name="enabled" value=(!on); (button) }
        } @else { (button) }
    }
}

/// The rollout's slider: let go higher it opens the dialog, lower it is done at once; a button does it without script.
pub fn slider(flag: &Flag, page: &Page<'_>) -> Markup {
    let (key, percent) = (&flag.key, flag.definition.rollout_percentage);
    let open = page.may::<Rollout>() && flag.archived_at.is_none();
    // Down never asks.
    let lower = (open && page.may::<Lower>()).then(|| format!("/flags/{key}/lower"));
    let value = percent.to_string();
    let number = value.trim_end_matches(" %");
    // A step of 1 would round 0.5 % away.
    let step = if number.contains('.') { "0.01" } else { "1" };
    let range = html! {
        div.range {
            input type="range" name="rolloutPercentage" id={ "rollout-" (key) } data-opener[open] data-lower=[lower] min="0" max="100" step=(step) value=(number) data-unit=" %" aria-label={ "Rollout of " (key) ", percent" } disabled[!open];
            output { (value) }
        }
    };
    html! {
        @if open {
            form.flagset method="get" action={ "/flags/" (key) "/rollout" } data-dialog { (range) button class="btn btn--s nojs" type="submit" { "Set" } }
        } @else { (range) }
    }
}

fn first_line(notes: &str) -> String {
    let line = notes.lines().next().unwrap_or_default();
    if line.chars().count() <= 90 { line.to_owned() } else { format!("{}…", line.chars().take(89).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_notes_are_cut() {
        assert_eq!(super::first_line("one\ntwo"), "one");
        assert_eq!(super::first_line(&"x".repeat(200)).chars().count(), 90);
    }
}
