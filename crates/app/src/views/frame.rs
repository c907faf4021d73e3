//! What surrounds every page: menu, environment, freshness, account.

use maud::Markup;
use qd_core::gate::Access;

use crate::features::{health, incidents, maintenance};
use crate::ui::freshness::Freshness;
use crate::ui::layout::{self, Count, NavItem, User};
use crate::ui::menu::Entry;
use crate::ui::toast;
use crate::ui::{Banner, Tone};
use crate::web::{self, Chrome, MenuItem, Page, Toast};

/// Fills [`Chrome`] from the manifests of the features: the menu shows what exists, and nothing else.
#[derive(Debug)]
pub struct Frame {
    version: &'static str,
    menu: Vec<MenuItem>,
}

impl Frame {
    /// The frame of this version of the program.
    pub fn new(version: &'static str) -> Self {
        let mut menu: Vec<MenuItem> = crate::features().iter().filter_map(|feature| feature.menu).collect();
        menu.sort_by_key(|item| item.order);
        Self { version, menu }
    }

    fn nav(&self, page: &Page<'_>) -> Vec<NavItem> {
        let visible = self.menu.iter().filter(|item| item.access.admits(page.actor));
        visible.map(|item| link(item, page)).collect()
    }
}

fn link(item: &MenuItem, page: &Page<'_>) -> NavItem {
    let mut link = NavItem::new(item.label, item.href, item.icon, Some(item.key));
    let below = |place: &str| page.path == place || page.path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    link.current = below(item.href) || item.within.iter().any(|place| below(place));
    link.below = item.order >= 100;
    link.count = (item.count)(page.app).map(|(n, status, text)| Count { n, status, text });
    link
}

impl Chrome for Frame {
    fn page(&self, page: &Page<'_>, title: &str, content: Markup, flash: Option<Toast>) -> Markup {
        let config = &page.app.config;
        let mut chrome = layout::Chrome {
            title: title.into(),
            platform: config.platform.name.clone(),
            environment: config.server.environment.clone(),
            production: config.server.environment.eq_ignore_ascii_case("production"),
            version: self.version.into(),
            flash: flash.map(flash_of),
            ..layout::Chrome::default()
        };
        if let Some(role) = page.actor.role() {
            chrome.nav = self.nav(page);
            chrome.banners = banners(page);
            chrome.events = Some("/events".into());
            chrome.freshness = Some(Freshness { measured: health::measured(page.app, page.now) });
            chrome.find = Access::READ.admits(page.actor).then(|| "/api/admin/ops/incidents".into());
            chrome.measure = Some("/health/refresh".into());
            chrome.user = Some(User {
                name: page.actor.name().into(),
                role: role.word().into(),
                sign_out: "/logout".into(),
                entries: vec![Entry::Link {
                    icon: "settings".into(),
                    text: "Your account".into(),
                    note: String::new(),
                    href: "/settings".into(),
                    current: false,
                }],
            });
        }
        if page.htmx { layout::fragment(&chrome, &content) } else { layout::page(&chrome, &content) }
    }
}

/// What everybody who reads must know, whatever page they are on.
fn banners(page: &Page<'_>) -> Vec<Banner> {
    if !Access::READ.admits(page.actor) {
        return Vec::new();
    }
    let mut banners: Vec<Banner> = incidents::banner(page.app).into_iter().chain(maintenance::banner(page.app)).collect();
    let troubles = web::troubles(page.app, page.now);
    if !troubles.is_empty() {
        banners.push(Banner::new(Tone::Warn, "A part of Quarterdeck itself fails").text(troubles.join(" ")));
    }
    banners
}

fn flash_of(message: Toast) -> toast::Toast {
    let flash = match message.audit_seq {
        Some(seq) => toast::Toast::done(message.title, format!("/audit/{seq}"), format!("event {seq}")),
        None => toast::Toast::new(message.status, message.title, ""),
    };
    match message.undo {
        Some(undo) => flash.undo(undo.href, undo.label),
        None => flash,
    }
}
