//! The panel of the Deploys & Config view: one card a mode, and the banner above every page of ours.

use std::sync::Arc;

use maud::{Markup, html};
use qd_core::{App, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::drained::drained;
use crate::features::deploys::instances;
use crate::features::maintenance::drain::{self, QueueProgress};
use crate::features::maintenance::state::{State, state};
use crate::features::maintenance::window::{self, Blocks, Cancel, Edit, Enable, End, Extend, Filter, Kind, Reword, Schedule, Status, Window};
use crate::ui::button::post;
use crate::ui::stats::kv;
use crate::ui::status::{Tone, pill};
use crate::ui::{Banner, Button, format, icon, page_head};
use crate::web::{Page, View};

/// The modes that have a card of their own at all times; the others show one while they hold or are scheduled.
const CARDS: [Kind; 3] = [Kind::GlobalReadonly, Kind::VendorReadonly, Kind::QueueDrain];

/// What the panel shows.
#[derive(Clone, Debug)]
pub struct Panel {
    state: Arc<State>,
    /// The last one of each type that ended.
    last: Vec<Window>,
    /// Instances that obey the state that is served, and those that live; `None` when it could not be counted.
    obeying: Option<(i64, i64)>,
    /// How far the queues of the active drain are.
    held: Vec<QueueProgress>,
}

/// Reads what the panel shows: what holds comes from memory, what was last from the tables.
///
/// # Errors
/// Those of the database.
pub async fn panel_of(app: &App) -> Result<Panel> {
    let state = state(app)?;
    let mut last = Vec::new();
    for kind in Kind::ALL {
        let filter = Filter { status: vec![Status::Completed], kind: Some(kind), limit: Some(1), ..Filter::default() };
        last.extend(window::list(app, &filter).await?.0);
    }
    let obeying = instances::acknowledged(app, state.revision).await.inspect_err(|fault| tracing::warn!(%fault, "instances not counted")).ok();
    let held = match state.active_of(Kind::QueueDrain) {
        Some(window) => drain::progress(app, window.id).await?,
        None => Vec::new(),
    };
    Ok(Panel { state, last, obeying, held })
}

/// The panel as a section; it is fetched again after each change.
pub fn panel(panel: &Panel, page: &Page<'_>) -> Markup {
    let others = Kind::ALL.into_iter().filter(|kind| !CARDS.contains(kind) && (panel.holding(*kind).is_some() || panel.next(*kind).is_some()));
    html! {
        section.section #maintenance aria-label="Maintenance modes" data-live="maintenance" {
            div.section__head {
                h2 { "Maintenance modes" }
                p { (panel.obeyed()) " " (fail_mode(&panel.state.fail_mode)) }
                @if page.path != "/maintenance" { a href="/maintenance" { "Windows and settings" } }
            }
            div.modes { @for kind in CARDS.into_iter().chain(others) { (panel.card(kind, page)) } }
        }
    }
}

/// What gates and clients do without us, in words.
pub(super) fn fail_mode(word: &str) -> &'static str {
    match word {
        "open" => "While Quarterdeck is away, writes pass.",
        "closed" => "While Quarterdeck is away, writes wait.",
        _ => "While Quarterdeck is away, the last known state holds.",
    }
}

/// What a mode does, in a few words.
pub(super) fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::GlobalReadonly => "Nobody can write. Reading goes on.",
        Kind::DatabaseMaintenance => "The database is worked on: nobody can write.",
        Kind::Deployment => "A new version is installed: nobody can write.",
        Kind::VendorReadonly => "Vendors look but cannot change. Customers buy on.",
        Kind::QueueDrain => "Workers finish, nothing new starts.",
    }
}

/// What a mode does to requests and jobs.
pub(super) fn effect(kind: Kind) -> &'static str {
    match kind.blocks() {
        Blocks::All => "POST, PUT, PATCH and DELETE answer 503",
        Blocks::Vendors => "Vendors' POST, PUT, PATCH and DELETE answer 503",
        Blocks::None => "Queues take no jobs; those that run end",
    }
}

/// The icon of a mode.
pub(super) fn symbol(kind: Kind) -> &'static str {
    match kind {
        Kind::GlobalReadonly => "lock",
        Kind::DatabaseMaintenance => "database-zap",
        Kind::Deployment => "rocket",
        Kind::VendorReadonly => "store",
        Kind::QueueDrain => "droplets",
    }
}

impl Panel {
    fn holding(&self, kind: Kind) -> Option<&Window> {
        self.state.active_of(kind)
    }

    fn next(&self, kind: Kind) -> Option<&Window> {
        self.state.upcoming().into_iter().find(|window| window.kind == kind)
    }

    /// How many instances are known to obey.
    pub(super) fn obeyed(&self) -> String {
        match self.obeying {
            None => "How many instances obey is not known: our own database did not answer.".into(),
            Some((_, 0)) => "No instance reports which state it obeys.".into(),
            Some((obeying, alive)) => format!("{obeying} of {alive} instances obey the present state."),
        }
    }

    fn card(&self, kind: Kind, page: &Page<'_>) -> Markup {
        let (holding, next) = (self.holding(kind), self.next(kind));
        let tone = match (holding, next) {
            (Some(window), _) if window.overrun(page.now).is_some() => Some(Tone::Crit),
            (Some(_), _) => Some(Tone::Warn),
            _ => None,
        };
        html! {
            section.card id={ "mode-" (kind.mode()) } aria-label=(kind.label()) data-status=[tone.map(Tone::key)] {
                div class="card__body stack stack--s" {
                    div class="row row--top" {
                        span.icon-tile { (icon(symbol(kind))) }
                        div.grow { h3 { (kind.label()) } p class="small quiet" { (meaning(kind)) } }
                        (state_of(holding, next, page))
                    }
                    @match (holding, next) {
                        (Some(window), _) => (self.facts_of_active(window, page)),
                        (None, Some(window)) => (facts_of_scheduled(window, page)),
                        (None, None) => (self.facts_when_off(kind, page)),
                    }
                }
                @let foot = foot(kind, holding, next, page);
                @if !foot.0.is_empty() { div.card__foot { (foot) } }
            }
        }
    }

    fn facts_of_active(&self, window: &Window, page: &Page<'_>) -> Markup {
        let until = match window.overrun(page.now) {
            Some(late) => html! { "by " (format::duration(late)) "; planned end " (format::time(window.scheduled_end, page.now)) " UTC" },
            None => html! { (format::time(window.scheduled_end, page.now)) " UTC, in " b { (format::countdown(window.scheduled_end, page.now)) } },
        };
        let obeyed = match self.obeying {
            Some((obeying, alive)) if alive > 0 => format!("{obeying} of {alive} instances"),
            Some(_) => "no instance reports".into(),
            None => format::UNKNOWN.into(),
        };
        kv([
            (if window.overrun(page.now).is_some() { "Overdue" } else { "Until" }, until),
            (
                "Effect",
                html! { (effect(window.kind)) (concerned(window)) @if window.kind == Kind::QueueDrain { "; " (drained(window.drained_at.is_some(), &self.held)) } },
            ),
            ("Obeyed by", html! { (obeyed) }),
            ("Why", html! { (window.reason) ", " (window.created_by_name) }),
        ])
    }

    fn facts_when_off(&self, kind: Kind, page: &Page<'_>) -> Markup {
        let last = self.last.iter().find(|window| window.kind == kind);
        let used = html! {
            @match last.and_then(|window| Some((window, window.actual_start?, window.actual_end?))) {
                Some((window, start, end)) => {
                    a href={ "/maintenance/" (window.id) } { (format::moment(start, page.now)) ", " (format::duration(end.since(start))) ", " (window.created_by_name) }
                }
                None => "never",
            }
        };
        kv([("Effect", html! { (effect(kind)) }), ("Last used", used)])
    }
}

/// Whom of many it concerns.
fn concerned(window: &Window) -> Markup {
    let count = |names: &Option<Vec<String>>, one: &str, many: &str| {
        names.as_ref().map(|names| format!(" ({})", format::count(i64::try_from(names.len()).unwrap_or(i64::MAX), one, many))).unwrap_or_default()
    };
    html! { (count(&window.terms.vendors, "vendor", "vendors")) (count(&window.terms.queues, "queue", "queues")) }
}

fn facts_of_scheduled(window: &Window, page: &Page<'_>) -> Markup {
    kv([
        (
            "Window",
            html! { a href={ "/maintenance/" (window.id) } { (format::time(window.scheduled_start, page.now)) " to " (format::minute(window.scheduled_end)) " UTC" } },
        ),
        ("Starts in", html! { (format::countdown(window.scheduled_start, page.now)) @if window.series_id.is_some() { ", and again" } }),
        ("Why", html! { (window.reason) ", " (window.created_by_name) }),
    ])
}

fn state_of(holding: Option<&Window>, next: Option<&Window>, page: &Page<'_>) -> Markup {
    match (holding, next) {
        (Some(window), _) if window.overrun(page.now).is_some() => pill(Tone::Crit, Some("OVERRUN")),
        (Some(_), _) => pill(Tone::Warn, Some("ACTIVE")),
        (None, Some(_)) => pill(Tone::Info, Some("SCHEDULED")),
        (None, None) => pill(Tone::Off, None),
    }
}

fn foot(kind: Kind, holding: Option<&Window>, next: Option<&Window>, page: &Page<'_>) -> Markup {
    html! {
        @match (holding, next) {
            (Some(window), _) => (active_buttons(window, page)),
            (None, Some(window)) => {
                (scheduled_buttons(window, page))
                @if page.may::<Enable>() { (Button::dialog("Turn on now…", format!("/maintenance/enable?type={}", kind.word())).risk().small()) }
            }
            (None, None) => {
                @if page.may::<Enable>() { (Button::dialog("Turn on…", format!("/maintenance/enable?type={}", kind.word())).risk().small()) }
                @if page.may::<Schedule>() { (Button::dialog("Schedule", format!("/maintenance/schedule?type={}", kind.word())).icon("calendar-clock").small()) }
            }
        }
    }
}

/// What can be done while it holds. Ending is one press: nothing stands between an operator and open writes.
pub(super) fn active_buttons(window: &Window, page: &Page<'_>) -> Markup {
    let to = |verb: &str| format!("/maintenance/{}/{verb}", window.id);
    html! {
        @if page.may::<End>() { (post(&to("end"), &Button::submit("End now").icon("lock-open").small())) }
        @if page.may::<Extend>() { (Button::dialog("Extend", to("extend")).icon("clock-arrow-up").small()) }
        @if page.may::<Reword>() { (Button::dialog("Edit text", to("text")).icon("pencil").small()) }
    }
}

/// What can be done before it starts.
pub(super) fn scheduled_buttons(window: &Window, page: &Page<'_>) -> Markup {
    let to = |verb: &str| format!("/maintenance/{}/{verb}", window.id);
    html! {
        @if page.may::<Edit>() { (Button::dialog("Change", to("edit")).icon("calendar-clock").small()) }
        @if page.may::<Reword>() { (Button::dialog("Edit text", to("text")).icon("pencil").small()) }
        @if page.may::<Cancel>() { (Button::dialog("Cancel it", to("cancel")).ghost().small()) }
    }
}

/// The banner above every page while a maintenance holds, or is announced; from memory.
pub fn banner(app: &App) -> Option<Banner> {
    let (now, state) = (app.now(), state(app).ok()?);
    if let Some(window) = state.active().next() {
        let more = state.active().count() - 1;
        let title = if more > 0 { format!("{} is on, and {more} more", window.kind.label()) } else { format!("{} is on", window.kind.label()) };
        let (tone, text) = match window.overrun(now) {
            Some(late) => {
                (Tone::Crit, html! { (effect(window.kind)) ". Past its planned end by " b { (format::duration(late)) } ": end or extend it." })
            }
            None => (Tone::Warn, html! { (effect(window.kind)) ". Ends in " b { (format::countdown(window.scheduled_end, now)) } "." }),
        };
        return Some(Banner::new(tone, title).icon("construction").text(text).link("Show it", format!("/maintenance/{}", window.id)));
    }
    let next = state.upcoming().into_iter().find(|window| window.is_told(now))?;
    let text = html! { "Starts in " b { (format::countdown(next.scheduled_start, now)) } ", people are told." };
    Some(
        Banner::new(Tone::Info, format!("{} is announced", next.kind.label()))
            .icon("construction")
            .text(text)
            .link("Show it", format!("/maintenance/{}", next.id)),
    )
}

/// `GET /maintenance/status`
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Published revision.
    revision: i64,
    /// `none`, `announced`, or the strongest active type.
    mode: &'static str,
    /// Whether a global read-only holds.
    global_readonly: bool,
    /// Whether vendors, or some of them, are held.
    vendor_readonly: bool,
    /// Whether queues are drained.
    queue_drain: bool,
    /// Whether a database maintenance holds.
    database_maintenance: bool,
    /// Whether a deployment holds writes.
    deployment: bool,
    /// Whose writes are blocked.
    blocks_writes: Blocks,
    /// What holds, the strongest first.
    active_windows: Vec<Window>,
    /// What is to come, the next first.
    scheduled_windows: Vec<Window>,
    /// What gates and clients do while we are away: last_known, open, closed.
    fail_mode: String,
    /// Instances that obey this revision; `null` when it could not be counted.
    instances_obeying: Option<i64>,
    /// Instances that live.
    instances_alive: Option<i64>,
    #[serde(skip)]
    panel: Panel,
}

impl StatusView {
    pub(super) fn of(panel: Panel) -> Self {
        let state = Arc::clone(&panel.state);
        let on = |kind| state.active_of(kind).is_some();
        Self {
            revision: state.revision,
            mode: state.active().next().map_or("none", |window| window.kind.mode()),
            global_readonly: on(Kind::GlobalReadonly),
            vendor_readonly: on(Kind::VendorReadonly),
            queue_drain: on(Kind::QueueDrain),
            database_maintenance: on(Kind::DatabaseMaintenance),
            deployment: on(Kind::Deployment),
            blocks_writes: state.blocks(),
            active_windows: state.active().cloned().collect(),
            scheduled_windows: state.upcoming().into_iter().cloned().collect(),
            fail_mode: state.fail_mode.clone(),
            instances_obeying: panel.obeying.map(|(obeying, _)| obeying),
            instances_alive: panel.obeying.map(|(_, alive)| alive),
            panel,
        }
    }
}

impl View for StatusView {
    fn title(&self) -> String {
        "Maintenance status".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! { (page_head("Maintenance status", &sentence(&self.panel.state), &html! {})) (panel(&self.panel, page)) }
    }
}

/// What holds, in words.
pub(super) fn sentence(state: &State) -> String {
    let names: Vec<&str> = state.active().map(|window| window.kind.label()).collect();
    let holds = match (names.as_slice(), state.blocks()) {
        ([], _) => "Nothing is held: everybody may write.".to_owned(),
        (names, Blocks::All) => format!("{}: nobody may write.", names.join(", ")),
        (names, Blocks::Vendors) => format!("{}: vendors may not write, customers may.", names.join(", ")),
        (names, Blocks::None) => format!("{}: everybody may write.", names.join(", ")),
    };
    let scheduled = state.upcoming().len();
    if scheduled == 0 {
        holds
    } else {
        format!("{holds} {} scheduled.", format::count(i64::try_from(scheduled).unwrap_or(i64::MAX), "window is", "windows are"))
    }
}
