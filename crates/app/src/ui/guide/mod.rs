//! The living style guide: every part in every state, on one page. What is not here does not exist.

mod overlays;
mod parts;

use maud::{Markup, html};

use super::card::card;
use super::head::page_head;

/// Content of the style guide; the figures in it are specimens and say so.
pub fn page() -> Markup {
    let themes = html! {
        div.seg.needs-js { button type="button" data-set-theme="light" aria-pressed="false" { "Light" } button type="button" data-set-theme="dark" aria-pressed="false" { "Dark" } button type="button" data-set-theme="auto" aria-pressed="true" { "System" } }
    };
    html! {
        (page_head("Components", "Every part in every state. All figures here are specimens.", &themes))
        div.comps {
            @for (title, note, content) in sections() { (card(title).note(note).body(html! { div.stack { (content) } })) }
        }
        (overlays::dialogs())
        (overlays::closed())
    }
}

fn sections() -> Vec<(&'static str, &'static str, Markup)> {
    vec![
        ("Colour", "Neutrals, brass, status, series", parts::colour()),
        ("Type", "Inter 13/20, JetBrains Mono for machine words", parts::type_scale()),
        ("Status", "Shape, word, colour: always all three", parts::statuses()),
        ("Badge", "Facts, not states", parts::badges()),
        ("Button", "One primary per screen", parts::buttons()),
        ("Form", "Label above, hint under, error under the hint", parts::form()),
        ("KPI", "Six states of one dial", parts::kpis()),
        ("Micro charts", "Server rendered SVG, no script", parts::micro()),
        ("Banner and toast", "Banner stays, toast leaves after 9 s, a CRIT toast stays", overlays::banners()),
        ("Empty and error", "Says what it is, why, and the next step", parts::empties()),
        ("Loading and stale", "Skeleton in the final shape, old values dated", parts::waiting()),
        ("Freshness", "In the top bar, one truth for the whole page", parts::freshness()),
        ("Table", "Sort by link, row actions at the end, priority columns leave first", parts::table()),
        ("Tabs", "Links; the address holds the state", parts::tab_links()),
        ("Record", "Figures, names and values", parts::record()),
        ("Timeline, steps, diff, code", "Newest first; checked at once; plus and minus", parts::logs()),
        ("Chart", "uPlot, legend with dash, table under it", parts::chart()),
        ("Overlays", "Native dialog, popover, details", overlays::openers()),
    ]
}
