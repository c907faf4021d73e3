//! One flag: what it does in words, who changed it, how it is used, and every way to change it.

use maud::{Markup, Render, html};
use qd_core::{App, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::plan::Plans;
use super::revisions::{self, Step};
use super::{Changed, row, say, text};
use crate::features::flags::definition::{self, Archive, Flag, Kill, Restore, Rollout, Stale, Toggle, Update};
use crate::features::flags::usage::{self, Usage};
use crate::ui::head::record_head;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::tabs::crumbs;
use crate::ui::{Button, Empty, badge, button, card, format};
use crate::web::{Page, View};

/// Revisions that the page shows.
const SHOWN: usize = 10;

/// A flag with its use and its newest revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// The flag.
    #[serde(flatten)]
    pub flag: Flag,
    /// How applications use it.
    pub usage: Usage,
    /// Why it looks forgotten; `null`: it does not.
    pub stale: Option<Stale>,
    /// What it does now, in words.
    pub summary: String,
    /// What is planned for it.
    #[serde(flatten)]
    pub plans: Plans,
    #[serde(skip)]
    steps: Vec<Step>,
    #[serde(skip)]
    more: bool,
}

impl RecordView {
    /// Archived or not.
    ///
    /// # Errors
    /// [`qd_core::Error::NotFound`].
    pub async fn of(app: &App, key: &str) -> Result<Self> {
        let flag = definition::find(app, key).await?;
        let (steps, more) = revisions::steps(app, key, None, SHOWN).await?;
        let (usage, stale) = (usage::of(app, &flag.key, flag.created_at)?, flag.stale(app.now()));
        let plans = Plans::of(app, key).await?;
        Ok(Self { plans, usage, stale, summary: say::state(&flag.definition), steps, more, flag })
    }
}

impl View for RecordView {
    fn title(&self) -> String {
        self.flag.key.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let flag = &self.flag;
        let kill = (page.may::<Kill>() && flag.archived_at.is_none()).then(|| format!("/flags/{}/kill", flag.key));
        html! {
            (crumbs(&[("Deploys & Config", "/deploys"), ("Feature flags", "/flags")], &flag.key))
            // The key of the kill switch works wherever the focus is on this page.
            div.stack #flag-head data-live="flag kpi" data-kill=[kill] data-kill-alone { (self.head(page)) (stats_card(&self.figures(page))) }
            div.split {
                div.stack #flag-body data-live="flag" {
                    (card("Who gets it").actions(html! { (row::switch(flag, page)) }).body(html! { div.stack.stack--s { (self.audience(page)) } }))
                    (self.rules())
                    (self.history(page))
                }
                aside.stack #flag-facts aria-label="About this flag" data-live="flag" { (self.facts(page)) }
            }
        }
    }
}

impl RecordView {
    fn head(&self, page: &Page<'_>) -> Markup {
        let flag = &self.flag;
        let actions = html! {
            @if flag.archived_at.is_some() {
                @if page.may::<Restore>() { (Button::dialog("Restore…", format!("/flags/{}/restore", flag.key)).icon("archive")) }
            } @else {
                (Button::dialog("Explain", format!("/flags/{}/explain", flag.key)).icon("circle-help"))
                @if page.may::<Archive>() { (Button::dialog("Archive…", format!("/flags/{}/archive", flag.key)).risk().icon("archive")) }
                @if page.may::<Update>() { (Button::link("Edit", format!("/flags/{}/edit", flag.key)).icon("pencil")) }
                (quick(flag, page))
            }
        };
        record_head(&row::marks(flag, page), &flag.key, &self.summary, &actions)
    }

    fn figures(&self, page: &Page<'_>) -> Vec<Stat> {
        let (flag, usage) = (&self.flag, &self.usage);
        let last = usage.last_evaluated_at.map_or_else(|| "never".to_owned(), |at| format::age(at, page.now));
        let asked = usage.last_asked_at.map_or_else(|| "never by its key alone".to_owned(), |at| format!("by its key {}", format::age(at, page.now)));
        vec![
            Stat::new(
                "Rollout",
                flag.definition.rollout_percentage.to_string(),
                "",
                say::share(flag.definition.scope, flag.definition.rollout_percentage),
            ),
            Stat::new("Evaluations", format::number(usage.per_minute), "a minute", format!("{} by its key", format::number(usage.asked_per_minute))),
            Stat::new("Last evaluated", last, "", asked),
            Stat::new("Changed", format::age(flag.updated_at, page.now), "", format!("by {}, revision {}", say::who(&flag.updated_by), flag.version)),
        ]
    }

    fn audience(&self, page: &Page<'_>) -> Markup {
        let definition = &self.flag.definition;
        let who = format!("{}: percentages and lists look at {}.", capital(say::people(definition.scope)), say::bucket(definition.scope));
        let variants = html! { ul { @for variant in &definition.variants { li { span.mono { (variant.name) } " = " span.mono { (say::short(&variant.value)) } } } } };
        html! {
            (row::slider(&self.flag, page))
            (kv([
                ("Whom", html! { (who) }),
                ("Inside", html! { (say::gives(definition, &definition.on_variant)) }),
                ("Outside", html! { (say::otherwise(definition)) }),
                ("Variants", variants),
                ("Needs first", lines(&text::of_prerequisites(&definition.prerequisites))),
                ("Always in", names(&definition.allow)),
                ("Never in", names(&definition.deny)),
            ]))
        }
    }

    fn rules(&self) -> Markup {
        let rules = &self.flag.definition.rules;
        let body = html! {
            @if rules.is_empty() { p.quiet { "No rules: the percentage decides for all of them." } }
            @else { ol.explain { @for (index, rule) in rules.iter().enumerate() { li { span.quiet { "Rule " (index + 1) } span.mono { (text::of_rules(std::slice::from_ref(rule))) } } } } }
        };
        card("Rules").note("in order, the first that matches wins").body(body).render()
    }

    fn history(&self, page: &Page<'_>) -> Markup {
        let all = html! { @if self.more { a.small href={ "/flags/" (self.flag.key) "/revisions" } { "All revisions" } } };
        card("History").actions(all).body(revisions::history(&self.steps, &self.flag, page)).render()
    }

    fn facts(&self, page: &Page<'_>) -> Markup {
        let (flag, definition) = (&self.flag, &self.flag.definition);
        let none = || html! { (format::NONE) };
        let lifetime = definition.expected_lifetime_days.map_or_else(|| "no end is set".to_owned(), |days| format!("{days} days"));
        let tags = html! { @if definition.tags.is_empty() { (format::NONE) } @else { div class="row row--wrap" { @for tag in &definition.tags { (badge(tag)) } } } };
        html! {
            @if let Some(stale) = self.stale { (card("Forgotten?").level3().body(html! { p { (stale.text()) " Ask its owner whether the code still needs it, then archive it." } })) }
            (self.plans.cards(flag, page))
            (card("Facts").level3().body(kv([
                ("Notes", html! { @if definition.notes.is_empty() { (format::NONE) } @else { @for line in definition.notes.lines() { p { (line) } } } }),
                ("Owner", definition.owner_name.as_ref().map_or_else(none, |name| html! { (name) })),
                ("Tags", tags),
                ("Environment", definition.environment.as_ref().map_or_else(none, |name| html! { (name) })),
                ("Expected to live", html! { (lifetime) }),
                ("Made", html! { (format::time(flag.created_at, page.now)) " by " (say::who(&flag.created_by)) }),
                ("Salt", html! { @if definition.salt.is_empty() { "none" } @else { span.mono { (definition.salt) } } }),
            ])))
            (card("Record").level3().body(html! {
                p { "Every change of it stands in the audit trail, with before and after." }
                p { a href={ "/audit?target_kind=flag&target_id=" (flag.key) } { "Its audit events" } }
            }))
        }
    }
}

/// The two quick ways: the percentage, and off at once.
pub fn quick(flag: &Flag, page: &Page<'_>) -> Markup {
    let key = &flag.key;
    let open = flag.archived_at.is_none();
    html! {
        @if open && page.may::<Rollout>() { (Button::dialog("Set rollout…", format!("/flags/{key}/rollout")).icon("percent")) }
        @if open && flag.definition.enabled && page.may::<Kill>() {
            (button::post(&format!("/flags/{key}/kill"), &Button::submit("Turn off for everybody").icon("power")))
        }
        @if open && !flag.definition.enabled && page.may::<Toggle>() { (Button::dialog("Turn on…", format!("/flags/{key}/toggle?enabled=true")).icon("power")) }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn lines(text: &str) -> Markup {
    html! { @if text.is_empty() { (format::NONE) } @else { ul { @for line in text.lines() { li.mono { (line) } } } } }
}

/// Names of a list, at most 20 of them.
fn names(list: &[String]) -> Markup {
    const MOST: usize = 20;
    html! {
        @if list.is_empty() { (format::NONE) }
        @else { span.mono { (list.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ")) @if list.len() > MOST { " and " (list.len() - MOST) " more" } } }
    }
}

impl View for Changed {
    fn title(&self) -> String {
        self.flag.key.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let link = html! { (Button::link("Open its page", format!("/flags/{}", self.flag.key))) };
        let text = format!("As of {} UTC.", format::clock(page.now));
        Empty::new("flag", say::state(&self.flag.definition), text).actions(link).render()
    }
}
