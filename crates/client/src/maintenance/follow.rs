//! Hearing of changes: the stream of states, and asking for the state where there is no stream.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;

use super::{Held, Kept, Shared, State};
use crate::backoff::Backoff;
use crate::endpoint::{Endpoint, Fault, checked, json, opened};
use crate::sse::Stream;
use crate::{disk, time};

/// Silence after which the stream is taken for dead.
const SILENCE: Duration = Duration::from_secs(120);
/// Even with a stream the state is looked at now and then: phases change by the clock.
const LOOK: Duration = Duration::from_secs(60);
/// A stream that held so long was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(10);

struct Follower {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    file: Option<PathBuf>,
    etag: Option<String>,
}

/// Follows for ever.
pub(super) async fn follow(shared: Arc<Shared>, endpoint: Endpoint, file: Option<PathBuf>) {
    let mut backoff = Backoff::new(shared.options.poll.max(Duration::from_secs(1)));
    let mut follower = Follower { shared, endpoint, file, etag: None };
    let mut away = false;
    loop {
        let begun = Instant::now();
        let ended = follower.session().await;
        if begun.elapsed() > GOOD {
            backoff.reset();
        }
        let mut pause = backoff.pause();
        match ended {
            Ok(()) => away = false,
            Err(fault) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(%fault, "the maintenance state is not followed; the last known one holds");
                }
                if let Fault::Wait { after: Some(after), .. } = fault {
                    pause = pause.max(after.min(follower.shared.options.poll));
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

impl Follower {
    /// Asks for the state, opens the stream of what comes after it, and listens until the stream ends.
    async fn session(&mut self) -> Result<(), Fault> {
        self.ask(true).await?;
        let mut stream = self.open().await?;
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        loop {
            tokio::select! {
                event = stream.next() => {
                    let Some(event) = event? else { return Ok(()) };
                    if event.name != "state" && event.name != "message" {
                        continue;
                    }
                    match serde_json::from_str::<State>(&event.data) {
                        Ok(state) => self.take(state, false).await,
                        Err(fault) => return Err(Fault::Odd(fault.to_string())),
                    }
                }
                _ = look.tick() => self.ask(false).await?,
            }
        }
    }

    async fn open(&self) -> Result<Stream, Fault> {
        let url = self.endpoint.url("/api/v1/maintenance/events").parse().map_err(|_| Fault::Odd("the address".into()))?;
        let mut request = self.endpoint.stream(&url);
        let revision = self.shared.held.borrow().as_ref().map(|held| held.state.revision);
        if let Some(revision) = revision {
            request = request.header("last-event-id", revision.to_string());
        }
        Stream::of(opened(request).await?, SILENCE)
    }

    /// `anew`: a session begins, and whatever the server says is what holds. Within one, an older state comes from a replica that is behind.
    async fn ask(&mut self, anew: bool) -> Result<(), Fault> {
        let mut request = self.endpoint.request(Method::GET, "/api/v1/maintenance/state").header("accept", "application/json");
        if let Some(etag) = &self.etag {
            request = request.header("if-none-match", etag);
        }
        let answer = checked(request.send().await?)?;
        match answer.status().as_u16() {
            304 => self.shared.heard(),
            200 => {
                let etag = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
                let state = json::<State>(answer).await?;
                self.take(state, anew).await;
                self.etag = etag;
            }
            status => return Err(Fault::Odd(format!("status {status} for the maintenance state"))),
        }
        Ok(())
    }

    async fn take(&mut self, state: State, anew: bool) {
        let before = self.shared.held.borrow().as_ref().map(|held| Arc::clone(&held.state));
        self.shared.heard();
        if !anew && before.as_ref().is_some_and(|before| before.revision > state.revision) {
            return;
        }
        let changed = before.as_deref() != Some(&state);
        if changed && before.as_ref().map(|before| &before.mode) != Some(&state.mode) {
            tracing::info!(mode = state.mode, revision = state.revision, "maintenance mode");
        }
        let kept = Kept { server: self.endpoint.url(""), state, at: time::unix() };
        self.shared.held.send_replace(Some(Held { state: Arc::new(kept.state.clone()), at: kept.at }));
        if changed {
            self.shared.changes.send_modify(|changes| *changes += 1);
        }
        if let (Some(path), true) = (&self.file, changed)
            && let Err(fault) = disk::save(path.clone(), &kept).await
        {
            tracing::warn!(path = %path.display(), %fault, "the last known maintenance state can't be written");
        }
    }
}
