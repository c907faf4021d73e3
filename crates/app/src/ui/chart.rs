//! Charts: a figure with its finding in words, JSON for the script, and the same data as a table.

use maud::{Markup, PreEscaped, Render, html};
use qd_core::Timestamp;
use serde::Serialize;

use super::format;

/// How a chart draws its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lines.
    #[default]
    Line,
    /// Lines over a tinted area; dashed series have none.
    Area,
    /// Bars side by side.
    Bars,
    /// Bars on top of each other.
    Stack,
}

/// One line or bar row. At most six a chart.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Name in legend and table.
    pub name: String,
    /// Colour `c1` … `c6` in order, `crit`, or `budget`.
    pub key: &'static str,
    /// Dash pattern: second and later lines get one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dash: Option<[u8; 2]>,
    /// A value for each `x`; `None` is a gap.
    pub data: Vec<Option<f64>>,
}

/// A dashed limit with its number.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// Height.
    pub v: f64,
    /// `limit 5,000`.
    pub label: String,
    /// `crit` or `budget`.
    pub key: &'static str,
}

/// A change marked in brass: deploy, flag, incident.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// Unix seconds.
    pub x: i64,
    /// Its name.
    pub label: String,
    /// Line of the label, when names would overlap.
    pub row: u8,
}

/// Height of the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// 140 px.
    Small,
    /// 200 px.
    #[default]
    Normal,
    /// 260 px.
    Large,
}

/// A chart. `x` are Unix seconds, ascending; each series has as many values.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Element id.
    pub id: String,
    /// What is charted: `email.outbound waiting jobs`.
    pub caption: String,
    /// What it shows, in a sentence: read aloud instead of the picture.
    pub finding: String,
    /// How.
    pub kind: Kind,
    /// Moments, Unix seconds.
    pub x: Vec<i64>,
    /// Series.
    pub series: Vec<Series>,
    /// Unit behind each number, with its space: ` ms`.
    pub unit: String,
    /// Before each number: `€ `.
    pub prefix: String,
    /// Lowest y, for rates near 100 %; else zero.
    pub min: Option<f64>,
    /// Highest y; else from the data.
    pub max: Option<f64>,
    /// Limits.
    pub limits: Vec<Limit>,
    /// Changes.
    pub marks: Vec<Mark>,
    /// Height.
    pub size: Size,
}

#[derive(Serialize)]
struct Wire<'a> {
    kind: Kind,
    x: &'a [i64],
    series: &'a [Series],
    unit: &'a str,
    pre: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    limits: &'a [Limit],
    marks: &'a [Mark],
    axis: usize,
}

/// Rows of the table under a chart, at most.
const ROWS: usize = 48;

impl Chart {
    /// A chart without series yet.
    pub fn new(id: impl Into<String>, caption: impl Into<String>, kind: Kind) -> Self {
        Self { id: id.into(), caption: caption.into(), kind, ..Self::default() }
    }

    /// Adds a series: colours and dashes follow the order.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, data: Vec<Option<f64>>) -> Self {
        const KEYS: [(&str, Option<[u8; 2]>); 6] =
            [("c1", None), ("c3", Some([6, 3])), ("c2", Some([2, 3])), ("c4", Some([8, 3])), ("c5", Some([3, 2])), ("c6", Some([10, 4]))];
        let (key, dash) = KEYS.get(self.series.len() % KEYS.len()).copied().unwrap_or(("c1", None));
        self.series.push(Series { name: name.into(), key, dash, data });
        self
    }

    fn json(&self) -> PreEscaped<String> {
        let widest = self.series.iter().flat_map(|s| s.data.iter().flatten()).fold(0.0_f64, |a, b| a.max(b.abs()));
        let axis = 30
            + 7 * (format::figure(Some(widest)).chars().count().min(6) + self.unit.chars().count() + self.prefix.chars().count()).saturating_sub(2);
        let wire = Wire {
            kind: self.kind,
            x: &self.x,
            series: &self.series,
            unit: &self.unit,
            pre: &self.prefix,
            min: self.min,
            max: self.max,
            limits: &self.limits,
            marks: &self.marks,
            axis,
        };
        PreEscaped(script_safe(&wire))
    }

    fn table(&self) -> Markup {
        let step = self.x.len().div_ceil(ROWS).max(1);
        let days = self.x.last().zip(self.x.first()).is_some_and(|(last, first)| last - first > 3 * 86_400);
        let when = |x: i64| if days { format::day(Timestamp::from_seconds(x)) } else { format::minute(Timestamp::from_seconds(x)) };
        let value = |series: &Series, index: usize| {
            let v = series.data.get(index).copied().flatten();
            v.map_or_else(|| format::NONE.to_owned(), |v| format!("{}{}{}", self.prefix, format::decimal(v, 2), self.unit))
        };
        html! {
            details.chart__table {
                summary { "Data table" @if step > 1 { ", one value in " (step) } }
                div.table-wrap tabindex="0" role="region" aria-label={ (self.caption) ", data" } {
                    table class="table table--tight" {
                        thead { tr { th scope="col" { "Time" } @for series in &self.series { th.num scope="col" { (series.name) } } } }
                        tbody {
                            @for (index, x) in self.x.iter().enumerate().step_by(step) {
                                tr { th scope="row" { (when(*x)) } @for series in &self.series { td.num { (value(series, index)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// JSON that cannot end its `<script>` element.
pub fn script_safe(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into()).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl Render for Chart {
    fn render(&self) -> Markup {
        let size = match self.size {
            Size::Small => " chart--s",
            Size::Normal => "",
            Size::Large => " chart--l",
        };
        let bars = matches!(self.kind, Kind::Bars | Kind::Stack);
        html! {
            figure class={ "chart" (size) } id=(self.id) data-chart {
                figcaption.vh { (self.caption) }
                @if self.series.len() > 1 || bars && !self.limits.is_empty() {
                    ul.chart__legend {
                        @for series in &self.series { li { (key(series, bars)) (series.name) } }
                        @if bars { @for limit in &self.limits { li { svg class={ "k" (limit.key) } aria-hidden="true" { path d="M0 5H18" stroke="currentColor" stroke-width="2" stroke-dasharray="5 4" {} } (limit.label) } } }
                    }
                }
                div.chart__plot role="img" aria-label=(if self.finding.is_empty() { &self.caption } else { &self.finding }) {}
                (self.table())
                script type="application/json" { (self.json()) }
            }
        }
    }
}

/// The mark of a series in the legend.
fn key(series: &Series, bars: bool) -> Markup {
    let class = format!("k{}", series.key.trim_start_matches('c'));
    let class = if matches!(series.key, "crit" | "budget") { format!("k{}", series.key) } else { class };
    let dash = series.dash.map(|[on, off]| format!("{on} {off}"));
    html! {
        svg class=(class) aria-hidden="true" {
            @if bars { rect width="10" height="10" x="4" fill="currentColor" {} } @else { path d="M0 5H18" stroke="currentColor" stroke-width="2" stroke-dasharray=[dash] {} }
        }
    }
}
