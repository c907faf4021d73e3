//! Flags that were archived, so that one can be found and restored.

use maud::{Markup, Render, html};

use crate::features::flags::definition::Flag;
use crate::ui::{card, format};
use crate::web::Page;

/// The card below the list; nothing without an archived flag.
pub(super) fn card_of(flags: &[Flag], page: &Page<'_>) -> Markup {
    if flags.is_empty() {
        return html! {};
    }
    let body = html! {
        ul.stack.stack--s {
            @for flag in flags {
                li.row.row--wrap {
                    a.mono href={ "/flags/" (flag.key) } { (flag.key) }
                    @if let Some(at) = flag.archived_at { span.quiet.small { "archived " (format::time(at, page.now)) " by " (super::say::who(&flag.updated_by)) } }
                }
            }
        }
    };
    card("Archived").id("flags-archived").note("applications are told that there is no such flag").live("flag", None).body(body).render()
}
