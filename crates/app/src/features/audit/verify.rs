//! Verifying the whole trail in the background: one at a time, with progress, and every hour by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qd_core::audit::{self, Checkpoint, Filter, Report, Verifier};
use qd_core::event::Event;
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use crate::web::Starter;

/// Rows of a page.
const PAGE: i64 = 1_000;
/// Rows after which others get their turn: hashing them takes some milliseconds.
const TURN: usize = 100;
/// Seconds until the first verification: the start belongs to others.
const FIRST: Duration = Duration::from_secs(30);
/// Time between two verifications.
const EVERY: Duration = Duration::from_secs(3_600);
/// Seconds after which a good result says nothing about now: two verifications were left out.
const STALE_AFTER: i64 = 2 * 3_600;

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// When it began.
    pub started_at: Timestamp,
    /// Rows checked so far.
    pub checked: i64,
    /// Rows of the trail when it began.
    pub of: i64,
}

/// What the last verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outcome {
    /// True when every row, link, signature and checkpoint holds.
    pub valid: bool,
    /// What was found; `null` when the verification itself failed.
    pub report: Option<Report>,
    /// Why there is no report: a wrong signature, a database that does not answer.
    pub failure: Option<String>,
    /// False when the verification could not run, and so says nothing about the trail.
    pub ran: bool,
    /// The newest signed checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// What an [`Outcome`] says at a later time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All holds, and it was looked at lately.
    Intact,
    /// The chain holds; table and anchor tell different things.
    Findings,
    /// A row, a link, a signature or a checkpoint does not hold.
    Broken,
    /// The verification could not run.
    NotRun,
    /// All held, too long ago.
    Stale,
}

impl Outcome {
    /// What it says at `now`. A break does not go away with time; a good result does.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let warned = self.report.as_ref().is_some_and(|report| !report.warnings.is_empty());
        match () {
            () if !self.ran => Standing::NotRun,
            () if !self.valid => Standing::Broken,
            () if now.since(self.finished_at) > STALE_AFTER => Standing::Stale,
            () if warned => Standing::Findings,
            () => Standing::Intact,
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    running: Option<Progress>,
    last: Option<Outcome>,
}

/// The verification of this process: at most one runs.
#[derive(Debug, Default)]
pub struct Verification(Mutex<Inner>);

impl Verification {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The one that runs, if any.
    pub fn running(&self) -> Option<Progress> {
        self.with(|inner| inner.running)
    }

    /// The last that ended.
    pub fn last(&self) -> Option<Outcome> {
        self.with(|inner| inner.last.clone())
    }

    /// Takes the one place; `None` while another runs.
    fn begin(self: &Arc<Self>, now: Timestamp) -> Option<Place> {
        let free = self.with(|inner| inner.running.is_none().then(|| inner.running = Some(Progress { started_at: now, checked: 0, of: 0 })));
        free.map(|()| Place(Arc::clone(self)))
    }

    fn progress(&self, checked: i64, of: i64) {
        self.with(|inner| inner.running.iter_mut().for_each(|running| (running.checked, running.of) = (checked, of)));
    }
}

/// The place of a running verification; given back when it ends, also by a panic.
struct Place(Arc<Verification>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.with(|inner| inner.running = None);
    }
}

/// Starts a verification unless one runs. The handle ends with it; dropping the handle stops nothing.
///
/// # Errors
/// [`qd_core::Error::Broken`] when the wiring left the state out.
pub fn run(app: &App) -> Result<Option<JoinHandle<()>>> {
    let state = app.state::<Verification>()?;
    let Some(place) = state.begin(app.now()) else { return Ok(None) };
    let app = app.clone();
    Ok(Some(tokio::spawn(async move {
        let started = Instant::now();
        let (report, failure, ran, checkpoint) = match walk(&app, &state).await {
            Ok((report, checkpoint)) => (Some(report), None, true, checkpoint),
            // A conflict is what somebody wrote: a wrong signature, a line in the anchor. All else says nothing about the trail.
            Err(fault) => (None, Some(fault.to_string()), matches!(fault, Error::Conflict(_)), None),
        };
        let finished_at = app.now();
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let valid = report.as_ref().is_some_and(|report| report.valid);
        say(&report, failure.as_deref());
        state.with(|inner| inner.last = Some(Outcome { valid, report, failure, ran, checkpoint, finished_at, took_ms }));
        drop(place);
        app.bus.tell(Event::new("audit.verified", "trail", json!({ "valid": valid }), finished_at));
    })))
}

fn say(report: &Option<Report>, failure: Option<&str>) {
    match (report, failure) {
        (Some(Report { first_break: Some(found), .. }), _) => tracing::error!(seq = found.seq, detail = found.detail, "THE AUDIT TRAIL IS BROKEN"),
        (Some(report), _) if !report.warnings.is_empty() => tracing::warn!(findings = ?report.warnings, "the audit chain is whole, with findings"),
        (Some(report), _) => tracing::info!(checked = report.checked, "the audit trail is whole"),
        (None, failure) => tracing::error!(failure, "the audit trail could not be verified"),
    }
}

async fn walk(app: &App, state: &Verification) -> Result<(Report, Option<Checkpoint>)> {
    let trusted = audit::checkpoints(&app.db, &app.signer, &app.anchor).await?;
    let checkpoint = trusted.points.iter().max_by_key(|point| point.size).cloned();
    let newest = audit::list(&app.db, &Filter { limit: Some(1), ..Filter::default() }).await?;
    let of = newest.first().map_or(0, |row| row.seq);
    let mut verifier = Verifier::new(trusted);
    let mut checked = 0;
    loop {
        let page = audit::export_page(&app.db, checked, PAGE).await?;
        let Some(last) = page.last().map(|row| row.seq) else { break };
        for (index, row) in page.iter().enumerate() {
            if !verifier.take(row)? {
                return Ok((verifier.finish(), checkpoint));
            }
            if index % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        checked = last;
        state.progress(checked, of.max(checked));
        app.bus.tell(Event::new("audit.verifying", "trail", json!({ "checked": checked }), app.now()));
    }
    Ok((verifier.finish(), checkpoint))
}

/// Verifies half a minute after the start, then every hour.
pub(super) fn start(starter: &mut Starter) {
    starter.keep("verification of the trail", |app| async move {
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + FIRST, EVERY);
        loop {
            tick.tick().await;
            match run(&app) {
                Ok(Some(running)) => {
                    if let Err(fault) = running.await {
                        tracing::error!(%fault, "the verification of the audit trail ended early");
                    }
                }
                Ok(None) => {}
                Err(fault) => tracing::error!(%fault, "the audit trail is not verified"),
            }
        }
    });
}
