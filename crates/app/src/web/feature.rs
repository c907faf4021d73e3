//! What a feature hands in: its manifest.

use engine::job::Worker;
use qd_core::config::Config;
use qd_core::event::Handler;
use qd_core::gate::Access;
use qd_core::published::Load;
use qd_core::reading::Status;
use qd_core::{App, Result, Runner, StateMap};

use super::{Routes, Starter};

/// A place in the menu.
#[derive(Clone, Copy)]
pub struct MenuItem {
    /// Text: "Health & Incidents".
    pub label: &'static str,
    /// Path.
    pub href: &'static str,
    /// Name of the icon.
    pub icon: &'static str,
    /// Letter after `G`.
    pub key: char,
    /// Place in the list; 100 and up stand in the lower group.
    pub order: u16,
    /// Paths of other pages that belong to it.
    pub within: &'static [&'static str],
    /// Who sees it.
    pub access: Access,
    /// What needs attention there: number, urgency, and the words for screen readers. Reads the board only.
    pub count: fn(&App) -> Option<(i64, Status, String)>,
}

impl MenuItem {
    /// A place that never shows a count.
    pub const fn new(label: &'static str, href: &'static str, icon: &'static str, key: char, order: u16, access: Access) -> Self {
        Self { label, href, icon, key, order, access, within: &[], count: |_| None }
    }
}

impl std::fmt::Debug for MenuItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MenuItem({} {})", self.label, self.href)
    }
}

/// The manifest of a feature.
#[derive(Clone, Copy)]
pub struct Feature {
    /// The word in menu, URL, table, permission, event and folder.
    pub name: &'static str,
    /// Adds its routes.
    pub routes: fn(Routes) -> Routes,
    /// Its place in the menu, if it has a view of its own.
    pub menu: Option<MenuItem>,
    /// Makes its state, before the application exists. [`App::state`] finds it by type.
    pub state: fn(&Config, &mut StateMap) -> Result<()>,
    /// Loads what applications obey of it into its state, whenever the published revision moves.
    pub published: Option<Load>,
    /// Starts its background work.
    pub start: fn(&mut Starter),
    /// Registers its durable jobs with the worker of our own queue.
    pub jobs: fn(Worker<Runner>) -> Worker<Runner>,
    /// Events that it hears: prefix of the name, and the handler.
    pub subscriptions: fn() -> Vec<(&'static str, Handler<App>)>,
    /// Its static SQL, prepared on both databases by a test.
    pub statements: &'static [&'static str],
}

impl Feature {
    /// A feature with routes only.
    pub const fn new(name: &'static str, routes: fn(Routes) -> Routes) -> Self {
        Self {
            name,
            routes,
            menu: None,
            state: |_, _| Ok(()),
            published: None,
            start: |_| (),
            jobs: |worker| worker,
            subscriptions: Vec::new,
            statements: &[],
        }
    }
}
