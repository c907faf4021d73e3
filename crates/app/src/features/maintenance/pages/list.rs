//! All windows, the rules behind them, and how applications and proxies obey.

use maud::{Markup, Render, html};
use qd_core::Result;
use serde::Serialize;
use utoipa::ToSchema;

use super::form::line;
use super::input::{ListQuery, next_of};
use super::panel::{Panel, fail_mode, panel, panel_of, sentence};
use super::record::state;
use crate::features::maintenance::bypass::Issue;
use crate::features::maintenance::state as published;
use crate::features::maintenance::window::{self, Enable, Kind, Schedule, Series, Status, Window};
use crate::ui::stats::kv;
use crate::ui::table::{self, Column, Priority};
use crate::ui::{Button, Empty, card, code, field, format, page_head, pager};
use crate::web::{Ctx, Page, View};

/// A page of windows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListView {
    /// The newest first.
    windows: Vec<Window>,
    /// `after` of the next page; `null` on the last.
    next: Option<String>,
    /// The rules, the newest first; ended ones too.
    series: Vec<Series>,
    /// Only people get it.
    #[serde(skip)]
    panel: Option<Panel>,
    #[serde(skip)]
    query: ListQuery,
}

impl ListView {
    pub(super) async fn of(ctx: &Ctx, query: ListQuery) -> Result<Self> {
        let (windows, end) = window::list(&ctx.app, &query.filter()?).await?;
        let panel = if ctx.wants_json() { None } else { Some(panel_of(&ctx.app).await?) };
        Ok(Self { windows, next: end.map(next_of), series: window::series(&ctx.app).await?, panel, query })
    }
}

impl View for ListView {
    fn title(&self) -> String {
        "Maintenance".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let state = published::state(page.app).ok();
        let actions = html! {
            @if page.may::<Enable>() { (Button::dialog("Turn on…", "/maintenance/enable").risk().icon("construction")) }
            @if page.may::<Schedule>() { (Button::dialog("Schedule a maintenance", "/maintenance/schedule").primary().icon("calendar-clock")) }
        };
        html! {
            (page_head("Maintenance", &state.map(|state| sentence(&state)).unwrap_or_default(), &actions))
            @if let Some(shown) = &self.panel { (panel(shown, page)) }
            section.card aria-label="Windows" {
                div.card__head { h2 { "Windows" } p { "Times in UTC." } div.push { a.small href="/maintenance/status" { "Only what holds" } } }
                (self.filters())
                div #maintenance-windows data-live="maintenance" { (self.rows(page)) }
            }
            @if self.series.iter().any(|series| series.cancelled_at.is_none()) { (self.rules()) }
            (connect(page))
        }
    }
}

impl ListView {
    fn filters(&self) -> Markup {
        let kinds: Vec<(&str, &str)> = std::iter::once(("", "Any type")).chain(Kind::ALL.map(|kind| (kind.word(), kind.label()))).collect();
        let states: Vec<(&str, &str)> = std::iter::once(("", "Any status")).chain(Status::ALL.map(|status| (status.word(), status.word()))).collect();
        field::filters(
            "/maintenance",
            &html! {
                (field::choice("status", "Status", self.query.status.as_deref().unwrap_or_default(), &states))
                (field::choice("type", "Type", self.query.kind.map(Kind::word).unwrap_or_default(), &kinds))
            },
        )
    }

    fn rows(&self, page: &Page<'_>) -> Markup {
        if self.windows.is_empty() {
            return match self.query.status.is_some() || self.query.kind.is_some() || self.query.after.is_some() {
                true => Empty::filtered("No window fits the filter", "No window has this status and type.", "/maintenance").render(),
                false => {
                    Empty::new("construction", "No maintenance yet", "A window says when writes wait, for whom, and what people read meanwhile.")
                        .render()
                }
            };
        }
        let columns = [
            Column::new("Window"),
            Column::new("Status"),
            Column::new("When"),
            Column::new("Lasted").priority(Priority::Medium),
            Column::new("By").priority(Priority::Medium),
            Column::new("Why").priority(Priority::Large),
        ];
        let rows = html! { @for window in &self.windows { (row(window, page)) } };
        let address = |after: Option<&str>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(form_urlencoded::parse(page.query.as_bytes()).filter(|(key, value)| key != "after" && !value.is_empty()));
            after.iter().for_each(|after| {
                query.append_pair("after", after);
            });
            format!("/maintenance?{}", query.finish())
        };
        let newest = self.query.after.is_some().then(|| address(None));
        let older = self.next.as_deref().map(|next| address(Some(next)));
        let shown = format::count(i64::try_from(self.windows.len()).unwrap_or(i64::MAX), "window", "windows");
        html! { (table::table_stacking("Windows", &columns, &rows)) (pager::pager(&shown, newest.as_deref(), older.as_deref())) }
    }

    fn rules(&self) -> Markup {
        let columns = [Column::new("What"), Column::new("When"), Column::new("Lasts"), Column::new("Why").priority(Priority::Medium)];
        let rows = html! {
            @for series in self.series.iter().filter(|series| series.cancelled_at.is_none()) {
                (table::row(false, &html! {
                    (table::row_name(series.kind.label(), None, Some(&format!("by {}, {}", series.created_by_name, format::day(series.created_at)))))
                    (table::cell("When", html! { span.mono { (series.cron) } " " span.quiet { (series.zone) } }))
                    (table::cell("Lasts", html! { (format::duration(series.duration_minutes * 60)) }))
                    (table::cell_at(Priority::Medium, "Why", html! { (series.reason) }))
                }))
            }
        };
        let note = "Cancel the next window of a rule to end it.";
        card("Rules").note(note).fill(table::table_stacking("Rules", &columns, &rows)).render()
    }
}

fn row(window: &Window, page: &Page<'_>) -> Markup {
    let lasted = match (window.actual_start, window.actual_end) {
        (Some(start), Some(end)) => format::duration(end.since(start)),
        (Some(start), None) => format!("{} so far", format::duration(page.now.since(start))),
        _ => format::NONE.into(),
    };
    let sub = if window.series_id.is_some() { "comes again" } else { "once" };
    table::row(
        false,
        &html! {
            (table::row_name(window.kind.label(), Some(&format!("/maintenance/{}", window.id)), Some(sub)))
            (table::cell_status(state(window)))
            (table::cell("When", html! { (line(window, page.now)) }))
            (table::cell_at(Priority::Medium, "Lasted", html! { (lasted) }))
            (table::cell_at(Priority::Medium, "By", html! { (window.created_by_name) }))
            (table::cell_at(Priority::Large, "Why", html! { (window.reason) }))
        },
    )
}

/// How it is obeyed: addresses and settings that hold.
fn connect(page: &Page<'_>) -> Markup {
    let config = &page.app.config;
    let base = match config.server.public_url.trim_end_matches('/') {
        "" => format!("http://{}", config.server.listen),
        url => url.to_owned(),
    };
    let mono = |text: String| html! { span.mono { (text) } };
    let list = |paths: &[String]| html! { @if paths.is_empty() { (format::NONE) } @else { @for path in paths { span.mono { (path) } " " } } };
    let secret = config.maintenance.bypass_secret.is_set();
    let bypass = html! {
        @if secret { "Possible with a token." } @else { "Not possible: no secret is configured." }
        div.row.row--wrap {
            a href="/maintenance/bypass" { "Tokens" }
            @if secret && page.may::<Issue>() { (Button::dialog("Make a token", "/maintenance/bypass/new").small()) }
        }
    };
    let allowed = match published::state(page.app) {
        Ok(state) => list(&state.allowed),
        Err(_) => html! { (format::UNKNOWN) },
    };
    let script = format!("<script src=\"{base}/banner.js\" data-audience=\"customers\" defer></script>");
    html! {
        div.split--even {
            (card("How it is obeyed").body(html! { div.stack.stack--s {
                (kv([
                    ("Caddy, Traefik", mono(format!("{base}/gate"))),
                    ("nginx", mono(format!("{base}/gate/nginx"))),
                    ("Applications", mono(format!("{base}/api/v1/maintenance/state"))),
                    ("Flags", mono("ops.read_only ops.read_only.vendor ops.queue_drain".into())),
                ]))
                p class="small quiet" { "Ready-made configurations of the proxies are in docs/gate. Applications send a token with the scope flags:read." }
                (code::wrapped("Banner on a page", &script))
            } }).render())
            (card("Settings that hold").note("maintenance, in the configuration").body(kv([
                ("Fail mode", html! { span.mono { (config.maintenance.fail_mode) } ": " (fail_mode(&config.maintenance.fail_mode)) }),
                ("Always passes", allowed),
                ("Vendors' paths", list(&config.maintenance.vendor_paths)),
                ("Bypass", bypass),
            ])).render())
        }
    }
}
