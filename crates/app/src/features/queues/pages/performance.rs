//! A queue over hours, days and weeks: depth, throughput, wait and run times.

use maud::{Markup, Render, html};
use qd_core::{Error, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::PerformanceQuery;
use super::{chart, link};
use crate::features::queues::read::{self, Line, Step};
use crate::ui::tabs::crumbs;
use crate::ui::{Empty, card, page_head};
use crate::web::{Ctx, Page, View};

/// Most hours that can be asked for: two years.
const HOURS_MAX: i64 = 17_520;

/// A queue over time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PerformanceView {
    /// Its name.
    pub queue_name: String,
    /// Its job system.
    pub source: String,
    /// How many hours.
    pub hours: i64,
    /// Minutes, hours or days, the oldest first.
    pub performance: Vec<Step>,
    #[serde(skip)]
    line: Option<Line>,
    #[serde(skip)]
    range: &'static str,
}

impl PerformanceView {
    /// Reads the history.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown queue; [`Error::Invalid`] for hours that are not kept.
    pub async fn load(ctx: &Ctx, source: String, queue: String, query: PerformanceQuery) -> Result<Self> {
        if query.hours.is_some_and(|hours| !(1..=HOURS_MAX).contains(&hours)) {
            return Err(Error::invalid("hours", "Give 1 to 17,520 hours."));
        }
        let asked = query.range.as_deref().or(if query.hours.is_none() && !ctx.wants_json() { Some("24h") } else { None });
        let (range, seconds) = match (asked, query.hours) {
            (Some(word), _) => chart::range(Some(word)),
            (None, hours) => ("", hours.unwrap_or(24) * 3_600),
        };
        let line = read::line(&ctx.app, &source, &queue, ctx.now)?;
        let performance = read::steps(&ctx.app, &source, &queue, ctx.now.plus_seconds(-seconds), ctx.now).await?;
        if line.is_none() && performance.is_empty() {
            return Err(Error::NotFound(format!("The queue {queue}")));
        }
        Ok(Self { queue_name: queue, source, hours: seconds / 3_600, performance, line, range })
    }
}

impl View for PerformanceView {
    fn title(&self) -> String {
        format!("{} over time", self.queue_name)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let back = link::queue(&self.source, &self.queue_name);
        let sentence = "Counted by Quarterdeck itself, also where workers keep no metrics: minutes for 48 h, hours for 90 days, days for two years.";
        html! {
            (crumbs(&[("Jobs & Queues", "/queues"), (&self.queue_name, &back)], "Over time"))
            (page_head(&format!("{} over time", self.queue_name), sentence, &chart::ranges(page, self.range)))
            @match &self.line {
                Some(line) => {
                    @let times = chart::times(line, &self.performance);
                    (card("Depth and throughput").body(chart::plot("q-depth", line, &self.performance, page)))
                    (card("Wait and run times").body(if times.0.is_empty() { Empty::new("chart-line", "No time was measured", "A job must have begun and ended while Quarterdeck looked.").render() } else { times }))
                }
                None => (card("Depth and throughput").fill(Empty::new("layers", "The queue is gone", "Its job system no longer counts it.").render())),
            }
        }
    }
}
