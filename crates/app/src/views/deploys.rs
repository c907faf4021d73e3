//! Deploys & Config: what runs, which flags decide, what maintenance blocks, what was deployed and how it is configured.

use maud::{Markup, Render, html};
use qd_core::gate::Access;
use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::features::{deploys, flags, maintenance};
use crate::ui::{Empty, card, format};
use crate::web::{Ctx, Feature, MenuItem, Page, Reply, Routes, View};

/// The manifest of the view.
pub const FEATURE: Feature = Feature {
    menu: Some(MenuItem {
        within: &["/flags", "/maintenance", "/deployments", "/instances", "/environment"],
        ..MenuItem::new("Deploys & Config", "/deploys", "rocket", 'd', 20, Access::READ)
    }),
    ..Feature::new("deploys-view", routes)
};

fn routes(routes: Routes) -> Routes {
    routes.page("/deploys", Access::READ, "What runs, and what decides what it does", show)
}

/// What runs and what decides.
#[derive(Serialize, ToSchema)]
struct DeploysPage {
    /// The state of the view in words.
    summary: String,
    /// Feature flags.
    flags: flags::ListView,
    /// Only people get it; `None` when our database did not answer.
    #[serde(skip)]
    deploys: Option<deploys::Panels>,
    /// As `deploys`.
    #[serde(skip)]
    maintenance: Option<maintenance::Panel>,
}

/// Clients get flags and the sentence; a page has the panels of the others, too. One that can't be had does not take the page with it.
async fn show(ctx: Ctx, query: flags::ListQuery) -> Result<Reply<DeploysPage>> {
    let app = &ctx.app;
    let flags = flags::listed(app, query, flags::PANEL).await?;
    let (mut running, mut modes) = (None, None);
    if !ctx.wants_json() {
        running = deploys::load(app).await.inspect_err(|fault| warn!(%fault, "deploys left out")).ok();
        modes = maintenance::panel_of(app).await.inspect_err(|fault| warn!(%fault, "maintenance left out")).ok();
    }
    let summary = format!("{} {} {}", deploys::sentence(app, ctx.now), flags.rolling_out(), blocked(app, ctx.now));
    Ok(Reply::ok(DeploysPage { summary, flags, deploys: running, maintenance: modes }))
}

/// What maintenance does now, in a sentence.
fn blocked(app: &App, now: Timestamp) -> String {
    let Ok(state) = maintenance::state(app) else { return "Whether a maintenance holds is not known.".into() };
    let active: Vec<&str> = state.active().map(|window| window.kind.label()).collect();
    if !active.is_empty() {
        return format!("{} {} on.", active.join(" and "), if active.len() == 1 { "is" } else { "are" });
    }
    match state.upcoming().first() {
        Some(next) => format!("{} is scheduled for {} UTC.", next.kind.label(), format::moment(next.scheduled_start, now)),
        None => "No maintenance.".into(),
    }
}

impl View for DeploysPage {
    fn title(&self) -> String {
        "Deploys & Config".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            // Only the sentence is live: what has the focus keeps it.
            div.page-head {
                div.page-head__text { h1 { "Deploys & Config" } p #deploys-summary data-live="flag maintenance deploy" { (self.summary) } }
            }
            div class="split stretch" {
                @match &self.deploys {
                    Some(panels) => { (deploys::running_panel(panels, page)) (deploys::delivery_panel(panels, page)) }
                    None => { (away("Now running")) (away("Delivery, 30 days")) }
                }
            }
            (self.flags.panel("/deploys", page))
            @match &self.maintenance { Some(modes) => (maintenance::panel(modes, page)), None => (away("Maintenance modes")) }
            @if let Some(panels) = &self.deploys {
                div class="split--even" { (deploys::history_panel(panels, page)) (deploys::config_panel(panels, page)) }
            }
        }
    }
}

/// In place of a panel that our database did not give.
fn away(name: &str) -> Markup {
    let text = "Our own database did not answer. Flags are served from memory. Load the page again in a moment.";
    card(name).fill(Empty::error("unplug", "Not available now", text).render()).render()
}
