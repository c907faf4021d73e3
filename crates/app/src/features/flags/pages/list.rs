//! The list of flags, with filters that live in the address: a page of its own, and a panel of the view.

use maud::{Markup, Render, html};
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::row::Item;
use crate::features::flags::definition::{Create, Filter, Flag, Scope};
use crate::features::flags::usage::Unknown;
use crate::ui::table::{Column, Priority, row, table_stacking};
use crate::ui::{Button, Empty, card, field, format, page_head, pager};
use crate::web::{Page, View};

/// Rows of a page of the list.
pub const PAGE: usize = 50;
/// Rows of the panel on another view.
pub const PANEL: usize = 20;

/// Filters of the list.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct ListQuery {
    /// Text in key, notes, tags, or the name of owner and last person.
    pub q: Option<String>,
    /// GLOBAL, ADMIN, VENDOR or CUSTOMER.
    pub scope: Option<String>,
    /// `on`, `off`, `rolling` (only some get it), `ramping`, `planned`, `stale` (it looks forgotten).
    pub state: Option<String>,
    /// One tag.
    pub tag: Option<String>,
    /// `true`: flags that look forgotten.
    pub stale: Option<bool>,
    /// Keys after this one: `next` of the page before.
    pub after: Option<String>,
    /// Rows a page, 1 to 500; 50 if not given.
    pub limit: Option<usize>,
}

impl ListQuery {
    fn narrows(&self) -> bool {
        self.stale == Some(true) || [&self.q, &self.scope, &self.state, &self.tag].into_iter().any(Option::is_some)
    }

    /// The filter, with so many rows a page unless the query says.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a scope and a state that are none.
    pub fn filter(&self, rows: usize) -> Result<Filter> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.trim().is_empty());
        let scope = |word: String| Scope::parse(&word).ok_or_else(|| Error::invalid("scope", "Use GLOBAL, ADMIN, VENDOR or CUSTOMER."));
        let filter = Filter {
            text: given(&self.q),
            scope: given(&self.scope).map(scope).transpose()?,
            tag: given(&self.tag),
            stale: self.stale.filter(|stale| *stale),
            after: given(&self.after),
            limit: self.limit.unwrap_or(rows).clamp(1, 500),
            ..Filter::default()
        };
        Ok(match self.state.as_deref().unwrap_or_default() {
            "" => filter,
            "on" => Filter { enabled: Some(true), ..filter },
            "off" => Filter { enabled: Some(false), ..filter },
            "rolling" => Filter { rolling: true, ..filter },
            "ramping" => Filter { ramping: true, ..filter },
            "planned" => Filter { planned: true, ..filter },
            "stale" => Filter { stale: Some(true), ..filter },
            _ => return Err(Error::invalid("state", "Use on, off, rolling, ramping, planned or stale.")),
        })
    }
}

/// Flags, and keys that no flag has.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ListView {
    /// A page of those asked for, by key.
    pub flags: Vec<Item>,
    /// `after` of the next page; `null` on the last.
    pub next: Option<String>,
    /// How many are asked for, on all pages.
    pub matching: usize,
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
    /// The archived ones, on the page of the list.
    #[serde(skip)]
    pub archived: Vec<Flag>,
}

impl ListView {
    /// A page, with what holds of all flags.
    pub fn of(all: &[Flag], now: Timestamp, query: ListQuery, page: Vec<Item>) -> Self {
        let mut tags: Vec<&String> = all.iter().flat_map(|flag| &flag.definition.tags).collect();
        tags.sort_unstable();
        tags.dedup();
        let count = |which: &dyn Fn(&Flag) -> bool| all.iter().filter(|flag| which(flag)).count();
        let (rolling, stale) = (count(&Flag::rolling), count(&|flag| flag.stale(now).is_some()));
        Self { flags: page, total: all.len(), rolling, stale, tags: tags.into_iter().cloned().collect(), query, ..Self::default() }
    }

    /// The counts in words.
    pub fn sentence(&self) -> String {
        let flags = counted(self.total);
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
        let new = html! { @if page.may::<Create>() { (Button::link("Create flag", "/flags/new").small().icon("plus")) } };
        let unknown = html! { @if !self.unknown.is_empty() { (self.unknown_keys(page)) } };
        html! {
            section.card #flags aria-label="Feature flags" {
                div.card__head {
                    h2 { "Feature flags" }
                    p #flags-count data-live="flag" { (self.sentence()) }
                    div.push { (new) }
                }
                @if self.total > 0 { (self.filters(place)) }
                div #flag-list data-live="flag kpi" { (self.rows(place, page)) (self.pages(place, page)) }
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
        let hint = format!("Filter {}", counted(self.total));
        field::filters(
            place,
            &html! {
                (field::search("q", "Filter flags", &given(&self.query.q), &hint))
                (field::choice("scope", "Scope", &given(&self.query.scope), &scopes))
                (field::choice("state", "State", &state, &STATES))
                @if !self.tags.is_empty() { (field::choice("tag", "Tag", &given(&self.query.tag), &tags)) }
                span class="push quiet small" { (self.flags.len()) " of " (self.matching) " shown" }
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

    /// The way to the other flags: pages of the list, and a link to the list elsewhere.
    fn pages(&self, place: &str, page: &Page<'_>) -> Markup {
        let after = self.query.after.is_some();
        if place == LIST {
            let older = self.next.as_ref().map(|next| address(LIST, page, Some(next)));
            let first = after.then(|| address(LIST, page, None));
            let shown = format!("{} of {}", self.flags.len(), counted(self.matching));
            return html! { @if after || older.is_some() { (pager::pager(&shown, first.as_deref(), older.as_deref())) } };
        }
        html! { @if after || self.next.is_some() { p.pager { a href=(address(LIST, page, None)) { "All " (counted(self.matching)) } } } }
    }

    fn empty(&self, place: &str, page: &Page<'_>) -> Markup {
        if self.query.narrows() || self.query.after.is_some() {
            return Empty::filtered("No flag fits the filter", "No flag has this text, scope, state and tag.", place).render();
        }
        let first = Empty::new("flag", "No flag yet", "A flag decides who sees what, without a deploy. Applications ask for it by OFREP.");
        let new = html! { (Button::link("Create flag", "/flags/new").small().icon("plus")) };
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
                    td.num { div.actions { @if may { (Button::link("Create flag", new_flag(&one.key)).small()) } } }
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

/// The page of the list.
const LIST: &str = "/flags";

fn counted(flags: usize) -> String {
    format::count(i64::try_from(flags).unwrap_or(i64::MAX), "flag", "flags")
}

/// The address of a list with the filters of this page and another cursor.
fn address(place: &str, page: &Page<'_>, after: Option<&String>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(form_urlencoded::parse(page.query.as_bytes()).filter(|(key, value)| key != "after" && !value.is_empty()));
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    let query = query.finish();
    if query.is_empty() { place.to_owned() } else { format!("{place}?{query}") }
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
        html! { (page_head("Feature flags", "They decide who sees what, without a deploy.", &head)) (self.panel(LIST, page)) (super::archived::card_of(&self.archived, page)) }
    }
}
