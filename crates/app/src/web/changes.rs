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

/// Most streams of applications at once.
pub const MAX_STREAMS: usize = 10_000;
/// A comment goes out so often: proxies close what is silent, and a client that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(20);

/// Counts the open streams of one endpoint. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<AtomicUsize>);

struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    /// Open streams.
    pub fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self) -> Result<Seat> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_STREAMS {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Overloaded { detail: "Too many applications listen. Ask again instead of listening.".into(), retry_after: 30 });
        }
        Ok(Seat(Arc::clone(&self.0)))
    }
}

/// A stream that says `message(revision)` for every revision after `heard`, at once if it moved already. The id of each event is the
/// revision, so that a client that comes back with `Last-Event-ID` misses nothing and is not told twice.
///
/// # Errors
/// [`Error::Overloaded`] when [`MAX_STREAMS`] are open.
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
        let seats = Seats::default();
        let seat = seats.take().unwrap();
        assert_eq!(seats.open(), 1);
        drop(seat);
        assert_eq!(seats.open(), 0);
    }
}
