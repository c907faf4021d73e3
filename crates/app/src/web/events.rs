//! `GET /events`: what changed, for screens that are open. It names the thing; the screen fetches what it shows of it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use qd_core::event::Event;
use qd_core::gate::{Access, Actor, Client};
use qd_core::{Error, Result};
use serde_json::json;
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};
use uuid::Uuid;

use super::Credentials;
use super::serve::Web;

/// Most streams at once: each costs a task and a buffer.
const MAX_STREAMS: usize = 500;
/// Most streams of one session: so many tabs.
const MAX_PER_SESSION: usize = 12;
/// Seconds after which a stream checks that its session still holds.
const RECHECK: Duration = Duration::from_secs(15);

/// Counts open streams by session.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Option<Uuid>, usize>>>);

struct Seat {
    streams: Streams,
    session: Option<Uuid>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

impl Streams {
    fn seat(&self, session: Option<Uuid>) -> Result<Seat> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&session).copied().unwrap_or(0);
        if own >= MAX_PER_SESSION || open.values().sum::<usize>() >= MAX_STREAMS {
            return Err(Error::Overloaded { detail: "Too many live screens are open.".into(), retry_after: 30 });
        }
        open.insert(session, own + 1);
        Ok(Seat { streams: self.clone(), session })
    }
}

enum Beat {
    Event(Event),
    /// The screen was too slow and missed some.
    Missed,
    Recheck,
}

/// The stream of one screen; it ends when the session does. Who reads the audit trail only hears of that only.
pub(super) fn stream(web: &Web, actor: &Actor, credentials: Credentials) -> Result<Response> {
    let seat = web.streams.seat(actor.session())?;
    let all = Access::READ.admits(actor);
    let heard = BroadcastStream::new(web.app.bus.listen()).map(|item| item.map_or(Beat::Missed, Beat::Event));
    let start = tokio::time::Instant::now() + RECHECK;
    let recheck = IntervalStream::new(tokio::time::interval_at(start, RECHECK)).map(|_| Beat::Recheck);
    let (app, sessions) = (web.app.clone(), Arc::clone(&web.sessions));
    let held = futures::stream::select(heard, recheck).scan(seat, move |_seat, beat| {
        let (app, sessions, credentials) = (app.clone(), Arc::clone(&sessions), credentials.clone());
        async move {
            match beat {
                Beat::Event(event) if all || event.name.starts_with("audit.") => Some(vec![message(&event)]),
                Beat::Event(_) => Some(Vec::new()),
                // Whoever hears of everything fetches everything again.
                Beat::Missed => Some(
                    ["kpi", "incident", "check", "audit", "flag", "maintenance", "deploy", "instance", "queue"]
                        .map(|name| Sse::default().event(name).data("{}"))
                        .to_vec(),
                ),
                Beat::Recheck => sessions.authenticate(&app, credentials, Client::default()).await.ok().map(|_| Vec::new()),
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
