//! Hearing of changes: all flags of the application's own context, then the stream that says when to ask again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lookup::Lookup;
use super::wire::{self, Bulk, Notice};
use super::{Context, FlagOptions};
use crate::backoff::Backoff;
use crate::endpoint::{Endpoint, Fault, opened};
use crate::sse::Stream;

/// Longest pause between two attempts.
const MOST: Duration = Duration::from_secs(60);
/// A stream that held so long was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(10);

struct Follower {
    lookup: Arc<Lookup>,
    endpoint: Endpoint,
    options: FlagOptions,
    etag: Option<String>,
    last_event: Option<String>,
}

/// Follows for ever.
pub(crate) async fn follow(lookup: Arc<Lookup>, endpoint: Endpoint, options: FlagOptions) {
    let mut follower = Follower { lookup, endpoint, options, etag: None, last_event: None };
    let mut backoff = Backoff::new(MOST);
    loop {
        let begun = Instant::now();
        let ended = follower.session().await;
        follower.lookup.set_streaming(false);
        // The address of a stream is a ticket that ends: the next bulk must name a new one.
        follower.etag = None;
        if begun.elapsed() > GOOD {
            backoff.reset();
        }
        let mut pause = backoff.pause();
        if let Err(fault) = ended {
            tracing::debug!(%fault, "the stream of flag changes ended");
            if let Fault::Wait { after: Some(after), .. } = fault {
                pause = pause.max(after);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

impl Follower {
    /// Until the stream ends or something fails.
    async fn session(&mut self) -> Result<(), Fault> {
        let Some(url) = self.renew(&Notice::default()).await?.and_then(|bulk| bulk.stream) else {
            return self.poll().await;
        };
        let mut request = self.endpoint.stream(&url);
        if let Some(id) = &self.last_event {
            request = request.header("last-event-id", id);
        }
        let mut stream = Stream::of(opened(request).await?, self.options.silence)?;
        self.lookup.set_streaming(true);
        // What changed between the bulk and the stream.
        self.renew(&Notice::default()).await?;
        while let Some(event) = stream.next().await? {
            self.last_event = event.id.or(self.last_event.take());
            match serde_json::from_str::<Notice>(&event.data) {
                Ok(notice) if event.name == "message" && notice.kind == "refetchEvaluation" => {
                    self.renew(&notice).await?;
                }
                // The protocol asks us to ignore other types.
                _ => {}
            }
        }
        Ok(())
    }

    /// For servers without streams.
    async fn poll(&mut self) -> Result<(), Fault> {
        loop {
            tokio::time::sleep(self.options.poll.max(Duration::from_secs(1))).await;
            let bulk = self.ask(&Notice::default()).await?;
            if let Some(bulk) = bulk {
                self.lookup.changed();
                self.take(Some(&bulk));
                if bulk.stream.is_some() {
                    return Ok(());
                }
            }
        }
    }

    /// Everything known may be out of date from now on; asks for the application's own context.
    async fn renew(&mut self, cause: &Notice) -> Result<Option<Bulk>, Fault> {
        self.lookup.changed();
        let bulk = self.ask(cause).await?;
        self.take(bulk.as_ref());
        Ok(bulk)
    }

    async fn ask(&mut self, cause: &Notice) -> Result<Option<Bulk>, Fault> {
        let context: &Context = &self.options.context;
        match wire::bulk(&self.endpoint, context, self.etag.as_deref(), cause).await {
            Ok(bulk) => {
                self.lookup.went_well();
                Ok(bulk)
            }
            Err(fault) => {
                self.lookup.failed(&fault);
                Err(fault)
            }
        }
    }

    fn take(&mut self, bulk: Option<&Bulk>) {
        if let Some(bulk) = bulk {
            self.etag.clone_from(&bulk.etag);
        }
        let generation = *self.lookup.changes.borrow();
        self.lookup.take(&self.options.context, bulk, generation);
    }
}
