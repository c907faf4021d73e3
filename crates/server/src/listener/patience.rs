//! How long a connection may take for a request's headers, without a clock set and unset for each of them.
//!
//! hyper asks for a new timer before every request and drops it once the headers are there, which costs the runtime's timer a place in its wheel
//! each time. Here the connection keeps one: it rings at the first deadline that was asked for, sees that a later one holds by now, and is set
//! to that.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The one clock of a connection. A deadline is never earlier than the one before.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>);

/// A wait until a deadline.
struct Wait {
    clock: Patience,
    until: Instant,
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { clock: self.clone(), until })
    }
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut clock = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = self.until.into();
        let ring = clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        loop {
            ready!(ring.as_mut().poll(context));
            if ring.deadline() >= until {
                return Poll::Ready(());
            }
            ring.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_deadline_counts() {
        let (clock, start) = (Patience::default(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        let mut first = clock.sleep_until(after(40));
        assert!(futures::poll!(first.as_mut()).is_pending());
        drop(first);
        clock.sleep_until(after(90)).await;
        assert!(Instant::now() >= after(90), "not when the first would have rung");
        clock.sleep_until(after(120)).await;
        assert!(Instant::now() >= after(120), "one that rang is set again");
    }
}
