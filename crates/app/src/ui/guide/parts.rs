//! Specimens of the parts that lie in a page.

use maud::{Markup, Render as _, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use crate::ui::badge::{avatar, badge, badge_kind, mono, severity};
use crate::ui::button::{Button, Kind};
use crate::ui::chart::{Chart, Kind as ChartKind, Limit, Mark};
use crate::ui::diff;
use crate::ui::empty::{Empty, skeleton, stale_note};
use crate::ui::field::{self, Field};
use crate::ui::freshness::{Freshness, env_badge};
use crate::ui::kpi::{Kpi, Trend};
use crate::ui::spark;
use crate::ui::stats::{Stat, kv, stats};
use crate::ui::status::{Tone, pill, status, status_word};
use crate::ui::steps::{Step, steps};
use crate::ui::switch::Switch;
use crate::ui::table::{self, Column, Order, Priority};
use crate::ui::tabs::{Tab, seg, tabs};
use crate::ui::timeline::{Event, timeline};
use crate::ui::{code, format};

/// A fixed moment, so that the guide never changes by itself: 2026-03-12 14:02:15 UTC.
const NOW: Timestamp = Timestamp(1_773_324_135_000_000);

pub(super) fn colour() -> Markup {
    let rows = [
        "canvas surface sunken line line-strong line-control ink-3 ink-2 ink deck",
        "brass brass-soft brass-line brass-ink primary focus link",
        "ok ok-fill ok-soft warn warn-fill warn-soft crit crit-fill crit-soft info info-fill info-soft unknown unknown-soft stale",
        "c1 c2 c3 c4 c5 c6",
    ];
    html! { @for row in rows { div.swatches { @for name in row.split(' ') { div.sw { span class={ "sw__c sw--" (name) } {} span.mono.micro { "--" (name) } } } } } }
}

pub(super) fn type_scale() -> Markup {
    html! {
        p.kpi__value { "18,402" small { "figure 24/28" } }
        p class="h1" { "Page title 20/28" } p class="h2" { "Section 16/24" } h3 { "Part 14/20" }
        p { "Base text 13/20. Sentences, not slogans." }
        p.small.soft { "Small 12/16 for meta and hints." }
        p.micro.quiet { "Micro 11/16 for source and age." }
        p.mono { "order.confirmation ord_9F21K v2.418.0" }
    }
}

pub(super) fn statuses() -> Markup {
    const ALL: [Status; 6] = [Status::Ok, Status::Warn, Status::Crit, Status::Unknown, Status::Stale, Status::Muted];
    let meanings = [
        "measured, within limits",
        "over the warn limit, nobody is woken",
        "over the page limit",
        "never measured, or no usable answer",
        "last value older than it may be",
        "alerts held by a person, until a time",
    ];
    html! {
        div.row.row--wide.row--wrap { @for one in ALL { (status(one)) } }
        div.row.row--wrap { @for one in ALL { (pill(one, None)) } }
        div.row.row--wide.row--wrap { (status(Tone::Running)) (status(Tone::Paused)) (status(Tone::Off)) (status(Tone::Next)) (status_word(Tone::Info, "SCHEDULED")) (status_word(Tone::Crit, "BLOCKS 3")) }
        (kv(ALL.iter().zip(meanings).map(|(one, meaning)| (one.word(), meaning))))
    }
}

pub(super) fn badges() -> Markup {
    html! {
        div.row.row--wrap { (severity(1)) (severity(2)) (severity(3)) }
        div.row.row--wrap { @for kind in ["global", "admin", "vendor", "customer"] { (badge_kind(kind, &kind.to_uppercase())) } }
        div.row.row--wrap { (badge_kind("billed", "BILLED")) (badge_kind("estimate", "ESTIMATE")) (badge("WRITES")) (mono("v2.418.0")) (mono("GET")) }
        div.row { (avatar("Mara Lindqvist")) "Mara Lindqvist" (avatar("Tomás Okafor")) "Tomás Okafor" }
    }
}

pub(super) fn buttons() -> Markup {
    html! {
        div.row.row--wrap { (Button::new("Primary").primary()) (Button::new("Default")) (Button::new("Ghost").ghost()) (Button::new("Risk, opens a dialog…").risk()) (Button::new("Danger, inside a dialog").kind(Kind::Danger)) }
        div.row.row--wrap { (Button::new("With icon").icon("play")) (Button::new("Small").small()) (Button::new("Small icon").icon("undo-2").small()) (Button::new("Refresh").icon_only("refresh-cw").ghost()) (Button::new("More").icon_only("ellipsis").ghost().small()) }
        div.row.row--wrap { (Button::new("Off").disabled(true)) (Button::new("Not allowed").refused("Close the incident first")) button type="button" class="btn btn--primary" aria-busy="true" { (crate::ui::icon("loader-circle")) "Working…" } button type="button" class="btn is-focus" { "Focus ring" } }
        (seg("Range", &[Tab::new("1 h", "?range=1h", true), Tab::new("24 h", "?range=24h", false), Tab::new("7 d", "?range=7d", false)]))
    }
}

pub(super) fn form() -> Markup {
    html! {
        div.grid-2 {
            (Field::text("g-text", "Text").value("email.outbound").hint("Name as the driver has it."))
            (Field::select("g-choice", "Choice", [("", "Any state"), ("failed", "Failed")]))
            (Field::text("g-error", "With an error").value("abc").error(Some("Give a number from 1 to 10,000.")))
            (Field::text("g-off", "Off").value("Set by the plan").disabled(true))
        }
        div.row.row--wide.row--wrap {
            @for (name, on) in [("Example on", true), ("Example off", false)] { button type="button" class="switch" role="switch" aria-checked=(on) aria-label=(name) { span.switch__track {} span { (if on { "On" } else { "Off" }) } } }
            (Switch::new("/components", "Example locked", false).locked(Some("Frozen while an incident is open".into())))
            (field::check("g-check", "1", "Also post", true))
        }
        (field::range("g-range", "Rollout example", 25, (0, 100, 5), " %"))
        div.search { (crate::ui::icon("search")) input.input type="search" aria-label="Filter example" placeholder="Filter"; }
    }
}

fn wave(n: u32, low: f64, high: f64) -> Vec<Option<f64>> {
    (0..n).map(|i| Some(low + (high - low) * (0.5 + 0.5 * (f64::from(i) * 0.9).sin() * (f64::from(i) * 0.31).cos()))).collect()
}

fn dial(status: Status, value: &str, sub: &str, source: &str) -> Kpi {
    let values = if status == Status::Unknown { Vec::new() } else { wave(40, 180.0, 240.0) };
    Kpi {
        name: "API p95".into(),
        href: "#kpi".into(),
        status,
        value: value.into(),
        unit: if status == Status::Unknown { String::new() } else { "ms".into() },
        sub: sub.into(),
        chart: spark::spark("API p95, last hour", &values, None, Some(status.into())),
        trend: (status == Status::Crit).then(|| Trend { icon: "trending-up", text: "9 × in 1 h".into(), good: Some(false) }),
        source: source.into(),
    }
}

pub(super) fn kpis() -> Markup {
    let dials = [
        dial(Status::Ok, "212", "0.18 % errors", "OTLP · 9 s"),
        dial(Status::Warn, "640", "0.9 % errors", "OTLP · 9 s"),
        dial(Status::Crit, "2,110", "7.4 % errors", "OTLP · 9 s"),
        dial(Status::Stale, "212", "last known, 13:54:02", "silent 8 min"),
        dial(Status::Unknown, format::UNKNOWN, "no value yet", "OTLP · never"),
        dial(Status::Muted, "212", "held by Tomás until 16:00", "OTLP · 9 s"),
    ];
    html! { section class="kpis kpis--3" tabindex="0" role="region" aria-label="KPI states" { @for dial in &dials { (dial) } } }
}

pub(super) fn micro() -> Markup {
    let mut days = vec![Some(Tone::Ok); 90];
    for (day, tone) in [(3, None), (48, Some(Tone::Warn)), (71, Some(Tone::Crit))] {
        days.iter_mut().skip(day).take(1).for_each(|slot| *slot = tone);
    }
    let mut gap = wave(40, 5.0, 30.0);
    gap.iter_mut().skip(18).take(6).for_each(|v| *v = None);
    html! {
        div.grid-2 {
            div { (spark::spark("Sparkline with limit and a gap", &gap, Some(20.0), None)) p.micro.quiet { "spark: dotted limit, gaps stay gaps" } }
            div { (spark::spark_bars("Bars", &wave(24, 0.0, 9.0), None)) p.micro.quiet { "spark_bars" } }
            div { (spark::bars("90 days, one CRIT, one WARN, one without data", &days)) p.micro.quiet { "bars: low OK, middle WARN, full CRIT, line no data" } }
            div.stack.stack--s { (spark::hbar(0.38, None, Some("38 percent"))) (spark::hbar(0.78, Some(Tone::Warn), Some("78 percent"))) (spark::hbar_parts(&[("dim", 0.7), ("alt", 0.3)], None, Some("70 and 30 percent"))) (spark::progress("Progress example", 63, 100)) }
        }
    }
}

pub(super) fn empties() -> Markup {
    html! {
        (Empty::new("flag", "No feature flags yet", "A flag turns a feature on for some people first.").actions(Button::new("New flag").icon("plus").render()))
        (Empty::filtered("No queue matches “emial”", "11 queues are hidden by this filter.", "?"))
        (Empty::error("unplug", "Redis did not answer", "Asked for 5 s at 14:02:10. Queues and cache show nothing newer until it does. Trying again in 10 s.").actions(Button::new("Try now").icon("refresh-cw").render()))
    }
}

pub(super) fn waiting() -> Markup {
    html! {
        (skeleton("Loading figures", &["w3", "figure", "chart", "", "w2"]))
        div.card data-stale { div.card__body.stack.stack--s { dl { (Stat::new("Replica lag", "0.2", "s", "")) } p { (stale_note(NOW.plus_seconds(-1268), NOW, 15)) } } }
    }
}

pub(super) fn freshness() -> Markup {
    let states = [
        ("live", "measured 14:02:15 · live"),
        ("paused", "measured 14:01:40 · paused while you read"),
        ("lost", "measured 13:58:02 · connection lost, retry in 8 s"),
    ];
    html! {
        div.stack.stack--s { @for (state, text) in states { span.fresh data-state=(state) { span.fresh__dot aria-hidden="true" {} (text) } } }
        div.row.row--wrap { (env_badge("production", true)) (env_badge("staging", false)) }
        p.small.quiet { "Its moment is " (format::clock(Freshness { measured: Some(NOW) }.measured.unwrap_or_default())) " UTC." }
    }
}

pub(super) fn table() -> Markup {
    let columns = [
        Column::new("Name").sort("?sort=name", None),
        Column::number("Waiting").sort("?sort=-waiting", Some(Order::Descending)),
        Column::new("Source").priority(Priority::Medium),
        Column::new("State"),
        Column::actions(),
    ];
    let row = |selected, name: &str, sub: &str, waiting: &str, state: Status| {
        table::row(
            selected,
            &html! {
                (table::row_name(name, Some("#table"), Some(sub)))
                (table::cell_number("Waiting", waiting)) (table::cell_at(Priority::Medium, "Source", "embedded")) (table::cell_status(status(state)))
                (table::cell_actions(Button::new("Pause").icon_only("pause").ghost().small()))
            },
        )
    };
    let rows = html! { (row(true, "Chosen row", "aria-selected", "18,402", Status::Crit)) (row(false, "Plain row", "hover tints it", "212", Status::Ok)) (row(false, "Unknown row", "a question mark, never 0", format::UNKNOWN, Status::Unknown)) };
    html! { (table::table_stacking("Example", &columns, &rows)) (crate::ui::pager::pager("3 of 112", None, Some("?after=3"))) }
}

pub(super) fn tab_links() -> Markup {
    tabs(
        "Example tabs",
        &[
            Tab::new("Queues", "?tab=queues", true).count(11),
            Tab::new("Failed", "?tab=failed", false).count(37),
            Tab::new("Scheduled", "?tab=scheduled", false),
        ],
    )
}

pub(super) fn record() -> Markup {
    html! {
        (stats(&[Stat::new("Open for", "21:15", "min", "since 13:41:00"), Stat::markup("Next update due", format::countdown(NOW.plus_seconds(465), NOW), "min", "every 15 min for SEV2"), Stat::new("Orders affected", format::number(3_118), "", "no order lost")]))
        (kv([("Build", html! { "v2.418.0 on worker-2" }), ("Trace", html! { a.mono href="#record" { "4be1…90c2" } }), ("Secret", code::mask("••••9f2c"))]))
    }
}

pub(super) fn logs() -> Markup {
    let event = |tone, icon: &str, text: &str, quote: Option<&str>, by: &str| Event {
        tone,
        icon: icon.into(),
        text: html! { (text) },
        quote: quote.map(str::to_owned),
        time: format::time(NOW, NOW),
        by: by.into(),
    };
    let step = |title: &str, done, stamp: &str| Step { title: title.into(), body: None, action: None, done, stamp: stamp.into(), aside: None };
    let (before, after) =
        (serde_json::json!({ "key": "checkout.one_page", "rollout": 10 }), serde_json::json!({ "key": "checkout.one_page", "rollout": 25 }));
    html! {
        (timeline(&[event(Some(Tone::Info), "message-square", "Update posted", Some("Order emails arrive up to 18 minutes late."), "Mara Lindqvist · also on the status page"), event(Some(Tone::Crit), "siren", "Incident opened", None, "Alert")]))
        (steps(&[step("Check the provider’s status", true, "Mara · 13:58"), step("Lower the rollout", false, "")]))
        (diff::before_after("Change of a flag", &before, &after))
        (code::stack("Stack", &[("MailError: too many requests".into(), true), ("    at worker::run (worker.rs:84)".into(), false)]))
    }
}

pub(super) fn chart() -> Markup {
    let mut chart =
        Chart::new("guide-chart", "Example chart", ChartKind::Area).series("p95", wave(60, 190.0, 228.0)).series("p50", wave(60, 83.0, 96.0));
    chart.x = (0..60).map(|minute| NOW.seconds() - (59 - minute) * 120).collect();
    chart.finding = "p95 near 210, p50 near 90 milliseconds".into();
    chart.unit = " ms".into();
    chart.limits = vec![Limit { v: 300.0, label: "warn at 300".into(), key: "budget" }];
    chart.marks = vec![Mark { x: NOW.seconds() - 1_800, label: "v2.418.0".into(), row: 0 }];
    chart.render()
}
