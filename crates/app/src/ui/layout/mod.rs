//! The whole page: head, navigation deck, top bar, main, and what lies above them.

mod chrome;
mod keys;

pub use chrome::{Chrome, Count, NavItem, User};

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::banner::Banner;
use super::icon::{icon, wheel};
use super::palette;

/// Settings of htmx: nothing evaluated, only our own origin, error answers judged by `dialogs.js`.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"attributesToSettle":["class","width","height"],"historyCacheSize":0,"refreshOnHistoryMiss":true,"scrollBehavior":"instant","timeout":20000,"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"[45]..","swap":true,"error":true}]}"#;

/// A page in the shell. Charts' script is loaded only where `content` has a chart.
pub fn page(chrome: &Chrome, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-icons=(assets::url("icons.svg")) data-charts=(assets::url("charts.js")) data-events=[&chrome.events] {
            head { (head(&chrome.document_title(), has_chart(content))) }
            body {
                a.skip href="#main" { "Skip to content" }
                div.app {
                    (chrome.deck())
                    div {
                        (chrome.topbar())
                        (banner_host(&chrome.banners, false))
                        main.main id="main" tabindex="-1" {
                            @if let Some(flash) = &chrome.flash { (flash.flash()) }
                            (content)
                        }
                    }
                }
                div id="dialogs" {}
                (palette::palette(&chrome.palette(), chrome.find.as_deref()))
                (keys::dialog(&chrome.nav))
                (hosts())
            }
        }
    }
}

/// What an htmx request gets: the content of `#main`, the new document title, and beside them the banners, the
/// links of the deck and the freshness of the top bar, which htmx swaps by their ids.
pub fn fragment(chrome: &Chrome, content: &Markup) -> Markup {
    html! {
        title { (chrome.document_title()) }
        (content)
        (banner_host(&chrome.banners, true))
        @if !chrome.nav.is_empty() { (chrome.links(true)) }
        @if let Some(fresh) = chrome.freshness { (fresh.out_of_band()) }
    }
}

/// A page without the shell. `title` is the whole document title.
fn bare(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-icons=(assets::url("icons.svg")) data-charts=(assets::url("charts.js")) {
            head { (head(title, has_chart(content))) }
            body.bare {
                a.skip href="#main" { "Skip to content" }
                (content)
                div id="dialogs" {}
                (hosts())
            }
        }
    }
}

/// The sign-in page: our chart of the bridge beside a form. `platform` is what is signed in to.
pub fn sign_in(platform: &str, note: &str, form: &Markup) -> Markup {
    let content = html! {
        main.login id="main" {
            div.login__side aria-hidden="true" { (wheel()) (compass()) }
            div.login__box {
                div.login__form.stack {
                    div.stack.stack--xs {
                        div.login__logo { (wheel()) span { "Quarterdeck" } }
                        h1 { "Sign in to " (platform) }
                        @if !note.is_empty() { p.quiet { (note) } }
                    }
                    (form)
                }
            }
        }
    };
    bare("Sign in · Quarterdeck", &content)
}

/// The banners above a page. They come from incidents and maintenance: their events have the page fetched again, and each [`fragment`]
/// brings them.
fn banner_host(items: &[Banner], out_of_band: bool) -> Markup {
    html! {
        section.banners id="banners" aria-label="Notices" data-live="incident maintenance" data-live-oob hx-swap-oob=[out_of_band.then_some("true")] { @for banner in items.iter().take(2) { (banner) } }
    }
}

fn head(title: &str, charts: bool) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        meta name="robots" content="noindex";
        meta name="htmx-config" content=(HTMX);
        title { (title) }
        meta name="description" content="Operations console of a platform: health, incidents, deploys, queues, costs.";
        link rel="icon" href=(assets::url("favicon.svg")) type="image/svg+xml";
        script src=(assets::url("theme.js")) {}
        link rel="preload" href=(assets::url("fonts/inter.woff2")) as="font" type="font/woff2" crossorigin;
        link rel="stylesheet" href=(assets::url("app.css"));
        script defer src=(assets::url("app.js")) {}
        @if charts { script defer src=(assets::url("charts.js")) data-charts-script {} }
    }
}

fn has_chart(content: &Markup) -> bool {
    content.0.contains(" data-chart>")
}

/// Empty places that script fills.
fn hosts() -> Markup {
    html! {
        div.toasts id="toasts" popover="manual" role="status" aria-live="polite" aria-label="Notifications" {}
        div.vh id="live" role="status" aria-live="polite" {}
    }
}

/// Rings and bearings of a compass, decoration of the sign-in page.
fn compass() -> Markup {
    let marks = (0..=24).map(|step: i32| {
        let angle = f64::from(step) * 7.5_f64.to_radians();
        let long = if step % 6 == 0 { 50.0 } else { 20.0 };
        let point = |radius: f64| format!("{:.1} {:.1}", 300.0 - radius * angle.cos(), 640.0 - radius * angle.sin());
        format!("M{}L{}", point(490.0), point(490.0 + long))
    });
    html! {
        svg.login__lines viewBox="0 0 600 600" preserveAspectRatio="xMidYMid slice" {
            @for radius in [60, 110, 170, 240, 320, 410, 510] { circle cx="300" cy="640" r=(radius) {} }
            path d=(marks.collect::<String>()) {}
        }
    }
}

/// The opener of the palette in the top bar.
fn palette_button() -> Markup {
    html! {
        button type="button" class="palette-btn needs-js" data-palette aria-label="Search or run… Ctrl K" aria-keyshortcuts="Control+K" {
            (icon("search")) span.truncate { "Search or run…" } kbd { "Ctrl K" }
        }
    }
}
