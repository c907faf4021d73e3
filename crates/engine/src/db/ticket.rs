//! One queued write with its types erased: the writer task sees only this.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::error::{Error, Result};
use super::tx::Tx;

/// A queued write.
pub(crate) trait Write: Send {
    /// Runs the work; false when it must be rolled back. The outcome is kept for [`Write::answer`].
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// The work was cut off by the time limit.
    fn expire(&mut self);
    /// Sends the kept outcome.
    fn answer(self: Box<Self>);
    /// Sends `error` instead.
    fn refuse(self: Box<Self>, error: Error);
}

pub(crate) struct Ticket<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Ticket<T, E, F> {
    pub(crate) fn new(work: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { work: Some(work), outcome: None, reply }
    }
}

impl<T, E, F> Write for Ticket<T, E, F>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return false;
            };
            let outcome = match AssertUnwindSafe(async { work(tx).await }).catch_unwind().await {
                Ok(outcome) => tx.verdict(outcome),
                Err(_) => Err(Error::Panicked.into()),
            };
            let good = outcome.is_ok();
            self.outcome = Some(outcome);
            good
        })
    }

    fn expire(&mut self) {
        self.outcome = Some(Err(Error::Timeout.into()));
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(Error::Closed.into()));
        // The caller may have gone; the write stands all the same.
        let _gone = self.reply.send(outcome);
    }

    fn refuse(self: Box<Self>, error: Error) {
        let _gone = self.reply.send(Err(error.into()));
    }
}
