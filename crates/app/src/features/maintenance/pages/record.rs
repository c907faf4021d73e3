//! One window: its times, what it says, and what became of it.

use maud::{Markup, Render, html};
use qd_core::Result;
use serde::Serialize;
use utoipa::ToSchema;

use super::panel::{active_buttons, effect, scheduled_buttons};
use crate::features::maintenance::window::{self, Audience, Kind, Phase, Series, Status, Window};
use crate::ui::head::record_head;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::status::{Tone, pill, status_word};
use crate::ui::tabs::crumbs;
use crate::ui::{badge, card, format};
use crate::web::{Ctx, Page, View};

/// A window, and the rule that made it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordView {
    /// The window.
    #[serde(flatten)]
    pub window: Window,
    /// What people are told now.
    pub phase: Phase,
    /// The rule; `null` for one that comes once.
    pub series: Option<Series>,
}

impl RecordView {
    pub(super) async fn of(ctx: &Ctx, window: Window) -> Result<Self> {
        let series = match window.series_id {
            Some(id) => window::series(&ctx.app).await?.into_iter().find(|series| series.id == id),
            None => None,
        };
        Ok(Self { phase: window.phase(ctx.now), window, series })
    }
}

/// The colour of a status.
pub(super) fn tone(window: &Window) -> Tone {
    match window.status {
        Status::Active => Tone::Warn,
        Status::Scheduled => Tone::Info,
        Status::Completed => Tone::Ok,
        Status::Cancelled => Tone::Off,
    }
}

/// The status as a word with its shape.
pub(super) fn state(window: &Window) -> Markup {
    status_word(tone(window), window.status.word())
}

/// Who sees the banner, in words.
pub(super) fn audience(audience: Audience) -> &'static str {
    match audience {
        Audience::All => "everybody",
        Audience::Vendors => "vendors and admins",
        Audience::Admins => "admins",
    }
}

impl View for RecordView {
    fn title(&self) -> String {
        format!("{}, {}", self.window.kind.label(), format::day(self.window.scheduled_start))
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let window = &self.window;
        let actions = match window.status {
            Status::Active => active_buttons(window, page),
            Status::Scheduled => scheduled_buttons(window, page),
            Status::Completed | Status::Cancelled => html! {},
        };
        let facts = html! { (pill(tone(window), Some(window.status.word()))) span.quiet { "made " (format::time(window.created_at, page.now)) " by " (window.created_by_name) } };
        html! {
            (crumbs(&[("Maintenance", "/maintenance")], window.kind.label()))
            div.stack #maintenance-record data-live="maintenance" {
                (record_head(&facts, window.kind.label(), &format!("{}.", effect(window.kind)), &actions))
                (stats_card(&self.figures(page)))
                (self.cards(page))
            }
        }
    }
}

impl RecordView {
    fn figures(&self, page: &Page<'_>) -> Vec<Stat> {
        let window = &self.window;
        let utc = |at| format!("{} UTC", format::moment(at, page.now));
        let (start, end) = (window.actual_start.unwrap_or(window.scheduled_start), window.actual_end.unwrap_or(window.scheduled_end));
        let scheduled = |at, actual: bool| if actual { format!("scheduled {}", utc(at)) } else { "scheduled".to_owned() };
        vec![
            Stat::new("Start", utc(start), "", scheduled(window.scheduled_start, window.actual_start.is_some())),
            Stat::new("End", utc(end), "", scheduled(window.scheduled_end, window.actual_end.is_some())),
            match window.status {
                Status::Active => Stat::markup(
                    "Left",
                    format::countdown(window.scheduled_end, page.now),
                    "",
                    if window.terms.auto_end { "then it ends by itself" } else { "then people are alerted; it stays" },
                ),
                Status::Scheduled => Stat::markup("Starts in", format::countdown(window.scheduled_start, page.now), "", told(self.phase)),
                _ => Stat::new(
                    "Lasted",
                    window.actual_start.map_or_else(|| format::NONE.to_owned(), |from| format::duration(end.since(from))),
                    "",
                    window.note.clone().unwrap_or_default(),
                ),
            },
        ]
    }

    fn cards(&self, page: &Page<'_>) -> Markup {
        let window = &self.window;
        let names = |list: &Option<Vec<String>>, all: &str| html! { @match list { None => (all), Some(list) => div class="row row--wrap" { @for name in list { (badge(name)) } } } };
        let mut facts = vec![("Why", html! { (window.reason) })];
        if window.kind == Kind::VendorReadonly {
            facts.push(("Vendors", names(&window.terms.vendors, "all")));
        }
        if window.kind == Kind::QueueDrain {
            facts.push(("Queues", names(&window.terms.queues, "all of the platform's")));
            facts
                .push(("Drained", html! { @match window.drained_at { Some(at) => { (format::time(at, page.now)) " UTC" } None => (format::NONE) } }));
        }
        if !window.terms.affected_services.is_empty() {
            facts.push(("Services", names(&Some(window.terms.affected_services.clone()), "")));
        }
        if let Some(series) = &self.series {
            let ended = if series.cancelled_at.is_some() { "; the rule has ended" } else { "" };
            facts.push((
                "Comes again",
                html! { span.mono { (series.cron) } " " (series.zone) ", " (format::duration(series.duration_minutes * 60)) (ended) },
            ));
        }
        facts.push(("Record", html! { a href={ "/audit?target_kind=maintenance&target_id=" (window.id) } { "Its audit events" } }));
        let said = html! { div.stack.stack--s {
            p { (window.text()) }
            p class="small quiet" {
                "Seen by " (audience(window.terms.audience)) ". "
                @if window.terms.announce_minutes > 0 { "Announced " (format::duration(window.terms.announce_minutes * 60)) " before. " } @else { "Not announced. " }
                "Anybody can read it."
            }
        } };
        html! { div.split--even { (card("Facts").body(kv(facts)).render()) (card("What people read").body(said).render()) } }
    }
}

/// What people are told before the start.
fn told(phase: Phase) -> &'static str {
    match phase {
        Phase::Upcoming => "not announced yet",
        Phase::Announced | Phase::Starting => "people are told",
        Phase::Active | Phase::Ended => "",
    }
}
