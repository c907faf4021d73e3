//! Pages and API of the audit trail.

mod chain;
mod detail;
mod list;

use std::time::Duration;

use axum::http::Method;
use qd_core::audit::{self, Filter};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{Error, Result, Timestamp};

use super::{Outcome, Standing, Verification, export, verify};
use crate::web::{Ctx, Nothing, Reply, Routes, Toast};
pub(super) use chain::ChainView;
pub(super) use detail::DetailView;
pub(super) use list::ListView;

/// How long a click waits for a verification before it is left to the background.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most rows of a page.
const PAGE_MAX: u64 = 100;

/// The routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .page("/audit", Access::Audit, "List audit events", list)
        .page("/audit/verification", Access::Audit, "Whether the audit trail is whole", chain)
        .page("/audit/{seq}", Access::Audit, "One audit event with its relatives", detail)
        .form("/audit/verify", Access::Audit, "Verify the audit trail now", verify)
        .raw(
            Method::GET,
            "/api/admin/ops/audit/export",
            Access::Audit,
            "The audit trail as csv or jsonl: format, after, filters of the list",
            export::download,
        )
}

/// A day as the end of a range counts to its end.
pub(super) fn whole_days(mut filter: Filter) -> Filter {
    let day = filter.to.as_deref().map(str::trim).filter(|text| text.len() == 10).and_then(Timestamp::parse);
    if let Some(day) = day {
        filter.to = Some(day.plus_seconds(86_400).rfc3339());
    }
    filter
}

async fn list(ctx: Ctx, filter: Filter) -> Result<Reply<ListView>> {
    let limit = filter.limit.unwrap_or(50).clamp(1, PAGE_MAX);
    let one_more = Filter { limit: Some(limit + 1), ..whole_days(filter.clone()) };
    let mut rows = audit::list(&ctx.app.db, &one_more).await?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| row.seq);
    Ok(Reply::ok(ListView::new(rows, next, filter, chain_of(&ctx)?)))
}

async fn detail(ctx: Ctx, _: Nothing) -> Result<Reply<DetailView>> {
    let text = ctx.param("seq")?;
    let seq: i64 = text.parse().map_err(|_| Error::NotFound(format!("Audit event {}", text.chars().take(40).collect::<String>())))?;
    let row = audit::get(&ctx.app.db, seq).await?;
    let before = audit::export_page(&ctx.app.db, seq - 2, 1).await?.into_iter().find(|before| before.seq == seq - 1);
    let related = audit::related(&ctx.app.db, &row).await?;
    Ok(Reply::ok(DetailView::new(row, before.as_ref(), related)?))
}

fn chain_of(ctx: &Ctx) -> Result<ChainView> {
    let state = ctx.app.state::<Verification>()?;
    Ok(ChainView { running: state.running(), last: state.last() })
}

async fn chain(ctx: Ctx, _: Nothing) -> Result<Reply<ChainView>> {
    Ok(Reply::ok(chain_of(&ctx)?))
}

/// Starts a verification, or joins the one that runs, and waits a moment for its end.
async fn verify(ctx: Ctx, _: Nothing) -> Result<Reply<ChainView>> {
    if let Some(running) = verify::run(&ctx.app)? {
        // A time-out leaves it to the background; how it ended stands in the state.
        let _ = tokio::time::timeout(PATIENCE, running).await;
    }
    let view = chain_of(&ctx)?;
    let toast = view.toast();
    Ok(Reply::ok(view).toast(toast).go("/audit"))
}

/// The status of one that just ended.
fn toned(last: &Outcome) -> Status {
    match last.standing(last.finished_at) {
        Standing::Intact | Standing::Stale => Status::Ok,
        Standing::Findings => Status::Warn,
        Standing::Broken => Status::Crit,
        Standing::NotRun => Status::Unknown,
    }
}

impl ChainView {
    fn toast(&self) -> Toast {
        let (status, title) = match (&self.running, &self.last) {
            (Some(_), _) | (None, None) => (Status::Ok, "Verification runs in the background".to_owned()),
            (None, Some(last)) => (toned(last), chain::verdict(last)),
        };
        Toast { status, title, audit_seq: None, undo: None }
    }
}
