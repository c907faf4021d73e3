//! What applications are configured with, and how two configurations differ.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::{DiffQuery, EnvironmentQuery};
use super::links::how_to_beat;
use super::panels::Panels;
use crate::features::deploys::environment::{self, Difference, Kind, Side, Snapshot};
use crate::features::deploys::record::short;
use crate::ui::field::{self, Field};
use crate::ui::status::{Tone, status_word};
use crate::ui::table::{Column, Priority, cell, cell_at, cell_status, row, row_name, table_stacking};
use crate::ui::tabs::{Tab, seg};
use crate::ui::{Button, Empty, card, code, format, page_head};
use crate::web::{Page, View};

/// Rows of the panel; the page behind it shows all.
const SHOWN: usize = 8;

/// What applications of an environment are configured with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentView {
    /// Environment.
    pub environment: String,
    /// Key → value, `[REDACTED]` or `not set`; of several services that have a key, the one that was seen last counts.
    pub env: BTreeMap<String, String>,
    /// Required keys that are missing, by service.
    pub missing: BTreeMap<String, Vec<String>>,
    /// Service by service.
    pub services: Vec<Snapshot>,
    /// Why there is nothing.
    pub reason: Option<String>,
    #[serde(skip)]
    choices: Vec<(String, String)>,
    #[serde(skip)]
    query: EnvironmentQuery,
}

impl EnvironmentView {
    pub(super) fn new(app: &App, environment: String, found: Vec<Snapshot>, choices: Vec<(String, String)>, query: EnvironmentQuery) -> Self {
        let wanted = |snapshot: &Snapshot| query.service.as_deref().is_none_or(|name| name.is_empty() || name == snapshot.service);
        let services: Vec<Snapshot> = found.into_iter().filter(wanted).collect();
        let mut by_age: Vec<&Snapshot> = services.iter().collect();
        by_age.sort_by_key(|snapshot| snapshot.last_at);
        let env = by_age.iter().flat_map(|snapshot| &snapshot.entries).map(|(key, entry)| (key.clone(), entry.shown().to_owned())).collect();
        let required = &app.config.deploys.required_keys;
        let missing = environment::lacking(required, &services);
        let reason = services.is_empty().then(|| format!("No instance of {environment} has said what it is configured with."));
        Self { environment, env, missing, services, reason, choices, query }
    }

    fn sentence(&self) -> String {
        let missing: usize = self.missing.values().map(Vec::len).sum();
        match (&self.reason, missing) {
            (Some(reason), _) => reason.clone(),
            (None, 0) => {
                format!("{} in {}. Values of secrets are never sent here.", format::count(count(self.env.len()), "key", "keys"), self.environment)
            }
            (None, missing) => format!("{} missing in {}.", format::count(count(missing), "required key is", "required keys are"), self.environment),
        }
    }

    fn filters(&self) -> Markup {
        // Choices are places: `env:production, all services`.
        let names = self.choices.iter().filter_map(|(value, _)| value.strip_prefix("env:")).map(|name| name.split('/').next().unwrap_or(name));
        let mut environments: Vec<&str> = names.chain([self.environment.as_str()]).collect();
        environments.sort_unstable();
        environments.dedup();
        let environments: Vec<(&str, &str)> = environments.into_iter().map(|name| (name, name)).collect();
        let own = format!("env:{}/", self.environment);
        let mut services: Vec<&str> = self.choices.iter().filter_map(|(value, _)| value.strip_prefix(own.as_str())).collect();
        services.sort_unstable();
        let services: Vec<(&str, &str)> = std::iter::once(("", "Any service")).chain(services.into_iter().map(|name| (name, name))).collect();
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        field::filters(
            "/environment",
            &html! {
                (field::search("q", "Key", &given(&self.query.q), "Key"))
                (field::choice("environment", "Environment", &self.environment, &environments))
                (field::choice("service", "Service", &given(&self.query.service), &services))
            },
        )
    }

    fn table(&self, snapshot: &Snapshot, page: &Page<'_>) -> Markup {
        let part = self.query.q.as_deref().unwrap_or_default().to_lowercase();
        let missing = self.missing.get(&snapshot.service).map(Vec::as_slice).unwrap_or_default();
        let columns = [Column::new("Key"), Column::new("State"), Column::new("Value"), Column::new("Fingerprint").priority(Priority::Medium)];
        let absent = missing.iter().filter(|key| !snapshot.entries.contains_key(*key));
        let rows = html! {
            @for key in absent.filter(|key| key.to_lowercase().contains(&part)) { (line(key, (Tone::Warn, "MISSING"), html! { span.quiet { "not sent" } }, None)) }
            @for (key, entry) in snapshot.entries.iter().filter(|(key, _)| key.to_lowercase().contains(&part)) {
                @let state = match (entry.set, missing.contains(key)) { (_, true) => (Tone::Warn, "MISSING"), (true, _) => (Tone::Ok, "SET"), (false, _) => (Tone::Off, "NOT SET") };
                (line(key, state, value(Some(entry.shown())), entry.fingerprint.as_deref()))
            }
        };
        let note = format!("{}, seen {}", short(&snapshot.sha), format::age(snapshot.last_at, page.now));
        card(snapshot.service.clone()).note(note).fill(table_stacking(&format!("Configuration of {}", snapshot.service), &columns, &rows)).render()
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn line(key: &str, state: (Tone, &str), shown: Markup, print: Option<&str>) -> Markup {
    let cells = html! {
        th scope="row" { span class="mono wrap" { (key) } }
        (cell_status(status_word(state.0, state.1)))
        (cell("Value", shown))
        (cell_at(Priority::Medium, "Fingerprint", html! { span class="mono quiet" { (print.unwrap_or(format::NONE)) } }))
    };
    row(false, &cells)
}

/// A value as it may be seen.
fn value(shown: Option<&str>) -> Markup {
    match shown {
        None => html! { span.quiet { "absent" } },
        Some("not set") => html! { span.quiet { "not set" } },
        Some("[REDACTED]") => code::mask("••••••••"),
        Some(text) => html! { span class="mono wrap" { (text) } },
    }
}

impl View for EnvironmentView {
    fn title(&self) -> String {
        "Configuration of the platform".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            (page_head("Configuration of the platform", &self.sentence(), &html! { (Button::link("Compare", "/environment/diff").icon("git-compare")) }))
            section.card aria-label="Filter" { (self.filters()) }
            div.stack #environment data-live="instance" {
                @if self.services.is_empty() { (card("Keys").fill(none_yet(page))) }
                @for snapshot in &self.services { (self.table(snapshot, page)) }
            }
        }
    }
}

fn none_yet(page: &Page<'_>) -> Markup {
    let text =
        "Instances send names, safe values, and fingerprints in the place of secrets. What differs between deploys and environments shows here.";
    html! { (Empty::new("sliders-horizontal", "No configuration is known", text)) div.card__body { (how_to_beat(page.app)) } }
}

fn kind(kind: Kind) -> Markup {
    match kind {
        Kind::Added => status_word(Tone::Info, "ADDED"),
        Kind::Removed => status_word(Tone::Warn, "REMOVED"),
        Kind::Changed => status_word(Tone::Warn, "CHANGED"),
        Kind::Same => status_word(Tone::Ok, "SAME"),
        Kind::Unknown => status_word(Tone::Unknown, "UNKNOWN"),
    }
}

/// A table of keys that differ.
pub(super) fn rows(label: &str, from: &str, to: &str, found: &[Difference]) -> Markup {
    let columns = [Column::new("Key"), Column::new("Differs"), Column::new(from), Column::new(to)];
    let line = |one: &Difference| {
        let cells = html! {
            th scope="row" { span class="mono wrap" { (one.key) } }
            (cell_status(kind(one.kind)))
            (cell(from, value(one.from.as_deref())))
            (cell(to, value(one.to.as_deref())))
        };
        row(false, &cells)
    };
    table_stacking(label, &columns, &html! { @for one in found { (line(one)) } })
}

/// How two configurations differ.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffView {
    /// The first side, in words; `null` when nothing was chosen.
    pub from: Option<String>,
    /// When it was seen last.
    pub from_at: Option<Timestamp>,
    /// The second side.
    pub to: Option<String>,
    /// When it was seen last.
    pub to_at: Option<Timestamp>,
    /// Why there is nothing to compare.
    pub reason: Option<String>,
    /// Keys only on the second side.
    pub added: usize,
    /// Keys only on the first side.
    pub removed: usize,
    /// Keys with another value.
    pub changed: usize,
    /// Every key that differs; with `show=all` the others too.
    pub keys: Vec<Difference>,
    #[serde(skip)]
    all: usize,
    #[serde(skip)]
    choices: Vec<(String, String)>,
    #[serde(skip)]
    query: DiffQuery,
}

impl DiffView {
    pub(super) fn empty(choices: Vec<(String, String)>, query: DiffQuery) -> Self {
        let (added, removed, changed, all) = (0, 0, 0, 0);
        Self { from: None, from_at: None, to: None, to_at: None, reason: None, added, removed, changed, keys: Vec::new(), all, choices, query }
    }

    pub(super) fn new(from: Side, to: Side, rows: Vec<Difference>, choices: Vec<(String, String)>, query: DiffQuery) -> Self {
        let of = |kind: Kind| rows.iter().filter(|row| row.kind == kind).count();
        let (added, removed, changed, all) = (of(Kind::Added), of(Kind::Removed), of(Kind::Changed), rows.len());
        let silent = [&from, &to].into_iter().find(|side| side.at.is_none());
        let reason = silent.map(|side| format!("No instance has said how {} is configured.", side.name));
        let every = query.show.as_deref() == Some("all");
        let keys = if reason.is_some() { Vec::new() } else { rows.into_iter().filter(|row| every || row.kind != Kind::Same).collect() };
        Self { from_at: from.at, to_at: to.at, from: Some(from.name), to: Some(to.name), reason, added, removed, changed, keys, all, choices, query }
    }

    fn sentence(&self) -> String {
        match (&self.reason, &self.from) {
            (Some(reason), _) => reason.clone(),
            (None, None) => "Choose two deploys, environments or instances.".into(),
            _ => format!(
                "{} added, {} removed, {} changed, of {}.",
                self.added,
                self.removed,
                self.changed,
                format::count(count(self.all), "key", "keys")
            ),
        }
    }

    fn choose(&self) -> Markup {
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        // What is chosen stays choosable, also when it is not among the newest.
        let choice = |name: &str, label: &str, value: &Option<String>| {
            let mut options = self.choices.clone();
            if let Some(value) = value.as_ref().filter(|value| !options.iter().any(|(known, _)| known == *value)) {
                options.push((value.clone(), value.clone()));
            }
            Field::select(name, label, std::iter::once((String::new(), "Choose…".to_owned())).chain(options)).value(given(value))
        };
        html! {
            form class="card__body grid-2" method="get" action="/environment/diff" {
                (choice("from", "From", &self.query.from)) (choice("to", "To", &self.query.to))
                div.row { (Button::submit("Compare").icon("git-compare")) }
            }
        }
    }
}

impl View for DiffView {
    fn title(&self) -> String {
        "Compare configurations".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let every = self.query.show.as_deref() == Some("all");
        let pair = format!("from={}&to={}", self.query.from.as_deref().unwrap_or_default(), self.query.to.as_deref().unwrap_or_default());
        let tabs = [
            Tab::new("Differences", format!("/environment/diff?{pair}"), !every),
            Tab::new("All keys", format!("/environment/diff?{pair}&show=all"), every),
        ];
        html! {
            (page_head("Compare configurations", &self.sentence(), &html! { a href="/environment" { "Configuration" } }))
            section.card aria-label="What to compare" { @if self.choices.is_empty() { (none_yet(page)) } @else { (self.choose()) } }
            @if let (Some(from), Some(to)) = (&self.from, &self.to) {
                @let frame = card("Keys").actions(seg("Keys", &tabs));
                @if self.keys.is_empty() { (frame.fill(Empty::new("check", "Nothing differs", self.sentence()).render())) }
                @else { (frame.fill(rows("Compared keys", from, to, &self.keys))) }
            }
        }
    }
}

/// The panel: this environment against another, or the newest deploy against the one before.
pub fn config_panel(panels: &Panels, page: &Page<'_>) -> Markup {
    let links = html! { (Button::link("Compare", "/environment/diff").small().icon("git-compare")) };
    let missing = missing_note(panels);
    if let Some((from, to, found)) = &panels.compared {
        let differ: Vec<Difference> = found.iter().filter(|row| row.kind != Kind::Same).cloned().collect();
        let note = format!("{} of {}", differ.len(), format::count(count(found.len()), "key differs", "keys differ"));
        let frame = card(format!("Config: {} against {}", from.name, to.name)).id("config").live("instance deploy", None).note(note).actions(links);
        let shown: Vec<Difference> = differ.iter().take(SHOWN).cloned().collect();
        let frame = if shown.is_empty() {
            frame.fill(Empty::new("check", "Nothing differs", "Every key is the same on both sides.").render())
        } else {
            frame.fill(rows("Config diff", &from.name, &to.name, &shown))
        };
        let place = format!("/environment/diff?from={}&to={}", from.place.text(), to.place.text());
        return frame.foot(html! { (missing) span { "Secrets never leave the instances: keyed fingerprints tell whether they differ. " a href=(place) { "All keys" } } }).render();
    }
    let frame = card("Config").id("config").live("instance deploy", None).actions(links);
    if panels.snapshots.is_empty() {
        return frame.fill(none_yet(page)).render();
    }
    let columns = [Column::new("Service"), Column::new("State"), Column::number("Keys")];
    let lacks = |service: &str| panels.missing.contains_key(service);
    let list = html! {
        @for snapshot in &panels.snapshots {
            tr data-row {
                (row_name(&snapshot.service, Some(&format!("/environment?environment={}&service={}", snapshot.environment, snapshot.service)), Some(&format!("{}, seen {}", short(&snapshot.sha), format::age(snapshot.last_at, page.now)))))
                (cell_status(if lacks(&snapshot.service) { status_word(Tone::Warn, "KEYS MISSING") } else { status_word(Tone::Ok, "OK") }))
                td.num data-label="Keys" { (snapshot.entries.len()) }
            }
        }
    };
    frame
        .fill(table_stacking("Configurations", &columns, &list))
        .foot(html! { (missing) span { "There is nothing to compare with yet: another environment, or a second deploy." } })
        .render()
}

fn missing_note(panels: &Panels) -> Markup {
    html! {
        @for (service, keys) in &panels.missing {
            p.row { (status_word(Tone::Warn, "MISSING")) span { (service) " lacks " span class="mono wrap" { (keys.join(", ")) } } }
        }
    }
}
