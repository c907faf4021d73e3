//! What visitors are told of a maintenance: a line above every page, and the page in the place of what they wanted to change. Both are rendered
//! here: the shop works without scripts, and its content policy allows none.

use client::{Audience, Blocked, Maintenance};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::layout;
use crate::store::accounts::User;

/// One line above a page.
#[derive(Debug, Clone)]
pub struct Notice {
    phase: String,
    message: String,
    /// `today from 18:00 to 19:00 EST`
    when: Option<String>,
}

/// What `user` should know.
pub fn notices(maintenance: &Maintenance, user: Option<&User>, zone: &TimeZone) -> Vec<Notice> {
    let vendor = user.and_then(|user| user.vendor_id).map(|id| id.to_string());
    let audience = vendor.as_deref().map_or(Audience::Everybody, Audience::Vendor);
    let line = |notice: client::Notice| Notice { when: when(&notice, zone), message: notice.message, phase: notice.phase };
    maintenance.notices(audience).into_iter().map(line).collect()
}

fn clock(text: Option<&str>, zone: &TimeZone, form: &str) -> Option<String> {
    let at: Timestamp = text?.parse().ok()?;
    Some(at.to_zoned(zone.clone()).strftime(form).to_string())
}

fn when(notice: &client::Notice, zone: &TimeZone) -> Option<String> {
    let end = clock(notice.ends_at.as_deref(), zone, "%H:%M %Z");
    match notice.phase.as_str() {
        "announced" | "starting" => {
            let start = clock(notice.starts_at.as_deref(), zone, "%a %-d %b, %H:%M")?;
            Some(end.map_or_else(|| format!("from {start}"), |end| format!("{start} to {end}")))
        }
        "active" => end.map(|end| format!("until about {end}")),
        _ => None,
    }
}

/// The lines.
pub fn lines(notices: &[Notice]) -> Markup {
    html! {
        @for notice in notices {
            aside.maintenance.(class(&notice.phase)) role="status" aria-label="Maintenance" {
                p.wrap {
                    b { (word(&notice.phase)) } " " (notice.message)
                    @if let Some(when) = &notice.when { " " span { "(" (when) ")" } }
                }
            }
        }
    }
}

fn class(phase: &str) -> &'static str {
    match phase {
        "active" => "now",
        "ended" => "over",
        _ => "soon",
    }
}

fn word(phase: &str) -> &'static str {
    match phase {
        "active" => "Maintenance.",
        "ended" => "Maintenance is over.",
        "starting" => "Maintenance starts soon.",
        _ => "Planned maintenance.",
    }
}

/// In the place of what somebody wanted to change.
pub fn closed(blocked: &Blocked, zone: &TimeZone) -> String {
    let end = clock(blocked.ends_at.as_deref(), zone, "%H:%M %Z");
    let minutes = blocked.retry_after.div_ceil(60);
    let body = html! {
        section.fault {
            p.eyebrow { "Maintenance" }
            h1 { "The till is closed for a moment" }
            p.lead { (blocked.message) }
            p {
                "Nothing was changed, and your cart is as it was. "
                @match end {
                    Some(end) => { "We expect to be back at about " (end) "." }
                    None => { "Please try again in about " (minutes) @if minutes == 1 { " minute." } @else { " minutes." } }
                }
            }
            p { a.button href="/" { "Look around meanwhile" } }
        }
    };
    layout::plain("Maintenance", &body).into_string()
}
