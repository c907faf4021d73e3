//! Events: written to the outbox with the change, delivered after the commit, at least once, to subscribers and to live screens.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use engine::{Db, Tx, args};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Notify, broadcast};
use tracing::{error, warn};
use uuid::Uuid;

use crate::audit::Entry;
use crate::error::Result;
use crate::time::{Clock, Timestamp};

/// Seconds for which a claimed event belongs to one process.
const LEASE_SECONDS: i64 = 30;
/// An event that failed so often is kept and no longer tried; the log says so.
const MAX_ATTEMPTS: i64 = 12;

const EMIT: &str = "INSERT INTO event_outbox (id, at, name, subject, payload, claimed_until, attempts) VALUES ($1, $2, $3, $4, $5, 0, 0)";
const CLAIM: &str = "UPDATE event_outbox SET claimed_until = $2, attempts = attempts + 1 WHERE id IN \
     (SELECT id FROM event_outbox WHERE claimed_until < $1 AND attempts < $3 ORDER BY id LIMIT 50) AND claimed_until < $1 \
     RETURNING id, at, name, subject, payload, attempts";
const DELIVERED: &str = "DELETE FROM event_outbox WHERE id = $1";
const RETRY_AT: &str = "UPDATE event_outbox SET claimed_until = $2 WHERE id = $1";
const PENDING: &str = "SELECT count(*) FROM event_outbox WHERE attempts < $1";
const GIVEN_UP: &str = "SELECT count(*) FROM event_outbox WHERE attempts >= $1";
const TRY_AGAIN: &str = "UPDATE event_outbox SET attempts = 0, claimed_until = 0 WHERE attempts >= $1";
pub(crate) const STATEMENTS: &[&str] = &[EMIT, CLAIM, DELIVERED, RETRY_AT, PENDING, GIVEN_UP, TRY_AGAIN];

/// Something that happened: "incident.opened", "check.failed".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Time-ordered id; subscribers may use it to notice a second delivery.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// `object.verb`.
    pub name: String,
    /// Id of what it happened to.
    pub subject: String,
    /// Particulars.
    pub payload: Value,
}

impl Event {
    /// An event of now.
    pub fn new(name: impl Into<String>, subject: impl ToString, payload: Value, at: Timestamp) -> Self {
        Self { id: Uuid::now_v7(), at, name: name.into(), subject: subject.to_string(), payload }
    }

    pub(crate) fn of_action(entry: &Entry, after: Option<Value>, at: Timestamp) -> Self {
        Self::new(entry.action.clone(), &entry.target.id, after.unwrap_or(Value::Null), at)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: i64,
    name: String,
    subject: String,
    payload: sqlx::types::Json<Value>,
    attempts: i64,
}

/// Writes an event into the outbox, within the transaction of the change that it tells of.
pub async fn emit(tx: &mut Tx, event: Event) -> Result<()> {
    tx.after_commit(|| WAKE.notify_waiters());
    tx.exec(EMIT, args![event.id, event.at.0, event.name, event.subject, event.payload]).await?;
    Ok(())
}

/// A function that hears events whose name starts with a prefix. It must bear a second delivery.
pub type Handler<C> = Arc<dyn Fn(C, Event) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Rung after each commit that wrote an event: every dispatcher of this process looks, whatever database it serves.
static WAKE: Notify = Notify::const_new();

/// The bus of one process: delivers the outbox and tells live screens.
#[derive(Clone, Debug)]
pub struct Bus {
    live: broadcast::Sender<Event>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { live: broadcast::channel(1024).0 }
    }
}

impl Bus {
    /// Tells live screens of something that needs no outbox (a fresh reading). Lost when nobody listens.
    pub fn tell(&self, event: Event) {
        // An error only says that no screen listens.
        let _ = self.live.send(event);
    }

    /// Everything that is delivered or told from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.live.subscribe()
    }

    /// Delivers the outbox to `handlers` until the task is dropped. Polls once a second for what other processes wrote.
    pub async fn dispatch<C: Clone + Send + 'static>(&self, db: Db, clock: Clock, context: C, handlers: Vec<(String, Handler<C>)>) {
        loop {
            // Asked for before the look, so that a commit between the look and the wait is not missed.
            let woken = WAKE.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            match self.round(&db, &clock, &context, &handlers).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(fault) => error!(%fault, "events not dispatched"),
            }
            // A time-out is the poll for other processes' events.
            let _ = tokio::time::timeout(Duration::from_secs(1), woken).await;
        }
    }

    async fn round<C: Clone + Send + 'static>(&self, db: &Db, clock: &Clock, context: &C, handlers: &[(String, Handler<C>)]) -> Result<usize> {
        if pending(db).await? == 0 {
            return Ok(0);
        }
        let now = clock.now();
        let claim = args![now.0, now.plus_seconds(LEASE_SECONDS).0, MAX_ATTEMPTS];
        let mut rows: Vec<Row> = db.write(move |tx| Box::pin(async move { tx.all(CLAIM, claim).await })).await?;
        rows.sort_by_key(|row| row.id);
        let count = rows.len();
        for row in rows {
            let attempts = row.attempts;
            let event = Event { id: row.id, at: Timestamp(row.at), name: row.name, subject: row.subject, payload: row.payload.0 };
            self.deliver(db, clock, context, handlers, event, attempts).await?;
        }
        Ok(count)
    }

    async fn deliver<C: Clone + Send + 'static>(
        &self,
        db: &Db,
        clock: &Clock,
        context: &C,
        handlers: &[(String, Handler<C>)],
        event: Event,
        attempts: i64,
    ) -> Result<()> {
        let mut failed = false;
        for (prefix, handler) in handlers.iter().filter(|(prefix, _)| event.name.starts_with(prefix.as_str())) {
            // One that panics must not end the delivery of everything.
            let heard = AssertUnwindSafe(async { handler(context.clone(), event.clone()).await }).catch_unwind().await;
            let fault = match heard {
                Ok(Ok(())) => continue,
                Ok(Err(fault)) => fault.to_string(),
                Err(_) => "It panicked.".to_owned(),
            };
            failed = true;
            if attempts >= MAX_ATTEMPTS {
                error!(
                    event = event.name,
                    subject = event.subject,
                    prefix,
                    attempts,
                    fault,
                    "subscriber failed for the last time: the event is given up"
                );
            } else {
                warn!(event = event.name, prefix, attempts, fault, "subscriber failed");
            }
        }
        let id = event.id;
        if failed {
            let next = clock.now().plus_seconds(1_i64 << attempts.clamp(0, 10)).0;
            db.write(move |tx| Box::pin(async move { tx.exec(RETRY_AT, args![id, next]).await })).await?;
        } else {
            db.write(move |tx| Box::pin(async move { tx.exec(DELIVERED, args![id]).await })).await?;
            self.tell(event);
        }
        Ok(())
    }
}

/// How many events were given up: they are kept, and tried again by [`try_again`] only.
pub async fn given_up(db: &Db) -> Result<i64> {
    let (count,): (i64,) = db.one(GIVEN_UP, args![MAX_ATTEMPTS]).await?;
    Ok(count)
}

/// Lets events that were given up be tried again: a new start may bring a program that can deliver them.
pub async fn try_again(db: &Db) -> Result<u64> {
    Ok(db.write(|tx| Box::pin(async move { tx.exec(TRY_AGAIN, args![MAX_ATTEMPTS]).await })).await?)
}

/// How many events wait for delivery; those that were given up are not among them.
pub async fn pending(db: &Db) -> Result<i64> {
    let (count,): (i64,) = db.one(PENDING, args![MAX_ATTEMPTS]).await?;
    Ok(count)
}
