//! A queue over time: what waits, what is finished and what is added, with the limit and the deploys.

use maud::{Markup, Render, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use super::sentence::{self, Flow};
use super::{link, row};
use crate::features::deploys;
use crate::features::health::judge;
use crate::features::queues::read::{Line, Step};
use crate::ui::chart::{Chart, Kind, Limit};
use crate::ui::tabs::Tab;
use crate::ui::{Button, Empty, card, format};
use crate::web::Page;

/// Stretches of time that a chart can show: word and seconds.
pub const RANGES: [(&str, i64); 4] = [("2h", 7_200), ("24h", 86_400), ("7d", 604_800), ("90d", 7_776_000)];

/// Seconds of the stretch of that word; two hours when there is none.
pub fn range(word: Option<&str>) -> (&'static str, i64) {
    RANGES.into_iter().find(|(known, _)| Some(*known) == word).unwrap_or(("2h", 7_200))
}

/// What goes on now: the means of the last five minutes in which both ends were counted, else what ended within five minutes.
pub fn flow(line: &Line, steps: &[Step]) -> Flow {
    let recent: Vec<(f64, f64)> = steps.iter().rev().skip(1).take(5).filter_map(|step| step.added.zip(step.finished)).collect();
    #[expect(clippy::cast_precision_loss, reason = "five at most")]
    let mean = |of: fn(&(f64, f64)) -> f64| (!recent.is_empty()).then(|| recent.iter().map(of).sum::<f64>() / recent.len() as f64);
    #[expect(clippy::cast_precision_loss, reason = "a rate is told")]
    let [ended, failed] = [line.state.completed_recently + line.state.failed_recently, line.state.failed_recently].map(|n| n as f64);
    let finished = mean(|step| step.1).unwrap_or(ended / line.state.recent_minutes());
    Flow { added: mean(|step| step.0), finished, failed: if ended > 0.0 { finished * failed / ended } else { 0.0 } }
}

/// The sentence of a queue.
pub fn said(line: &Line, steps: &[Step], now: Timestamp) -> String {
    match line.row.status {
        Status::Unknown | Status::Stale => line.row.reason.clone().unwrap_or_else(|| "It is not known how it stands.".into()),
        _ => sentence::queue(&line.state, flow(line, steps), line.oldest(now)),
    }
}

/// The card of the queue that most needs a look.
pub fn worst(line: &Line, steps: &[Step], may: super::may::May, page: &Page<'_>) -> Markup {
    let (source, name) = (&line.row.source, &line.row.name);
    let actions = html! {
        @if may.work && line.can.limits && !line.lost() { (Button::dialog("Set concurrency", link::below(source, name, "limits")).small().icon("chevrons-up")) }
        @if may.work { (row::pause(line, row::Shape::Small)) }
        (Button::link("Open the queue", link::queue(source, name)).small().icon("arrow-right"))
    };
    card(name)
        .id("queue-chart")
        .note(said(line, steps, page.now))
        .actions(actions)
        .live("kpi", None)
        .stale(line.row.status)
        .body(plot("q-depth", line, steps, page))
        .render()
}

/// The picture, or why there is none.
pub fn plot(id: &str, line: &Line, steps: &[Step], page: &Page<'_>) -> Markup {
    let known = steps.iter().filter(|step| step.waiting.is_some() || step.finished.is_some()).count();
    if known < 3 {
        let text = "A point a minute is kept from now on. Three make a line.";
        return Empty::new("chart-line", "Not counted for long enough", text).render();
    }
    let name = &line.row.name;
    let of = |value: Figure| steps.iter().map(value).collect::<Vec<_>>();
    let most = steps.iter().filter_map(|step| step.waiting).fold(0.0, f64::max);
    let chart = Chart::new(id, format!("{name} waiting and finished"), Kind::Line)
        .series("Waiting", of(|step| step.waiting))
        .series("Finished per min", of(|step| step.finished))
        .series("Added per min", of(|step| step.added));
    let (from, to) = (steps.first().map_or(page.now, |step| step.at), steps.last().map_or(page.now, |step| step.at));
    let least = if steps.iter().any(|step| step.partial) { " Some of it was not seen: what is finished and added is at least this." } else { "" };
    let finding =
        format!("{name}: {} waiting now, at most {} in this time.{least}", row::counted(&line.state, line.state.waiting), format::decimal(most, 0));
    // A limit far above everything would press the lines flat.
    let limit = judge::WAITING.crit;
    let limits =
        if most * 4.0 >= limit { vec![Limit { v: limit, label: format!("limit {}", format::decimal(limit, 0)), key: "crit" }] } else { Vec::new() };
    Chart { x: steps.iter().map(|step| step.at.seconds()).collect(), finding, limits, marks: deploys::marks(page.app, None, from, to), ..chart }
        .render()
}

/// A figure of a step.
type Figure = fn(&Step) -> Option<f64>;

/// How long jobs wait and run.
pub fn times(line: &Line, steps: &[Step]) -> Markup {
    let of = |value: Figure| steps.iter().map(value).collect::<Vec<_>>();
    let series: [(&str, Figure); 4] =
        [("Wait p50", |s| s.wait_p50), ("Wait p95", |s| s.wait_p95), ("Run p50", |s| s.run_p50), ("Run p95", |s| s.run_p95)];
    if !steps.iter().any(|step| step.run_p50.is_some() || step.wait_p50.is_some()) {
        return html! {};
    }
    let most = series.iter().flat_map(|(_, value)| steps.iter().filter_map(value)).fold(0.0, f64::max);
    let (unit, ms) = scale(most);
    let mut chart = Chart::new("q-times", format!("{} wait and run times", line.row.name), Kind::Line);
    for (name, value) in series {
        chart = chart.series(name, of(value).into_iter().map(|value| value.map(|value| (value / ms * 100.0).round() / 100.0)).collect());
    }
    let peak = steps.iter().filter_map(|step| step.run_p95).fold(0.0, f64::max);
    let finding = format!("Highest run time of 95 % of the jobs: {}.", format::millis(peak));
    Chart { x: steps.iter().map(|step| step.at.seconds()).collect(), finding, unit: unit.into(), ..chart }.render()
}

/// The unit in which times up to `most` milliseconds are read with ease, and its length in milliseconds.
fn scale(most: f64) -> (&'static str, f64) {
    match most {
        600_000.0.. => (" min", 60_000.0),
        10_000.0.. => (" s", 1_000.0),
        _ => (" ms", 1.0),
    }
}

/// The switch of the stretch.
pub fn ranges(page: &Page<'_>, now: &str) -> Markup {
    let tab = |(word, _): (&'static str, i64)| Tab::new(word, link::changed(page.path, page.query, &[("range", word)]), word == now);
    crate::ui::tabs::seg("Range", &RANGES.map(tab))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_not_told_in_milliseconds() {
        assert_eq!([9_999.0, 10_000.0, 3_600_000.0].map(|most| scale(most).0), [" ms", " s", " min"]);
    }
}
