//! Streams of the data plane: each client hears that the published revision moved, and fetches what it needs.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use qd_core::{App, Error, Result};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

/// Most streams of applications at one endpoint (flags, maintenance state).
pub const APPLICATIONS: usize = 6_000;
/// Most streams of visitors' pages. One that finds no seat asks from time to time instead.
pub const VISITORS: usize = 2_000;
/// Most streams at once, over all endpoints.
pub const MAX_STREAMS: usize = 2 * APPLICATIONS + VISITORS;
/// A comment goes out so often: proxies close what is silent, and a client that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(20);

/// Counts the open streams of one endpoint, and bounds them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Seats {
    open: Arc<AtomicUsize>,
    most: usize,
}

struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    /// At most `most` at once. The endpoints together stay below [`MAX_STREAMS`], so that there is always room for those who act.
    pub fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    /// Open streams.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn take(&self) -> Result<Seat> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Overloaded { detail: "Too many listen. Ask again instead of listening.".into(), retry_after: 30 });
        }
        Ok(Seat(Arc::clone(&self.open)))
    }
}

/// A stream that says `message(revision)` for every revision after `heard`, at once if it moved already. The id of each event is the
/// revision, so that a client that comes back with `Last-Event-ID` misses nothing and is not told twice.
///
/// # Errors
/// [`Error::Overloaded`] when the endpoint has no seat left.
pub fn changes(app: &App, seats: &Seats, heard: i64, message: impl Fn(i64) -> Sse + Send + 'static) -> Result<Response> {
    let seat = seats.take()?;
    let news = revisions(app.published.watch(), heard).map(move |revision| {
        let _held_while_the_stream_lives = &seat;
        Ok::<_, Infallible>(message(revision).id(revision.to_string()))
    });
    Ok(axum::response::sse::Sse::new(news).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

fn revisions(watch: watch::Receiver<i64>, heard: i64) -> impl futures::Stream<Item = i64> + Send {
    WatchStream::new(watch).filter(move |revision| futures::future::ready(*revision != heard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_back_hears_what_was_missed_and_nothing_twice() {
        let served = watch::Sender::new(7);
        let mut same = Box::pin(revisions(served.subscribe(), 7));
        let mut behind = Box::pin(revisions(served.subscribe(), 5));
        assert_eq!(behind.next().await, Some(7));
        served.send_replace(8);
        assert_eq!((same.next().await, behind.next().await), (Some(8), Some(8)));
    }

    #[test]
    fn a_seat_is_given_back() {
        let seats = Seats::new(1);
        let seat = seats.take().unwrap();
        assert!(seats.open() == 1 && seats.take().is_err() && seats.open() == 1);
        drop(seat);
        assert_eq!(seats.open(), 0);
    }
}
