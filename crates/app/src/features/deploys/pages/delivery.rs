//! Delivery, thirty days.

use maud::{Markup, Render, html};
use serde::Serialize;
use utoipa::ToSchema;

use super::panels::Panels;
use crate::features::deploys::dora::{Delivery, Metric};
use crate::ui::stats::{Stat, kv, stats};
use crate::ui::status::{Tone, status_word};
use crate::ui::{Empty, card, format, page_head, spark};
use crate::web::{Page, View};

/// DORA's five metrics.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The metrics.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// A figure of a metric: value and unit for people.
fn shown(metric: &Metric) -> (String, String) {
    let Some(value) = metric.value else { return (format::UNKNOWN.into(), String::new()) };
    match metric.unit {
        "per day" if value > 0.0 && value < 1.0 => (format::decimal(value * 7.0, 1), "a week".into()),
        "per day" => (format::decimal(value, 1), "a day".into()),
        "h" if value >= 48.0 => (format::decimal(value / 24.0, 1), "d".into()),
        "h" if value < 1.0 => (format::decimal(value * 60.0, 0), "min".into()),
        "min" if value >= 120.0 => (format::decimal(value / 60.0, 1), "h".into()),
        unit => (format::decimal(value, 1), unit.into()),
    }
}

/// On what it stands, and how it was before.
fn note(metric: &Metric) -> String {
    if let Some(missing) = &metric.missing {
        return missing.clone();
    }
    let stands = match (metric.hits, metric.unit) {
        (Some(hits), "%") => format!("{hits} of {}", metric.sample),
        (Some(_), _) => format!("median of {}", metric.sample),
        (None, "h") => format!("median of {}", metric.sample),
        _ => format::count(i64::try_from(metric.sample).unwrap_or(i64::MAX), "deploy", "deploys"),
    };
    let before = metric.previous.map(|value| shown(&Metric { value: Some(value), ..metric.clone() }));
    match before {
        Some((value, unit)) => format!("{stands}, before {value} {unit}"),
        None => stands,
    }
}

fn figures(delivery: &Delivery) -> Vec<Stat> {
    let stat = |label: &str, metric: &Metric| {
        let (value, unit) = shown(metric);
        Stat::new(label, value, unit, note(metric))
    };
    vec![
        stat("Deploy frequency", &delivery.deployment_frequency),
        stat("Lead time", &delivery.change_lead_time),
        stat("Change failure", &delivery.change_fail_rate),
        stat("Recovery time", &delivery.failed_deployment_recovery_time),
        stat("Rework", &delivery.deployment_rework_rate),
    ]
}

/// Deploys a day as bars.
fn bars(delivery: &Delivery) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "some deploys a day")]
    let values: Vec<Option<f64>> = delivery.days.iter().map(|day| day.live.map(|live| live as f64)).collect();
    let most = delivery.days.iter().filter_map(|day| day.live).max().unwrap_or(0);
    let ends = delivery.days.first().zip(delivery.days.last());
    html! {
        div class="card__body days" {
            (spark::spark_bars(&format!("Deploys a day, 30 days, at most {most}"), &values, None))
            @if let Some((first, last)) = ends {
                p class="micro quiet row row--between" { span { (format::day(first.day)) } span { "deploys a day" } span { (format::day(last.day)) } }
            }
        }
    }
}

/// The panel.
pub fn delivery_panel(panels: &Panels, _page: &Page<'_>) -> Markup {
    let frame = card("Delivery, 30 days").id("delivery").live("deploy", None).note("DORA");
    let Some(delivery) = &panels.delivery else {
        let text = "It is measured once a minute from our own database, which has not answered yet.";
        return frame.fill(Empty::new("gauge", "Not measured yet", text).render()).render();
    };
    if delivery.observed_days <= 0.0 {
        let text = "Frequency, lead time, failures, recovery and rework are counted from recorded deploys and incidents.";
        return frame.fill(Empty::new("gauge", "No deploy is recorded", text).render()).render();
    }
    let frame = frame
        .actions(html! { a.small href="/deployments/metrics" { "What counts" } })
        .fill(html! { div { (stats(&figures(delivery))) } })
        .fill(bars(delivery));
    match &delivery.cut {
        Some(cut) => frame.foot(html! { (status_word(Tone::Warn, "CUT")) " " (cut) }).render(),
        None => frame.render(),
    }
}

impl View for DeliveryView {
    fn title(&self) -> String {
        "Delivery".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let delivery = &self.delivery;
        let period = format!(
            "{} from {} to {}, beside the 30 days before.",
            delivery.environment,
            format::moment(delivery.from, page.now),
            format::moment(delivery.to, page.now)
        );
        let words = [
            ("Deploy", "A deploy that went live: recorded by CI, Render or GitHub, or seen when an instance started."),
            ("Deploy frequency", "Deploys that went live, a day; over the days since the first record if those are fewer than 30."),
            ("Lead time", "Median from commit to live, without rollbacks. It needs 3 deploys that say when their commit was made."),
            (
                "Change failure",
                "Changes that ended failed, were rolled back, or after which an incident began within 60 min. One incident counts for one deploy at most: the last one of an affected service before it, or the one that it is tagged with (deploy:4d7c3a9; deploy:none for none). It needs 5 changes.",
            ),
            (
                "Recovery time",
                "Median from a failure (a failed deploy's end, or the moment a bad one went live) to its end: the incident mitigated, the rollback live, or the next deploy live.",
            ),
            ("Rework", "Deploys that are rollbacks, or began while an incident of an earlier deploy of the same service hurt. It needs 5 deploys."),
        ];
        html! {
            (page_head("Delivery, 30 days", &period, &html! { a href="/deployments" { "All deploys" } }))
            section.card #delivery aria-label="Delivery" data-live="deploy" {
                div { (stats(&figures(delivery))) }
                (bars(delivery))
                @if let Some(cut) = &delivery.cut { div.card__foot { (status_word(Tone::Warn, "CUT")) " " (cut) } }
                @if delivery.unrecovered > 0 {
                    div.card__foot { (format::count(i64::try_from(delivery.unrecovered).unwrap_or(i64::MAX), "failure has", "failures have")) " not ended." }
                }
            }
            (card("What counts").body(kv(words)))
        }
    }
}
