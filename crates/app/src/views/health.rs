//! Health & Incidents: the state in words, the key figures, what is broken, what is probed, what is slow.

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{App, Result};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::features::health::{self, overview::Overview};
use crate::features::incidents::{self, Board, board_panel};
use crate::features::telemetry::{self, endpoints_panel};
use crate::ui::{Button, Empty, card};
use crate::web::{Ctx, Feature, MenuItem, Nothing, Page, Reply, Routes, View};

/// Endpoints that the panel shows; the page behind it shows more.
const ENDPOINTS: usize = 10;

/// The manifest of the view.
pub const FEATURE: Feature = Feature {
    menu: Some(MenuItem {
        count,
        within: &["/incidents", "/services"],
        ..MenuItem::new("Health & Incidents", "/health", "activity", 'h', 10, Access::READ)
    }),
    ..Feature::new("health-view", routes)
};

fn routes(routes: Routes) -> Routes {
    routes.page("/health", Access::READ, "The state of the platform", show)
}

/// Open incidents beside the menu entry.
fn count(app: &App) -> Option<(i64, Status, String)> {
    let open = app.board.get("incidents.open", app.now())?;
    #[expect(clippy::cast_possible_truncation, reason = "a count of incidents")]
    let n = open.value.filter(|n| *n > 0.0)? as i64;
    let lost = matches!(open.status, Status::Unknown | Status::Stale);
    Some((n, open.status, format!("{n} open incident{}{}", if n == 1 { "" } else { "s" }, if lost { " when last counted" } else { "" })))
}

/// The picture for clients, with the panels of other features for people.
#[derive(Serialize, ToSchema)]
struct HealthPage {
    /// Everything that is measured.
    #[serde(flatten)]
    overview: Overview,
    /// Only people get it; `None` when our database did not answer.
    #[serde(skip)]
    board: Option<Board>,
}

/// Clients get what is in memory; only a page asks our database, for the cards of incidents.
async fn show(ctx: Ctx, _: Nothing) -> Result<Reply<HealthPage>> {
    let overview = health::overview(&ctx.app, ctx.now);
    // One panel that can't be had does not take the page with it.
    let board = if ctx.wants_json() { None } else { incidents::board(&ctx.app).await.inspect_err(|fault| warn!(%fault, "incidents left out")).ok() };
    Ok(Reply::ok(HealthPage { overview, board }))
}

impl View for HealthPage {
    fn title(&self) -> String {
        "Health & Incidents".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let actions = html! {
            @if page.may::<incidents::Open>() { (Button::dialog("Open an incident", "/incidents/new").primary().icon("siren")) }
        };
        html! {
            // Only the sentence is live: the button keeps its focus.
            div.page-head {
                div.page-head__text {
                    h1 { "Health & Incidents" }
                    p #health-summary data-live="kpi check incident" data-live-src="/health" { (self.overview.summary) }
                }
                @if !actions.0.is_empty() { div.page-head__actions { (actions) } }
            }
            (health::strip(page))
            @match &self.board { Some(board) => (board_panel(board, page)), None => (away("Incidents")) }
            (health::services_panel(page))
            (endpoints_panel(telemetry::slowest(page.app, ENDPOINTS).as_ref(), page.now))
        }
    }
}

/// In place of a panel that our database did not give.
fn away(name: &str) -> Markup {
    let text = "Our own database did not answer. The key figures above are measured without it. Measure again with R.";
    card(name).fill(Empty::error("unplug", "Not available now", text).render()).render()
}
