use maud::{Render, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use crate::ui::badge::{avatar, badge};
use crate::ui::button::Button;
use crate::ui::chart::{Chart, Kind, Limit, Mark};
use crate::ui::dialog::{Blast, Confirm, Failure, Phrase, Reason};
use crate::ui::drawer::Drawer;
use crate::ui::empty::Empty;
use crate::ui::field::Field;
use crate::ui::kpi::{Kpi, Trend};
use crate::ui::layout::{Chrome, Count, NavItem, User, fragment, page, sign_in};
use crate::ui::palette::{Command, Group};
use crate::ui::stats::{Stat, kv};
use crate::ui::steps::{Step, steps};
use crate::ui::switch::Switch;
use crate::ui::table::{Column, row_name};
use crate::ui::tabs::{Tab, crumbs, tabs};
use crate::ui::timeline::{Event, timeline};
use crate::ui::toast::Toast;
use crate::ui::{Banner, Tone, card, code, diff, page_head, pill, spark, status_word};

const EVIL: &str = "\"><script>alert(1)</script>";

fn evil() -> String {
    EVIL.to_owned()
}

fn harmless(name: &str, markup: &maud::Markup) {
    assert!(!markup.0.contains("<script>alert"), "{name} lets markup through: {}", markup.0);
    assert!(markup.0.contains("alert(1)"), "{name} drops its text: {}", markup.0);
    assert!(!markup.0.contains("\"\">"), "{name} lets a quote end an attribute: {}", markup.0);
}

#[test]
fn parts_escape_their_text() {
    harmless("badge", &badge(EVIL));
    harmless("status", &status_word(Status::Ok, EVIL));
    harmless("pill", &pill(Tone::Info, Some(EVIL)));
    harmless("button", &Button::link(EVIL, EVIL).refused(EVIL).render());
    harmless("dialog link", &Button::dialog(EVIL, EVIL).icon_only("x").render());
    harmless("card", &card(EVIL).note(EVIL).id(EVIL).live(EVIL, Some(EVIL)).render());
    harmless("stat", &Stat::new(EVIL, EVIL, EVIL, EVIL).render());
    harmless("kv", &kv([(EVIL, EVIL)]));
    harmless("column", &Column::new(EVIL).sort(EVIL, None).render());
    harmless("row", &row_name(EVIL, Some(EVIL), Some(EVIL)));
    harmless("tabs", &tabs(EVIL, &[Tab::new(EVIL, EVIL, true)]));
    harmless("crumbs", &crumbs(&[(EVIL, EVIL)], EVIL));
    harmless("field", &Field::text(EVIL, EVIL).value(EVIL).hint(EVIL).placeholder(EVIL).error(Some(EVIL)).render());
    harmless("area", &Field::area("a", EVIL, 2).value("</textarea><script>alert(1)</script>").render());
    harmless("select", &Field::select("a", EVIL, [(EVIL, EVIL)]).value(EVIL).render());
    harmless("switch", &Switch::new(EVIL, EVIL, true).locked(Some(evil())).render());
    harmless("empty", &Empty::error("x", EVIL, EVIL).render());
    harmless("filtered", &Empty::filtered(EVIL, EVIL, EVIL).render());
    harmless("page head", &page_head(EVIL, EVIL, &html! {}));
    harmless("spark", &spark::spark(EVIL, &[], None, None));
    harmless("code", &code::code(EVIL, EVIL));
    harmless("stack", &code::stack(EVIL, &[(evil(), true)]));
    harmless("diff", &diff::before_after(EVIL, &serde_json::json!(EVIL), &serde_json::json!({ EVIL: EVIL })));
    harmless("banner", &Banner::new(Tone::Warn, EVIL).short(EVIL).text(EVIL).link(EVIL, EVIL).hideable(EVIL).render());
    harmless("toast", &Toast::done(EVIL, EVIL, EVIL).flash());
    assert!(!avatar("<script> x").0.contains("<s<"));
}

#[test]
fn records_and_dialogs_escape_their_text() {
    let confirm = Confirm {
        lead: evil(),
        effects: vec![evil()],
        blast: Some(Blast { numbers: vec![(evil(), evil())], sample_title: evil(), sample: vec![evil()] }),
        reason: Some(Reason { value: evil(), min: 10, error: Some(evil()) }),
        phrase: Some(Phrase { expected: evil(), value: evil(), error: Some(evil()) }),
        failure: Some(Failure { title: evil(), text: evil() }),
        note: evil(),
        hidden: vec![(evil(), evil())],
        back: evil(),
        ..Confirm::new(EVIL, EVIL, EVIL)
    };
    harmless("dialog", &confirm.dialog());
    harmless("dialog page", &confirm.page());
    let drawer = Drawer { id: evil(), title: evil(), note: evil(), body: html! {}, foot: html! {}, back: evil() };
    harmless("drawer", &drawer.dialog());
    harmless(
        "timeline",
        &timeline(&[Event { tone: None, icon: "x".into(), text: html! { (EVIL) }, quote: Some(evil()), time: html! {}, by: evil() }]),
    );
    harmless("steps", &steps(&[Step { title: evil(), body: None, action: Some(evil()), done: false, stamp: evil(), aside: None }]));
    let trend = Some(Trend { icon: "move-right", text: evil(), good: None });
    harmless(
        "kpi",
        &Kpi { name: evil(), href: evil(), status: Status::Ok, value: evil(), unit: evil(), sub: evil(), chart: html! {}, trend, source: evil() }
            .render(),
    );
}

#[test]
fn chart_data_cannot_end_its_script() {
    let mut chart = Chart::new("c", EVIL, Kind::Line).series("</script><script>alert(1)</script>", vec![Some(1.0), None]);
    chart.x = vec![1, 2];
    chart.unit = evil();
    chart.limits = vec![Limit { v: 1.0, label: evil(), key: "crit" }];
    chart.marks = vec![Mark { x: 1, label: evil(), row: 0 }];
    harmless("chart", &chart.render());
    let html = chart.render().0;
    assert_eq!(html.matches("</script>").count(), 1);
    let json = html.split("application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(value["series"][0]["data"][1], serde_json::Value::Null, "gaps stay gaps");
    assert_eq!(value["limits"][0]["label"], EVIL);
}

#[test]
fn the_shell_escapes_its_text() {
    let mut item = NavItem::new(EVIL, EVIL, "activity", Some('h'));
    item.count = Some(Count { n: 1, status: Status::Crit, text: evil() });
    let chrome = Chrome {
        title: evil(),
        platform: evil(),
        environment: evil(),
        version: evil(),
        self_check: Some(evil()),
        nav: vec![item],
        user: Some(User { name: evil(), role: evil(), sign_out: evil(), entries: Vec::new() }),
        freshness: Some(crate::ui::freshness::Freshness { measured: Some(Timestamp(0)) }),
        banners: vec![Banner::new(Tone::Crit, EVIL)],
        commands: vec![Group { name: evil(), commands: vec![Command::go("x", EVIL, EVIL, EVIL)] }],
        events: Some(evil()),
        measure: Some(evil()),
        flash: Some(Toast::new(Tone::Ok, EVIL, EVIL)),
        ..Chrome::default()
    };
    harmless("page", &page(&chrome, &html! { p { (EVIL) } }));
    harmless("fragment", &fragment(&chrome, &html! {}));
    harmless("sign-in", &sign_in(EVIL, EVIL, &html! {}));
}
