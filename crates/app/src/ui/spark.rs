//! Micro charts as SVG from the server: each says its finding in `aria-label`.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::format;
use super::status::Tone;

/// One decimal at most: path data stays short.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A line over an area in a 100 × 32 box. Gaps (`None`) stay gaps, a value between two is a dot. `limit` is drawn dotted and counts for the scale.
/// Without two values it is a dotted line that says "no data yet".
pub fn spark(label: &str, values: &[Option<f64>], limit: Option<f64>, tone: Option<Tone>) -> Markup {
    spark_marked(label, values, limit, tone, &[])
}

/// As [`spark`], with changes as brass lines: each at a share (0 to 1) of the width.
pub fn spark_marked(label: &str, values: &[Option<f64>], limit: Option<f64>, tone: Option<Tone>, marks: &[f64]) -> Markup {
    let known: Vec<f64> = values.iter().flatten().copied().chain(limit).filter(|v| v.is_finite()).collect();
    let (low, high) = known.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let drawable = values.iter().flatten().count() >= 2;
    let span = if high > low { high - low } else { 1.0 };
    let y = |v: f64| 30.0 - (v - low) / span * 28.0;
    #[expect(clippy::cast_precision_loss, reason = "at most some hundred points")]
    let x = |i: usize| i as f64 / (values.len().saturating_sub(1).max(1)) as f64 * 100.0;
    let (mut stroke, mut area) = (String::new(), String::new());
    for run in runs(values) {
        let points: Vec<String> = run.iter().map(|(i, v)| format!("{} {}", short(x(*i)), short(y(*v)))).collect();
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let dot = if run.len() == 1 { "h0" } else { "" };
        let _ = write!(stroke, "M{}{dot}", points.join("L"));
        let _ = write!(area, "M{} 32L{}L{} 32Z", short(x(first.0)), points.join("L"), short(x(last.0)));
    }
    let label = if drawable { label.to_owned() } else { format!("{label}: no data yet") };
    html! {
        svg.spark data-status=[tone.filter(|t| *t != Tone::Ok).map(Tone::key)] viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label=(label) {
            @if drawable {
                path.spark__area d=(area) {}
                @if let Some(limit) = limit { path.spark__limit d={ "M0 " (short(y(limit))) "H100" } {} }
                @for mark in marks { path.spark__mark d={ "M" (short(mark.clamp(0.0, 1.0) * 100.0)) " 0V32" } {} }
                path d=(stroke) {}
            } @else {
                path.spark__limit d="M0 16H100" {}
            }
        }
    }
}

/// Stretches of known values with their places.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut out: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (index, value) in values.iter().enumerate() {
        match (value, out.last_mut()) {
            (Some(v), Some(run)) if v.is_finite() => run.push((index, *v)),
            (_, Some(run)) if !run.is_empty() => out.push(Vec::new()),
            _ => {}
        }
    }
    out.retain(|run| !run.is_empty());
    out
}

/// Small bars, 96 × 24, zero-based; no data is a 1 px line.
pub fn spark_bars(label: &str, values: &[Option<f64>], tone: Option<Tone>) -> Markup {
    let high = values.iter().flatten().copied().fold(0.0_f64, f64::max).max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_precision_loss, reason = "at most some hundred bars")]
    let step = 96.0 / values.len().max(1) as f64;
    html! {
        svg class="spark spark--cell spark--bars" data-status=[tone.filter(|t| *t != Tone::Ok).map(Tone::key)] viewBox="0 0 96 24" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (index, value) in values.iter().enumerate() {
                @let height = value.map_or(1.0, |v| (v / high * 22.0).max(1.0));
                @let left = f64::from(u32::try_from(index).unwrap_or(0)) * step;
                rect x=(short(left)) y=(short(24.0 - height)) width=(short((step - 1.0).max(0.6))) height=(short(height)) {}
            }
        }
    }
}

/// A strip of days or deliveries: height and colour both carry the worst state (16, 22, 28; no data 3).
pub fn bars(label: &str, states: &[Option<Tone>]) -> Markup {
    let width = states.len().max(1) * 4 - 1;
    html! {
        svg.bars90 viewBox={ "0 0 " (width) " 28" } preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (index, state) in states.iter().enumerate() {
                @let (class, height) = bar(*state);
                rect class=(class) x=(index * 4) y=(28 - height) width="3" height=(height) rx=".8" {}
            }
        }
    }
}

fn bar(state: Option<Tone>) -> (&'static str, u32) {
    match state {
        Some(Tone::Ok) => ("b-ok", 16),
        Some(Tone::Warn) => ("b-warn", 22),
        Some(Tone::Crit) => ("b-crit", 28),
        Some(Tone::Info) => ("b-info", 16),
        _ => ("b-none", 3),
    }
}

/// A horizontal bar filled to `share` (0 to 1). With a label it is an image, without one it is decoration beside its number.
pub fn hbar(share: f64, tone: Option<Tone>, label: Option<&str>) -> Markup {
    hbar_parts(&[("", share)], tone, label)
}

/// A bar of several parts (shares of 1): classes `""`, `alt`, `dim`.
pub fn hbar_parts(parts: &[(&str, f64)], tone: Option<Tone>, label: Option<&str>) -> Markup {
    let mut left = 0.0;
    let placed: Vec<(&str, f64, f64)> = parts
        .iter()
        .map(|(class, share)| {
            let width = if share.is_finite() { (share * 100.0).clamp(0.0, 100.0 - left) } else { 0.0 };
            let at = left;
            left += width;
            (*class, at, width)
        })
        .collect();
    html! {
        svg.hbar data-status=[tone.map(Tone::key)] viewBox="0 0 100 6" preserveAspectRatio="none" role=[label.map(|_| "img")] aria-label=[label] aria-hidden=[label.is_none().then_some("true")] {
            @for (class, at, width) in placed {
                rect class=[(!class.is_empty()).then_some(class)] x=(short(at)) width=(short(width)) height="6" {}
            }
        }
    }
}

/// A progress bar with its value in words for those who do not see it.
pub fn progress(label: &str, done: u64, all: u64) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a share is shown")]
    let share = if all == 0 { 0.0 } else { done as f64 / all as f64 * 100.0 };
    html! { progress max=(all.max(1)) value=(done.min(all)) aria-label=(label) { (format::percent(share)) } }
}
