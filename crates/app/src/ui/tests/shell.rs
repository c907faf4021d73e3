use std::path::Path;

use maud::{Markup, html};
use qd_core::Timestamp;
use qd_core::reading::Status;

use crate::ui::freshness::Freshness;
use crate::ui::layout::{Chrome, Count, NavItem, User, fragment, page, sign_in};
use crate::ui::palette::{Command, Group};
use crate::ui::{Banner, Button, Tone, assets, field::Field, guide, kpi, page_head};

const NOW: Timestamp = Timestamp(1_773_324_135_000_000);

fn chrome() -> Chrome {
    let nav = [
        ("Health & Incidents", "/", "activity", Some('h')),
        ("Deploys & Config", "/deploys", "rocket", Some('d')),
        ("Jobs & Queues", "/queues", "layers", Some('q')),
        ("Audit", "/audit", "shield-check", Some('a')),
    ];
    let mut nav: Vec<NavItem> = nav.into_iter().map(|(label, href, icon, key)| NavItem::new(label, href, icon, key)).collect();
    nav[0].current = true;
    nav[0].count = Some(Count { n: 1, status: Status::Crit, text: "1 open incident".into() });
    nav[3].below = true;
    Chrome {
        title: "Health & Incidents".into(),
        platform: "Fernmarket".into(),
        environment: "production".into(),
        production: true,
        version: "0.1.0".into(),
        self_check: Some("self-check OK".into()),
        nav,
        user: Some(User { name: "Mara Lindqvist".into(), role: "Operator".into(), sign_out: "/sign-out".into(), entries: Vec::new() }),
        freshness: Some(Freshness { measured: Some(NOW) }),
        banners: vec![
            Banner::new(Tone::Crit, "SEV2 · Order confirmation emails delayed up to 18 min.")
                .icon("siren")
                .short("SEV2 · Order emails delayed")
                .text("INC-214, open 21 min. Mara leads.")
                .link("Open", "/incidents/214"),
            Banner::new(Tone::Info, "Maintenance tonight: Vendor read-only, 22:00 to 22:20 UTC.")
                .icon("construction")
                .short("Maintenance 22:00 to 22:20")
                .text("Customers notice nothing.")
                .link("Plan", "/deploys?tab=maintenance")
                .hideable("m-1"),
        ],
        commands: vec![Group { name: "Run".into(), commands: vec![Command::ask("trash-2", "Flush a cache namespace", "/cache/flush")] }],
        events: Some("/events".into()),
        ..Chrome::default()
    }
}

fn content() -> Markup {
    let dial = |name: &str, status, value: &str, unit: &str| crate::ui::Kpi {
        name: name.into(),
        href: "/queues".into(),
        status,
        value: value.into(),
        unit: unit.into(),
        sub: "oldest 17 min".into(),
        chart: crate::ui::spark::spark(name, &[Some(1.0), Some(3.0), Some(2.0), Some(6.0)], Some(4.0), Some(status.into())),
        trend: None,
        source: "SQLite · 4 s".into(),
    };
    let dials = [
        dial("API", Status::Ok, "212", "ms p95"),
        dial("Queues", Status::Crit, "18,402", "waiting"),
        dial("Database", Status::Ok, "38", "% of 200 conn"),
        dial("Cache", Status::Warn, "81.6", "% hit rate"),
        dial("Email", Status::Unknown, "?", "min delay p95"),
        dial("Incidents", Status::Stale, "1", "open · SEV2"),
    ];
    html! {
        (page_head("Health & Incidents", "Two services degraded by one cause.", &html! { (Button::dialog("Open an incident", "/incidents/new").icon("siren").primary()) }))
        (kpi::strip(&dials, Some(("kpi", "/kpis"))))
    }
}

/// Hashes of assets change with every edit of a stylesheet: the snapshot is about the shape.
fn without_hashes(html: &str) -> String {
    let mut out = html.to_owned();
    for name in ["app.css", "app.js", "charts.js", "theme.js", "icons.svg", "favicon.svg", "fonts/inter.woff2"] {
        out = out.replace(assets::url(name), &format!("/assets/{name}"));
    }
    out.replace("><", ">\n<")
}

#[test]
fn layout() {
    insta::assert_snapshot!(without_hashes(&page(&chrome(), &html! { p { "Content." } }).0));
}

#[test]
fn a_page_obeys_the_content_policy() {
    for html in [page(&chrome(), &content()).0, page(&chrome(), &guide::page()).0, sign_in("Fernmarket", "", &html! {}).0] {
        assert!(!html.contains(" style="), "inline style");
        assert!(!html.contains("<style"), "inline style element");
        assert!(!html.contains(" onclick") && !html.contains("javascript:"), "inline script");
        let scripts = html.matches("<script").count();
        assert_eq!(
            scripts,
            html.matches("<script src=").count() + html.matches("<script defer src=").count() + html.matches("application/json").count()
        );
        assert!(!html.contains("http://") && !html.contains("https://"), "another origin");
    }
}

#[test]
fn only_pages_with_charts_load_them() {
    assert!(!page(&chrome(), &content()).0.contains("data-charts-script"));
    assert!(page(&chrome(), &guide::page()).0.contains("data-charts-script"));
}

#[test]
fn a_fragment_brings_banners_and_freshness_beside_its_content() {
    let html = fragment(&chrome(), &html! { p { "Content." } }).0;
    assert!(html.starts_with("<title>Health &amp; Incidents · production · Quarterdeck</title>"));
    assert_eq!(html.matches("hx-swap-oob").count(), 3);
    assert!(!html.contains("<main"));
}

#[test]
fn ids_are_unique() {
    let html = page(&chrome(), &guide::page()).0;
    let mut seen = std::collections::BTreeSet::new();
    for id in html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(seen.insert(id), "id {id} twice");
    }
}

/// Writes pages and assets to `QD_UI_RENDER` to be looked at in a browser; does nothing without it.
#[test]
fn render_for_the_eye() {
    let Ok(out) = std::env::var("QD_UI_RENDER") else { return };
    let write = |name: &str, bytes: &[u8]| {
        let path = Path::new(&out).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("shell.html", page(&chrome(), &content()).0.as_bytes());
    write("components.html", page(&chrome(), &guide::page()).0.as_bytes());
    let form = html! { form method="post" action="/sign-in" { (Field::input("email", "email", "Email").autocomplete("username").required()) (Field::input("password", "password", "Password").autocomplete("current-password").error(Some("Email or password is wrong."))) (Button::submit("Sign in").primary()) } };
    write("login.html", sign_in("Fernmarket", "Operations, production and staging.", &form).0.as_bytes());
    for name in ["app.css", "app.js", "charts.js", "theme.js", "icons.svg", "favicon.svg", "fonts/inter.woff2", "fonts/mono.woff2"] {
        let path = assets::url(name).trim_start_matches('/');
        write(path, &assets::get(path.trim_start_matches("assets/")).unwrap().bytes);
    }
}
