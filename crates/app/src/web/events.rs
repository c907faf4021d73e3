//! `GET /events`: what changed, for screens that are open. It names the thing; the screen fetches what it shows of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use qd_core::event::Event;
use qd_core::{App, Error, Result};
use serde_json::json;
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};

use super::{Credentials, Sessions};

/// Most streams at once: each costs a task and a buffer.
const MAX_STREAMS: usize = 500;
/// Seconds after which a stream checks that its session still holds.
const RECHECK: Duration = Duration::from_secs(15);

/// Counts open streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<AtomicUsize>);

struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    fn seat(&self) -> Result<Seat> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_STREAMS {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Overloaded { detail: "Too many live screens are open.".into(), retry_after: 30 });
        }
        Ok(Seat(Arc::clone(&self.0)))
    }
}

enum Beat {
    Event(Event),
    Recheck,
}

/// The stream of one screen; it ends when the session does.
pub(super) fn stream(streams: &Streams, app: &App, sessions: Arc<dyn Sessions>, credentials: Credentials) -> Result<Response> {
    let seat = streams.seat()?;
    let heard = BroadcastStream::new(app.bus.listen()).filter_map(|item| async { item.ok().map(Beat::Event) });
    let start = tokio::time::Instant::now() + RECHECK;
    let recheck = IntervalStream::new(tokio::time::interval_at(start, RECHECK)).map(|_| Beat::Recheck);
    let beats = futures::stream::select(heard, recheck);
    let app = app.clone();
    let held = beats.scan(seat, move |_seat, beat| {
        let (app, sessions, credentials) = (app.clone(), Arc::clone(&sessions), credentials.clone());
        async move {
            match beat {
                Beat::Event(event) => Some(vec![message(&event)]),
                Beat::Recheck => sessions.authenticate(&app, credentials, Default::default()).await.ok().map(|_| Vec::new()),
            }
        }
    });
    let answer = axum::response::sse::Sse::new(flatten(held)).keep_alive(KeepAlive::new().interval(RECHECK));
    Ok(answer.into_response())
}

fn flatten(beats: impl Stream<Item = Vec<Sse>> + Send + 'static) -> impl Stream<Item = Result<Sse, Infallible>> + Send + 'static {
    beats.flat_map(futures::stream::iter).map(Ok)
}

/// `incident.close` becomes the event `incident`; the data names event and subject.
fn message(event: &Event) -> Sse {
    let name = event.name.split('.').next().unwrap_or_default();
    let data = if name == "freshness" { event.payload.clone() } else { json!({ "name": event.name, "subject": event.subject, "at": event.at }) };
    Sse::default().event(name).id(event.id.to_string()).data(data.to_string())
}
