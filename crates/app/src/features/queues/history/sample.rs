//! The samplers: one for each job system, so that one that hangs holds up no other.

use std::collections::HashMap;
use std::time::Duration;

use qd_core::port::QueueSource;
use qd_core::{App, Error, Result};
use tracing::{debug, warn};

use super::flight::{Flight, MOST};
use super::line::Line;
use super::{Past, store};
use crate::features::health::Health;
use crate::features::queues::index::Index;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// One call of the driver, and all of one look.
const CALL: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(60);
/// Pages of events of one queue in one look.
const PAGES: usize = 20;
/// Queues of one job system that are followed.
const QUEUES: usize = 500;
/// What happened is stored at least every so many microseconds.
const STORED_EVERY: i64 = 15_000_000;
/// Readings of health that are older than this are no gauge.
const FRESH: i64 = 20;

/// Follows one job system for as long as the process lives.
pub async fn follow(app: App, source: QueueSource) {
    let mut follower = Follower::new(source);
    follower.remember(&app).await;
    let mut told = None;
    loop {
        let seen = tokio::time::timeout(LOOK, follower.look(&app)).await;
        let fault = match seen {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault.to_string()),
            Err(_) => Some(format!("not done within {} s", LOOK.as_secs())),
        };
        match &fault {
            Some(why) if fault != told => warn!(source = follower.source.name, why, "the past of queues is not followed"),
            Some(why) => debug!(source = follower.source.name, why, "the past of queues is still not followed"),
            None => {}
        }
        told = fault;
        tokio::time::sleep(EVERY.mul_f64(rand::random_range(0.9..=1.1))).await;
    }
}

/// Follows the queues of one job system.
pub(in crate::features::queues) struct Follower {
    source: QueueSource,
    lines: HashMap<String, Line>,
    flight: Flight,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Follower({}, {} queues)", self.source.name, self.lines.len())
    }
}

impl Follower {
    pub fn new(source: QueueSource) -> Self {
        Self { source, lines: HashMap::new(), flight: Flight::new(MOST) }
    }

    /// What ended in the last two hours comes from our database once.
    pub async fn remember(&self, app: &App) {
        let Ok(past) = app.state::<Past>() else { return };
        match store::finished(&app.db, &self.source.name, app.now().plus_seconds(-7_500).0).await {
            Ok(rows) => {
                for (queue, at, completed, failed) in rows {
                    past.know(&self.source.name, &queue, at, completed.unwrap_or(0) + failed.unwrap_or(0));
                }
            }
            Err(fault) => warn!(%fault, "the last two hours of queues could not be read"),
        }
    }

    /// One look at every queue: its gauge, what happened, and what is due is stored.
    ///
    /// # Errors
    /// Those of the driver and of the database. What was read until then is kept.
    pub async fn look(&mut self, app: &App) -> Result<()> {
        let seen = app.state::<Health>()?.source(&self.source.name);
        let fresh = seen.taken_at.filter(|at| app.now().since(*at) <= FRESH && seen.fault.is_none());
        let Some(taken_at) = fresh else { return Ok(()) };
        let mut fault = None;
        for state in seen.queues.iter().take(QUEUES) {
            if !self.lines.contains_key(&state.name) {
                let follow = store::follow(&app.db, &self.source.name, &state.name).await?;
                self.lines.insert(state.name.clone(), Line::new(follow));
            }
            if let Some(line) = self.lines.get_mut(&state.name) {
                line.gauge(taken_at.0, state.waiting);
            }
            match self.read(app, &state.name).await {
                // It is gone since it was counted, or the driver does not tell: the gauge is kept.
                Ok(()) | Err(Error::NotFound(_) | Error::Unsupported { .. }) => {}
                Err(why) => fault = Some(why),
            }
            self.store(app, &state.name).await?;
            if matches!(fault, Some(Error::Upstream { .. })) {
                // The others would be away, too.
                break;
            }
        }
        let Self { lines, flight, .. } = self;
        lines.retain(|name, _| {
            let there = seen.queues.iter().any(|state| state.name == *name);
            if !there {
                flight.forget(name);
            }
            there
        });
        fault.map_or(Ok(()), Err)
    }

    async fn read(&mut self, app: &App, queue: &str) -> Result<()> {
        let Some(line) = self.lines.get_mut(queue) else { return Ok(()) };
        if !self.source.queue.can().events {
            let Some(from) = line.due_minutes(app.now().0) else { return Ok(()) };
            let minutes = within(self.source.queue.minutes(queue, qd_core::Timestamp(from))).await?;
            line.take_minutes(from, &minutes, app.now().0);
            return Ok(());
        }
        let index = app.state::<Index>()?;
        for _ in 0..PAGES {
            let page = within(self.source.queue.events(queue, line.follow.position.as_deref())).await?;
            index.touch(&self.source.name, queue, &page.events);
            if !line.take(queue, &page, &mut self.flight, app.now().0) {
                break;
            }
        }
        Ok(())
    }

    async fn store(&mut self, app: &App, queue: &str) -> Result<()> {
        let Some(line) = self.lines.get_mut(queue).filter(|line| line.is_due(app.now().0, STORED_EVERY)) else { return Ok(()) };
        match line.flush(app, &self.source.name, queue).await? {
            Some(ended) => {
                let past = app.state::<Past>()?;
                ended.into_iter().for_each(|(at, jobs)| past.add(&self.source.name, queue, at, jobs));
            }
            None => {
                debug!(source = self.source.name, queue, "another process follows this queue, too");
                self.lines.remove(queue);
                self.flight.forget(queue);
                self.remember(app).await;
            }
        }
        Ok(())
    }

    /// Stores everything that was read, due or not.
    #[cfg(test)]
    pub async fn store_all(&mut self, app: &App) -> Result<()> {
        for (queue, line) in &mut self.lines {
            line.flush(app, &self.source.name, queue).await?;
        }
        Ok(())
    }
}

async fn within<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::Upstream { driver: "queue", detail: format!("No answer within {} s.", CALL.as_secs()) };
    tokio::time::timeout(CALL, call).await.map_err(late)?
}
