//! The KPI strip: one instrument panel, each dial with value, unit, trend, source and age.

use maud::{Markup, Render, html};
use qd_core::Timestamp;
use qd_core::reading::{Reading, Status};

use super::format;
use super::icon::icon_small;
use super::spark;
use super::status::{Tone, status};

/// Change of a figure: an icon, words, and whether that is good.
#[derive(Clone, Debug)]
pub struct Trend {
    /// `trending-up`, `trending-down`, `move-right`.
    pub icon: &'static str,
    /// `41 × in 1 h`.
    pub text: String,
    /// `Some(true)` better, `Some(false)` worse, `None` neither.
    pub good: Option<bool>,
}

impl Render for Trend {
    fn render(&self) -> Markup {
        let class = match self.good {
            Some(true) => "trend trend--good",
            Some(false) => "trend trend--bad",
            None => "trend",
        };
        html! { span class=(class) { (icon_small(self.icon)) (self.text) } }
    }
}

/// One dial.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// Its name: `Queues`.
    pub name: String,
    /// Where it leads; empty for nowhere.
    pub href: String,
    /// State.
    pub status: Status,
    /// The figure, formatted; `?` when it was never measured.
    pub value: String,
    /// Unit and name of the figure: `ms p95`.
    pub unit: String,
    /// A second line: `0.18 % errors · 342 req/s`.
    pub sub: String,
    /// A micro chart ([`spark::spark`] or [`spark::bars`]).
    pub chart: Markup,
    /// Change over time.
    pub trend: Option<Trend>,
    /// Source and age: `SQLite · 9 s`.
    pub source: String,
}

impl Kpi {
    /// A dial from a reading: value, state, source and age come from it; a reason takes the second line.
    pub fn reading(name: impl Into<String>, href: impl Into<String>, reading: &Reading, now: Timestamp) -> Self {
        let name = name.into();
        let age = reading.taken_at.map_or_else(|| "never".to_owned(), |at| format::age(at, now).trim_end_matches(" ago").to_owned());
        Self {
            chart: spark::spark(&name, &[], None, None),
            href: href.into(),
            status: reading.status,
            value: format::figure(reading.value),
            unit: reading.unit.to_owned(),
            sub: reading.reason.clone().unwrap_or_default(),
            trend: None,
            source: format!("{} · {age}", reading.source),
            name,
        }
    }

    /// With a sparkline of past values and an optional limit.
    #[must_use]
    pub fn history(mut self, values: &[Option<f64>], limit: Option<f64>) -> Self {
        self.chart = spark::spark(&format!("{}, last hour", self.name), values, limit, Some(self.status.into()));
        self
    }

    /// With another text behind the figure.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// With another formatted figure.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// With another second line.
    #[must_use]
    pub fn second(mut self, sub: impl Into<String>) -> Self {
        self.sub = sub.into();
        self
    }
}

impl Render for Kpi {
    fn render(&self) -> Markup {
        html! {
            article.kpi data-status=(Tone::from(self.status).key()) {
                div.kpi__head { h3.kpi__name { @if self.href.is_empty() { (self.name) } @else { a href=(self.href) { (self.name) } } } (status(self.status)) }
                p.kpi__value { (self.value) @if !self.unit.is_empty() { small { (self.unit) } } }
                (self.chart)
                p.kpi__sub title=(self.sub) { (self.sub) }
                p.kpi__foot { @if let Some(trend) = &self.trend { span { (trend) } } span { (self.source) } }
            }
        }
    }
}

/// The strip. `live` is the event that refreshes it: the server then answers `src` with the strip alone.
pub fn strip(dials: &[Kpi], live: Option<(&str, &str)>) -> Markup {
    html! {
        section.kpis #kpis tabindex="0" role="region" aria-label="Key figures" data-live=[live.map(|(event, _)| event)] data-live-src=[live.map(|(_, src)| src)] {
            h2.vh { "Key figures" }
            @for dial in dials { (dial) }
        }
    }
}
