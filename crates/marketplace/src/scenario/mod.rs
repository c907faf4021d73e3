//! Trouble on demand. Every scenario has a real cause: slow code, failing code, work that outruns its workers, a mail
//! server that refuses, a query that the database is slow at. Nothing here writes a figure.

pub mod backlog;
pub mod outage;
pub mod regression;
pub mod slow;

use tokio::sync::watch;

use crate::error::Error;

/// What is wrong with the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scenario {
    /// Nothing.
    #[default]
    Calm,
    /// A new release asks the database thousands of times for one page, under one lock, and fails on some products.
    DeployRegression,
    /// Jobs come faster than the workers take them.
    QueueBacklog,
    /// The mail server refuses connections, while letters are due.
    EmailOutage,
    /// Departments compute their busiest minutes by a recursive query that no index helps with.
    DbSlow,
}

impl Scenario {
    /// All, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Calm, Self::DeployRegression, Self::QueueBacklog, Self::EmailOutage, Self::DbSlow];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::DeployRegression => "deploy-regression",
            Self::QueueBacklog => "queue-backlog",
            Self::EmailOutage => "email-outage",
            Self::DbSlow => "db-slow",
        }
    }

    /// The release that runs in this scenario, as the footer and the telemetry say it.
    pub fn release(self) -> &'static str {
        if self == Self::DeployRegression { "2.5.0" } else { "2.4.3" }
    }
}

impl std::str::FromStr for Scenario {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == text).ok_or_else(|| Error::Scenario(text.to_owned()))
    }
}

/// The scenario of this process: everybody reads it, anybody may switch it.
#[derive(Debug, Clone)]
pub struct Switch(watch::Sender<Scenario>);

impl Switch {
    /// Starts with `scenario`.
    pub fn new(scenario: Scenario) -> Self {
        Self(watch::Sender::new(scenario))
    }

    /// What is wrong now.
    pub fn now(&self) -> Scenario {
        *self.0.borrow()
    }

    /// True when `scenario` is on.
    pub fn is(&self, scenario: Scenario) -> bool {
        self.now() == scenario
    }

    /// Changes it.
    pub fn set(&self, scenario: Scenario) {
        self.0.send_replace(scenario);
    }

    /// Hears of every change.
    pub fn watch(&self) -> watch::Receiver<Scenario> {
        self.0.subscribe()
    }

    /// Waits until `scenario` is on (`true`) or off (`false`).
    pub async fn wait(&self, scenario: Scenario, on: bool) {
        // We hold the sender, so the channel cannot close.
        let _ = self.0.subscribe().wait_for(|now| (*now == scenario) == on).await;
    }
}

/// Statements of the scenarios.
pub(crate) const STATEMENTS: &[&str] = &[slow::BUSIEST];
