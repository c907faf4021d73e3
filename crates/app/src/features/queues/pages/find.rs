//! Looking for a job over every queue of every job system: order 77, wherever it went.

use maud::{Markup, Render, html};
use qd_core::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{jobs, link};
use crate::features::queues::index::{self, Hit, Query};
use crate::ui::table::{Column, Priority, cell_status, table_stacking};
use crate::ui::tabs::crumbs;
use crate::ui::{Empty, card, format, icon, page_head, pager};
use crate::web::{Ctx, Page, View};

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct SearchQuery {
    /// `data.orderId = 77`, `name:order.confirmation`, `id:123`, words of an error.
    pub q: Option<String>,
    /// Only in this job system.
    pub source: Option<String>,
    /// Cursor: `next` of the page before.
    pub after: Option<String>,
    /// 1 to 200; 50 if not given.
    pub limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchView {
    /// What was looked for.
    pub q: String,
    /// Jobs as they were indexed; secrets and personal data in them are masked.
    pub jobs: Vec<Hit>,
    /// How much was searched, in a sentence.
    pub coverage: String,
    /// Cursor of the next page; `null` on the last.
    pub next: Option<String>,
    #[serde(skip)]
    further: bool,
}

impl SearchView {
    /// Asks the index.
    ///
    /// # Errors
    /// [`qd_core::Error::Invalid`] for a cursor that is none, and those of our own database.
    pub async fn load(ctx: &Ctx, query: SearchQuery) -> Result<Self> {
        let text = query.q.unwrap_or_default();
        let asked = Query { source: query.source, ..Query::new(text.as_str()) };
        let found = index::search(&ctx.app, &asked, query.after.as_deref(), query.limit.unwrap_or(50).clamp(1, 200)).await?;
        Ok(Self { q: text, jobs: found.jobs, coverage: found.coverage, next: found.next, further: query.after.is_some() })
    }

    fn content(&self) -> Markup {
        if self.q.trim().is_empty() {
            return Empty::new(
                "text-search",
                "Look for a job",
                "By id, by name:…, by a field of its data as in data.orderId = 77, or by words of its error.",
            )
            .render();
        }
        if self.jobs.is_empty() && self.next.is_none() {
            return Empty::filtered(
                "No job is known for this",
                format!("Looked for: {}. Jobs that ended long ago may be forgotten.", self.q),
                "/queues/search",
            )
            .render();
        }
        html! {}
    }
}

/// The box, for other pages too.
pub fn search_box(value: &str) -> Markup {
    html! {
        form class="search queue-find" method="get" action="/queues/search" role="search" aria-label="Look for a job" {
            (icon("search"))
            input.input id="q-find" type="search" name="q" value=(value) aria-label="Look for a job in every queue" placeholder="Look for a job: data.orderId = 77" autocomplete="off";
        }
    }
}

impl View for SearchView {
    fn title(&self) -> String {
        "Look for a job".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let columns =
            [Column::new("Job"), Column::new("State"), Column::new("Queue"), Column::new("About").priority(Priority::Medium), Column::new("When")];
        let rows = html! { @for hit in &self.jobs { (row(hit, page)) } };
        let next = self.next.as_deref().map(|next| link::changed(page.path, page.query, &[("after", next)]));
        let first = self.further.then(|| link::changed(page.path, page.query, &[("after", "")]));
        let empty = self.content();
        html! {
            (crumbs(&[("Jobs & Queues", "/queues")], "Look for a job"))
            (page_head("Look for a job", &self.coverage, &search_box(&self.q)))
            (card("Jobs").note("where they stood when they were indexed").fill(html! {
                @if empty.0.is_empty() { div.found { (table_stacking("Jobs that were found", &columns, &rows)) } } @else { (empty) }
                @if next.is_some() || first.is_some() { (pager::pager("", first.as_deref(), next.as_deref())) }
            }))
        }
    }
}

fn row(hit: &Hit, page: &Page<'_>) -> Markup {
    let href = link::job(&hit.source, &hit.queue, &hit.id);
    let about = if hit.reason.is_empty() { &hit.data } else { &hit.reason };
    let about: String = about.chars().take(160).collect();
    html! {
        tr data-row {
            th scope="row" { a class="rowlink mono wrap-any" href=(link::with(&href, &[("view", "drawer")])) data-dialog { (hit.id) } span class="sub mono wrap-any" { (hit.name) } }
            (cell_status(jobs::state(hit.state)))
            td data-label="Queue" { a class="mono wrap-any" href=(link::queue(&hit.source, &hit.queue)) { (hit.queue) } span.sub { (hit.source) } }
            td class="col-md about" data-label="About" { span.mono { (about) } }
            td class="nowrap" data-label="When" { (format::time_ago(hit.at, page.now)) }
        }
    }
}
