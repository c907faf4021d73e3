//! The list of flags, with filters that live in the address: a page of its own, and a panel of the view.

use maud::{Markup, Render, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::row::Item;
use crate::features::flags::definition::{Create, Scope};
use crate::features::flags::usage::Unknown;
use crate::ui::table::{Column, Priority, row, table_stacking};
use crate::ui::{Button, Empty, card, field, format, page_head};
use crate::web::{Page, View};

/// Filters of the list.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct ListQuery {
    /// Text in key, notes, tags, or the name of owner and last person.
    pub q: Option<String>,
    /// GLOBAL, ADMIN, VENDOR or CUSTOMER.
    pub scope: Option<String>,
    /// `on`, `off`, `rolling` (only some get it), `ramping`, `planned`, `stale`.
    pub state: Option<String>,
    /// One tag.
    pub tag: Option<String>,
    /// `true`: flags that look forgotten.
    pub stale: Option<bool>,
}

impl ListQuery {
    fn narrows(&self) -> bool {
        self.stale == Some(true) || [&self.q, &self.scope, &self.state, &self.tag].into_iter().any(Option::is_some)
    }

    /// Whether a flag is asked for.
    pub fn admits(&self, item: &Item) -> bool {
        let definition = &item.flag.definition;
        let state = match self.state.as_deref() {
            Some("on") => definition.enabled,
            Some("off") => !definition.enabled,
            Some("rolling") => item.rolling(),
            Some("ramping") => item.ramp.is_some(),
            Some("planned") => item.next_change_at.is_some(),
            Some("stale") => item.stale.is_some(),
            _ => true,
        };
        let scope = self.scope.as_deref().is_none_or(|word| Scope::parse(word) == Some(definition.scope));
        let tag = self.tag.as_deref().is_none_or(|tag| definition.tags.iter().any(|own| own.eq_ignore_ascii_case(tag.trim())));
        let stale = self.stale != Some(true) || item.stale.is_some();
        state && scope && tag && stale && self.q.as_deref().is_none_or(|text| says(item, text))
    }
}

fn says(item: &Item, text: &str) -> bool {
    let (flag, text) = (&item.flag, text.trim().to_lowercase());
    let names = [&flag.key, &flag.definition.notes, &flag.updated_by.name];
    let names = names.into_iter().chain(&flag.definition.owner_name).chain(&flag.definition.tags);
    names.into_iter().any(|name| name.to_lowercase().contains(&text))
}

/// Flags, and keys that no flag has.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ListView {
    /// Those asked for, by key.
    pub flags: Vec<Item>,
    /// How many there are without the filter.
    pub total: usize,
    /// How many of all are rolling out: only some get them.
    pub rolling: usize,
    /// How many of all look forgotten.
    pub stale: usize,
    /// Keys that applications ask for and that no flag has, the newest first.
    pub unknown: Vec<Unknown>,
    /// What was asked for.
    #[serde(skip)]
    pub query: ListQuery,
    /// Every tag in use, for the filter.
    #[serde(skip)]
    pub tags: Vec<String>,
}

impl ListView {
    /// From all flags.
    pub fn new(all: Vec<Item>, unknown: Vec<Unknown>, query: ListQuery) -> Self {
        let mut tags: Vec<String> = all.iter().flat_map(|item| item.flag.definition.tags.clone()).collect();
        tags.sort_unstable();
        tags.dedup();
        let count = |which: fn(&Item) -> bool| all.iter().filter(|item| which(item)).count();
        let (total, rolling, stale) = (all.len(), count(Item::rolling), count(|item| item.stale.is_some()));
        let flags = all.into_iter().filter(|item| query.admits(item)).collect();
        Self { flags, total, rolling, stale, unknown, query, tags }
    }

    /// The counts in words.
    pub fn sentence(&self) -> String {
        let counted = |n: usize, one: &str, many: &str| format::count(i64::try_from(n).unwrap_or(i64::MAX), one, many);
        let flags = counted(self.total, "flag", "flags");
        let rolling = if self.rolling == 0 { "none rolling out".to_owned() } else { format!("{} rolling out", self.rolling) };
        let stale = if self.stale == 0 { String::new() } else { format!(", {} forgotten", self.stale) };
        format!("{flags}, {rolling}{stale}")
    }

    /// How many are rolling out, as a sentence.
    pub fn rolling_out(&self) -> String {
        match self.rolling {
            0 => "No flag is rolling out.".to_owned(),
            1 => "1 flag is rolling out.".to_owned(),
            n => format!("{n} flags are rolling out."),
        }
    }

    /// The panel; `place` is the page that it stands on.
    pub fn panel(&self, place: &str, page: &Page<'_>) -> Markup {
        let new = html! { @if page.may::<Create>() { (Button::link("New flag", "/flags/new").small().icon("plus")) } };
        let unknown = html! { @if !self.unknown.is_empty() { (self.unknown_keys(page)) } };
        html! {
            section.card #flags aria-label="Feature flags" {
                div.card__head {
                    h2 { "Feature flags" }
                    p #flags-count data-live="flag" { (self.sentence()) }
                    div.push { (new) }
                }
                @if self.total > 0 { (self.filters(place)) }
                div #flag-list data-live="flag kpi" { (self.rows(place, page)) }
            }
            (unknown)
        }
    }

    fn filters(&self, place: &str) -> Markup {
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        let scopes: Vec<(&str, &str)> =
            std::iter::once(("", "Any scope")).chain(Scope::ALL.iter().map(|scope| (scope.word(), label(*scope)))).collect();
        let tags: Vec<(&str, &str)> = std::iter::once(("", "Any tag")).chain(self.tags.iter().map(|tag| (tag.as_str(), tag.as_str()))).collect();
        let state = if self.query.stale == Some(true) { "stale".to_owned() } else { given(&self.query.state) };
        let hint = format!("Filter {}", format::count(i64::try_from(self.total).unwrap_or(i64::MAX), "flag", "flags"));
        field::filters(
            place,
            &html! {
                (field::search("q", "Filter flags", &given(&self.query.q), &hint))
                (field::choice("scope", "Scope", &given(&self.query.scope), &scopes))
                (field::choice("state", "State", &state, &STATES))
                @if !self.tags.is_empty() { (field::choice("tag", "Tag", &given(&self.query.tag), &tags)) }
                span class="push quiet small" { (self.flags.len()) " shown" }
            },
        )
    }

    fn rows(&self, place: &str, page: &Page<'_>) -> Markup {
        if self.flags.is_empty() {
            return self.empty(place, page);
        }
        let columns = [
            Column::new("Flag"),
            Column::new("State"),
            Column::new("Scope").priority(Priority::Medium),
            Column::new("Rollout"),
            Column::new("Last changed by"),
            Column::new("Evaluated").priority(Priority::Large),
            Column::actions(),
        ];
        table_stacking("Feature flags", &columns, &html! { @for item in &self.flags { (item.row(page)) } })
    }

    fn empty(&self, place: &str, page: &Page<'_>) -> Markup {
        if self.query.narrows() {
            return Empty::filtered("No flag fits the filter", "No flag has this text, scope, state and tag.", place).render();
        }
        let first = Empty::new("flag", "No flag yet", "A flag decides who sees what, without a deploy. Applications ask for it by OFREP.");
        let new = html! { (Button::link("New flag", "/flags/new").small().icon("plus")) };
        if page.may::<Create>() { first.actions(new).render() } else { first.render() }
    }

    fn unknown_keys(&self, page: &Page<'_>) -> Markup {
        let columns = [Column::new("Key"), Column::number("Requests"), Column::new("First asked"), Column::new("Last asked"), Column::actions()];
        let may = page.may::<Create>();
        let rows = html! {
            @for one in self.unknown.iter().take(UNKNOWN) {
                (row(false, &html! {
                    th scope="row" { span.mono { (one.key) } }
                    td.num data-label="Requests" { (format::number(one.requests)) }
                    td data-label="First asked" { (format::time(one.first_seen_at, page.now)) }
                    td data-label="Last asked" { span { (format::time_ago(one.last_seen_at, page.now)) " by " (one.last_by_name) } }
                    td.num { div.actions { @if may { (Button::link("Create this flag", new_flag(&one.key)).small()) } } }
                }))
            }
        };
        let note = "Applications ask for these keys and get their own default: a typing error, or a flag that was removed too early.";
        card("Keys without a flag")
            .id("flag-unknown")
            .note(note)
            .live("flag kpi", None)
            .fill(table_stacking("Keys without a flag", &columns, &rows))
            .render()
    }
}

/// Unknown keys that the panel shows.
const UNKNOWN: usize = 10;

const STATES: [(&str, &str); 7] = [
    ("", "Any state"),
    ("on", "On"),
    ("off", "Off"),
    ("rolling", "Rolling out"),
    ("ramping", "Ramp runs"),
    ("planned", "Change planned"),
    ("stale", "Forgotten"),
];

/// The word of a scope in a menu.
pub fn label(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "Global",
        Scope::Admin => "Admin",
        Scope::Vendor => "Vendor",
        Scope::Customer => "Customer",
    }
}

fn new_flag(key: &str) -> String {
    let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    format!("/flags/new?key={key}")
}

impl View for ListView {
    fn title(&self) -> String {
        "Feature flags".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let head = html! { a href="/deploys" { "Deploys & Config" } };
        html! { (page_head("Feature flags", &format!("{}.", self.sentence()), &head)) (self.panel("/flags", page)) }
    }
}
