//! Jobs & Queues: which queue is over its limits and why, what failed and for what cause, what is scheduled, who works, what runs in the background.

use maud::{Markup, html};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{App, Result};
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::health::overview;
use crate::features::queues::{self, Board, BoardQuery, read};
use crate::web::{Ctx, Feature, MenuItem, Page, Reply, Routes, View};

/// The manifest of the view.
pub const FEATURE: Feature = Feature {
    menu: Some(MenuItem { count, ..MenuItem::new("Jobs & Queues", "/queues", "layers", 'j', 30, Access::READ) }),
    state: read::state,
    start: read::start,
    ..Feature::new("queues-view", routes)
};

fn routes(routes: Routes) -> Routes {
    queues::routes(routes).page("/queues", Access::READ, "Every queue of every job system", show)
}

/// Queues over their limits beside the menu entry.
fn count(app: &App) -> Option<(i64, Status, String)> {
    let critical = overview::queues(app, app.now()).critical_queues;
    let n = i64::try_from(critical).ok().filter(|n| *n > 0)?;
    Some((n, Status::Crit, format!("{n} queue{} over the limit", if n == 1 { "" } else { "s" })))
}

/// The view.
#[derive(Serialize, ToSchema)]
struct QueuesPage {
    #[serde(flatten)]
    board: Board,
}

async fn show(ctx: Ctx, query: BoardQuery) -> Result<Reply<QueuesPage>> {
    Ok(Reply::ok(QueuesPage { board: Board::load(&ctx.app, query, ctx.now, ctx.wants_json()).await? }))
}

impl View for QueuesPage {
    fn title(&self) -> String {
        "Jobs & Queues".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let actions = self.board.actions(page);
        html! {
            // Only the sentence is live: a button keeps its focus.
            div.page-head {
                div.page-head__text { h1 { "Jobs & Queues" } p #queues-summary data-live="kpi queue" { (self.board.sentence()) } }
                div.page-head__actions { (queues::search_box("")) (actions) }
            }
            (self.board.drivers(page))
            (self.board.tabs(page))
            (self.board.panel(page))
        }
    }
}
