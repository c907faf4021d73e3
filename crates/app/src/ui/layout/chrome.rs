//! What the shell knows about a page: names, navigation, who looks at it, and how current it is.

use maud::{Markup, html};
use qd_core::reading::Status;

use super::palette_button;
use crate::ui::banner::Banner;
use crate::ui::freshness::{Freshness, env_badge};
use crate::ui::icon::{icon, wheel};
use crate::ui::menu::{Entry, menu};
use crate::ui::palette::{Command, Do, Group};
use crate::ui::toast::Toast;

/// A number at a navigation link.
#[derive(Clone, Debug)]
pub struct Count {
    /// The number.
    pub n: i64,
    /// WARN and CRIT are coloured.
    pub status: Status,
    /// What is counted, for screen readers: `2 endpoints warn`.
    pub text: String,
}

/// A link of the navigation deck.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// The view's name.
    pub label: String,
    /// Its address.
    pub href: String,
    /// Icon name.
    pub icon: String,
    /// Letter after G; none for views without one.
    pub key: Option<char>,
    /// What needs attention there.
    pub count: Option<Count>,
    /// Whether this is the page.
    pub current: bool,
    /// Stands below the line, with Audit and Settings.
    pub below: bool,
}

impl NavItem {
    /// A link without a count.
    pub fn new(label: impl Into<String>, href: impl Into<String>, icon: impl Into<String>, key: Option<char>) -> Self {
        Self { label: label.into(), href: href.into(), icon: icon.into(), key, count: None, current: false, below: false }
    }
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct User {
    /// Full name.
    pub name: String,
    /// `Super admin`.
    pub role: String,
    /// Where signing out is posted to.
    pub sign_out: String,
    /// Further entries of the account menu.
    pub entries: Vec<Entry>,
}

/// Everything around the content.
#[derive(Clone, Debug, Default)]
pub struct Chrome {
    /// The view's name; becomes the document title with the environment.
    pub title: String,
    /// The platform that is watched.
    pub platform: String,
    /// Its environment: `production`.
    pub environment: String,
    /// Whether that is production: hazard stripes.
    pub production: bool,
    /// Quarterdeck's own version.
    pub version: String,
    /// State of Quarterdeck itself, at the foot of the deck: `self-check OK`.
    pub self_check: Option<String>,
    /// Links; the deck shows these and no others.
    pub nav: Vec<NavItem>,
    /// `None` hides the account menu.
    pub user: Option<User>,
    /// `None` hides it: pages without live figures.
    pub freshness: Option<Freshness>,
    /// At most two are shown.
    pub banners: Vec<Banner>,
    /// Commands before `Go to`: groups `Now` and `Run`.
    pub commands: Vec<Group>,
    /// Address of the event stream; `None` for pages without live parts.
    pub events: Option<String>,
    /// Where "measure again" is posted to; `None` fetches the page again.
    pub measure: Option<String>,
    /// Where the palette looks records up; `None` where there are none to find.
    pub find: Option<String>,
    /// What just happened, after a redirect.
    pub flash: Option<Toast>,
}

impl Chrome {
    /// `Deploys & Config · production · Quarterdeck`.
    pub fn document_title(&self) -> String {
        [self.title.as_str(), self.environment.as_str(), "Quarterdeck"].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    pub(super) fn deck(&self) -> Markup {
        let home = self.nav.first().map_or("/", |item| item.href.as_str());
        html! {
            nav.nav id="nav" aria-label="Main" {
                a.nav__brand href=(home) { (wheel()) span { "Quarterdeck" } }
                (self.links(false))
                div.nav__foot {
                    span { b { (self.platform) } " · " (self.environment) }
                    span { "Quarterdeck " (self.version) @if let Some(text) = &self.self_check { " · " (text) } }
                }
            }
            button.nav__scrim type="button" data-nav-toggle tabindex="-1" aria-label="Close navigation" {}
        }
    }

    /// The links with their counts. Also sent beside each fragment: what they count may have changed.
    pub(super) fn links(&self, out_of_band: bool) -> Markup {
        html! {
            div.nav__lists id="nav-links" hx-swap-oob=[out_of_band.then_some("true")] {
                @for below in [false, true] {
                    @if self.nav.iter().any(|item| item.below == below) {
                        ul.nav__list { @for item in self.nav.iter().filter(|item| item.below == below) { li { (link(item)) } } }
                    }
                }
            }
        }
    }

    pub(super) fn topbar(&self) -> Markup {
        html! {
            header.topbar {
                button type="button" class="btn btn--ghost btn--icon topbar__menu" data-nav-toggle aria-controls="nav" aria-expanded="false" aria-label="Navigation" { (icon("menu")) }
                @if !self.environment.is_empty() { (env_badge(&self.environment, self.production)) }
                (palette_button())
                span class="push hide-small" {}
                @if let Some(fresh) = self.freshness { (fresh) (self.refresh()) }
                @if let Some(user) = &self.user {
                    span class="topbar__sep hide-mid" {}
                    button type="button" class="btn btn--ghost btn--icon" popovertarget="m-user" aria-label={ "Account and theme: " (user.name) } title=(user.name) { (icon("circle-user")) }
                    (account(user))
                }
            }
        }
    }

    fn refresh(&self) -> Markup {
        let button = html! { button type="submit" class="btn btn--ghost btn--icon" aria-label="Measure again now" title="Measure again now (R)" { (icon("refresh-cw")) } };
        html! {
            @if let Some(action) = &self.measure {
                form class="bare-form hide-small" method="post" action=(action) hx-post=(action) hx-swap="none" data-refresh data-then="reload" { (button) }
            } @else {
                form class="bare-form hide-small" method="get" hx-get="" hx-target="#main" data-refresh { (button) }
            }
        }
    }

    /// The given commands, the themes, and every link of the deck.
    pub(super) fn palette(&self) -> Vec<Group> {
        let theme = |icon: &str, text: &str, key| Command { icon: icon.into(), text: text.into(), note: String::new(), act: Do::Theme(key) };
        let themes = vec![
            theme("moon", "Use the dark theme", "dark"),
            theme("sun", "Use the light theme", "light"),
            theme("monitor", "Follow the system's theme", "auto"),
        ];
        let key = |item: &NavItem| item.key.map(|key| format!("G then {}", key.to_ascii_uppercase())).unwrap_or_default();
        let go = self.nav.iter().map(|item| Command::go(&item.icon, &item.label, key(item), &item.href)).collect();
        let mut groups = self.commands.clone();
        match groups.iter_mut().find(|group| group.name == "Run") {
            Some(run) => run.commands.extend(themes),
            None => groups.push(Group { name: "Run".into(), commands: themes }),
        }
        groups.push(Group { name: "Go to".into(), commands: go });
        groups
    }
}

fn link(item: &NavItem) -> Markup {
    let key = item.key.map(|key| key.to_ascii_lowercase().to_string());
    html! {
        a.nav__link id={ "nav" (item.href.replace('/', "-")) } href=(item.href) title=(item.label) aria-current=[item.current.then_some("page")] data-key=[key] {
            (icon(&item.icon)) span.nav__label { (item.label) }
            @if let Some(count) = &item.count {
                @let tone = match count.status { Status::Crit => " nav__count--crit", Status::Warn => " nav__count--warn", _ => "" };
                span class={ "nav__count" (tone) } { span aria-hidden="true" { (count.n) } span.vh { (count.text) } }
            }
        }
    }
}

fn account(user: &User) -> Markup {
    let theme =
        |key: &str, name: &str, text: &str| html! { button type="button" data-set-theme=(key) aria-pressed=(key == "auto") { (icon(name)) (text) } };
    let mut entries = vec![
        Entry::Markup(theme("light", "sun", "Light theme")),
        Entry::Markup(theme("dark", "moon", "Dark theme")),
        Entry::Markup(theme("auto", "monitor", "Follow the system")),
        Entry::Line,
    ];
    entries.extend(user.entries.iter().cloned());
    entries.push(Entry::Markup(html! { button type="button" data-opens="keys" { (icon("keyboard")) "Keyboard" } }));
    entries.push(Entry::Post { icon: "log-out".into(), text: "Sign out".into(), action: user.sign_out.clone() });
    menu("m-user", &format!("{} · {}", user.name, user.role), &entries)
}
