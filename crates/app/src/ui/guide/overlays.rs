//! Specimens of what lies above a page: banners, toasts, dialogs, drawer, menu.

use maud::{Markup, html};

use crate::ui::banner::Banner;
use crate::ui::button::Button;
use crate::ui::dialog::{Blast, Confirm, Failure, Phrase, Reason};
use crate::ui::drawer::Drawer;
use crate::ui::menu::{Entry, menu};
use crate::ui::status::Tone;
use crate::ui::toast::Toast;

pub(super) fn banners() -> Markup {
    let toast = |text: &str, toast: &Toast| html! { button type="button" class="btn needs-js" data-toast=(serde_json::to_string(toast).unwrap_or_default()) { (text) } };
    html! {
        div.stack.stack--s {
            (Banner::new(Tone::Info, "Maintenance tonight, 22:00 to 22:20 UTC.").icon("construction").text("Vendors can look but not change.").link("See the plan", "#banner").hideable("guide"))
            (Banner::new(Tone::Warn, "Vendor read-only is on until 22:20.").icon("lock").text("Ends by itself. Tomás turned it on."))
            (Banner::new(Tone::Crit, "SEV2 · Order emails delayed.").icon("siren").text("Next update due in 07:45."))
            (Banner::new(Tone::Ok, "INC-213 is over.").text("Search is up to date again."))
        }
        div.row.row--wrap {
            (toast("Show a toast", &Toast::done("42 keys flushed from kpi", "#toast", "event 48213")))
            (toast("Show an error", &Toast::new(Tone::Crit, "Flag not changed", "The server did not answer. It is still at 25 %.")))
        }
    }
}

fn flush(id: &str) -> Confirm {
    Confirm {
        id: id.into(),
        icon: "trash-2".into(),
        tone: Tone::Crit,
        lead: "Removes every key under kpi: in production.".into(),
        effects: vec![
            "The next visit to Health measures afresh, about 2 s slower.".into(),
            "Sessions, carts and rate limits live elsewhere and are not touched.".into(),
        ],
        blast: Some(Blast {
            numbers: [("Keys", "42"), ("Size", "1.3 MB"), ("Reads/s now", "18"), ("Refills in", "≈ 2 min")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            sample_title: "Show what will be removed".into(),
            sample: ["kpi:api:p95:1m", "kpi:queues:depth", "…40 more"].map(Into::into).into(),
        }),
        phrase: Some(Phrase { expected: "FLUSH kpi".into(), value: String::new(), error: None }),
        note: "This cannot be undone. Recorded as Mara Lindqvist, 14:02 UTC, with your reason.".into(),
        danger: true,
        back: "/components".into(),
        ..Confirm::new("/components", "Flush the cache namespace kpi", "Flush 42 keys")
    }
}

/// The confirm dialog in its four states, laid flat.
pub(super) fn dialogs() -> Markup {
    let typed = |id: &str, reason: &str, phrase: &str| Confirm {
        reason: Some(Reason { value: reason.into(), ..Reason::default() }),
        phrase: Some(Phrase { expected: "FLUSH kpi".into(), value: phrase.into(), error: None }),
        ..flush(id)
    };
    let mut wrong = typed("g3", "stale", "flush KPI");
    wrong.reason = wrong.reason.map(|reason| Reason { error: Some("Give a reason of at least 10 characters.".into()), ..reason });
    wrong.phrase = wrong.phrase.map(|phrase| Phrase { error: Some("The phrase does not match. Capitals and spaces count.".into()), ..phrase });
    let failed = Confirm {
        failure: Some(Failure {
            title: "Not done. Redis did not answer within 5 s.".into(),
            text: "No key was removed. Your reason and phrase are kept; try again.".into(),
        }),
        ..typed("g4", "KPI shows yesterday’s email delay, INC-214", "FLUSH kpi")
    };
    let states = [
        ("Ready", "As it opens. Focus is in the reason.", flush("g1")),
        ("Filled in", "Button text names the act and the amount.", typed("g2", "KPI shows yesterday’s email delay, INC-214", "FLUSH kpi")),
        ("Not valid", "Each error sits under its field; focus goes to the first.", wrong),
        ("The server said no", "The banner says what did not happen. The input is kept.", failed),
    ];
    html! {
        section.section aria-label="Confirm dialog" {
            div.section__head { h2 { "Confirm dialog" } p { "Every risky action goes through this one dialog, rendered with a fresh blast radius." } }
            div.specimens { @for (title, note, confirm) in states { section.specimen aria-label=(title) { div { h3 { (title) } p.quiet { (note) } } (confirm.specimen()) } } }
        }
    }
}

pub(super) fn openers() -> Markup {
    let entries = [
        Entry::Markup(html! { button type="button" { (crate::ui::icon("rotate-ccw")) "Retry all" } }),
        Entry::Line,
        Entry::Link { icon: "trash-2".into(), text: "Purge…".into(), note: String::new(), href: "#overlays".into(), current: false },
    ];
    html! {
        div.row.row--wrap { (Button::opens("Drawer", "guide-drawer")) (Button::popover("Menu", "guide-menu")) button type="button" class="btn needs-js" data-palette { "Palette" } (Button::opens("Keyboard", "keys")) }
        (menu("guide-menu", "Menu", &entries))
    }
}

/// What the openers open.
pub(super) fn closed() -> Markup {
    let drawer = Drawer {
        id: "guide-drawer".into(),
        title: "Drawer".into(),
        note: "For one record, the list stays behind it.".into(),
        body: html! { p { "Body scrolls, head and foot stay." } },
        foot: html! { (Button::new("Act").primary()) },
        back: "/components".into(),
    };
    drawer.dialog()
}
